"""Names and values of DKIM records, and the key that a value holds."""

import re

import dkim
import pytest
from dns import rdata, rdataclass, rdatatype
from hypothesis import assume, given
from hypothesis import strategies as st

from byodkim_provider.dkim import records
from byodkim_provider.dkim.misconfigurations import misconfiguration
from byodkim_provider.messages.dkim import NameMessages
from tests.support.cases import cases
from tests.support.testdata import key, pem

SUCH_AS = "expected a domain such as 'example.com'"
LABEL_RULE = "with no hyphen at either end"


KEYS = {1024: key("rsa1024.pkcs8"), 1536: key("rsa1536.pkcs8"), 2048: key("rsa2048.pkcs8")}
KEY = KEYS[2048].public_key_der
VALUE = records.record_value(KEY)
PUBLIC = VALUE.removeprefix("p=")
ANOTHER_KEY = key("another")


def dkimpy_reads(value):
    """Bits and type of the key that a verifier finds."""
    _, bits, kind, _ = dkim.evaluate_pk("s1._domainkey.example.com", value)
    return bits, kind


sizes = pytest.mark.parametrize("bits", KEYS)


# Domains


@cases(
    ("text", "domain"),
    {
        "as it is": ("example.com", "example.com"),
        "sub-domain": ("mail.example.com", "mail.example.com"),
        "upper case, final dot": ("Example.COM.", "example.com"),
        "U-label": ("bücher.example", "xn--bcher-kva.example"),
        "U-label, upper case": ("BÜCHER.example", "xn--bcher-kva.example"),
        "A-label": ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        "sharp s": ("straße.example", "xn--strae-oqa.example"),
        "ideographic full stop": ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        "hyphens that IDNA reserves": ("r3---sn-4g5e.example.com", "r3---sn-4g5e.example.com"),
        "label of digits": ("4.example.com", "4.example.com"),
        "label of 63 octets": (f"{'a' * 63}.example.com", f"{'a' * 63}.example.com"),
        "253 octets": (".".join(["a" * 61] * 4 + ["examp"]), ".".join(["a" * 61] * 4 + ["examp"])),
    },
)
def test_normalise_domain(text, domain):
    """A domain is lower case, A-labels, without its final dot."""
    assert domain == records.normalise_domain(text)


REFUSED_DOMAINS = {
    "empty": ("", f"'' is empty, {SUCH_AS}"),
    "dot alone": (".", f"'.' is empty, {SUCH_AS}"),
    "soft hyphen alone": ("\u00ad", f"'\\xad' is empty, {SUCH_AS}"),
    "e-mail address": (
        "news@example.com",
        f"'news@example.com' is an e-mail address, which inherits the DKIM of its domain, {SUCH_AS}",
    ),
    "URL": ("https://example.com/", f"'https://example.com/' is a URL, {SUCH_AS}"),
    "path": ("example.com/mail", f"'example.com/mail' has a path, {SUCH_AS}"),
    "backslash": ("example\\.com", f"'example\\\\.com' has a path, {SUCH_AS}"),
    "port": ("example.com:25", f"'example.com:25' has a port, {SUCH_AS}"),
    "wildcard": (
        "*.example.com",
        "'*.example.com' is a wildcard, and an identity covers the sub-domains of its domain anyway, "
        + SUCH_AS,
    ),
    "single label": ("localhost", f"'localhost' is a single label, {SUCH_AS}"),
    "single label, final dot": ("com.", f"'com.' is a single label, {SUCH_AS}"),
    "two final dots": ("example.com..", f"'example.com..' has an empty label, {SUCH_AS}"),
    "two dots": ("example..com", f"'example..com' has an empty label, {SUCH_AS}"),
    "dot first": (".example.com", f"'.example.com' has an empty label, {SUCH_AS}"),
    "underscore": ("my_shop.example.com", f"'my_shop.example.com' has an underscore, {SUCH_AS}"),
    "record name": (
        "s1._domainkey.example.com",
        f"'s1._domainkey.example.com' is the name of a record, {SUCH_AS}",
    ),
    "_domainkey first": (
        "_DomainKey.example.com",
        f"'_DomainKey.example.com' is the name of a record, {SUCH_AS}",
    ),
    "blank inside": ("example .com", f"'example .com' has a blank or a line break, {SUCH_AS}"),
    "blank after": ("example.com ", f"'example.com ' has a blank or a line break, {SUCH_AS}"),
    "line break": ("example.com\n", f"'example.com\\n' has a blank or a line break, {SUCH_AS}"),
    "two domains": (
        "example.com, example.org",
        f"'example.com, example.org' has a blank or a line break, {SUCH_AS}",
    ),
    "IPv4 address": ("192.0.2.1", f"'192.0.2.1' ends in a number, as an IP address does, {SUCH_AS}"),
    "IPv6 address": ("2001:db8::1", f"'2001:db8::1' is an IP address, {SUCH_AS}"),
    "address literal": ("[192.0.2.1]", f"'[192.0.2.1]' is an IP address, {SUCH_AS}"),
    "hyphen first": (
        "-example.com",
        f"'-example.com': the label '-example' must be letters, digits and hyphens, {LABEL_RULE}",
    ),
    "hyphen last": (
        "example-.com",
        f"'example-.com': the label 'example-' must be letters, digits and hyphens, {LABEL_RULE}",
    ),
    "comma": (
        "example,com.net",
        f"'example,com.net': the label 'example,com' must be letters, digits and hyphens, {LABEL_RULE}",
    ),
    "quotes": (
        '"example.com"',
        f"""'"example.com"': the label '"example' must be letters, digits and hyphens, {LABEL_RULE}""",
    ),
    "label of 64 octets": (
        f"{'a' * 64}.com",
        f"68 characters are too many, {SUCH_AS}",
    ),
    "line of a key": ("MIIB" * 16, f"64 characters are too many, {SUCH_AS}"),
    "prime as openssl prints it": (f"{'d6:c4:06:' * 5}\n    " * 4, f"200 characters are too many, {SUCH_AS}"),
    "prime as a dump has it": ("d6 c4 06 1b " * 15, f"180 characters are too many, {SUCH_AS}"),
    "prime in short lines": (f"{'MIIB' * 12}\n" * 2, f"98 characters are too many, {SUCH_AS}"),
    "prime in a URL": ("MIIB%2F" * 20, f"140 characters are too many, {SUCH_AS}"),
    "prime of a JSON Web Key": ("s-_Q" * 43, f"172 characters are too many, {SUCH_AS}"),
    "line of a key before a domain": (f"{'MIIB' * 16}.com", f"68 characters are too many, {SUCH_AS}"),
    "lines of a key": ("MIIB" * 16 + "\n" + "AQAB" * 16 + "\n", f"130 characters are too many, {SUCH_AS}"),
    "254 octets": (
        ".".join(["a" * 61] * 4 + ["exampl"]),
        f"'{'.'.join(['a' * 61] * 4 + ['exampl'])}' has 254 octets, expected at most 253",
    ),
    "emoji": ("☕.example", "'☕.example': IDNA 2008 does not allow the label '☕'"),
    "A-label of nothing": ("xn--.example", "'xn--.example': IDNA 2008 does not allow the label 'xn--'"),
    "not a character": (
        "a\ud800.example",
        f"'a\\ud800.example' has a character that domains can't have, {SUCH_AS}",
    ),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED_DOMAINS.values(), ids=REFUSED_DOMAINS)
def test_refused_domain(text, reason):
    """What is no domain is refused by what it looks like instead."""
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        records.normalise_domain(text)


labels = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,8}[a-zA-Z0-9])?|[äöüßéλ例]{1,5}", fullmatch=True)


@given(st.lists(labels, min_size=2, max_size=5).map(".".join), st.sampled_from(["", "."]))
def test_normalising_twice_is_once(name, dot):
    """A normalised domain is its own normal form, in letters that DNS has."""
    try:
        domain = records.normalise_domain(name + dot)
    except ValueError:
        assume(False)
    assert domain == records.normalise_domain(domain)
    assert re.fullmatch(r"[a-z0-9.-]+[a-z0-9]", domain)


@given(st.text(max_size=80))
def test_normalising_any_text(text):
    """Any text is a domain or a `ValueError` that names it."""
    error = ""
    try:
        assert records.normalise_domain(text)
    except ValueError as refused:
        error = str(refused)
    assert not error or error.startswith(repr(text))


# Names


@pytest.mark.parametrize("selector", ["s", "s1", "20261125", "s20261125-3f9c2a71", "a--b", "s" * 63])
def test_good_selector(selector):
    """A selector that SES takes and DNS keeps has no problem."""
    assert records.selector_problem(selector) is None


ONE_LABEL = f"must be 1 to 63 letters, digits and hyphens, {LABEL_RULE}"
REFUSED_SELECTORS = {
    "empty": ("", f"'' {ONE_LABEL}"),
    "upper case": ("S1", "'S1' has upper case, expected lower case: that is how DNS providers store names"),
    "dot": ("a.b", "'a.b' has a dot, expected the one label before '._domainkey'"),
    "record name": (
        "s1._domainkey.example.com",
        "'s1._domainkey.example.com' has a dot, expected the one label before '._domainkey'",
    ),
    "underscore": ("s_1", f"'s_1' {ONE_LABEL}"),
    "blank": ("s 1", f"'s 1' {ONE_LABEL}"),
    "line break at the end": ("s1\n", f"'s1\\n' {ONE_LABEL}"),
    "hyphen first": ("-s1", f"'-s1' {ONE_LABEL}"),
    "hyphen last": ("s1-", f"'s1-' {ONE_LABEL}"),
    "outside ASCII": ("schlüssel", f"'schlüssel' {ONE_LABEL}"),
    "digits outside ASCII": ("s١", f"'s١' {ONE_LABEL}"),
    "64 octets": ("s" * 64, "64 characters are too many, expected at most 63"),
    "line of a key": ("MIIB" * 16, "64 characters are too many, expected at most 63"),
}


@pytest.mark.parametrize(("selector", "problem"), REFUSED_SELECTORS.values(), ids=REFUSED_SELECTORS)
def test_refused_selector(selector, problem):
    """A selector that SES refuses, or that DNS would change, is named with what was expected."""
    assert problem == str(records.selector_problem(selector))


def test_record_name():
    """A record's name is selector, `_domainkey` and domain, without a final dot."""
    assert records.record_name("s1", "mail.example.com") == "s1._domainkey.mail.example.com"


def test_name_problem():
    """A name of 253 octets stands in DNS, one of 254 does not."""
    domain = ".".join(["a" * 59] * 4)
    assert records.name_problem("s", domain) is None
    selector = "s" * (253 - len(f"._domainkey.{domain}"))
    assert selector == "s" * 2
    assert records.name_problem(selector, domain) is None
    name = f"sss._domainkey.{domain}"
    assert records.name_problem("sss", domain) == NameMessages.NAME_OCTETS(name=name, length=254, most=253)


# Values


@sizes
def test_record_value(bits):
    """The value is `p=` and what `openssl rsa -pubout` wrote, without armour and line breaks."""
    lines = pem(f"rsa{bits}.public").splitlines()
    assert records.record_value(KEYS[bits].public_key_der) == "p=" + "".join(lines[1:-1])


@pytest.mark.parametrize(("bits", "octets"), [(1024, [218]), (1536, [255, 51]), (2048, [255, 139])])
def test_strings(bits, octets):
    """Strings are full but for the last one."""
    pieces = records.strings(records.record_value(KEYS[bits].public_key_der))
    assert octets == [len(piece) for piece in pieces]


@sizes
def test_verifier_reads_the_value(bits):
    """dkimpy, a verifier, finds a key of that size in our value."""
    assert (bits, b"rsa") == dkimpy_reads(records.record_value(KEYS[bits].public_key_der))


@sizes
def test_zone_file_reads_the_value(bits):
    """dnspython reads the quoted form as one TXT record with the same value."""
    value = records.record_value(KEYS[bits].public_key_der)
    record = rdata.from_text(rdataclass.IN, rdatatype.TXT, records.quoted(value))
    assert b"".join(record.strings).decode() == value


def test_rendered():
    """Route 53 gets its quotes from pulumi-aws but for the inner ones, a zone file has all of them."""
    first, second = VALUE[:255], VALUE[255:]
    assert records.route53_value(VALUE) == f'{first}""{second}'
    assert records.quoted(VALUE) == f'"{first}" "{second}"'


values = st.sampled_from(sorted(KEYS)).map(
    lambda bits: records.record_value(KEYS[bits].public_key_der)
) | st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters='"\\'), min_size=1, max_size=900
)


@given(values)
def test_no_character_is_lost(value):
    """What is rendered is parsed back whole, and no string is longer than DNS allows."""
    assert value == records.parse_quoted(records.quoted(value))
    assert value == records.parse_quoted(f'"{records.route53_value(value)}"')
    assert value == "".join(records.strings(value))
    assert max(map(len, records.strings(value))) <= 255


@pytest.mark.parametrize("text", ["", VALUE, '"open', '"a" b', '"a\\"b"', '"a","b"'])
def test_not_quoted(text):
    """What `quoted` never writes is not parsed."""
    with pytest.raises(ValueError, match=f"^{re.escape(repr(text))} is not a list of quoted strings"):
        records.parse_quoted(text)


SAME_KEY = {
    "SES's form": VALUE,
    "all tags": f"v=DKIM1; k=rsa; h=sha256; s=email; t=y:s; n=a note; p={PUBLIC}",
    "no blanks": f"v=DKIM1;k=rsa;p={PUBLIC}",
    "final semicolon": f"{VALUE};",
    "final semicolon and blank": f"{VALUE}; ",
    "blanks about the tags": f" v = DKIM1 ;\tp = {PUBLIC} ",
    "blanks in the key": f"p={PUBLIC[:100]} {PUBLIC[100:]}",
    "folded": f"v=DKIM1;\r\n\tp={PUBLIC[:100]}\r\n  {PUBLIC[100:]}",
    "key before other tags": f"p={PUBLIC}; k=rsa",
    "unknown tag": f"x_1=new; p={PUBLIC}",
    "granularity of RFC 4871": f"g=*; p={PUBLIC}",
    "several hashes": f"h=sha1 : sha256; p={PUBLIC}",
    "every service": f"s=*; p={PUBLIC}",
}


@pytest.mark.parametrize("value", SAME_KEY.values(), ids=SAME_KEY)
def test_same_key(value):
    """However the tags are written, a value holds the key once decoded."""
    assert records.public_key(value) == KEY
    assert records.same_key(value, KEY)
    assert not records.same_key(value, ANOTHER_KEY.public_key_der)
    assert misconfiguration((value,), KEY) is None
    assert dkimpy_reads(value) == (2048, b"rsa")


@given(
    st.lists(st.sampled_from(["k=rsa", "t=s", "s=email", "h=sha256", "n=note", "x=1"]), unique=True),
    st.sampled_from(["; ", ";", " ;\t"]),
    st.lists(st.integers(0, len(PUBLIC))),
)
def test_same_key_in_any_spelling(tags, separator, blanks):
    """Order of tags, white space and blanks in the key make no difference."""
    public = PUBLIC
    for at in blanks:
        public = f"{public[:at]} {public[at:]}"
    for value in (separator.join([*tags, f"p={public}"]), separator.join([f"p={public}", *tags])):
        assert records.same_key(value, KEY)
        assert dkimpy_reads(value) == (2048, b"rsa")
