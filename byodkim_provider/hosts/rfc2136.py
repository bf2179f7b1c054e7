"""
RFC 2136: dynamic update of a zone at its primary server, signed with TSIG (RFC 8945).

BIND, Knot, PowerDNS and others support it; Windows DNS wants GSS-TSIG, which is not supported here.
The messages are in `_dns_update`, with dnspython, whose import takes long.

Compared with real servers.
"""

from typing import Final

from byodkim_provider.hosts.interface import HostSpec

ALGORITHMS: Final = ("hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")
"""Algorithms of TSIG keys (RFC 8945 section 6), without those that must not be used."""

SPEC: Final = HostSpec(
    secrets={"secret": "RFC2136_TSIG_SECRET"},
    options=("server", "port", "key_name", "key_algorithm"),
    required=("server", "key_name"),
    ttl=range(2**31),
    default_ttl=300,
    was_run=True,
    module="_dns_update",
)
