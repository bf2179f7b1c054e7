"""
Lookups in DNS: is a record visible, what is wrong with it, and how to fix it in the panel of its
host.

It may query name servers. It changes nothing in DNS.
"""
