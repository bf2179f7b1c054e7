"""A public key comes out of its file, or is refused by what it is instead."""

import base64
import re

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from byodkim_provider.dkim import keys
from byodkim_provider.errors import InvalidKey
from tests.support.testdata import TESTDATA, key, pem

PEM = pem("rsa2048.public")
EXPECTED = "expected an RSA public key, as `openssl rsa -in KEY -pubout` writes it"


@pytest.mark.parametrize("bits", [1024, 1536, 2048])
def test_load(bits):
    """What openssl wrote is the public half of the private key that it was made from."""
    der = keys.load_public(pem(f"rsa{bits}.public"))
    assert der == key(f"rsa{bits}.pkcs8").public_key_der
    assert keys.public_bits(der) == bits


DER = key("rsa2048.pkcs8").public_key_der
BASE64 = "".join(PEM.splitlines()[1:-1])
ACCEPTED = {
    "CRLF": PEM.replace("\n", "\r\n"),
    "blank lines": f"\n{PEM}\n",
    "one line": PEM.replace("\n", " "),
    "text before and after it": f"key:\n{PEM}\n# end",
    "base64 alone": BASE64,
    "base64 in lines": "\n".join(re.findall(".{1,64}", BASE64)),
    "RSAPublicKey": pem("rsa2048.public-pkcs1"),
    "byte order mark": f"\ufeff{PEM}",
    "file": PEM.encode(),
    "file in UTF-16": PEM.encode("utf-16"),
    "file in DER": DER,
    "file in DER, RSAPublicKey": base64.b64decode("".join(pem("rsa2048.public-pkcs1").splitlines()[1:-1])),
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_every_form(text):
    """However a public key is written, it is the same key."""
    assert keys.load_public(text) == DER


EC = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
"""
UNREADABLE = f"is not a public key that can be read, {EXPECTED}"
PRIVATE = f"is a private key, {EXPECTED}"
CERTIFICATE = "is a certificate (`openssl x509 -in FILE -pubkey -noout` writes its public key)"


REFUSED = {
    "empty": ("", f"is empty, {EXPECTED}"),
    "empty file": (b"", f"is empty, {EXPECTED}"),
    "no key": ("my public key", f"is not base64, {EXPECTED}"),
    "a record's value": (f"p={BASE64}", f"is not base64, {EXPECTED}"),
    "cut short": (PEM[:200], UNREADABLE),
    "no BEGIN line": (PEM.partition("\n")[2], UNREADABLE),
    "certificate": (pem("certificate"), CERTIFICATE),
    "certificate, base64": ("".join(pem("certificate").splitlines()[1:-1]), CERTIFICATE),
    "private key": (pem("rsa2048.pkcs8"), PRIVATE),
    "private key, DER": (base64.b64decode("".join(pem("rsa2048.pkcs8").splitlines()[1:-1])), PRIVATE),
    "private key beside it": (PEM + pem("rsa2048.pkcs1"), PRIVATE),
    "two keys": (PEM + PEM, "holds 2 public keys, expected one"),
    "no base64": (PEM.replace("MII", "M*I"), UNREADABLE),
    "damaged": (PEM.replace("MIIB", "MIIC"), UNREADABLE),
    "damaged DER": (DER[:-1], UNREADABLE),
    "elliptic curve": (EC, f"is not an RSA key, {EXPECTED}"),
    "RSA-PSS": (pem("rsa-pss.public"), "is an RSA-PSS key, expected plain RSA (openssl genrsa)"),
    "RSA-PSS, DER": (
        base64.b64decode("".join(pem("rsa-pss.public").splitlines()[1:-1])),
        "is an RSA-PSS key, expected plain RSA (openssl genrsa)",
    ),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(text, reason):
    """Anything else is named, and not quoted."""
    with pytest.raises(InvalidKey) as refused:
        keys.load_public(text)
    assert reason == refused.value.text


@pytest.mark.parametrize("name", ["rsa512", "rsa1023", "rsa2050", "rsa3072", "rsa4096"])
def test_size(name):
    """A size that SES can't sign with is refused by its number of bits."""
    private_key = load_pem_private_key((TESTDATA / f"{name}.pem").read_bytes(), password=None)
    pem = private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(InvalidKey, match=f"^must be 1024 to 2048 bits, not {name.removeprefix('rsa')}\n"):
        keys.load_public(pem)
