"""
What is wrong with a TXT record: the known misconfiguration that its values, or its name, match.

Strings in, a message out: no DNS here. `records` decides what a value holds; the texts, and how to
fix each misconfiguration, are in `messages.dkim`. Mistakes with the same fix are one
misconfiguration. No message quotes a value, which may be a private key.
"""

import base64
import re
from functools import lru_cache
from typing import Final, cast

from byodkim_provider.dkim.keys import fingerprint
from byodkim_provider.dkim.records import NAME_OCTETS, public_key, record_name
from byodkim_provider.messages import Message
from byodkim_provider.messages.dkim import SeenMessages

COPIED: Final = 64
"""Characters at either end of a key that only a copy shares with it, however damaged."""


def code_of(seen: Message) -> str:
    """The misconfiguration of *seen*, one of `SeenMessages`, as `Diagnosis.code` has it."""
    return cast(SeenMessages, seen.code).misconfiguration


def misplaced(selector: str, domain: str, zone: str) -> dict[str, Message]:
    """
    What happened to the record of *selector*, by the name under which it then stands; the likeliest
    first.

    A panel takes names relative to *zone*: if the sub-domain was left out, the record is in the
    zone above.
    """
    name = record_name(selector, domain)
    incomplete = SeenMessages.WRONG_NAME()
    places = {
        f"{name}.{zone}": SeenMessages.ZONE_TWICE(),
        f"{selector}.domainkey.{domain}": incomplete,
        f"{selector}.{domain}": incomplete,
        record_name(selector, zone): SeenMessages.NO_SUB_DOMAIN(),
        domain: incomplete,
    }
    places.setdefault(zone, incomplete)
    return {at: seen for at, seen in places.items() if at != name and len(at) <= NAME_OCTETS}


_ARMOUR: Final = re.compile(r"(BEGIN|END)[A-Z ]{0,20}PRIVATE ?KEY", re.IGNORECASE)

_PRIVATE_DER: Final = re.compile(rb"\x30(\x82..|\x81.|[\x0a-\x7f])\x02\x01[\0\1]", re.DOTALL)
"""
How private keys begin in DER: a SEQUENCE whose first part is the version, 0 or 1. No public key
does.
"""

_PRIVATE_BASE64: Final = re.compile("MI([I-L]..[AQgw]IBA[A-Za-f]|[E-H].AgE[AB])")
"""How private keys of at least 128 octets begin in base64, which may be in the middle of a text."""

_FROM_BASE64URL: Final = str.maketrans("-_", "+/")

_NOISE: Final = re.compile(r"\\[nr]|[\s\"'\\\ufeff]")


@lru_cache(maxsize=1024)  # several judgements ask about each value
def holds_private_key(text: str, *, unpacking: int = 2) -> bool:
    """
    Whether *text* has a private key in it, or its beginning: as PEM, as base64, or as base64 of
    either.
    """
    if _ARMOUR.search(text):
        return True
    for run in re.findall(r"[A-Za-z0-9+/_-]{20,}", _NOISE.sub("", text)):
        octets = base64.b64decode(run[: len(run) // 4 * 4].translate(_FROM_BASE64URL))
        if _PRIVATE_DER.match(octets) or _PRIVATE_BASE64.search(run):
            return True
        if unpacking and holds_private_key(octets.decode("latin-1"), unpacking=unpacking - 1):
            return True
    return False


@lru_cache(maxsize=64)  # the answers of one lookup; each is judged several times
def misconfiguration(values: tuple[str, ...], expected: bytes) -> Message | None:
    """
    What is wrong with the TXT values at a record's name, None if they are right.

    *values* are one server's, each with its strings joined; *expected* is the key
    (SubjectPublicKeyInfo, DER). Right is one value that holds this key.
    """
    if any(holds_private_key(value) for value in values):
        return SeenMessages.PRIVATE_KEY()
    if not values:
        return SeenMessages.NO_RECORD()
    right = sum(public_key(value) == expected for value in values)
    if len(values) > 1:
        # RFC 6376 section 3.6.2.2: the results are undefined.
        seen = SeenMessages.SEVERAL if right else SeenMessages.SEVERAL_WRONG
        return seen(number=len(values), right=right)
    if right:
        return None
    key = base64.b64encode(expected).decode()
    text = _NOISE.sub("", values[0])
    if key and (key[:COPIED] in text or key[-COPIED:] in text):
        return SeenMessages.OTHER_VALUE()
    other = public_key(values[0])
    if other:
        return SeenMessages.ANOTHER_KEY(fingerprint=fingerprint(other)[:8])
    has_key = re.search(r"\bp=.", text)
    return SeenMessages.OTHER_VALUE() if has_key else SeenMessages.NO_KEY()
