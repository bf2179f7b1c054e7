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
from tests.support.cases import cases
from tests.support.leaks import NUMBERS, KeySearch, pieces, shown_by

KEY = rsa.generate_private_key(65537, 2048)
SEARCH = KeySearch([KEY])
SECRETS = {name: getattr(KEY.private_numbers(), name) for name in NUMBERS}


def private_bytes(encoding):
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return KEY.private_bytes(encoding, form, serialization.NoEncryption())


DER = private_bytes(serialization.Encoding.DER)
PEM = private_bytes(serialization.Encoding.PEM).decode()

FILES = {
    "PEM in JSON in JSON": json.dumps(json.dumps({"key": PEM})),
    "one line of a PEM": PEM.splitlines()[12],
    "DER in a URL": quote_from_bytes(DER, safe=""),
    "DER as a Python literal": repr(DER),
    "DER as text": DER.decode("latin-1"),
    "base64 of a pickled PEM": base64.b64encode(pickle.dumps({"key": PEM})).decode(),
    "hex as openssl prints it": DER.hex(":").replace(":", ":\n    "),
}

ENCODINGS = st.sampled_from([bytes, base64.b64encode, base64.urlsafe_b64encode, bytes.hex])

BESIDE = st.binary(max_size=20)


def within(leak):
    """*leak* in the middle of a longer text, or of octets."""
    if isinstance(leak, bytes):
        return b'{"message": "' + leak + b'", "more": 1}'
    return f'{{"message": "{leak}", "more": 1}}'


@cases("leak", FILES)
def test_whole_keys(leak):
    """A private key is found in every encoding that it may be shown in."""
    assert SEARCH.found_in(within(leak))


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("spelling", [str, pickle.dumps])
def test_each_number(spelling, name):
    """Each secret number alone is found and named, without quoting it."""
    assert SEARCH.found_in(within(spelling(SECRETS[name]))) == {f"{name} of a key of 2048 bits"}


@given(st.sampled_from(NUMBERS), st.integers(0, 112), BESIDE, BESIDE, ENCODINGS)
def test_any_sixteen_octets(name, start, before, after, encode):
    """Sixteen consecutive octets of a secret number are found wherever they stand and begin."""
    octets = SECRETS[name].to_bytes(256, "big").lstrip(b"\0")
    assert SEARCH.found_in(encode(before + octets[start : start + 16] + after))


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


@cases("leak", STRINGS)
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
    BESIDE,
    BESIDE,
    ENCODINGS,
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


def test_channels(tmp_path):
    """Whatever a run shows, in whichever way, is searched, and what is stored, file by file."""
    path = tmp_path / "dev.history.json"
    path.write_text(PEM)
    event = EngineEvent(1, 1, diagnostic_event=DiagnosticEvent(PEM, "", "info"))
    shown = shown_by(
        SimpleNamespace(state_files=lambda: [path]),
        [
            Result(False, "", "", [], {}),
            Result(False, PEM, "", [], {}),
            Result(False, "", PEM, [], {}),
            Result(False, "", "", [event], {}),
        ],
    )
    assert [name for name, text in shown.items() if SEARCH.found_in(text)] == [
        str(path),
        "stdout of run 2",
        "stderr of run 3",
        "events of run 4",
    ]


def test_decoded_token():
    """A TSIG key's secret is a secret without its base64, too."""
    secret = b"a secret of thirty-two octets...."
    assert KeySearch([], {"it": base64.b64encode(secret).decode()}).found_in(secret) == {"it"}
