"""What is wrong with a record's values or name, each told from the others."""

import base64
import re
from typing import get_args
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byodkim_provider.dkim import records
from byodkim_provider.dkim.misconfigurations import (
    Misconfiguration,
    MisplacedCode,
    ValueCode,
    holds_private_key,
    in_testing_mode,
    misconfiguration,
    misplaced,
)
from tests.support.testdata import key, pem

KEYS = {1024: key("rsa1024.pkcs8"), 1536: key("rsa1536.pkcs8"), 2048: key("rsa2048.pkcs8")}
KEY = KEYS[2048].public_key_der
VALUE = records.record_value(KEY)
PUBLIC = VALUE.removeprefix("p=")
SMALL = records.record_value(KEYS[1024].public_key_der)
ANOTHER_KEY = key("another")
ANOTHER = records.record_value(ANOTHER_KEY.public_key_der)
BARE = "".join(pem("rsa2048.public-pkcs1").splitlines()[1:-1])


# Names


def places(selector, domain, zone):
    return {place.name: place.code for place in misplaced(selector, domain, zone)}


def test_misplaced():
    """Each misconfiguration of a name puts the record at a name of its own."""
    assert places("s1", "mail.example.com", "example.com") == {
        "s1._domainkey.mail.example.com.example.com": "zone-doubled",
        "s1.domainkey.mail.example.com": "underscore-missing",
        "s1.domainkey.mail.example.com.example.com": "underscore-missing-zone-doubled",
        "s1.mail.example.com": "domainkey-missing",
        "s1.mail.example.com.example.com": "domainkey-missing-zone-doubled",
        "s1._domainkey._domainkey.mail.example.com": "domainkey-doubled",
        "_domainkey.mail.example.com": "selector-missing",
        "s1._domainkey.example.com": "sub-domain-missing",
        "mail.example.com": "at-apex",
        "example.com": "at-apex",
    }


def test_misplaced_in_the_zone_itself():
    """Where the domain is the zone, no sub-domain can be missing, and there is one apex."""
    found = places("s1", "example.com", "example.com")
    assert "sub-domain-missing" not in found.values()
    assert [name for name, code in found.items() if code == "at-apex"] == ["example.com"]


def test_misplaced_can_be_looked_up():
    """What makes no possible name is left out."""
    domain = ".".join(["a" * 55] * 4)
    assert "zone-doubled" not in places("s1", domain, domain).values()


def test_every_misplaced_code_has_its_name():
    """No code is declared that no name leads to."""
    assert {*get_args(MisplacedCode)} == {*places("s1", "mail.example.com", "example.com").values()}


# Values


SPLIT_1, SPLIT_2 = VALUE[:255], VALUE[255:]
TAGGED = f"v=DKIM1; k=rsa; p={PUBLIC}"
PRIVATE = KEYS[2048].pkcs1_base64()
PEM = pem("rsa2048.public")
PRIVATE_PEM = pem("rsa2048.pkcs8")
PRIVATE_LINES = PRIVATE_PEM.splitlines()[1:-1]


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def body(name):
    """The base64 of a PEM file, on one line."""
    return "".join(pem(name).splitlines()[1:-1])


def other(character):
    """Another character of base64."""
    return "B" if character == "A" else "A"


P_MISSING = Misconfiguration("p-missing", "a value without p=, expected p= before the key")
PRIVATE_KEY = Misconfiguration("private-key", "a private key, with which anyone can sign now: make a new key")
ARMOUR = Misconfiguration("pem-armour", "BEGIN or END lines, expected the base64 between them")
QUOTES = Misconfiguration("literal-quotes", "a value with quotes in it, expected none")
LINE_BREAKS = Misconfiguration("line-breaks", "a value with line breaks in it, expected one line")
NOT_DKIM = Misconfiguration("not-dkim", "a TXT record for something other than DKIM")
NO_TAGS = Misconfiguration("malformed", "a value that is not a list of tags, such as 'v=DKIM1; p=MIIB…'")
NO_KEY = Misconfiguration("malformed", "a p= that is not an RSA public key")
LOST = Misconfiguration("character-lost", "the value without one character, as a wrong split at 255 makes it")
SWAPPED = Misconfiguration("strings-swapped", "the strings of the value in the wrong order")
SPLIT = Misconfiguration("split-into-records", "the value cut into 2 TXT records, expected one record")
REVOKED = Misconfiguration("revoked", "an empty p=, which revokes the key")
NO_KEY_THERE = Misconfiguration("key-missing", "a value without a key, expected p= and the key")
RUN_TOGETHER = Misconfiguration("semicolons-missing", "a value without the semicolons between its tags")
EMPTY = Misconfiguration("empty", "an empty value")
INVISIBLE = Misconfiguration("invisible-characters", "a value with invisible characters in it")
ZONE_LINE = Misconfiguration("zone-line", "a whole line of a zone file, expected the value alone")
URL_ENCODED = Misconfiguration("url-encoded", "a value encoded as for a web address, with %2B, %2F or %3D")
BASE64URL = Misconfiguration("base64url", "a key in base64url, with '-' and '_' for '+' and '/'")
PLUS_LOST = Misconfiguration("plus-lost", "the key without its '+'")
DOT = Misconfiguration("final-dot", "a value with a dot at its end")
PLACEHOLDER = Misconfiguration("placeholder", "p=customerProvidedPublicKey, the placeholder of SES's console")

CASES = {
    "no record": ([], Misconfiguration("no-txt", "no TXT record")),
    "quotes around": ([f'"{VALUE}"'], QUOTES),
    "quotes between": ([records.quoted(VALUE)], QUOTES),
    "Route 53's inner quotes": ([records.route53_value(VALUE)], QUOTES),
    "typographic quotes": ([f"“{VALUE}”"], QUOTES),
    "PEM": ([PEM], ARMOUR),
    "PEM on one line": ([PEM.replace("\n", "")], ARMOUR),
    "PEM behind p=": ([f"p={PEM}"], ARMOUR),
    "END line": ([f"{VALUE}-----END PUBLIC KEY-----"], ARMOUR),
    "line breaks": (["p=" + "\n".join(re.findall(".{1,64}", PUBLIC))], LINE_BREAKS),
    "line break at the end": ([f"{VALUE}\n"], LINE_BREAKS),
    "line breaks written out": (["p=" + r"\n".join(re.findall(".{1,64}", PUBLIC))], LINE_BREAKS),
    "no p=": ([PUBLIC], P_MISSING),
    "no p=, another key": ([ANOTHER.removeprefix("p=")], P_MISSING),
    "no p=, tags": ([f"v=DKIM1; k=rsa; {PUBLIC}"], P_MISSING),
    "no p=, tags without blanks": ([f"v=DKIM1;k=rsa;{PUBLIC}"], P_MISSING),
    "tags alone": (["v=DKIM1; k=rsa"], NO_KEY_THERE),
    "version alone": (["v=DKIM1"], NO_KEY_THERE),
    "version alone, semicolon": (["v=DKIM1;"], NO_KEY_THERE),
    "placeholder": (["p=customerProvidedPublicKey"], PLACEHOLDER),
    "cut at 255": ([VALUE[:255]], Misconfiguration("cut", "a value cut after 255 octets, 139 are missing")),
    "cut at 255, other tags": (
        [TAGGED[:255]],
        Misconfiguration("cut", f"a value cut after 255 octets, {len(TAGGED) - 255} are missing"),
    ),
    "end only": ([SPLIT_2], Misconfiguration("cut", "only the last 139 characters of the value")),
    "256th character lost": ([re.sub("(.{255}).", r"\1", VALUE)], LOST),
    "255th character lost": ([VALUE[:254] + VALUE[255:]], LOST),
    "256th character lost, other tags": ([TAGGED[:255] + TAGGED[256:]], LOST),
    "strings swapped": ([SPLIT_2 + SPLIT_1], SWAPPED),
    "strings swapped, other tags": ([TAGGED[255:] + TAGGED[:255]], SWAPPED),
    "a string a record": ([SPLIT_1, SPLIT_2], SPLIT),
    "a string a record, in DNS's order": ([SPLIT_2, SPLIT_1], SPLIT),
    "two records, one right": (
        [ANOTHER, VALUE],
        Misconfiguration("several-records", "2 TXT records, 1 with this key, expected one"),
    ),
    "two records, both right": (
        [VALUE, TAGGED],
        Misconfiguration("several-records", "2 TXT records, 2 with this key, expected one"),
    ),
    "five records, none right": (
        [ANOTHER, SMALL, "v=spf1 -all", "a", "b"],
        Misconfiguration("several-wrong-records", "5 TXT records, none with this key, expected one"),
    ),
    "revoked": (["p="], REVOKED),
    "revoked, other tags": (["v=DKIM1; k=rsa; p=;"], REVOKED),
    "another key": (
        [ANOTHER],
        Misconfiguration("another-key", f"another key (fingerprint {ANOTHER_KEY.fingerprint[:8]}…)"),
    ),
    "another key, smaller": (
        [SMALL],
        Misconfiguration("another-key", f"another key (fingerprint {KEYS[1024].fingerprint[:8]}…)"),
    ),
    "escaped semicolons": (
        [TAGGED.replace(";", r"\;")],
        Misconfiguration("escaped-semicolons", r"a value with '\;' in it, expected ';'"),
    ),
    "semicolons lost": ([TAGGED.replace(";", "")], RUN_TOGETHER),
    "semicolons and blanks lost": ([TAGGED.replace("; ", "")], RUN_TOGETHER),
    "one semicolon lost": ([f"v=DKIM1; k=rsa p={PUBLIC}"], RUN_TOGETHER),
    "semicolons lost, another key": ([f"v=DKIM1 k=rsa {ANOTHER}"], RUN_TOGETHER),
    "semicolons lost, key first": ([f"p={PUBLIC} k=rsa"], RUN_TOGETHER),
    "colons for semicolons": ([TAGGED.replace(";", ":")], RUN_TOGETHER),
    "one wrong character": (
        [VALUE[:100] + other(VALUE[100]) + VALUE[101:]],
        Misconfiguration("character-wrong", "1 character of the key wrong, at 99 of 392"),
    ),
    "some wrong characters": (
        [VALUE[:100] + other(VALUE[100]) + VALUE[101:300] + other(VALUE[300]) + VALUE[301:]],
        Misconfiguration("character-wrong", "2 characters of the key wrong, at 99 of 392"),
    ),
    "one character twice": (
        [VALUE[:200] + VALUE[199:]],
        Misconfiguration("characters-added", "1 character too many in the key"),
    ),
    "second string twice": (
        [VALUE + SPLIT_2],
        Misconfiguration("characters-added", "139 characters too many in the key"),
    ),
    "a string lost within": (
        [VALUE[:100] + VALUE[200:]],
        Misconfiguration("cut", "a value that lost 100 characters within the key"),
    ),
    "lower-cased": (
        [VALUE.lower()],
        Misconfiguration("case-changed", "the key in lower case, and case counts in it"),
    ),
    "lower-cased, another key": (
        [ANOTHER.lower()],
        Misconfiguration("case-changed", "the key in lower case, and case counts in it"),
    ),
    "upper-cased": (
        [f"p={PUBLIC.upper()}"],
        Misconfiguration("case-changed", "the key in upper case, and case counts in it"),
    ),
    "every + lost": ([VALUE.replace("+", "")], PLUS_LOST),
    "every + a blank": ([VALUE.replace("+", " ")], PLUS_LOST),
    "one + lost": ([VALUE.replace("+", "", 1)], PLUS_LOST),
    "%2B": ([VALUE.replace("+", "%2B")], URL_ENCODED),
    "URL-encoded": ([quote(TAGGED)], URL_ENCODED),
    "base64url": ([VALUE.replace("+", "-").replace("/", "_")], BASE64URL),
    "base64url, another key": ([ANOTHER.replace("+", "-").replace("/", "_")], BASE64URL),
    "byte order mark": ([f"\ufeff{VALUE}"], INVISIBLE),
    "blank of a web page": ([TAGGED.replace(" ", "\u00a0")], INVISIBLE),
    "blank of a web page, Latin-1": ([TAGGED.replace(" ", "\\xa0")], INVISIBLE),
    "zero-width blank": ([f"{VALUE[:80]}\u200b{VALUE[80:]}"], INVISIBLE),
    "soft hyphen": ([f"{VALUE[:80]}\u00ad{VALUE[80:]}"], INVISIBLE),
    "control character": ([f"{VALUE}\0"], INVISIBLE),
    "final dot": ([f"{VALUE}."], DOT),
    "final dot, other tags": ([f"{TAGGED}."], DOT),
    "zone file's line": ([f's1._domainkey.example.com. 300 IN TXT "{VALUE}"'], ZONE_LINE),
    "zone file's line without quotes": ([f"s1._domainkey IN TXT {VALUE}"], ZONE_LINE),
    "zone file's line without its name": ([f"300 IN TXT {VALUE}"], ZONE_LINE),
    "name and value": ([f"s1._domainkey.example.com {VALUE}"], ZONE_LINE),
    "P=": ([f"P={PUBLIC}"], Misconfiguration("wrong-tag", "P=, expected p= in lower case")),
    "P= behind other tags": (
        [f"v=DKIM1; k=rsa; P={PUBLIC}"],
        Misconfiguration("wrong-tag", "P=, expected p= in lower case"),
    ),
    "single quotes": ([f"'{VALUE}'"], QUOTES),
    "private key": ([PRIVATE], PRIVATE_KEY),
    "private key, base64 of a PEM": ([encoded(PRIVATE_PEM)], PRIVATE_KEY),
    "private key, base64 of a PEM behind p=": ([f"p={encoded(PRIVATE_PEM)}"], PRIVATE_KEY),
    "private key, base64 of a PEM in lines": (
        ["\n".join(re.findall(".{1,76}", encoded(PRIVATE_PEM)))],
        PRIVATE_KEY,
    ),
    "private key, base64 of a PEM, cut at 255": ([f"p={encoded(PRIVATE_PEM)}"[:255]], PRIVATE_KEY),
    "private key, base64 of base64": ([encoded(PRIVATE)], PRIVATE_KEY),
    "private key, = lost": ([f"p{PRIVATE}"], PRIVATE_KEY),
    "private key, base64url": ([f"p={PRIVATE.replace('+', '-').replace('/', '_')}"], PRIVATE_KEY),
    "private key, URL-encoded": ([quote(f"p={PRIVATE}")], PRIVATE_KEY),
    "private key, quotes in it": ([f'"{PRIVATE[:10]}" "{PRIVATE[10:]}"'], PRIVATE_KEY),
    "private key, no blanks": ([PRIVATE_PEM.replace("\n", "").replace(" ", "")], PRIVATE_KEY),
    "private key, EC": ([body("ec.pkcs8")], PRIVATE_KEY),
    "private key, Ed25519": ([body("ed25519")], PRIVATE_KEY),
    "private key, a record for each line": ([f"p={line}" for line in PRIVATE_LINES], PRIVATE_KEY),
    "private key behind p=": ([f"p={PRIVATE}"], PRIVATE_KEY),
    "private key, PKCS#8": ([pem("rsa2048.pkcs8").split("\n", 1)[1]], PRIVATE_KEY),
    "private key, PEM": ([pem("rsa1024.pkcs1")], PRIVATE_KEY),
    "private key, cut": ([f"v=DKIM1; p={PRIVATE[:200]}"], PRIVATE_KEY),
    "private key beside the right value": ([VALUE, f'"{PRIVATE}"'], PRIVATE_KEY),
    "bare RSAPublicKey": (
        [f"p={BARE}"],
        Misconfiguration("bare-rsa-key", "a bare RSAPublicKey, expected what `openssl rsa -pubout` writes"),
    ),
    "v=DKIM2": (
        [f"v=DKIM2; p={PUBLIC}"],
        Misconfiguration("wrong-tag", "v=DKIM2, expected v=DKIM1 or no v="),
    ),
    "v=dkim1": (
        [f"v=dkim1; p={PUBLIC}"],
        Misconfiguration("wrong-tag", "v=dkim1, expected v=DKIM1 or no v="),
    ),
    "v= not first": (
        [f"k=rsa; v=DKIM1; p={PUBLIC}"],
        Misconfiguration("wrong-tag", "v=DKIM1 behind another tag, expected it first"),
    ),
    "k=ed25519": (
        [f"v=DKIM1; k=ed25519; p={PUBLIC}"],
        Misconfiguration("wrong-tag", "k=ed25519, expected k=rsa or no k="),
    ),
    "h=sha1": ([f"h=sha1; p={PUBLIC}"], Misconfiguration("wrong-tag", "h=sha1, expected h=sha256 or no h=")),
    "s=tlsrpt": (
        [f"s=tlsrpt; p={PUBLIC}"],
        Misconfiguration("wrong-tag", "s=tlsrpt, expected s=email or no s="),
    ),
    "SPF": (["v=spf1 include:amazonses.com -all"], NOT_DKIM),
    "DMARC": (["v=DMARC1; p=none"], NOT_DKIM),
    "site verification": (["google-site-verification=xyz"], NOT_DKIM),
    "too long": (
        [f"{VALUE}; n={'x' * records.MAX_VALUE}"],
        Misconfiguration("too-long", "a value of more than 4096 characters"),
    ),
    "a hundred": (
        [*(str(number) for number in range(99)), VALUE],
        Misconfiguration("several-records", "more than 20 TXT records, 1 with this key, expected one"),
    ),
    "empty": ([""], EMPTY),
    "blanks": (["  "], EMPTY),
    "tag twice": ([f"p={PUBLIC}; p={PUBLIC}"], NO_TAGS),
    "commas": ([f"v=DKIM1, k=rsa, p={PUBLIC}"], RUN_TOGETHER),
    "text between": ([f"{VALUE};;"], NO_TAGS),
    "outside ASCII": ([f"v=DKIM1; n=é; p={PUBLIC}"], NO_TAGS),
    "p= of something else": (["p=none"], NO_KEY),
    "stray character": (
        [f"p={PUBLIC[:90]}*{PUBLIC[90:]}"],
        Misconfiguration("characters-added", "1 character too many in the key"),
    ),
    "p= damaged all over": ([f"p={'*' * len(PUBLIC)}"], NO_KEY),
}


@pytest.mark.parametrize(("found", "problem"), CASES.values(), ids=CASES)
def test_misconfiguration(found, problem):
    """Each misconfiguration has its own code, and a phrase that says what stands there."""
    assert problem == misconfiguration(found, KEY)


def test_every_code_has_its_case():
    """No code is declared that no value leads to."""
    assert set(get_args(ValueCode)) == {problem.code for _, problem in CASES.values()}


@pytest.mark.parametrize("bits", KEYS)
def test_right(bits):
    """What we publish ourselves is right."""
    public = KEYS[bits].public_key_der
    assert misconfiguration([records.record_value(public)], public) is None


spoilt = (
    st.sampled_from([VALUE, TAGGED, SMALL, ANOTHER])
    | st.builds(lambda at, to: VALUE[:at] + VALUE[to:], *[st.integers(0, len(VALUE))] * 2)
    | st.builds(
        lambda at, text: VALUE[:at] + text + VALUE[at:], st.integers(0, len(VALUE)), st.text(max_size=3)
    )
    | st.text(max_size=20)
)


@given(st.lists(spoilt, max_size=3))
def test_right_means_one_value_with_this_key(found):
    """Whatever stands in DNS, only a single value that holds the key is right, and no text quotes it."""
    problem = misconfiguration(found, KEY)
    assert (problem is None) == (len(found) == 1 and records.same_key(found[0], KEY))
    assert problem is None or not re.search("[A-Za-z0-9+/]{30,}", problem.text)


@given(st.integers(0, len(PUBLIC) - 1), st.sampled_from("ABab09+/"))
def test_one_wrong_character(at, character):
    """A key with one character exchanged is never taken for somebody else's key."""
    problem = misconfiguration([f"p={PUBLIC[:at]}{character}{PUBLIC[at + 1 :]}"], KEY)
    assert problem is None or problem.code in ("character-wrong", "case-changed")


@pytest.mark.parametrize(
    "place", ["{}", "p={}", "k={}; p=", "v={}", "s={}", '"{}"', "h={};v=DKIM1", "k=rsa{}"]
)
def test_a_private_key_is_not_quoted(place):
    """A private key that was published is not repeated in what we say about it."""
    assert misconfiguration([place.format(PRIVATE)], KEY) == PRIVATE_KEY


@pytest.mark.parametrize(
    "text", [VALUE, TAGGED, ANOTHER, PUBLIC, BARE, PEM, body("certificate"), "v=spf1 -all", ""]
)
def test_no_private_key(text):
    """What anyone may see is no private key."""
    assert not holds_private_key(text)


@pytest.mark.parametrize(
    ("value", "testing"),
    [
        (VALUE, False),
        (f"t=y; {VALUE}", True),
        (f"v=DKIM1; t=s : y; {VALUE}", True),
        (f"v=DKIM1; t=s; {VALUE}", False),
        ("t=y", True),
        (";;", False),
    ],
)
def test_in_testing_mode(value, testing):
    """The flag `y`, alone or among others, asks verifiers not to count the signature."""
    assert testing == in_testing_mode(value)
