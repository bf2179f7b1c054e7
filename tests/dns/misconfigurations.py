"""
Every mistake on purpose: how it stands in a zone, what it is called, and how it is said.

One table for all name servers. Each case has a zone of its own, in which the selector `right`
has its record as it should be, beside the selector `s1` that somebody got wrong.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from byodkim_provider.dkim.records import quoted, record_value, route53_value
from tests.support.testdata import TESTDATA, key, pem

KEY = key("rsa2048.pkcs8")
PUBLIC_KEY_FILE = TESTDATA / "rsa2048.public.pem"
VALUE = record_value(KEY.public_key_der)
PUBLIC = VALUE.removeprefix("p=")
ANOTHER = record_value(key("another").public_key_der)
PEM = PUBLIC_KEY_FILE.read_text()
BARE = "".join(pem("rsa2048.public-pkcs1").splitlines()[1:-1])
PRIVATE_PEM = pem("rsa2048.pkcs8")
SPF = "v=spf1 include:amazonses.com -all"
HERE = "s1._domainkey"
ELSEWHERE = "elsewhere.example"
"""A zone of somebody else's, with another key at `key`."""


def txt(*strings: str) -> str:
    """A TXT record's data in a zone file; one string is split as it has to be, several are kept."""
    pieces = strings
    if len(strings) == 1:
        pieces = tuple(strings[0][at : at + 255] for at in range(0, len(strings[0]), 255)) or ("",)
    return "TXT " + " ".join(f'"{_escaped(piece)}"' for piece in pieces)


def _escaped(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(char if " " <= char <= "~" else f"\\{ord(char):03d}" for char in plain)


@dataclass(frozen=True)
class Case:
    """One mistake: its records as owner (relative to the zone) and data."""

    records: Sequence[tuple[str, str]]
    code: str
    said: str
    """What the verification says of it."""
    sub_domain: str = ""
    """With its dot, if the domain is a part of the zone."""
    typed_into: str = ""
    """The panel that the person says it was typed into."""
    provider: str = "domaincontrol.com"
    missing_at_second: str = ""
    """The name, relative to the zone, that the second name server lacks."""
    zones: dict[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """Zones below this one, by relative name."""


def at_name(*values: str, **case: object) -> Callable[[str, str], Case]:
    """The TXT records *values* at the name where the right one should be."""
    return lambda code, said: Case([(HERE, txt(value)) for value in values], code, said, **case)  # type: ignore[arg-type]


def misplaced(name: str) -> Callable[[str, str], Case]:
    """The right value at another name; `{zone}` is the zone, once more."""
    return lambda code, said: Case([(name, txt(VALUE))], code, said)


def without_character(at: int) -> str:
    return VALUE[:at] + VALUE[at + 1 :]


def wrong(character: str) -> str:
    return "B" if character == "A" else "A"


def lines(text: str, newline: str) -> str:
    return newline.join(text[at : at + 64] for at in range(0, len(text), 64))


NO_TXT = "no TXT record"
TWICE = "the panel added the zone twice"
QUOTES = "a value with quotes in it"
ARMOUR = "BEGIN or END lines"
BREAKS = "a value with line breaks in it"
NO_P = "a value without p="
NO_KEY = "a value without a key"
NO_SEMICOLONS = "a value without the semicolons between its tags"
INVISIBLE = "a value with invisible characters in it"
LINE = "a whole line of a zone file"
NOT_DKIM = "a TXT record for something other than DKIM"
LOST = "the value without one character"
OTHER_KEY = "another key (fingerprint"
CNAME = f"a CNAME to key.{ELSEWHERE} stands at the name of the record"
PRIVATE = "a private key, with which anyone can sign now"

CASES: dict[str, Case] = {
    "nothing there": Case([], "no-txt", NO_TXT),
    "another type there": Case([(HERE, 'HINFO "a" "b"')], "no-txt", NO_TXT),
    "zone doubled": misplaced(f"{HERE}.{{zone}}")("zone-doubled", TWICE),
    "underscore stripped": misplaced("s1.domainkey")(
        "underscore-missing", "the underscore of '_domainkey' is missing"
    ),
    "underscore stripped, zone doubled": misplaced("s1.domainkey.{zone}")(
        "underscore-missing-zone-doubled", "the underscore is missing, and the panel added the zone twice"
    ),
    "_domainkey left out": misplaced("s1")("domainkey-missing", "'_domainkey' is missing from the name"),
    "_domainkey left out, zone doubled": misplaced("s1.{zone}")(
        "domainkey-missing-zone-doubled", "'_domainkey' is missing, and the panel added the zone twice"
    ),
    "selector left out": misplaced("_domainkey")("selector-missing", "the selector is missing from the name"),
    "sub-domain left out": Case(
        [(HERE, txt(VALUE))],
        "sub-domain-missing",
        "the sub-domain is missing from the name",
        sub_domain="mail.",
    ),
    "zone doubled behind a sub-domain": Case(
        [(f"{HERE}.mail.{{zone}}", txt(VALUE))], "zone-doubled", TWICE, sub_domain="mail."
    ),
    "wildcard answers, zone doubled": Case(
        [("*._domainkey", txt(SPF)), (f"{HERE}.{{zone}}", txt(VALUE))], "zone-doubled", TWICE
    ),
    "quotes around the value": at_name(f'"{VALUE}"')("literal-quotes", QUOTES),
    "quotes of two strings": at_name(quoted(VALUE))("literal-quotes", QUOTES),
    "Route 53's inner quotes": at_name(route53_value(VALUE))("literal-quotes", QUOTES),
    "typographic quotes": at_name(f"\xe2\x80\x9c{VALUE}\xe2\x80\x9d")(
        "literal-quotes", QUOTES
    ),  # UTF-8, octet by octet
    "whole PEM file": at_name(PEM)("pem-armour", ARMOUR),
    "PEM file on one line": at_name(PEM.replace("\n", ""))("pem-armour", ARMOUR),
    "PEM file behind p=": at_name(f"p={PEM}")("pem-armour", ARMOUR),
    "line breaks": at_name("p=" + lines(PUBLIC, "\n"))("line-breaks", BREAKS),
    "line breaks of Windows": at_name("p=" + lines(PUBLIC, "\r\n"))("line-breaks", BREAKS),
    "line breaks written out": at_name("p=" + lines(PUBLIC, "\\n"))("line-breaks", BREAKS),
    "base64 alone": at_name(PUBLIC)("p-missing", NO_P),
    "tags without p=": at_name("v=DKIM1; k=rsa")("key-missing", NO_KEY),
    "SES's placeholder": at_name("p=customerProvidedPublicKey")(
        "placeholder", "the placeholder of SES's console"
    ),
    "cut at 255": at_name(VALUE[:255])("cut", "a value cut after 255 octets"),
    "first string lost": at_name(VALUE[255:])("cut", "only the last 139 characters"),
    "256th character lost": at_name(without_character(255))("character-lost", LOST),
    "character lost in the middle": at_name(without_character(130))("character-lost", LOST),
    "old key beside it": at_name(VALUE, ANOTHER)("several-records", "2 TXT records, 1 with this key"),
    "SPF beside it": at_name(VALUE, SPF)("several-records", "2 TXT records, 1 with this key"),
    "written twice": at_name(VALUE, f"v=DKIM1; {VALUE}")("several-records", "2 TXT records, 2 with this key"),
    "a record for each string": at_name(VALUE[:255], VALUE[255:])(
        "split-into-records", "the value cut into 2 TXT records"
    ),
    "strings swapped": Case(
        [(HERE, txt(VALUE[255:], VALUE[:255]))],
        "strings-swapped",
        "the strings of the value in the wrong order",
    ),
    "CNAME to another key": Case([(HERE, f"CNAME key.{ELSEWHERE}.")], "cname", CNAME),
    "CNAME to nothing": Case(
        [(HERE, f"CNAME gone.{ELSEWHERE}.")],
        "cname",
        f"a CNAME to gone.{ELSEWHERE} stands at the name of the record",
    ),
    "CNAME to itself": Case([(HERE, f"CNAME {HERE}")], "cname", f"a CNAME to {HERE}."),
    "wildcard CNAME": Case([("*._domainkey", f"CNAME key.{ELSEWHERE}.")], "wildcard", CNAME),
    "wildcard CNAME, zone doubled": Case(
        [("*._domainkey", f"CNAME key.{ELSEWHERE}."), (f"{HERE}.{{zone}}", txt(VALUE))], "zone-doubled", TWICE
    ),
    "another key": at_name(ANOTHER)("another-key", OTHER_KEY),
    "another key with tags": at_name(f"v=DKIM1; k=rsa; {ANOTHER}")("another-key", OTHER_KEY),
    "SPF there": at_name(SPF)("not-dkim", NOT_DKIM),
    "wildcard for SPF": Case([("*._domainkey", txt(SPF))], "wildcard", NOT_DKIM),
    "wildcard with another key": Case([("*._domainkey", txt(ANOTHER))], "wildcard", OTHER_KEY),
    "longer than any key": at_name(f"{VALUE}; n={'x' * 4096}")(
        "too-long", "a value of more than 4096 characters"
    ),
    "nothing in it": at_name("")("empty", "an empty value"),
    "byte order mark": at_name(f"\xef\xbb\xbf{VALUE}")("invisible-characters", INVISIBLE),
    "blank of a web page": at_name(f"v=DKIM1;\xc2\xa0k=rsa;\xc2\xa0{VALUE}")(
        "invisible-characters", INVISIBLE
    ),
    "blank of a web page, Latin-1": at_name(f"v=DKIM1;\xa0{VALUE}")("invisible-characters", INVISIBLE),
    "whole line of a zone file": at_name(f'{HERE}.example.com. 300 IN TXT "{VALUE}"')("zone-line", LINE),
    "line of a zone file without quotes": at_name(f"{HERE} IN TXT {VALUE}")("zone-line", LINE),
    "P=": at_name(f"P={PUBLIC}")("wrong-tag", "P=, expected p= in lower case"),
    "version alone": at_name("v=DKIM1")("key-missing", NO_KEY),
    "key without p=": at_name(f"v=DKIM1; k=rsa; {PUBLIC}")("p-missing", NO_P),
    "one wrong character": at_name(VALUE[:200] + wrong(VALUE[200]) + VALUE[201:])(
        "character-wrong", "1 character of the key wrong, at 199 of 392"
    ),
    "one character too many": at_name(VALUE[:200] + VALUE[199:])("characters-added", "1 character too many"),
    "lower-cased": at_name(VALUE.lower())("case-changed", "the key in lower case"),
    "+ lost": at_name(VALUE.replace("+", ""))("plus-lost", "the key without its '+'"),
    "+ became blanks": at_name(VALUE.replace("+", " "))("plus-lost", "the key without its '+'"),
    "%2B": at_name(VALUE.replace("+", "%2B"))("url-encoded", "a value encoded as for a web address"),
    "base64url": at_name(VALUE.replace("+", "-").replace("/", "_"))("base64url", "a key in base64url"),
    "final dot": at_name(f"{VALUE}.")("final-dot", "a value with a dot at its end"),
    "two records, none right": at_name(SPF, f'"{VALUE}"')(
        "several-wrong-records", "2 TXT records, none with this key"
    ),
    "at the apex": Case([("@", txt(VALUE))], "at-apex", "are missing from the name"),
    "at the apex, beside SPF": Case(
        [("@", txt(SPF)), ("@", txt(VALUE))], "at-apex", "are missing from the name"
    ),
    "at the apex above a sub-domain": Case(
        [("@", txt(VALUE))], "at-apex", "the record stands at the zone itself", sub_domain="mail."
    ),
    "_domainkey twice": misplaced(f"{HERE}._domainkey")(
        "domainkey-doubled", "'_domainkey' stands twice in the name"
    ),
    "hidden by a delegation": Case(
        [(HERE, txt(VALUE))],
        "hidden-by-delegation",
        "is hidden",
        zones={"_domainkey": [("right", txt(VALUE))]},
    ),
    "revoked": at_name("v=DKIM1; p=")("revoked", "an empty p="),
    "semicolons escaped": at_name(f"v=DKIM1\\; k=rsa\\; {VALUE}")(
        "escaped-semicolons", r"a value with '\;' in it"
    ),
    "base64 damaged": at_name(VALUE.replace("A", "*", 1))("character-wrong", "1 character of the key wrong"),
    "damaged all over": at_name(f"p={'*' * 392}")("malformed", "a p= that is not an RSA public key"),
    "tags without separator": at_name(f"v=DKIM1 k=rsa {VALUE}")("semicolons-missing", NO_SEMICOLONS),
    "bare RSAPublicKey": at_name(f"p={BARE}")("bare-rsa-key", "a bare RSAPublicKey"),
    "version 2": at_name(f"v=DKIM2; {VALUE}")("wrong-tag", "v=DKIM2, expected v=DKIM1"),
    "another algorithm": at_name(f"v=DKIM1; k=ed25519; {VALUE}")("wrong-tag", "k=ed25519, expected k=rsa"),
    "version behind the key": at_name(f"{VALUE}; v=DKIM1")("wrong-tag", "v=DKIM1 behind another tag"),
    "private key": at_name(f"p={KEY.pkcs1_base64()}")("private-key", PRIVATE),
    "private key as PEM": at_name(PRIVATE_PEM)("private-key", PRIVATE),
    "private key as base64 of a PEM": at_name(f"p={b64encode(PRIVATE_PEM.encode()).decode()}")(
        "private-key", PRIVATE
    ),
    "private key behind a CNAME": Case(
        [(HERE, "CNAME private"), ("private", txt(f"p={KEY.pkcs1_base64()}"))], "private-key", PRIVATE
    ),
    "private key at another name": Case(
        [(f"{HERE}.{{zone}}", txt(f"p={KEY.pkcs1_base64()}"))], "private-key", PRIVATE
    ),
    "typed in where nobody asks": Case(
        [], "wrong-panel", NO_TXT, typed_into="godaddy", provider="registrar-servers.com"
    ),
    "at one server only": Case([(HERE, txt(VALUE))], "servers-differ", "the key", missing_at_second=HERE),
    "behind a CNAME, at one server only": Case(
        [(HERE, "CNAME half"), ("half", txt(VALUE))], "servers-differ", "the key", missing_at_second="half"
    ),
    "in a delegated zone": Case(
        [], "literal-quotes", QUOTES, zones={"_domainkey": [("s1", txt(f'"{VALUE}"')), ("right", txt(VALUE))]}
    ),
}


def zone_of(case: str) -> str:
    """The zone of a case, by its place in the table."""
    return f"case{list(CASES).index(case)}.example"


def domain_of(case: str) -> str:
    return CASES[case].sub_domain + zone_of(case)


def records_of(case: str) -> list[tuple[str, str]]:
    """Owner and data of every TXT, CNAME and HINFO record in the zone, the right one first."""
    zone = zone_of(case)
    right = (
        [] if CASES[case].zones else [(f"right._domainkey.{CASES[case].sub_domain}".rstrip("."), txt(VALUE))]
    )
    return right + [(owner.format(zone=zone), data) for owner, data in CASES[case].records]
