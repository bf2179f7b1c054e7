"""How a receiver of mail looks up key records: over the wire, from a resolver that may remember."""

from collections.abc import Callable
from typing import Final, NamedTuple, cast

import dns.exception
import dns.message
import dns.query
import dns.rcode
from dns.message import QueryMessage
from dns.rdatatype import RdataType

REPLY_SECONDS: Final = 5.0


class Found(NamedTuple):
    """What DNS says about a name, and for how long one may go by it."""

    values: tuple[str, ...] | None
    """
    TXT values, the strings of each joined; empty for no such name, None if there was no answer.
    """
    ttl: int = 0
    """In seconds; of an answer without records, the negative TTL."""


LookUp = Callable[[str], Found]
"""Returns the TXT records of a name."""


def ask(name: str, resolver: str) -> Found:
    """
    What *resolver* (`HOST:PORT`) says: by UDP and, if the answer is too long for that, by TCP.
    """
    host, _, port = resolver.rpartition(":")
    # Without EDNS, as the oldest receivers do: an answer over 512 octets has to come by TCP.
    query = dns.message.make_query(name, RdataType.TXT, use_edns=False)
    try:
        reply, _ = dns.query.udp_with_fallback(query, host, REPLY_SECONDS, int(port))
        found = cast(QueryMessage, reply).resolve_chaining()
    except (dns.exception.DNSException, OSError):
        return Found(None)
    if reply.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Found(None)
    values = tuple(b"".join(text.strings).decode(errors="replace") for text in found.answer or ())
    # An alias that leads nowhere has no zone to say how long that may be remembered.
    return Found(values, found.minimum_ttl if found.answer or reply.authority else 0)
