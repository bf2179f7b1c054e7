"""If this fails, a record does not hold the key that SES signs with, and mail fails."""

import re

import dkim
import pytest
from dns import rdata, rdataclass, rdatatype
from hypothesis import assume, given
from hypothesis import strategies as st

from byodkim_provider.dkim import records
from byodkim_provider.dkim.misconfigurations import misconfiguration
from byodkim_provider.messages.dkim import DkimMessages
from tests.support.cases import cases
from tests.support.testdata import key, pem

KEYS = {1024: key("rsa1024.pkcs8"), 2048: key("rsa2048.pkcs8")}
KEY = KEYS[2048].public_key_der
VALUE = records.record_value(KEY)
PUBLIC = VALUE.removeprefix("p=")


def dkimpy_reads(value):
    """Bits and type of the key that a verifier finds."""
    _, bits, kind, _ = dkim.evaluate_pk("s1._domainkey.example.com", value)
    return bits, kind


# Domains

LONGEST = ".".join(["a" * 39] * 4)[:-1] + "ab"


@cases(
    ("text", "domain"),
    {
        "upper case, final dot": ("Example.COM.", "example.com"),
        "U-label": ("bücher.example", "xn--bcher-kva.example"),
        "ideographic full stop": ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        "160 octets": (LONGEST, LONGEST),
    },
)
def test_normalise_domain(text, domain):
    """A domain is lower case, A-labels, without its final dot."""
    assert domain == records.normalise_domain(text)


NO_DOMAIN = {
    DkimMessages.EMAIL: ["news@example.com"],
    DkimMessages.BARE: [
        *("", "https://example.com/", "example.com, example.org", "com."),
        *("s1._domainkey.example.com", "192.0.2.1", "2001:db8::1", "[192.0.2.1]"),
    ],
    DkimMessages.WILDCARD: ["*.example.com"],
    DkimMessages.LABEL: ["-example.com", "example..com", "xn--.example", "a\ud800.example"],
    DkimMessages.TOO_LONG: [
        f"{'a' * 64}.com",
        # Lines of a key, alone and before a domain; primes as openssl prints them, and in a URL.
        *("MIIB" * 16, f"{'MIIB' * 16}.com", f"{'d6:c4:06:' * 5}\n    " * 4, "MIIB%2F" * 20),
        ".".join(["a" * 61] * 4 + ["exampl"]),
    ],
}


@pytest.mark.parametrize(
    ("text", "code"),
    [(text, code) for code, texts in NO_DOMAIN.items() for text in texts],
    ids=repr,
)
def test_refused_domain(text, code):
    """What is no domain is refused by what it looks like instead, and a key is not quoted."""
    with pytest.raises(ValueError, match=r".") as refused:
        records.normalise_domain(text)
    (problem,) = refused.value.args
    fields = {"length": len(text)} if code == DkimMessages.TOO_LONG else {"text": text}
    assert problem == code(**fields)


labels = st.from_regex(
    r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,8}[a-zA-Z0-9])?|[äöüßéλ例]{1,5}", fullmatch=True
)


@given(st.lists(labels, min_size=2, max_size=5).map(".".join), st.sampled_from(["", "."]))
def test_normalising_twice_is_once(name, dot):
    """A normalised domain is its own normal form, in letters that DNS has."""
    try:
        domain = records.normalise_domain(name + dot)
    except ValueError:
        assume(False)
    assert domain == records.normalise_domain(domain)
    assert re.fullmatch(r"[a-z0-9.-]+[a-z0-9]", domain)


# Names


NO_SELECTOR = {
    # The last one ends with a digit that is not ASCII's.
    DkimMessages.SELECTOR_LABEL: ["", "S1", "a.b", "s1\n", "s1-", "s١"],
    DkimMessages.SELECTOR_TOO_LONG: ["MIIB" * 16],
}


@pytest.mark.parametrize(
    ("text", "code"),
    [(text, code) for code, texts in NO_SELECTOR.items() for text in texts],
    ids=repr,
)
def test_refused_selector(text, code):
    """A selector that SES refuses, or that DNS would change, is named with what was expected."""
    fields = {"length": 64} if code == DkimMessages.SELECTOR_TOO_LONG else {"text": text}
    assert records.selector_problem(text) == code(**fields)


def test_longest():
    """The longest selector of the longest domain stands in DNS."""
    assert records.selector_problem("s" * 63) is None
    assert len(records.record_name("s" * 63, LONGEST)) <= records.NAME_OCTETS
    with pytest.raises(ValueError, match="161 characters are too many"):
        records.normalise_domain(f"a{LONGEST}")


# Values


@cases(("bits", "octets"), {"1024": (1024, [218]), "2048": (2048, [255, 139])})
def test_record_value(bits, octets):
    """
    The value is `p=` and what `openssl rsa -pubout` wrote, without armour and line breaks.

    dkimpy, a verifier, finds a key of that size in it, and dnspython one TXT record in its quoted
    form.
    """
    value = records.record_value(KEYS[bits].public_key_der)
    assert value == "p=" + "".join(pem(f"rsa{bits}.public").splitlines()[1:-1])
    assert [len(piece) for piece in records.strings(value)] == octets
    assert dkimpy_reads(value) == (bits, b"rsa")
    record = rdata.from_text(rdataclass.IN, rdatatype.TXT, records.quoted(value))
    assert b"".join(record.strings).decode() == value


values = st.sampled_from(sorted(KEYS)).map(
    lambda bits: records.record_value(KEYS[bits].public_key_der)
) | st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters='"\\'),
    min_size=1,
    max_size=900,
)


@given(values)
def test_no_character_is_lost(value):
    """What is rendered is parsed back whole, and no string is longer than DNS allows."""
    assert value == records.unquoted(records.quoted(value))
    assert value == records.unquoted(f'"{records.route53_value(value)}"')
    assert value == "".join(records.strings(value))
    assert max(map(len, records.strings(value))) <= 255


@pytest.mark.parametrize("text", ["", VALUE, '"open', '"a" b', '"a","b"'])
def test_not_quoted(text):
    """What is not in quotes, all of it, is the value itself."""
    assert records.unquoted(text) == text


@cases(
    "value",
    {
        "SES's form": VALUE,
        "all tags": f"v=DKIM1; k=rsa; h=sha256; s=email; t=y:s; n=a note; p={PUBLIC}",
        "folded": f"v=DKIM1;\r\n\tp={PUBLIC[:100]}\r\n  {PUBLIC[100:]}",
        "many hashes": f"v=DKIM1; h=sha1:sha512:sha384:sha256; p={PUBLIC}",
        "no blanks, key first": f"p={PUBLIC};k=rsa;t=s;x=1",
    },
)
def test_same_key(value):
    """However the tags are written, a value holds the key once decoded."""
    assert records.public_key(value) == KEY
    assert misconfiguration((value,), KEY) is None
    assert dkimpy_reads(value) == (2048, b"rsa")
