"""If this fails, the search for secrets misses a leak, or takes a public key for one."""

import base64
import json
import pickle
from types import SimpleNamespace
from urllib.parse import quote, quote_from_bytes

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from pulumi.automation.events import DiagnosticEvent, EngineEvent

from sandbox.pulumi.project import Result
from tests.support.leaks import NUMBERS, KeySearch, pieces, shown_by

KEY = rsa.generate_private_key(65537, 2048)
SEARCH = KeySearch([KEY])
SECRETS = {name: getattr(KEY.private_numbers(), name) for name in NUMBERS}


def octets_of(number):
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def der(form):
    return KEY.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())


def pem(form):
    return KEY.private_bytes(
        serialization.Encoding.PEM, form, serialization.NoEncryption()
    ).decode()


PKCS1 = serialization.PrivateFormat.TraditionalOpenSSL
PKCS8 = serialization.PrivateFormat.PKCS8

FILES = {
    "PKCS#8 PEM": pem(PKCS8),
    "PEM in JSON in JSON": json.dumps(json.dumps({"key": pem(PKCS1)})),
    "one line of a PEM": pem(PKCS1).splitlines()[12],
    "DER in a URL": quote_from_bytes(der(PKCS1), safe=""),
    "DER as a Python literal": repr(der(PKCS1)),
    "DER as text": der(PKCS1).decode("latin-1"),
    "base64 of a pickled PEM": base64.b64encode(pickle.dumps({"key": pem(PKCS1)})).decode(),
    "hex as openssl prints it": "\n    ".join(
        der(PKCS1)[start : start + 15].hex(":") + ":" for start in range(0, len(der(PKCS1)), 15)
    ),
}

SPELLINGS = {"decimal": str, "pickled": pickle.dumps}


def within(leak):
    """*leak* in the middle of a longer text, or of octets."""
    if isinstance(leak, bytes):
        return b'{"message": "' + leak + b'", "more": 1}'
    return f'{{"message": "{leak}", "more": 1}}'


@pytest.mark.parametrize("leak", FILES.values(), ids=FILES.keys())
def test_whole_keys(leak):
    """A private key is found in every file format and encoding that it may be shown in."""
    assert SEARCH.found_in(within(leak))


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_each_number(spelling, name):
    """Each secret number alone is found and named, without quoting it."""
    assert SEARCH.found_in(within(spelling(SECRETS[name]))) == {f"{name} of a key of 2048 bits"}


@given(
    st.sampled_from(NUMBERS),
    st.integers(0, 112),
    st.binary(max_size=20),
    st.binary(max_size=20),
    st.sampled_from([bytes, base64.b64encode, base64.urlsafe_b64encode, bytes.hex]),
)
def test_any_sixteen_octets(name, start, before, after, encode):
    """Sixteen consecutive octets of a secret number are found wherever they stand and begin."""
    leak = octets_of(SECRETS[name])[start : start + 16]
    assert SEARCH.found_in(encode(before + leak + after))


def test_public_is_no_leak():
    """The public half, other keys and ciphertext are not taken for the key."""
    public = KEY.public_key()
    spki = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    modulus = public.public_numbers().n
    other = rsa.generate_private_key(65537, 2048)
    harmless = [
        f"p={base64.b64encode(spki).decode()}",
        str(modulus),
        f"{modulus:x}",
        other.private_bytes(serialization.Encoding.PEM, PKCS8, serialization.NoEncryption()),
        other.private_numbers().d.to_bytes(256, "big"),
    ]
    assert [SEARCH.found_in(one) for one in harmless] == [set()] * len(harmless)


STRING = 'träge "Käfer", 7\\8\nzweite Zeile'
"""A secret with all that encodings change."""

STRINGS = {
    "JSON, other than ASCII as it is": json.dumps(STRING, ensure_ascii=False),
    "JSON in JSON in JSON": json.dumps(json.dumps(json.dumps({"externalId": STRING}))),
    "URL": quote(STRING, safe=""),
    "octets in Python": repr(STRING.encode()),
    "base64 of a pickle": base64.b64encode(pickle.dumps({"externalId": STRING})).decode(),
}


@pytest.mark.parametrize("leak", STRINGS.values(), ids=STRINGS.keys())
def test_strings(leak):
    """
    A secret string is found in every encoding that it may be shown in, and only its name is told.
    """
    search = KeySearch(
        [], {"aws:assumeRoles[0].externalId": STRING, "aws:token": "not to be found here"}
    )
    assert search.found_in(within(leak)) == {"aws:assumeRoles[0].externalId"}


@given(
    st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=16),
    st.binary(max_size=20),
    st.binary(max_size=20),
    st.sampled_from([bytes, base64.b64encode, base64.urlsafe_b64encode, bytes.hex]),
)
def test_any_string(string, before, after, encode):
    """Sixteen characters are enough to be found wherever they stand and begin."""
    shown = encode(before + string.encode() + after)
    assert KeySearch([], {"it": string}).found_in(shown) == {"it"}


@given(st.lists(st.text(st.sampled_from('",:{[\\\nä')), max_size=3))
def test_pieces(strings):
    """Of JSON that is searched in pieces, each string stands whole in one."""
    told = json.dumps(
        [{"keys": {"a": string}, "b": [string]} for string in strings], separators=(",", ":")
    )
    cut = pieces(told)
    assert all(any(json.dumps(string)[1:-1] in piece for piece in cut) for string in strings)
    assert len(cut) > len(strings)


def test_short_strings():
    """
    A string that would not be found in some encoding is refused, instead of searched for in vain.
    """
    with pytest.raises(ValueError, match="aws:token: too short to be searched for"):
        KeySearch([], {"aws:token": "fifteen letters"})


LEAK = within(pem(PKCS1))


def run(**shown):
    """A run that showed this and nothing else."""
    return Result(
        **{"failed": False, "stdout": "", "stderr": "", "events": [], "outputs": {}} | shown
    )


def test_channels(tmp_path):
    """Whatever a run shows, in whichever way, is searched, and what is stored, file by file."""
    path = tmp_path / "dev.history.json"
    path.write_text(LEAK)
    event = EngineEvent(1, 1, diagnostic_event=DiagnosticEvent(LEAK, "", "info"))
    runs = [run(), run(stdout=LEAK), run(stderr=LEAK), run(events=[event])]
    shown = shown_by(SimpleNamespace(state_files=lambda: [path]), runs)
    assert [name for name, text in shown.items() if SEARCH.found_in(text)] == [
        str(path),
        "stdout of run 2",
        "stderr of run 3",
        "events of run 4",
    ]


TSIG = base64.b64encode(b"a secret of thirty-two octets....").decode()


def test_decoded_token():
    """A TSIG key's secret is a secret without its base64, too."""
    assert KeySearch([], {"it": TSIG}).found_in(base64.b64decode(TSIG)) == {"it"}
