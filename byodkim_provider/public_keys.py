"""
The public half of a key on its own: out of a file, and how long it is.

For those who have no private key at hand. What SES can sign with is decided in `keys`.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from byodkim_provider.errors import InvalidKey
from byodkim_provider.keys import MAX_BITS, MIN_BITS, is_rsa_public_key

__all__ = ["bits", "load"]

_EXPECTED: Final = "expected an RSA public key in PEM, as `openssl rsa -pubout` writes it"


def load(pem: str) -> bytes:
    """The key in *pem* (SubjectPublicKeyInfo, DER); raises `InvalidKey`, whose reason never quotes it."""
    if "PRIVATE KEY-----" in pem:
        raise InvalidKey(f"is a private key, {_EXPECTED}")
    if "-----BEGIN RSA PUBLIC KEY-----" in pem:
        raise InvalidKey(f"is a bare RSAPublicKey, {_EXPECTED}")
    block = re.fullmatch(r"\s*-----BEGIN PUBLIC KEY-----(.*)-----END PUBLIC KEY-----\s*", pem, re.DOTALL)
    if not block:
        raise InvalidKey(f"is not one whole PEM block of a public key, {_EXPECTED}")
    try:
        der = base64.b64decode("".join(block[1].split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidKey(f"is damaged: between BEGIN and END is no base64, {_EXPECTED}") from None
    if not is_rsa_public_key(der):
        raise InvalidKey(f"is no plain RSA key, {_EXPECTED}")
    if not MIN_BITS <= bits(der) <= MAX_BITS:
        raise InvalidKey(f"must be {MIN_BITS} to {MAX_BITS} bits, not {bits(der)}")
    return der


def bits(public_key_der: bytes) -> int:
    """Length in bits of an RSA key (SubjectPublicKeyInfo, DER)."""
    key = load_der_public_key(public_key_der)
    if not isinstance(key, RSAPublicKey):
        raise InvalidKey(f"is no RSA key, {_EXPECTED}")
    return key.key_size
