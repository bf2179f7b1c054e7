"""A public key comes out of its file, or is refused by what it is instead."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from byodkim_provider import keys, public_keys
from byodkim_provider.errors import InvalidKey

TESTDATA = Path(__file__).parent / "testdata"
PEM = (TESTDATA / "rsa2048.public.pem").read_text()
EXPECTED = "expected an RSA public key in PEM, as `openssl rsa -pubout` writes it"


def in_pem(name: str) -> str:
    return (TESTDATA / f"{name}.pem").read_text()


@pytest.mark.parametrize("bits", [1024, 1536, 2048])
def test_load(bits):
    """What openssl wrote is the public half of the private key that it was made from."""
    der = public_keys.load(in_pem(f"rsa{bits}.public"))
    assert der == keys.load(in_pem(f"rsa{bits}.pkcs8")).public_key_der
    assert public_keys.bits(der) == bits


@pytest.mark.parametrize(
    "text",
    [PEM.replace("\n", "\r\n"), f"\n{PEM}\n", PEM.replace("\n", " ")],
    ids=["CRLF", "blank lines", "one line"],
)
def test_white_space(text):
    """White space makes no difference."""
    assert public_keys.load(text) == public_keys.load(PEM)


EC = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
"""
REFUSED = {
    "empty": ("", f"is not one whole PEM block of a public key, {EXPECTED}"),
    "base64 alone": (
        "".join(PEM.splitlines()[1:-1]),
        f"is not one whole PEM block of a public key, {EXPECTED}",
    ),
    "cut short": (PEM[:200], f"is not one whole PEM block of a public key, {EXPECTED}"),
    "text before it": (f"key:\n{PEM}", f"is not one whole PEM block of a public key, {EXPECTED}"),
    "certificate": (in_pem("certificate"), f"is not one whole PEM block of a public key, {EXPECTED}"),
    "private key": (in_pem("rsa2048.pkcs8"), f"is a private key, {EXPECTED}"),
    "private key beside it": (PEM + in_pem("rsa2048.pkcs1"), f"is a private key, {EXPECTED}"),
    "bare": (in_pem("rsa2048.public-pkcs1"), f"is a bare RSAPublicKey, {EXPECTED}"),
    "two keys": (PEM + PEM, f"is damaged: between BEGIN and END is no base64, {EXPECTED}"),
    "no base64": (PEM.replace("MII", "M*I"), f"is damaged: between BEGIN and END is no base64, {EXPECTED}"),
    "damaged": (PEM.replace("MIIB", "MIIC"), f"is no plain RSA key, {EXPECTED}"),
    "elliptic curve": (EC, f"is no plain RSA key, {EXPECTED}"),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(text, reason):
    """Anything else is named, and not quoted."""
    with pytest.raises(InvalidKey) as refused:
        public_keys.load(text)
    assert reason == refused.value.reason


@pytest.mark.parametrize("name", ["rsa512", "rsa1023", "rsa2050", "rsa3072", "rsa4096"])
def test_size(name):
    """A size that SES can't sign with is refused by its number of bits."""
    private_key = load_pem_private_key((TESTDATA / f"{name}.pem").read_bytes(), password=None)
    pem = private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(InvalidKey, match=f"^must be 1024 to 2048 bits, not {name.removeprefix('rsa')}$"):
        public_keys.load(pem)
