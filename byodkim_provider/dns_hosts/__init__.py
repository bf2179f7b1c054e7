"""TXT records by the API of a DNS host. No Pulumi here."""
