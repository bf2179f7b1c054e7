"""What is wrong with a record's values or name, each told from the others."""

import base64
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byodkim_provider.dkim import records
from byodkim_provider.dkim.keys import load
from byodkim_provider.dkim.misconfigurations import (
    Misconfiguration,
    holds_private_key,
    in_testing_mode,
    misconfiguration,
    misplaced,
    public_half,
)
from tests.support.cases import cases
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
    return {name: (one.code, one.text) for name, one in misplaced(selector, domain, zone).items()}


def test_misplaced():
    """Each misconfiguration of a name puts the record at a name of its own."""
    twice = "and the panel added the zone twice"
    found = places("s1", "mail.example.com", "example.com")
    assert [*found][-2:] == ["mail.example.com", "example.com"], (
        "the least likely are looked up last"
    )
    assert found == {
        "s1._domainkey.mail.example.com.example.com": (
            "wrong-name",
            "the panel added the zone twice",
        ),
        "s1.domainkey.mail.example.com": (
            "underscore-missing",
            "the underscore of '_domainkey' is missing",
        ),
        "s1.domainkey.mail.example.com.example.com": (
            "underscore-missing",
            f"the underscore is missing, {twice}",
        ),
        "s1.mail.example.com": ("wrong-name", "'_domainkey' is missing from the name"),
        "s1.mail.example.com.example.com": ("wrong-name", f"'_domainkey' is missing, {twice}"),
        "s1._domainkey._domainkey.mail.example.com": (
            "wrong-name",
            "'_domainkey' stands twice in the name",
        ),
        "_domainkey.mail.example.com": ("wrong-name", "the selector is missing from the name"),
        "s1._domainkey.example.com": (
            "sub-domain-missing",
            "the sub-domain is missing from the name",
        ),
        "mail.example.com": ("wrong-name", "selector and '_domainkey' are missing from the name"),
        "example.com": ("wrong-name", "the record stands at the zone itself"),
    }


def test_misplaced_in_the_zone_itself():
    """Where the domain is the zone, no sub-domain can be missing, and there is one apex."""
    found = places("s1", "example.com", "example.com")
    assert "sub-domain-missing" not in {code for code, _ in found.values()}
    assert [*found.values()][-1] == (
        "wrong-name",
        "selector and '_domainkey' are missing from the name",
    )
    assert len(found) == 8


def test_misplaced_can_be_looked_up():
    """What makes no possible name is left out."""
    domain = ".".join(["a" * 55] * 4)
    assert all(len(name) <= records.NAME_OCTETS for name in places("s1", domain, domain))


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


P_TWICE = "p= twice, expected it once, before the key"
ENCODED_PEM = "base64 of a whole PEM file, expected the base64 between BEGIN and END"
P_MISSING = "a value without p=, expected p= before the key"
PRIVATE_KEY = ("a private key, with which anyone can sign now: make a new key", "private-key")
ARMOUR = "BEGIN or END lines, expected the base64 between them"
OTHER_CASE = "the key in the wrong case, expected upper and lower case as in the key"
QUOTES = "a value with quotes in it, expected none"
LINE_BREAKS = "a value with line breaks in it, expected one line"
NOT_DKIM = ("a TXT record for something other than DKIM", "not-dkim")
NO_TAGS = "a value that is not a list of tags, such as 'v=DKIM1; p=MIIB…'"
NO_KEY = "a p= that is not an RSA public key"
SWAPPED = "the strings of the value in the wrong order"
SPLIT = ("the value cut into 2 TXT records, expected one record", "several-wrong-records")
REVOKED = ("an empty p=, which revokes the key", "revoked")
NO_KEY_THERE = "a value without a key, expected p= and the key"
RUN_TOGETHER = "a value without the semicolons between its tags"
EMPTY = "an empty value"
INVISIBLE = "a value with invisible characters in it"
ZONE_LINE = "a whole line of a zone file, expected the value alone"
URL_ENCODED = "a value encoded as for a web address, with %2B, %2F or %3D"
BASE64URL = "a key in base64url, with '-' and '_' for '+' and '/'"
PLUS_LOST = "the key without its '+'"
DOT = "a value with a dot at its end"
PLACEHOLDER = "SES's placeholder p=customerProvidedPublicKey, expected p= and the key"
MISSING, TOO_MANY = "{} missing from the key, at {} of 392", "{} too many in the key, at {} of 392"
WRONG, CUT = "{} of the key wrong, at 99 of 392", "a value cut after 255 octets, {} are missing"
SEVERAL, ANOTHERS = (
    "{} TXT records, {} with this key, expected one",
    "another key (fingerprint {:.8}…)",
)


def changed(*places):
    """The value with other characters of base64 at these *places*."""
    at = {place: "B" if VALUE[place] == "A" else "A" for place in places}
    return "".join(at.get(place, character) for place, character in enumerate(VALUE))


CASES = {
    "no record": ([], ("no TXT record", "no-txt")),
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
    "p= twice": ([f"p={VALUE}"], P_TWICE),
    "p= twice, other tags": ([f"v=DKIM1; k=rsa; p= p={PUBLIC}"], P_TWICE),
    "base64 of a PEM": ([f"p={encoded(PEM)}"], ENCODED_PEM),
    "base64 of a PEM without p=": ([encoded(PEM)], ENCODED_PEM),
    "tags alone": (["v=DKIM1; k=rsa"], NO_KEY_THERE),
    "version alone": (["v=DKIM1"], NO_KEY_THERE),
    "version alone, semicolon": (["v=DKIM1;"], NO_KEY_THERE),
    "placeholder": (["p=customerProvidedPublicKey"], PLACEHOLDER),
    "cut at 255": ([VALUE[:255]], (CUT.format(139), "cut")),
    "cut at 255, other tags": ([TAGGED[:255]], (CUT.format(len(TAGGED) - 255), "cut")),
    "end only": ([SPLIT_2], ("only the last 139 characters of the value", "cut")),
    "256th character lost": (
        [re.sub("(.{255}).", r"\1", VALUE)],
        MISSING.format("1 character", 254),
    ),
    "255th character lost": ([VALUE[:254] + VALUE[255:]], MISSING.format("1 character", 253)),
    "256th character lost, other tags": (
        [TAGGED[:255] + TAGGED[256:]],
        MISSING.format("1 character", 238),
    ),
    "strings swapped": ([SPLIT_2 + SPLIT_1], SWAPPED),
    "strings swapped, other tags": ([TAGGED[255:] + TAGGED[:255]], SWAPPED),
    "a string a record": ([SPLIT_1, SPLIT_2], SPLIT),
    "a string a record, in DNS's order": ([SPLIT_2, SPLIT_1], SPLIT),
    "two records, one right": ([ANOTHER, VALUE], (SEVERAL.format("2", "1"), "several-records")),
    "two records, both right": ([VALUE, TAGGED], (SEVERAL.format("2", "2"), "several-records")),
    "five records, none right": (
        [ANOTHER, SMALL, "v=spf1 -all", "a", "b"],
        (SEVERAL.format("5", "none"), "several-wrong-records"),
    ),
    "revoked": (["p="], REVOKED),
    "revoked, other tags": (["v=DKIM1; k=rsa; p=;"], REVOKED),
    "another key": ([ANOTHER], (ANOTHERS.format(ANOTHER_KEY.fingerprint), "another-key")),
    "another key, smaller": ([SMALL], (ANOTHERS.format(KEYS[1024].fingerprint), "another-key")),
    "escaped semicolons": ([TAGGED.replace(";", r"\;")], r"a value with '\;' in it, expected ';'"),
    "semicolons lost": ([TAGGED.replace(";", "")], RUN_TOGETHER),
    "semicolons and blanks lost": ([TAGGED.replace("; ", "")], RUN_TOGETHER),
    "one semicolon lost": ([f"v=DKIM1; k=rsa p={PUBLIC}"], RUN_TOGETHER),
    "semicolons lost, another key": ([f"v=DKIM1 k=rsa {ANOTHER}"], RUN_TOGETHER),
    "semicolons lost, key first": ([f"p={PUBLIC} k=rsa"], RUN_TOGETHER),
    "colons for semicolons": ([TAGGED.replace(";", ":")], RUN_TOGETHER),
    "one wrong character": ([changed(100)], WRONG.format("1 character")),
    "some wrong characters": ([changed(100, 300)], WRONG.format("2 characters")),
    "one character twice": ([VALUE[:200] + VALUE[199:]], TOO_MANY.format("1 character", 199)),
    "second string twice": ([VALUE + SPLIT_2], TOO_MANY.format("139 characters", 393)),
    "a string lost within": ([VALUE[:100] + VALUE[200:]], MISSING.format("100 characters", 99)),
    "lower-cased": ([VALUE.lower()], OTHER_CASE),
    "lower-cased, another key": ([ANOTHER.lower()], OTHER_CASE),
    "upper-cased": ([f"p={PUBLIC.upper()}"], OTHER_CASE),
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
    "P=": ([f"P={PUBLIC}"], "P=, expected p= in lower case"),
    "P= behind other tags": ([f"v=DKIM1; k=rsa; P={PUBLIC}"], "P=, expected p= in lower case"),
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
    **{
        f"private key in {place}": ([place.format(PRIVATE)], PRIVATE_KEY)
        for place in ("k={}; p=", "v={}", "s={}", "h={};v=DKIM1", "k=rsa{}", '"{}"')
    },
    "bare RSAPublicKey": (
        [f"p={BARE}"],
        "a bare RSAPublicKey, expected what `openssl rsa -pubout` writes",
    ),
    "v=DKIM2": ([f"v=DKIM2; p={PUBLIC}"], "v=DKIM2, expected v=DKIM1 or no v="),
    "v=dkim1": ([f"v=dkim1; p={PUBLIC}"], "v=dkim1, expected v=DKIM1 or no v="),
    "v= not first": (
        [f"k=rsa; v=DKIM1; p={PUBLIC}"],
        "v=DKIM1 behind another tag, expected it first",
    ),
    "k=ed25519": ([f"v=DKIM1; k=ed25519; p={PUBLIC}"], "k=ed25519, expected k=rsa or no k="),
    "h=sha1": ([f"h=sha1; p={PUBLIC}"], "h=sha1, expected h=sha256 or no h="),
    "s=tlsrpt": ([f"s=tlsrpt; p={PUBLIC}"], "s=tlsrpt, expected s=email or no s="),
    "SPF": (["v=spf1 include:amazonses.com -all"], NOT_DKIM),
    "DMARC": (["v=DMARC1; p=none"], NOT_DKIM),
    "site verification": (["google-site-verification=xyz"], NOT_DKIM),
    "too long": ([f"{VALUE}; n={'x' * records.MAX_VALUE}"], "a value of more than 4096 characters"),
    "a hundred": (
        [*(str(number) for number in range(99)), VALUE],
        (SEVERAL.format("more than 20", "1"), "several-records"),
    ),
    "empty": ([""], EMPTY),
    "blanks": (["  "], EMPTY),
    "tag twice": ([f"p={PUBLIC}; p={PUBLIC}"], NO_TAGS),
    "commas": ([f"v=DKIM1, k=rsa, p={PUBLIC}"], RUN_TOGETHER),
    "text between": ([f"{VALUE};;"], NO_TAGS),
    "outside ASCII": ([f"v=DKIM1; n=é; p={PUBLIC}"], NO_TAGS),
    "p= of something else": (["p=none"], NO_KEY),
    "stray character": ([f"p={PUBLIC[:90]}*{PUBLIC[90:]}"], TOO_MANY.format("1 character", 91)),
    "p= damaged all over": ([f"p={'*' * len(PUBLIC)}"], NO_KEY),
}


@cases(("found", "said"), CASES)
def test_misconfiguration(found, said):
    """Each misconfiguration has its own code, and a phrase that says what stands there."""
    problem = Misconfiguration(said) if isinstance(said, str) else Misconfiguration(*said)
    assert misconfiguration(tuple(found), KEY) == problem


spoilt = (
    st.sampled_from([VALUE, TAGGED, SMALL, ANOTHER])
    | st.builds(lambda at, to: VALUE[:at] + VALUE[to:], *[st.integers(0, len(VALUE))] * 2)
    | st.builds(
        lambda at, text: VALUE[:at] + text + VALUE[at:],
        st.integers(0, len(VALUE)),
        st.text(max_size=3),
    )
    | st.text(max_size=20)
)


@given(st.lists(spoilt, max_size=3))
def test_right_means_one_value_with_this_key(found):
    """
    Whatever stands in DNS, only a single value that holds the key is right, and no text quotes it.
    """
    problem = misconfiguration(tuple(found), KEY)
    assert (problem is None) == (len(found) == 1 and records.same_key(found[0], KEY))
    assert problem is None or not re.search("[A-Za-z0-9+/]{30,}", problem.text)


@given(st.integers(0, len(PUBLIC) - 1), st.sampled_from("ABab09+/"))
def test_one_wrong_character(at, character):
    """A key with one character exchanged is never taken for somebody else's key."""
    problem = misconfiguration((f"p={PUBLIC[:at]}{character}{PUBLIC[at + 1 :]}",), KEY)
    assert problem is None or problem.code == "wrong-value"


@pytest.mark.parametrize("key", ["rsa1024.pkcs1", "rsa2048.pkcs8"])
@pytest.mark.parametrize(
    "written",
    [
        pem,
        lambda name: f"v=DKIM1; k=rsa; p={body(name)}",
        lambda name: f"p={body(name)}".replace("+", "-").replace("/", "_"),
        lambda name: quote(f"p={body(name)}"),
        lambda name: f'"{body(name)[:10]}" "{body(name)[10:]}"',
        lambda name: pem(name).replace("\n", "").replace(" ", ""),
        lambda name: f"p={encoded(pem(name))}",
        lambda name: encoded(body(name)),
        lambda name: body(name).rstrip("="),
    ],
)
def test_public_half(key, written):
    """The public half of a private key that is there as a whole is known, however it was pasted."""
    assert public_half(written(key)) == load(pem(key)).public_key_der


@pytest.mark.parametrize(
    "text", [VALUE, PEM, PRIVATE[:400], PRIVATE[4:], body("ec.pkcs8"), "p=" + "A" * 41]
)
def test_no_public_half(text):
    """A public key has none, nor what is not whole, nor a key that SES can't sign with."""
    assert public_half(text) == b""


@pytest.mark.parametrize(
    "text", [VALUE, TAGGED, ANOTHER, PUBLIC, BARE, PEM, body("certificate"), "v=spf1 -all", ""]
)
def test_no_private_key(text):
    """What anyone may see is no private key."""
    assert not holds_private_key(text)


@cases(
    ("tags", "testing"),
    {
        "none": ("", False),
        "y": ("t=y; ", True),
        "s, y": ("v=DKIM1; t=s : y; ", True),
        "s": ("t=s; ", False),
    },
)
def test_in_testing_mode(tags, testing):
    """The flag `y`, alone or among others, asks verifiers not to count the signature."""
    assert testing == in_testing_mode(f"{tags}{VALUE}") == in_testing_mode(tags)
    assert not in_testing_mode(";;")
