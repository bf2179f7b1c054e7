"""
TXT records by the API of a DNS host: one host a file, one interface.

It may read and write records of a zone at its host. It knows neither Pulumi nor SES.
"""
