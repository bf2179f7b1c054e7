"""
Publishes TXT records from a Pulumi program: one DNS provider per file, one small interface.

It may declare resources. It sends no request to a DNS host itself: the resources do.
"""
