"""
APIs of DNS hosts: one file a host, as strict as its documents; its zone is there for name servers.
"""
