"""
If this fails, SES gets a key that it can't sign with, or a good one is refused.

Vectors: testdata/README.md.
"""

import base64
import re
import subprocess
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)

from byodkim_provider.dkim import keys
from byodkim_provider.errors import InvalidKey
from byodkim_provider.messages.dkim import DkimMessages as K
from tests.support.cases import cases
from tests.support.testdata import pem


def body(text):
    """The base64 of a PEM block, on one line."""
    return "".join(line for line in text.splitlines() if not line.startswith("-----"))


def der(name):
    return base64.b64decode(body(pem(name)))


def encoded(octets):
    return base64.b64encode(octets).decode()


PKCS1, PKCS8 = pem("rsa2048.pkcs1"), pem("rsa2048.pkcs8")
ACCEPTED = {
    "PKCS#1 PEM": PKCS1,
    "PKCS#8 PEM": PKCS8,
    "line breaks lost": PKCS8.replace("\n", ""),
    "line breaks written out": PKCS8.replace("\n", r"\n"),
    "text before and after it": f"Key of example.com, made in März\n{PKCS8}\n# the end\n",
    "byte order mark": "\ufeff" + PKCS1,
    "file": PKCS8.encode(),
    "file in UTF-16": PKCS8.encode("utf-16"),
    "file in Latin-1": f"Schlüssel\n{PKCS8}".encode("latin-1"),
    "file in DER, PKCS#1": der("rsa2048.pkcs1"),
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_every_form_of_a_key_is_the_same_key(text):
    """However a key is written, what SES gets is what `openssl rsa -traditional` wrote."""
    assert body(PKCS1) == keys.load(text).pkcs1_base64()


@pytest.mark.parametrize("bits", [1024, 2048])
def test_public_half(bits):
    """The public half is the one `openssl rsa -pubout` derives from the same file."""
    key, public = keys.load(pem(f"rsa{bits}.pkcs8")), der(f"rsa{bits}.public")
    assert (bits, public) == (key.bits, key.public_key_der)
    assert keys.fingerprint(public) == key.fingerprint
    assert keys.public_bits(public) == bits


PUBLIC, PUBLIC_DER = pem("rsa2048.public"), der("rsa2048.public")


@pytest.mark.parametrize("text", [f"of example.com\n{PUBLIC}", pem("rsa2048.public-pkcs1")])
def test_every_form_of_a_public_key(text):
    """However a public key is written, it is the same key."""
    assert keys.load_public(text.encode()) == PUBLIC_DER


def test_proof(monkeypatch):
    """A process proves a key once, and none that it has made."""
    asked = []

    def load(*arguments, unsafe_skip_rsa_key_validation, **options):
        asked.append(not unsafe_skip_rsa_key_validation)
        return load_der_private_key(*arguments, unsafe_skip_rsa_key_validation=True, **options)

    monkeypatch.setattr(keys, "load_der_private_key", load)
    text = foreign_key()
    assert keys.load(text) == keys.load(text)
    assert sum(asked) == 1
    keys.load(keys.generate(1024).pkcs1_base64())
    assert sum(asked) == 1


def foreign_key():
    """A key that this process has never loaded, as base64 of PKCS#1."""
    key = rsa.generate_private_key(65537, 1024)
    der = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return base64.b64encode(der).decode()


NO_BLOCK = "block without a BEGIN or an END line"


def no(text, code, load=keys.load, **fields):
    """A row: *text* is refused with *code*."""
    return load, text, code, fields


no_public = partial(no, load=keys.load_public)


def public_half(name):
    key = load_pem_private_key(pem(name).encode(), password=None).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


EC_PUBLIC = b"""-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
"""


REFUSED = {
    "empty": no("", K.EMPTY_KEY),
    "not base64": no("my secret key", K.NOT_BASE64),
    "base64 of other bytes": no(encoded(b"no key at all"), K.UNREADABLE, half="private"),
    "base64 of a PEM file": no(encoded(PKCS8.encode()), K.PEM_IN_BASE64),
    "EC": no(pem("ec"), K.NOT_RSA),
    "encrypted, DER": no(der("encrypted.pkcs8"), K.ENCRYPTED),
    "certificate": no(pem("certificate"), K.OTHER_BLOCK, block="CERTIFICATE"),
    "public key": no(pem("rsa2048.public"), K.PUBLIC),
    "public key, DER": no(der("rsa2048.public"), K.PUBLIC),
    "two keys": no(PKCS8 + pem("another"), K.SEVERAL, count=2),
    "no END line": no(PKCS1.replace("-----END RSA", ""), K.OTHER_BLOCK, block=NO_BLOCK),
    "a line lost": no(PKCS1.replace(PKCS1.splitlines()[5], ""), K.UNREADABLE, half="private"),
    **{
        f"{bits} bits": no(pem(f"rsa{bits}"), K.BITS, least=1024, most=2048, bits=bits)
        for bits in (1023, 2050)
    },
    "e = 3": no(pem("rsa2048-e3"), K.EXPONENT, exponent=3, expected=65537),
}


REFUSED_PUBLIC = {
    "cut": no_public(PUBLIC.encode()[:90], K.UNREADABLE, half="public"),
    "elliptic curve": no_public(EC_PUBLIC, K.NOT_RSA),
    "1023 bits": no_public(public_half("rsa1023"), K.BITS, least=1024, most=2048, bits=1023),
}


@cases(
    ("load", "text", "code", "fields"),
    REFUSED | {f"public, {name}": row for name, row in REFUSED_PUBLIC.items()},
)
def test_refused(load, text, code, fields):
    """
    What SES would take without a word and never verify is refused, with its own reason.

    No part of what was given is in the error, nor in a cause that a traceback would print.
    """
    with pytest.raises(InvalidKey) as refused:
        load(text)
    message = refused.value.message
    assert (message.code, message.fields | fields) == (code, message.fields)
    shown = text if isinstance(text, str) else encoded(text)
    given_parts = set(re.findall("[A-Za-z0-9+/]{20,}", shown))
    assert [part for part in given_parts if part in f"{refused.value!r} {refused.value}"] == []
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_generated_key():
    """
    A generated key has the asked size and the usual exponent, is loaded again as itself, and is
    new.
    """
    generated = keys.generate(1024)
    numbers = load_der_private_key(generated.pkcs1_der, password=None).public_key().public_numbers()
    assert (numbers.n.bit_length(), numbers.e) == (1024, 65537)
    assert generated == keys.load(generated.pkcs1_base64())
    assert generated.fingerprint != keys.generate(1024).fingerprint


@pytest.mark.parametrize("bits", [1023, 2049])
def test_generates_nothing_ses_refuses(bits):
    """A size SES can't sign with is refused before a key is made."""
    with pytest.raises(InvalidKey, match=rf"^must be 1024 to 2048 bits, not {bits}\n"):
        keys.generate(bits)


def test_public_bits():
    """Only SubjectPublicKeyInfo of plain RSA, whole and alone, is a public key."""
    public = der("rsa2048.public")
    no = [
        b"",
        public[:-1],
        public + b"\0",
        der("rsa2048.public-pkcs1"),
        der("rsa2048.pkcs1"),
        base64.b64decode(body(EC_PUBLIC.decode())),
    ]
    assert keys.public_bits(public) == 2048
    assert [octets for octets in no if keys.public_bits(octets)] == []


FILES = {
    "encrypted PKCS#8": (pem("encrypted.pkcs8").encode(), ["-passin", "pass:test"]),
    "base64 of PEM": (base64.b64encode(PKCS8.encode()), []),
}


@pytest.mark.parametrize(("content", "answers"), FILES.values(), ids=FILES)
def test_hint_followed(tmp_path, content, answers):
    """
    A file in another format is refused with the command that helps; run as it is named, it helps.
    """
    with pytest.raises(InvalidKey) as refused:
        keys.load(content)
    (command,) = re.findall("`(.*?)`", refused.value.text)
    given, new = tmp_path / "given", tmp_path / "new"
    given.write_bytes(content)
    named = {"FILE": given, "NEW": new}
    arguments = [str(named.get(argument, argument)) for argument in command.split()]
    done = subprocess.run([*arguments, *answers], capture_output=True)
    assert done.returncode == 0, done.stderr
    written = new.read_bytes() if new.exists() else done.stdout
    assert keys.load(written).public_key_der == PUBLIC_DER
