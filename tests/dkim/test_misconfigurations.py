"""If this fails, a mistake in a record is taken for another one, and its fix does not help."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byodkim_provider.dkim import records
from byodkim_provider.dkim.misconfigurations import (
    code_of,
    holds_private_key,
    misconfiguration,
    misplaced,
)
from byodkim_provider.messages.dkim import SeenMessages as S
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


INCOMPLETE = S.WRONG_NAME()


def test_misplaced():
    """Each misconfiguration of a name puts the record at a name of its own, the likeliest first."""
    expected = {
        "s1._domainkey.mail.example.com.example.com": S.ZONE_TWICE(),
        "s1.domainkey.mail.example.com": INCOMPLETE,
        "s1.mail.example.com": INCOMPLETE,
        "s1._domainkey.example.com": S.NO_SUB_DOMAIN(),
        "mail.example.com": INCOMPLETE,
        "example.com": INCOMPLETE,
    }
    found = misplaced("s1", "mail.example.com", "example.com")
    assert list(found.items()) == list(expected.items())


def test_misplaced_in_the_zone_itself():
    """Where the domain is the zone, no sub-domain can be missing, and there is one apex."""
    found = misplaced("s1", "example.com", "example.com")
    assert S.NO_SUB_DOMAIN() not in found.values()
    assert list(found.values())[-1] == INCOMPLETE
    assert len(found) == 4


# Values


TAGGED = f"v=DKIM1; k=rsa; p={PUBLIC}"
PRIVATE = KEYS[2048].pkcs1_base64()
PEM = pem("rsa2048.public")
PRIVATE_PEM = pem("rsa2048.pkcs8")


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def body(name):
    """The base64 of a PEM file, on one line."""
    return "".join(pem(name).splitlines()[1:-1])


OTHER_VALUE, PRIVATE_KEY, NO_KEY = S.OTHER_VALUE(), S.PRIVATE_KEY(), S.NO_KEY()


CASES = {
    "no record": ([], S.NO_RECORD()),
    "quotes around": ([f'"{VALUE}"'], OTHER_VALUE),
    "PEM": ([PEM], OTHER_VALUE),
    "no p=": ([PUBLIC], OTHER_VALUE),
    "placeholder": (["p=customerProvidedPublicKey"], OTHER_VALUE),
    "cut at 255": ([VALUE[:255]], OTHER_VALUE),
    "end only": ([VALUE[255:]], OTHER_VALUE),
    "a string a record": ([VALUE[:255], VALUE[255:]], S.SEVERAL_WRONG(number=2, right=0)),
    "two records, one right": ([ANOTHER, VALUE], S.SEVERAL(number=2, right=1)),
    "revoked": (["p="], NO_KEY),
    "another key": ([ANOTHER], S.ANOTHER_KEY(fingerprint=ANOTHER_KEY.fingerprint[:8])),
    "tag": ([f"s=tlsrpt; p={PUBLIC}"], OTHER_VALUE),
    "private key": ([PRIVATE], PRIVATE_KEY),
    "private key, base64 of a PEM": ([encoded(PRIVATE_PEM)], PRIVATE_KEY),
    "private key, base64 of a PEM, cut at 255": ([f"p={encoded(PRIVATE_PEM)}"[:255]], PRIVATE_KEY),
    "private key, base64 of base64": ([encoded(PRIVATE)], PRIVATE_KEY),
    "private key, quotes in it": ([f'"{PRIVATE[:10]}" "{PRIVATE[10:]}"'], PRIVATE_KEY),
    "private key, EC": ([body("ec.pkcs8")], PRIVATE_KEY),
    "private key, Ed25519": ([body("ed25519")], PRIVATE_KEY),
    "private key, PEM": ([pem("rsa1024.pkcs1")], PRIVATE_KEY),
    "private key beside the right value": ([VALUE, f'"{PRIVATE}"'], PRIVATE_KEY),
    "private key in another tag": ([f"k=rsa{PRIVATE}; p="], PRIVATE_KEY),
    "SPF": (["v=spf1 include:amazonses.com exp=example.com -all"], NO_KEY),
    "empty": ([""], NO_KEY),
    "p= damaged all over": ([f"p={'*' * len(PUBLIC)}"], OTHER_VALUE),
}


@cases(("found", "said"), CASES)
def test_misconfiguration(found, said):
    """Each misconfiguration has its own code, and a phrase that says what stands there."""
    assert misconfiguration(tuple(found), KEY) == said


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
    assert (problem is None) == (len(found) == 1 and records.public_key(found[0]) == KEY)
    assert problem is None or not re.search("[A-Za-z0-9+/]{30,}", str(problem))


@given(st.integers(0, len(PUBLIC) - 1), st.sampled_from("ABab09+/"))
def test_one_wrong_character(at, character):
    """A key with one character exchanged is never taken for somebody else's key."""
    problem = misconfiguration((f"p={PUBLIC[:at]}{character}{PUBLIC[at + 1 :]}",), KEY)
    assert problem is None or code_of(problem) == "wrong-value"


@pytest.mark.parametrize(
    "text", [VALUE, TAGGED, ANOTHER, PUBLIC, BARE, PEM, body("certificate"), "v=spf1 -all", ""]
)
def test_no_private_key(text):
    """What anyone may see is no private key."""
    assert not holds_private_key(text)
