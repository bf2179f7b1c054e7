"""
What is wrong with a TXT record: the known misconfiguration that its values, or its name, match.

Strings in, a code and a description out: no DNS here. `records` decides what a value holds,
`fixes` says how to fix each code: misconfigurations with the same fix share one, and the
description tells them apart. It quotes at most one tag of a value, which may be a private key.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, permutations, takewhile
from typing import Final
from urllib.parse import unquote

from byodkim_provider.dkim.keys import fingerprint, load
from byodkim_provider.dkim.records import (
    MAX_VALUE,
    MAX_VALUES,
    NAME_OCTETS,
    decoded,
    public_key,
    record_name,
    same_key,
    tags_of,
    unusable_tag,
)
from byodkim_provider.errors import InvalidKey

WRONG_CHARACTERS: Final = 20
"""
At most this many different characters mean a bad copy of the same key; two keys differ in hundreds.
"""


@dataclass(frozen=True, slots=True)
class Misconfiguration:
    """
    The misconfiguration that a server's TXT values match, or that put a record at another name.
    """

    text: str
    """
    For people: what the server returned, to complete "ns1.example.net answers …"; or what happened.
    """
    code: str = "wrong-value"
    """One of `dns.diagnosis.CODES`."""


def misplaced(selector: str, domain: str, zone: str) -> dict[str, Misconfiguration]:
    """
    What happened to the record of *selector*, by the name under which it then stands; the likeliest
    first.

    A panel takes names relative to *zone*: if the sub-domain was left out, the record is in the
    zone above.
    """
    name, twice, wrong = (
        record_name(selector, domain),
        "and the panel added the zone twice",
        "wrong-name",
    )
    no_underscore, no_selector = f"{selector}.domainkey.{domain}", f"_domainkey.{domain}"
    found = {
        f"{name}.{zone}": ("the panel added the zone twice", wrong),
        no_underscore: ("the underscore of '_domainkey' is missing", "underscore-missing"),
        f"{no_underscore}.{zone}": (f"the underscore is missing, {twice}", "underscore-missing"),
        f"{selector}.{domain}": ("'_domainkey' is missing from the name", wrong),
        f"{selector}.{domain}.{zone}": (f"'_domainkey' is missing, {twice}", wrong),
        f"{selector}._domainkey.{no_selector}": ("'_domainkey' stands twice in the name", wrong),
        no_selector: ("the selector is missing from the name", wrong),
        record_name(selector, zone): (
            "the sub-domain is missing from the name",
            "sub-domain-missing",
        ),
        domain: ("selector and '_domainkey' are missing from the name", wrong),
    }
    found.setdefault(zone, ("the record stands at the zone itself", wrong))
    return {
        at: Misconfiguration(*what)
        for at, what in found.items()
        if at != name and len(at) <= NAME_OCTETS
    }


_ARMOUR: Final = re.compile(r"(BEGIN|END)[A-Z ]{0,20}PRIVATE ?KEY", re.IGNORECASE)

_PRIVATE_DER: Final = re.compile(rb"\x30(\x82..|\x81.|[\x0a-\x7f])\x02\x01[\0\1]", re.DOTALL)
"""
How private keys begin in DER: a SEQUENCE whose first part is the version, 0 or 1. No public key
does.
"""

_PRIVATE_BASE64: Final = re.compile("MI([I-L]..[AQgw]IBA[A-Za-f]|[E-H].AgE[AB])")
"""The same in base64, wherever it begins, but for keys of less than 128 octets."""

_FROM_BASE64URL: Final = str.maketrans("-_", "+/")

_NOISE: Final = re.compile(r"\\[nr]|[\s\"'\\\ufeff]")


@lru_cache(maxsize=1024)  # of each value it is asked several times
def holds_private_key(text: str, *, unpacking: int = 2) -> bool:
    """
    Whether *text* has a private key in it, or its beginning: as PEM, as base64, or as base64 of
    either.
    """
    if _ARMOUR.search(text):
        return True
    for run in re.findall(r"[A-Za-z0-9+/_-]{20,}", _NOISE.sub("", unquote(text))):
        octets = base64.b64decode(run[: len(run) // 4 * 4].translate(_FROM_BASE64URL))
        if _PRIVATE_DER.match(octets) or _PRIVATE_BASE64.search(run):
            return True
        if unpacking and holds_private_key(octets.decode("latin-1"), unpacking=unpacking - 1):
            return True
    return False


@lru_cache(maxsize=64)
def public_half(text: str, *, unpacking: int = 2) -> bytes:
    """
    The public key (SubjectPublicKeyInfo, DER) of a private key that is whole in *text*; else empty.
    """
    bare = _NOISE.sub(
        "", re.sub(rf"-*({_ARMOUR.pattern})-*", "|", unquote(text), flags=re.IGNORECASE)
    )
    for run in re.findall(r"[A-Za-z0-9+/_-]{20,}", bare):
        quads = run if len(run) % 4 != 1 else run[:-1]
        octets = base64.b64decode(quads.translate(_FROM_BASE64URL) + "==")
        if octets.startswith(b"\x30\x82"):
            with suppress(InvalidKey):
                return load(octets).public_key_der
        elif unpacking and (
            found := public_half(octets.decode("latin-1"), unpacking=unpacking - 1)
        ):
            return found
    return b""


_INVISIBLE: Final = re.compile(
    "[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\xa0\xad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff]"
    r"|\\x[0-9a-f]{2}"  # as `resolver` writes an octet that is not UTF-8
)

_OTHER_CASE: Final = "the key in the wrong case, expected upper and lower case as in the key"

_P_MISSING: Final = "a value without p=, expected p= before the key"

_BY_TEXT: Final = (
    (r"^\s*$", "an empty value"),
    (
        "customerProvidedPublicKey",
        "SES's placeholder p=customerProvidedPublicKey, expected p= and the key",
    ),
    (r"_domainkey|(^|\s)TXT\s", "a whole line of a zone file, expected the value alone"),
    (
        r"-----|(BEGIN|END) [A-Z ]{0,20}PUBLIC KEY",
        "BEGIN or END lines, expected the base64 between them",
    ),
    ("LS0tLS1CRUdJT", "base64 of a whole PEM file, expected the base64 between BEGIN and END"),
    (r"p\s*=\s*p\s*=", "p= twice, expected it once, before the key"),
    ("[\"“”„‘’«»`]|^'|'$", "a value with quotes in it, expected none"),
    (r"\\;", r"a value with '\;' in it, expected ';'"),
    (r"[\r\n]|\\[rn]", "a value with line breaks in it, expected one line"),
    (r"%[0-9A-Fa-f]{2}", "a value encoded as for a web address, with %2B, %2F or %3D"),
    (_INVISIBLE.pattern, "a value with invisible characters in it"),
)
"""What a value shows whichever key it holds; the first match is reported."""


@lru_cache(maxsize=64)  # the answers of one lookup; each is judged several times
def misconfiguration(values: tuple[str, ...], expected: bytes) -> Misconfiguration | None:
    """
    What is wrong with the TXT values at a record's name, None if they are right.

    *values* are one server's, each with its strings joined; *expected* is the key
    (SubjectPublicKeyInfo, DER). Right is one value that holds this key.
    """
    if any(holds_private_key(value) for value in values):
        text = "a private key, with which anyone can sign now: make a new key"
        return Misconfiguration(text, "private-key")
    if not values:
        return Misconfiguration("no TXT record", "no-txt")
    if len(values) > 1:
        return _several(values, expected)
    value = values[0]
    if len(value) > MAX_VALUE:
        return Misconfiguration(f"a value of more than {MAX_VALUE} characters")
    if same_key(value, expected):
        return None
    for pattern, text in _BY_TEXT:
        if re.search(pattern, value):
            return Misconfiguration(text)
    key = base64.b64encode(expected).decode()
    return _in_order(value, expected, key) or _in_tags(value) or _in_key(value, expected, key)


def in_testing_mode(value: str) -> bool:
    """
    Whether verifiers are asked to treat mail as if it were not signed (`t=y`, RFC 6376 section
    3.6.1).
    """
    flags = (tags_of(value) or {}).get("t", "")
    return "y" in re.split(" ?: ?", flags)


def _several(values: Sequence[str], expected: bytes) -> Misconfiguration:
    count = len(values)
    if count <= 3 and any(same_key("".join(order), expected) for order in permutations(values)):
        text = f"the value cut into {count} TXT records, expected one record"
        return Misconfiguration(text, "several-wrong-records")
    number = str(count) if count <= MAX_VALUES else f"more than {MAX_VALUES}"
    right = sum(same_key(value, expected) for value in values)
    # RFC 6376 section 3.6.2.2: the results are undefined.
    return Misconfiguration(
        f"{number} TXT records, {right or 'none'} with this key, expected one",
        "several-records" if right else "several-wrong-records",
    )


def _in_order(value: str, expected: bytes, key: str) -> Misconfiguration | None:
    """What is wrong if *value* has no p= where its key begins."""
    text = "".join(value.split())
    if re.fullmatch(r"MI[A-Za-z0-9+/]+={0,2}", text):
        return Misconfiguration(_P_MISSING)
    if text and key.endswith(text):
        return Misconfiguration(f"only the last {len(text)} characters of the value", "cut")
    # A few: a value that is nothing but `p=p=p=…` would be read once for each.
    for start in (match.start() for match in islice(re.finditer("v=DKIM1|p=", value), 4)):
        if start and same_key(value[start:] + value[:start], expected):
            return Misconfiguration("the strings of the value in the wrong order")
    return None


def _in_tags(value: str) -> Misconfiguration | None:
    """What is wrong if verifiers find no p= for `rsa-sha256` in *value*, or an empty one."""
    tags = tags_of(value)
    separated = re.sub(r"(?<=[\w*])[\s,:|]*(?=[vkhst]\s*=\s*[\w*]|p\s*=\s*MI)", ";", value)
    with_semicolons = (tags_of(separated) or {}).keys() - (tags or {}).keys()
    if "p" in with_semicolons or (separated != value and public_key(separated)):
        return Misconfiguration("a value without the semicolons between its tags")
    if upper := re.search(r"(^|;)\s*(P|V|K)\s*=", value):
        return Misconfiguration(f"{upper[2]}=, expected {upper[2].lower()}= in lower case")
    if re.search(r"(^|[\s;,])MI[A-Za-z0-9+/\s]{40}", value) and not re.search(r"\bp\s*=", value):
        return Misconfiguration(_P_MISSING)
    version = re.match(r"\s*v\s*=\s*(\w*)", value)
    if not (
        version[1].upper().startswith("DKIM") if version else re.search(r"(^|;)\s*p\s*=", value)
    ):
        return Misconfiguration("a TXT record for something other than DKIM", "not-dkim")
    if tags is None:
        return Misconfiguration("a value that is not a list of tags, such as 'v=DKIM1; p=MIIB…'")
    if "p" not in tags:
        return Misconfiguration("a value without a key, expected p= and the key")
    if not tags["p"]:
        return Misconfiguration("an empty p=, which revokes the key", "revoked")
    problem = unusable_tag(tags)
    return Misconfiguration(problem) if problem else None


def _in_key(value: str, expected: bytes, key: str) -> Misconfiguration:
    """What is wrong if the p= of *value* is not *expected*, whose base64 is *key*."""
    text = (tags_of(value) or {}).get("p", "").replace(" ", "")
    if text.endswith("."):
        return Misconfiguration("a value with a dot at its end")
    other = public_key(value)
    if not other and public_key("p=" + text.translate(_FROM_BASE64URL)):
        return Misconfiguration("a key in base64url, with '-' and '_' for '+' and '/'")
    bare = decoded(text) or b""
    if bare.startswith(b"\x30") and expected.endswith(bare):
        return Misconfiguration("a bare RSAPublicKey, expected what `openssl rsa -pubout` writes")
    if key and (damage := _damage(text, key, len(value))):
        return damage
    if other:
        return Misconfiguration(
            f"another key (fingerprint {fingerprint(other)[:8]}…)", "another-key"
        )
    if len(text) > WRONG_CHARACTERS and (text.islower() or text.isupper()):
        return Misconfiguration(_OTHER_CASE)
    return Misconfiguration("a p= that is not an RSA public key")


def _damage(text: str, key: str, octets: int) -> Misconfiguration | None:
    """How *text*, the base64 in a value of *octets*, was made from *key*; None if it was not."""
    if text.lower() == key.lower():
        return Misconfiguration(_OTHER_CASE)
    if text.count("+") < key.count("+") and text.replace("+", "") == key.replace("+", ""):
        return Misconfiguration("the key without its '+'")
    same = _same_from_start(text, key)
    same_at_end = _same_from_start(text[same:][::-1], key[same:][::-1])
    lost = len(key) - len(text)
    if lost > 0 and same == len(text):
        return Misconfiguration(f"a value cut after {octets} octets, {lost} are missing", "cut")
    if lost and same + same_at_end == min(len(text), len(key)):
        what = "missing from" if lost > 0 else "too many in"
        return Misconfiguration(
            f"{_counted(abs(lost))} {what} the key, at {same + 1} of {len(key)}"
        )
    wrong = [
        position
        for position, pair in enumerate(zip(text, key, strict=False), 1)
        if len({*pair}) > 1
    ]
    if lost == 0 and len(wrong) <= WRONG_CHARACTERS:
        return Misconfiguration(
            f"{_counted(len(wrong))} of the key wrong, at {wrong[0]} of {len(key)}"
        )
    return None


def _same_from_start(first: str, second: str) -> int:
    """Number of equal characters before the first difference."""
    return sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))
    )


def _counted(number: int) -> str:
    return f"{number} character{'s' if number > 1 else ''}"
