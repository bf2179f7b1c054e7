"""
APIs of DNS hosts, played by HTTP servers in threads: one file a host, as strict as its documents.

What no document says is a switch, and the tests run it both ways. All of the zone is there, so
that its name servers can be played too.
"""
