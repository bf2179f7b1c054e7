"""
Can Amazon SES sign with this key, and how is it encoded?

Text in, checked value out: no file, no network. SES takes nearly any text for a key and
then never verifies it, so whatever it can't sign with is refused here. No reason quotes
the key, and each is raised `from None`, for its cause might.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from byodkim_provider.errors import InvalidKey

__all__ = [
    "MAX_BITS",
    "MIN_BITS",
    "PUBLIC_EXPONENT",
    "SigningKey",
    "fingerprint",
    "generate",
    "is_rsa_public_key",
    "load",
    "selector_for",
]

MIN_BITS: Final = 1024
"""Shortest modulus in bits: SES's least, and what RFC 8301 section 3.2 asks of signers."""

MAX_BITS: Final = 2048
"""Longest modulus in bits (SES developer guide, "Provide your own DKIM authentication token")."""

PUBLIC_EXPONENT: Final = 65537
"""
Exponent of generated keys, the least that supplied ones may have.

The guide's `openssl genrsa -f4` makes it. Whether SES signs with a smaller one is not
documented, and it would not say so if it didn't.
"""

_EXPECTED: Final = "expected an RSA private key (PKCS#1 or PKCS#8), as PEM or as base64 of its DER"

_ENCRYPTED: Final = "is encrypted, expected a key without passphrase (openssl rsa takes it off)"

_SIGNING_LABELS: Final = {"PRIVATE KEY", "RSA PRIVATE KEY"}

_OTHER_LABELS: Final = {
    "CERTIFICATE": "is a certificate",
    "CERTIFICATE REQUEST": "is a certificate request",
    "DSA PRIVATE KEY": "is a key for DSA",
    "EC PARAMETERS": "is a key for EC",
    "EC PRIVATE KEY": "is a key for EC",
    "OPENSSH PRIVATE KEY": "is an OpenSSH key",
    "PUBLIC KEY": "is a public key",
    "RSA PUBLIC KEY": "is a public key",
}

_RSASSA_PSS: Final = bytes.fromhex("06092a864886f70d01010a")
"""DER of the identifier 1.2.840.113549.1.1.10, RSASSA-PSS (RFC 8017 appendix C)."""

_RSA_PRIVATE_KEY: Final = re.compile(
    rb"0\x82..(\x02\x01\0.{15}\x04\x82..0\x82..)?\x02\x01([\0\1])\x02", re.DOTALL
)
"""How RSAPrivateKey begins, bare or in PKCS#8; version 1 has three or more primes (RFC 8017 A.1.2)."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An RSA key SES can sign with. A class so that it is checked once, when loaded or made."""

    pkcs1_der: bytes = field(repr=False)
    public_key_der: bytes = field(repr=False)
    """SubjectPublicKeyInfo, DER."""
    bits: int
    fingerprint: str
    """SHA-256 of `public_key_der`, 64 hex digits."""

    def pkcs1_base64(self) -> str:
        """The private key as SES's `DomainSigningPrivateKey` takes it: base64 of PKCS#1 DER, one line."""
        return base64.b64encode(self.pkcs1_der).decode()


def fingerprint(public_key_der: bytes) -> str:
    """SHA-256 of a public key (SubjectPublicKeyInfo, DER), 64 hex digits."""
    return hashlib.sha256(public_key_der).hexdigest()


def is_rsa_public_key(der: bytes) -> bool:
    """Whether *der* is the SubjectPublicKeyInfo of a plain RSA key, in DER and nothing beside it."""
    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        return False
    return isinstance(key, rsa.RSAPublicKey) and der == _public_key_der(key)


def selector_for(fingerprint: str, day: date) -> str:
    """
    Selector of a key generated on *day*, which no other key ever gets.

    >>> selector_for("3f9c2a71" + "0" * 56, date(2026, 11, 25))
    's20261125-3f9c2a71'
    """
    return f"s{day:%Y%m%d}-{fingerprint[:8]}"


def generate(bits: int = MAX_BITS) -> SigningKey:
    """A new key with a modulus of *bits* bits; `InvalidKey` if SES can't sign with that size."""
    _check_size(bits)
    return _signing_key(rsa.generate_private_key(PUBLIC_EXPONENT, bits))


def load(private_key: str) -> SigningKey:
    r"""
    The key that *private_key* holds: PKCS#1 or PKCS#8, as PEM or as base64 of the DER.

    White space and line ends don't matter, and `\n` may be written out, as it is in many
    a secret store. Raises `InvalidKey`; its reason goes behind the name of a setting.
    """
    key = _rsa_private_key(_der(_base64(private_key)))
    _check_size(key.key_size)
    exponent = key.public_key().public_numbers().e
    if exponent < PUBLIC_EXPONENT:
        raise InvalidKey(
            f"has the public exponent {exponent}, expected {PUBLIC_EXPONENT} (openssl genrsa -f4)"
        )
    return _signing_key(key)


def _signing_key(key: rsa.RSAPrivateKey) -> SigningKey:
    public_key_der = _public_key_der(key.public_key())
    return SigningKey(
        pkcs1_der=key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        public_key_der=public_key_der,
        bits=key.key_size,
        fingerprint=fingerprint(public_key_der),
    )


def _public_key_der(key: rsa.RSAPublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _check_size(bits: int) -> None:
    if not MIN_BITS <= bits <= MAX_BITS:
        raise InvalidKey(f"must be {MIN_BITS} to {MAX_BITS} bits, not {bits}")


def _base64(text: str) -> str:
    """The base64 in *text*, without PEM armour and white space."""
    if not text.isascii():
        raise InvalidKey(f"has characters outside ASCII, {_EXPECTED}")
    text = text.replace(r"\r", "").replace(r"\n", "\n").strip()
    if not text:
        raise InvalidKey(f"is empty, {_EXPECTED}")
    if "-----" in text:
        text = _pem_body(text)
    return "".join(text.split())


def _pem_body(text: str) -> str:
    """What stands between the BEGIN and the END line."""
    labels = re.findall(r"-----BEGIN ([A-Z0-9 ]+)-----", text)
    if not labels:
        raise InvalidKey("has no BEGIN line, expected a whole PEM block")
    if labels[0] == "ENCRYPTED PRIVATE KEY":
        raise InvalidKey(_ENCRYPTED)
    if labels[0] in _OTHER_LABELS:
        raise InvalidKey(f"{_OTHER_LABELS[labels[0]]}, {_EXPECTED}")
    if labels[0] not in _SIGNING_LABELS:
        raise InvalidKey(f"is another kind of PEM block, {_EXPECTED}")
    if len(labels) > 1:
        raise InvalidKey(f"holds {len(labels)} PEM blocks, expected one")
    block = re.fullmatch(r"(.*?)-----BEGIN [^-]+-----(.*?)-----END [^-]+-----(.*)", text, re.DOTALL)
    if not block:
        raise InvalidKey("is cut short: no END line, expected a whole PEM block")
    before, body, after = block.groups()
    if before or after:
        raise InvalidKey("has text before or after the PEM block, expected the block alone")
    if "ENCRYPTED" in body:  # the header `Proc-Type: 4,ENCRYPTED` of RFC 1421
        raise InvalidKey(_ENCRYPTED)
    return body


def _der(text: str) -> bytes:
    """The one DER value that base64 *text* holds, whole."""
    cut = len(text) % 4 != 0
    if not re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", text) or (cut and not text.startswith("MI")):
        raise InvalidKey(f"is not base64, {_EXPECTED}")
    if cut:  # base64 of every key begins with MI
        raise InvalidKey(f"is cut short: {len(text)} characters of base64, expected a multiple of 4")
    der = base64.b64decode(text)
    if der.lstrip().startswith(b"-----BEGIN"):
        # SES takes it without an error: https://github.com/hashicorp/terraform-provider-aws/issues/29729
        raise InvalidKey("is base64 of a whole PEM file, expected the PEM itself, or base64 of its DER")
    if der[0] != 0x30 or len(der) < 4:  # a SEQUENCE
        raise InvalidKey(f"is not a private key that can be read, {_EXPECTED}")
    expected = _sequence_octets(der)
    if len(der) < expected:
        raise InvalidKey(f"is cut short: {len(der)} octets of DER, expected {expected}")
    if len(der) > expected:
        raise InvalidKey(f"has something after the key: {len(der)} octets of DER, expected {expected}")
    return der


def _sequence_octets(der: bytes) -> int:
    """Octets of the DER value *der* begins with, by its own length field (X.690 section 8.1.3)."""
    if der[1] < 0x80:
        return 2 + der[1]
    content = 2 + (der[1] & 0x7F)
    return content + int.from_bytes(der[2:content], "big")


def _rsa_private_key(der: bytes) -> rsa.RSAPrivateKey:
    if _RSASSA_PSS in der[:40]:  # cryptography would load it as plain RSA
        raise InvalidKey("is an RSA-PSS key, expected plain RSA (openssl genrsa)")
    try:
        # Also computes whether the numbers belong together.
        key = load_der_private_key(der, password=None)
    except TypeError:
        raise InvalidKey(_ENCRYPTED) from None
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidKey(_why_not_loaded(der)) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        algorithm = type(key).__name__.removesuffix("PrivateKey")
        raise InvalidKey(f"is a key for {algorithm}, {_EXPECTED}")
    return key


def _why_not_loaded(der: bytes) -> str:
    rsa_key = _RSA_PRIVATE_KEY.match(der)
    if rsa_key and rsa_key[2] == b"\1":
        return "has more than two primes, expected two (openssl genrsa without -primes)"
    if rsa_key:
        return "is damaged, its numbers do not belong together"
    if is_rsa_public_key(der):
        return f"is a public key, {_EXPECTED}"
    return f"is not a private key that can be read, {_EXPECTED}"
