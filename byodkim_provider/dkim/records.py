"""
Name and value of a TXT record, and the key in a value.

Strings and bytes in, values out: no DNS here. All code that builds or parses a name or a value
belongs in this file; otherwise publishing and checking could disagree. Like a verifier, it
compares decoded keys, never strings.
"""

import base64
import binascii
import re
from typing import Final

import idna

from byodkim_provider.dkim.generations import SLOTS
from byodkim_provider.dkim.keys import fingerprint, public_bits
from byodkim_provider.messages import Message
from byodkim_provider.messages.dkim import DkimMessages
from byodkim_provider.quoting import may_be_a_key

STRING_OCTETS: Final = 255
"""Most octets one string of a TXT record holds (RFC 1035 section 3.3)."""

NAME_OCTETS: Final = 253
"""Longest name, written without its final dot: 255 octets on the wire (RFC 1035 section 2.3.4)."""

MAX_DOMAIN: Final = 160
"""
Longest domain, in octets: a selector of 63, or the Region and the label of a MAIL FROM domain, fit
in front of it.
"""

MAX_VALUE: Final = 4096
"""Longest value that is looked into, in octets; a record of ours has 400."""

MAX_WRITTEN: Final = 2 * NAME_OCTETS
"""Longest input that is parsed as a name, in characters. Normalising may remove characters."""

MAX_LABEL: Final = 63
"""Characters of a selector (SES API, DkimSigningAttributes). A longer text may be a key."""

_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""
SES's pattern for `DomainSigningSelector`, in lower case; a host name's label has the same pattern.
"""

_DOMAIN_PROBLEMS: Final = (
    (r"@", DkimMessages.EMAIL),
    (r"\*", DkimMessages.WILDCARD),
    (r"[\s/\\:\[_]|^\.?$|\.[0-9]+\.?$", DkimMessages.BARE),
)
"""Ways in which a string is not a domain, the clearest first."""


def normalise_domain(text: str) -> str:
    """
    The domain in lower case and A-labels, without a final dot.

    Raises `ValueError`, whose text names the value and what was expected.

    >>> normalise_domain("Bücher.Example.")
    'xn--bcher-kva.example'
    """
    if may_be_a_key(text, most=MAX_WRITTEN):
        raise ValueError(DkimMessages.TOO_LONG(length=len(text)))
    try:
        name = idna.uts46_remap(text, std3_rules=False)
    except idna.IDNAError:
        raise ValueError(DkimMessages.LABEL(text=text)) from None
    for pattern, problem in _DOMAIN_PROBLEMS:
        if re.search(pattern, name):
            raise ValueError(problem(text=text))
    labels = [_a_label(label, text) for label in name.removesuffix(".").split(".")]
    domain = ".".join(labels)
    if len(labels) < 2:
        raise ValueError(DkimMessages.BARE(text=text))
    if len(domain) > MAX_DOMAIN:
        raise ValueError(DkimMessages.TOO_LONG(length=len(domain)))
    return domain


def _a_label(label: str, text: str) -> str:
    """
    *label* as DNS has it. ASCII labels don't go through `idna`: it refuses names like
    `r3---sn-4g5e`.
    """
    ascii_label = label
    if not label.isascii() or label.startswith("xn--"):
        try:
            ascii_label = idna.alabel(label).decode()
        except idna.IDNAError:
            ascii_label = ""
    if not _LABEL.fullmatch(ascii_label):
        raise ValueError(DkimMessages.LABEL(text=text))
    return ascii_label


def selector_problem(selector: str) -> Message | None:
    """
    Why *selector* is invalid; None if SES accepts it and every DNS provider stores it unchanged.
    """
    if may_be_a_key(selector, most=MAX_LABEL):
        return DkimMessages.SELECTOR_TOO_LONG(length=len(selector))
    # pulumi-aws stores record names in lower case: of upper case it sees a difference in every run.
    return None if _LABEL.fullmatch(selector) else DkimMessages.SELECTOR_LABEL(text=selector)


def cnames(prefix: str, domain: str, zone: str) -> dict[str, str]:
    """
    Names of a domain's CNAMEs and what they lead to in *zone*, for the selectors that begin with
    *prefix*.

    >>> cnames("ses", "shop.example", "keys.example.net")["ses3._domainkey.shop.example"]
    'ses3._domainkey.shop.example.keys.example.net'
    """
    names = [record_name(f"{prefix}{number}", domain) for number in range(1, SLOTS + 1)]
    return {name: f"{name}.{zone}" for name in names}


def record_name(selector: str, domain: str) -> str:
    """
    Name of the TXT record of *selector*, without a final dot (RFC 6376 section 3.6.2.1).

    >>> record_name("s20261125-3f9c2a71", "example.com")
    's20261125-3f9c2a71._domainkey.example.com'
    """
    return f"{selector}._domainkey.{domain}"


def is_in(name: str, zone: str) -> bool:
    """Whether *name* is that of *zone* or below it; none has a final dot."""
    return f".{name}".endswith(f".{zone}")


def split_name(name: str) -> tuple[str, str]:
    """
    Selector and domain in a record's name; no domain in any other name. In a slot's the zone
    follows.
    """
    selector, _, domain = name.partition("._domainkey.")
    return selector, domain


def record_value(public_key_der: bytes) -> str:
    """
    Value of the TXT record of a public key (SubjectPublicKeyInfo, DER): SES's own form, `p=MIIB…`.
    """
    return f"p={base64.b64encode(public_key_der).decode()}"


def strings(value: str) -> tuple[str, ...]:
    """The strings of one TXT record that holds *value* (ASCII), each of at most `STRING_OCTETS`."""
    return tuple(
        value[start : start + STRING_OCTETS] for start in range(0, len(value), STRING_OCTETS)
    )


def route53_value(value: str) -> str:
    """
    *value* as an entry of `aws.route53.Record.records`: no outer quotes, `""` between strings.

    pulumi-aws adds the outer pair (https://github.com/pulumi/pulumi-aws/issues/5451).
    """
    return '""'.join(strings(value))


def quoted(value: str) -> str:
    """*value* as zone files and the APIs of DNS hosts have it: `"first" "rest"`."""
    escaped = (string.replace("\\", "\\\\").replace('"', '\\"') for string in strings(value))
    return " ".join(f'"{string}"' for string in escaped)


_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')


def unquoted(text: str) -> str:
    """
    The value in *text*, which is quoted strings or the value itself.

    >>> unquoted(r'"v=DKIM1; n=\\"a\\"; " "p=MIIB"')
    'v=DKIM1; n="a"; p=MIIB'
    >>> unquoted("v=DKIM1; p=MIIB")
    'v=DKIM1; p=MIIB'
    """
    if not re.fullmatch(rf"{_STRING.pattern}(\s*{_STRING.pattern})*", text):
        return text
    return re.sub(r"\\(.)", r"\1", "".join(_STRING.findall(text)))


def public_key(value: str) -> bytes | None:
    """
    The RSA public key (SubjectPublicKeyInfo, DER) that a TXT value's joined strings hold.

    None where a verifier of `rsa-sha256` finds none: revoked, malformed, or kept for
    another use (RFC 6376 section 3.6.1).
    """
    tags = tags_of(value)
    if tags is None:
        return None
    hashes = re.split(" ?: ?", tags.get("h", "sha256"))
    services = re.split(" ?: ?", tags.get("s", "*"))
    is_for_mail = (
        tags.get("v", "DKIM1") == "DKIM1"
        and ("v" not in tags or next(iter(tags)) == "v")
        and tags.get("k", "rsa") == "rsa"
        and "sha256" in hashes
        and ("*" in services or "email" in services)
    )
    if not is_for_mail:
        return None
    der = decoded(tags.get("p", ""))
    # A bare RSAPublicKey does not count: dkimpy accepts it, OpenDKIM doesn't, and what SES does is
    # not known. See https://www.rfc-editor.org/errata/eid3017
    return der if der and public_bits(der) else None


def mark(value: str) -> str:
    """
    What tells a value of a TXT or MX record from others: its key's fingerprint, or else its text.

    Not the spelling: quotes, upper case and a final dot make no other value.
    """
    text = unquoted(value)
    key = public_key(text)
    return fingerprint(key) if key else text.rstrip(".").lower()


def tags_of(value: str) -> dict[str, str] | None:
    """The tag list of RFC 6376 section 3.2, in its order; None if it is malformed."""
    tags: dict[str, str] = {}
    specs = re.sub(r"(\r\n)?[ \t]+", " ", value).split(";")  # folding white space
    if not specs[-1].strip():
        specs.pop()
    for spec in specs:
        match = re.fullmatch(r" ?([A-Za-z][A-Za-z0-9_]*) ?= ?([ -:<-~]*?) ?", spec)
        if not match or match[1] in tags:
            return None
        tags[match[1]] = match[2]
    return tags


def decoded(text: str) -> bytes | None:
    """The octets in base64 *text*, blanks ignored; None if it is damaged."""
    try:
        return base64.b64decode(text.replace(" ", ""), validate=True)
    except binascii.Error:
        return None
