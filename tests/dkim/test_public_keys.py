"""A public key comes out of its file, or is refused by what it is instead."""

import base64
import re

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from byodkim_provider.dkim import keys
from byodkim_provider.errors import InvalidKey
from byodkim_provider.messages.dkim import DkimMessages as K
from tests.support.cases import cases
from tests.support.testdata import key, pem

PEM = pem("rsa2048.public")
EXPECTED = {"expected": K.PUBLIC_EXPECTED()}


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


def body(name):
    """The base64 of a PEM file, on one line."""
    return "".join(pem(name).splitlines()[1:-1])


def public_half(name):
    key = load_pem_private_key(pem(name).encode(), password=None).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def no(text, code, **fields):
    """A row: *text* is refused with *code*."""
    return text, code(**{**(EXPECTED if "{expected}" in code.text else {}), **fields})


REFUSED = {
    "empty": no("", K.EMPTY_KEY),
    "empty file": no(b"", K.EMPTY_KEY),
    "no key": no("my public key", K.NOT_BASE64),
    "a record's value": no(f"p={BASE64}", K.NOT_BASE64),
    "cut short": no(PEM[:200], K.UNREADABLE, half="public"),
    "no BEGIN line": no(PEM.partition("\n")[2], K.UNREADABLE, half="public"),
    "no base64": no(PEM.replace("MII", "M*I"), K.UNREADABLE, half="public"),
    "damaged": no(PEM.replace("MIIB", "MIIC"), K.UNREADABLE, half="public"),
    "damaged DER": no(DER[:-1], K.UNREADABLE, half="public"),
    "certificate": no(pem("certificate"), K.HAS_PUBLIC),
    "certificate, base64": no(body("certificate"), K.HAS_PUBLIC),
    "private key": no(pem("rsa2048.pkcs8"), K.PRIVATE),
    "private key, DER": no(base64.b64decode(body("rsa2048.pkcs8")), K.PRIVATE),
    "private key beside it": no(PEM + pem("rsa2048.pkcs1"), K.PRIVATE),
    "two keys": no(PEM + PEM, K.SEVERAL, count=2, half="public"),
    "elliptic curve": no(EC, K.NOT_RSA),
    "RSA-PSS": no(pem("rsa-pss.public"), K.PSS),
    "RSA-PSS, DER": no(base64.b64decode(body("rsa-pss.public")), K.PSS),
    **{
        f"{bits} bits": no(public_half(f"rsa{bits}"), K.BITS, least=1024, most=2048, bits=bits)
        for bits in (512, 1023, 2050, 3072, 4096)
    },
}


@cases(("text", "reason"), REFUSED)
def test_refused(text, reason):
    """Anything else is named, and not quoted."""
    with pytest.raises(InvalidKey) as refused:
        keys.load_public(text)
    assert refused.value.message == reason
