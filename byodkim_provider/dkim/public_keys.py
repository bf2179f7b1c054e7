"""
Reads a public key from a file and reports its length.

For users who don't have the private key. `keys` decides which keys SES can sign with.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from byodkim_provider.dkim.keys import MAX_BITS, MIN_BITS, block, is_certificate, is_rsa_pss, pem_or_der
from byodkim_provider.errors import InvalidKey
from byodkim_provider.messages import Message
from byodkim_provider.messages.dkim import KeyMessages

_PUBLIC: Final = KeyMessages.PUBLIC_EXPECTED()


def load(public_key: str | bytes) -> bytes:
    """
    The key in *public_key* (SubjectPublicKeyInfo, DER), which is PEM, DER or base64 of it.

    *public_key* is the content of a file. Text before or after a PEM block does not matter.
    Raises `InvalidKey`, whose reason never quotes the key.
    """
    found = pem_or_der(public_key, _PUBLIC)
    der = _from_pem(found) if isinstance(found, str) else found
    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidKey(_why_no_der(der)) from None
    if is_rsa_pss(der):
        raise InvalidKey(KeyMessages.PSS())
    if not isinstance(key, RSAPublicKey):
        raise InvalidKey(KeyMessages.NOT_RSA(expected=_PUBLIC))
    if not MIN_BITS <= key.key_size <= MAX_BITS:
        raise InvalidKey(KeyMessages.BITS(least=MIN_BITS, most=MAX_BITS, bits=key.key_size))
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def bits(public_key_der: bytes) -> int:
    """Length in bits of an RSA key (SubjectPublicKeyInfo, DER)."""
    key = load_der_public_key(public_key_der)
    if not isinstance(key, RSAPublicKey):
        raise InvalidKey(KeyMessages.NOT_RSA(expected=_PUBLIC))
    return key.key_size


def _from_pem(text: str) -> bytes:
    """The DER of the one public key, or of the certificate, in *text*; empty if there is neither."""
    if "PRIVATE KEY-----" in text:
        raise InvalidKey(KeyMessages.PRIVATE(expected=_PUBLIC))
    if (count := text.count("PUBLIC KEY-----") // 2) > 1:
        raise InvalidKey(KeyMessages.SEVERAL(count=count, half="public"))
    blocks = (block(text, label) for label in ("PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE"))
    return next(filter(None, blocks), b"")


def _why_no_der(der: bytes) -> Message:
    """Why `cryptography` does not load *der* as a public key."""
    if is_certificate(der):
        return KeyMessages.HAS_PUBLIC()
    try:
        load_der_private_key(der, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return KeyMessages.UNREADABLE(half="public", expected=_PUBLIC)
    return KeyMessages.PRIVATE(expected=_PUBLIC)
