"""
Can Amazon SES sign with this key, and how is it encoded?

String in, checked value out: no file, no network. SES accepts nearly any string as a key and
then never verifies it, so a key that SES can't sign with is refused here. No reason quotes
the key, and each error is raised `from None`, because its cause might.

For users who don't have the private key, `load_public` reads the public one.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import functools
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
from cryptography.x509 import load_der_x509_certificate

from byodkim_provider.errors import InvalidKey
from byodkim_provider.messages import Message
from byodkim_provider.messages.dkim import DkimMessages

MIN_BITS: Final = 1024
"""Shortest modulus in bits: SES's least, and what RFC 8301 section 3.2 asks of signers."""

MAX_BITS: Final = 2048
"""Longest modulus in bits (SES developer guide, "Provide your own DKIM authentication token")."""

PUBLIC_EXPONENT: Final = 65537
"""
Exponent of generated keys, and the smallest allowed in supplied keys.

The guide's `openssl genrsa -f4` uses it. Whether SES signs with a smaller exponent is not
documented, and SES would report no error if it didn't.
"""

MAX_EXPONENT: Final = 2**31 - 1
"""
Largest public exponent: Go's crypto/rsa verifies with none beyond it.

So the private exponent is nearly as long as the modulus, too; a short one can be computed (Wiener
1990).
"""

_PRIVATE: Final = DkimMessages.PRIVATE_EXPECTED()
_PUBLIC: Final = DkimMessages.PUBLIC_EXPECTED()

_OTHER_LABELS: Final = {
    "CERTIFICATE": DkimMessages.CERTIFICATE(expected=_PRIVATE),
    "CERTIFICATE REQUEST": DkimMessages.REQUEST(expected=_PRIVATE),
    "DSA PRIVATE KEY": DkimMessages.ALGORITHM(algorithm="DSA"),
    "EC PRIVATE KEY": DkimMessages.ALGORITHM(algorithm="EC"),
    "OPENSSH PRIVATE KEY": DkimMessages.OPENSSH(),
    "PUBLIC KEY": DkimMessages.PUBLIC(expected=_PRIVATE),
    "RSA PUBLIC KEY": DkimMessages.PUBLIC(expected=_PRIVATE),
}
"""What a PEM block is that is no RSA key, by its label."""

_RSASSA_PSS: Final = bytes.fromhex("06092a864886f70d01010a")
"""DER of the identifier 1.2.840.113549.1.1.10, RSASSA-PSS (RFC 8017 appendix C)."""

_PKCS7_DATA: Final = bytes.fromhex("06092a864886f70d010701")
"""
DER of the identifier 1.2.840.113549.1.7.1, near the beginning of every PKCS#12 file (RFC 7292).
"""

_made_here: Final = set[bytes]()
"""
Digests of the keys that `generate` made in this process: their primes were tested as they were
chosen.
"""

_RSA_PRIVATE_KEY: Final = re.compile(
    rb"0\x82..(\x02\x01\0.{15}\x04\x82..0\x82..)?\x02\x01([\0\1])\x02", re.DOTALL
)
"""
How RSAPrivateKey begins, bare or in PKCS#8; version 1 has three or more primes (RFC 8017 A.1.2).
"""


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
        """
        The private key as SES's `DomainSigningPrivateKey` takes it: base64 of PKCS#1 DER, one line.
        """
        return base64.b64encode(self.pkcs1_der).decode()


def fingerprint(public_key_der: bytes) -> str:
    """SHA-256 of a public key (SubjectPublicKeyInfo, DER), 64 hex digits."""
    return hashlib.sha256(public_key_der).hexdigest()


def is_rsa_public_key(der: bytes) -> bool:
    """
    Whether *der* is the SubjectPublicKeyInfo of a plain RSA key, in DER and nothing beside it.
    """
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


def generate(bits: int) -> SigningKey:
    """A new key with a modulus of *bits* bits; `InvalidKey` if SES can't sign with that size."""
    _check_size(bits)
    made = _signing_key(rsa.generate_private_key(PUBLIC_EXPONENT, bits))
    _made_here.add(_digest(made.pkcs1_der))
    return made


def load(private_key: str | bytes, *, proved: bool = False) -> SigningKey:
    r"""
    The key that *private_key* holds: PKCS#1 or PKCS#8, as PEM, as DER or as base64 of it.

    *private_key* is a setting, an input in the state, or the content of a file. White space, line
    ends and text before or after a PEM block don't matter. `\n` may be an escape sequence, as
    secret stores often write it. Raises `InvalidKey`; its reason completes a message that begins
    with the setting's name. A key that was loaded before is *proved*: whether its numbers belong
    together, which takes about 0.1 seconds, is not asked again. A process asks once for each DER,
    and not for a key that it made.
    """
    found = _pem_or_der(private_key, _PRIVATE)
    der = _from_pem(found) if isinstance(found, str) else found
    proved = proved or _digest(der) in _made_here
    key = _from_der(der, proved=proved)
    if not isinstance(key, rsa.RSAPrivateKey):
        algorithm = type(key).__name__.removesuffix("PrivateKey")
        raise InvalidKey(DkimMessages.ALGORITHM(algorithm=algorithm))
    _check_size(key.key_size)
    exponent = key.public_key().public_numbers().e
    if exponent < PUBLIC_EXPONENT:
        raise InvalidKey(DkimMessages.EXPONENT(exponent=exponent, least=PUBLIC_EXPONENT))
    if exponent > MAX_EXPONENT:
        bits = exponent.bit_length()
        raise InvalidKey(DkimMessages.LONG_EXPONENT(bits=bits, expected=PUBLIC_EXPONENT))
    if not proved:
        numbers = key.private_numbers()
        if problem := prime_problem(numbers.p, numbers.q):
            raise InvalidKey(problem)
    return _signing_key(key)


def _pem_or_der(key: str | bytes, expected: Message) -> str | bytes:
    """The key in a setting or a file: PEM as a string, DER as octets; else raises `InvalidKey`."""
    if isinstance(key, bytes):
        if key[:2] in (b"0\x81", b"0\x82"):  # a SEQUENCE as long as keys are; text never begins so
            return key
        key = key.decode(_encoding(key), errors="replace")
    text = key.replace(r"\r", "").replace(r"\n", "\n").replace("\ufeff", "").strip()
    if not text:
        raise InvalidKey(DkimMessages.EMPTY_KEY(expected=expected))
    if "-----" in text:
        return text
    return _decoded("".join(text.split()), expected)


def _encoding(text: bytes) -> str:
    """
    Encoding of text whose first character is ASCII: UTF-8, or UTF-16 as Windows writes it into
    files.
    """
    if text[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    return "utf-16-le" if text[1:2] == b"\0" else "utf-16-be" if text[:1] == b"\0" else "utf-8"


def _is_rsa_pss(der: bytes) -> bool:
    """Whether a key is for RSA-PSS only, which `cryptography` loads as plain RSA."""
    return _RSASSA_PSS in der[:40]


def _signing_key(key: rsa.RSAPrivateKey) -> SigningKey:
    public_key_der = _public_key_der(key.public_key())
    return SigningKey(
        pkcs1_der=key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        public_key_der=public_key_der,
        bits=key.key_size,
        fingerprint=fingerprint(public_key_der),
    )


def _digest(pkcs1_der: bytes) -> bytes:
    return hashlib.sha256(pkcs1_der).digest()


def _public_key_der(key: rsa.RSAPublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _check_size(bits: int) -> None:
    if not MIN_BITS <= bits <= MAX_BITS:
        raise InvalidKey(DkimMessages.BITS(least=MIN_BITS, most=MAX_BITS, bits=bits))


def _from_pem(text: str) -> bytes:
    """The DER of the one private key in *text*."""
    labels = re.findall(r"-----BEGIN ([A-Z0-9 ]+)-----", text)
    private = [label for label in labels if label.endswith("PRIVATE KEY")]
    if len(private) > 1:
        raise InvalidKey(DkimMessages.SEVERAL(count=len(private), half="private"))
    if not labels:
        raise InvalidKey(DkimMessages.NO_BEGIN())
    label = (private or labels)[0]
    # In the label, or in an RFC 1421 header.
    if "ENCRYPTED" in label + text.partition(f"-----BEGIN {label}-----")[2].partition("-----")[0]:
        raise InvalidKey(DkimMessages.ENCRYPTED())
    if label in _OTHER_LABELS:
        raise InvalidKey(_OTHER_LABELS[label])
    if not private:
        raise InvalidKey(DkimMessages.OTHER_BLOCK(expected=_PRIVATE))
    if f"-----END {label}-----" not in text:
        raise InvalidKey(DkimMessages.NO_END())
    if not (der := _block(text, label)):
        raise InvalidKey(DkimMessages.DAMAGED_PEM())
    return der


def _block(text: str, label: str) -> bytes:
    """The DER in the PEM block *label* of *text*; empty if there is none, or it is damaged."""
    body = text.partition(f"-----BEGIN {label}-----")[2].partition("-----END")[0]
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _decoded(text: str, expected: Message) -> bytes:
    """What base64 *text* holds."""
    if not text.isascii():
        raise InvalidKey(DkimMessages.NOT_ASCII(expected=expected))
    cut = len(text) % 4 != 0
    if not re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", text) or (cut and not text.startswith("MI")):
        raise InvalidKey(DkimMessages.NOT_BASE64(expected=expected))
    if cut:  # base64 of every key begins with MI
        raise InvalidKey(DkimMessages.CUT_BASE64(length=len(text)))
    der = base64.b64decode(text)
    if der.lstrip().startswith(b"-----BEGIN"):
        # SES takes it without an error:
        # https://github.com/hashicorp/terraform-provider-aws/issues/29729
        raise InvalidKey(DkimMessages.PEM_IN_BASE64())
    return der


@functools.lru_cache(maxsize=1024)  # a run loads the key of an identity in each call about it
def _from_der(der: bytes, *, proved: bool) -> object:
    try:
        key = load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=proved)
    except TypeError:
        raise InvalidKey(DkimMessages.ENCRYPTED()) from None
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidKey(_why_no_der(der)) from None
    if _is_rsa_pss(der):
        raise InvalidKey(DkimMessages.PSS())
    return key


def _why_no_der(der: bytes) -> Message:
    """Why `cryptography` does not load *der* as a private key."""
    octets = _sequence_octets(der)
    if octets and len(der) < octets:
        return DkimMessages.CUT_DER(length=len(der), expected=octets)
    if octets and len(der) > octets:
        return DkimMessages.LONG_DER(length=len(der), expected=octets)
    rsa_key = _RSA_PRIVATE_KEY.match(der)
    if rsa_key and rsa_key[2] == b"\1":
        return DkimMessages.PRIMES()
    if rsa_key:
        return DkimMessages.DAMAGED()
    if is_rsa_public_key(der):
        return DkimMessages.PUBLIC(expected=_PRIVATE)
    if _is_certificate(der):
        return DkimMessages.CERTIFICATE(expected=_PRIVATE)
    if _PKCS7_DATA in der[:40]:
        return DkimMessages.PKCS12()
    return DkimMessages.UNREADABLE(half="private", expected=_PRIVATE)


def _is_certificate(der: bytes) -> bool:
    """Whether *der* is an X.509 certificate."""
    try:
        load_der_x509_certificate(der)
    except ValueError:
        return False
    return True


def _sequence_octets(der: bytes) -> int:
    """
    Octets of the SEQUENCE *der* begins with, by its own length field (X.690 section 8.1.3); 0
    without.
    """
    if len(der) < 4 or der[0] != 0x30:
        return 0
    if der[1] < 0x80:
        return 2 + der[1]
    content = 2 + (der[1] & 0x7F)
    return content + int.from_bytes(der[2:content], "big")


def load_public(public_key: str | bytes) -> bytes:
    """
    The key in *public_key* (SubjectPublicKeyInfo, DER), which is PEM, DER or base64 of it.

    *public_key* is the content of a file. Text before or after a PEM block does not matter.
    Raises `InvalidKey`, whose reason never quotes the key.
    """
    found = _pem_or_der(public_key, _PUBLIC)
    der = _public_from_pem(found) if isinstance(found, str) else found
    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidKey(_why_not_public(der)) from None
    if _is_rsa_pss(der):
        raise InvalidKey(DkimMessages.PSS())
    if not isinstance(key, rsa.RSAPublicKey):
        raise InvalidKey(DkimMessages.NOT_RSA(expected=_PUBLIC))
    _check_size(key.key_size)
    return _public_key_der(key)


def public_bits(public_key_der: bytes) -> int:
    """Length in bits of an RSA key (SubjectPublicKeyInfo, DER)."""
    key = load_der_public_key(public_key_der)
    if not isinstance(key, rsa.RSAPublicKey):
        raise InvalidKey(DkimMessages.NOT_RSA(expected=_PUBLIC))
    return key.key_size


def _public_from_pem(text: str) -> bytes:
    """
    The DER of the one public key, or of the certificate, in *text*; empty if there is neither.
    """
    if "PRIVATE KEY-----" in text:
        raise InvalidKey(DkimMessages.PRIVATE(expected=_PUBLIC))
    if (count := text.count("PUBLIC KEY-----") // 2) > 1:
        raise InvalidKey(DkimMessages.SEVERAL(count=count, half="public"))
    blocks = (_block(text, label) for label in ("PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE"))
    return next(filter(None, blocks), b"")


def _why_not_public(der: bytes) -> Message:
    """Why `cryptography` does not load *der* as a public key."""
    if _is_certificate(der):
        return DkimMessages.HAS_PUBLIC()
    try:
        load_der_private_key(der, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return DkimMessages.UNREADABLE(half="public", expected=_PUBLIC)
    return DkimMessages.PRIVATE(expected=_PUBLIC)


MIN_PRIME_SHARE: Final = 0.4
"""
Smallest share of the modulus's bits in a prime. `openssl` makes halves; ECM has found 274 bits.
"""

MIN_DISTANCE_BITS: Final = 100
"""
How many bits below half the modulus's the distance of the primes may be (FIPS 186-5 section A.1.3).

Fermat's method finds primes that are closer. Of random primes one pair in 2**100 is.
"""

ROCA_PRIMES: Final = tuple(n for n in range(2, 168) if all(n % divisor for divisor in range(2, n)))
ROCA_BASE: Final = 65537
"""
Infineon's chips made primes that are powers of 65537 modulo the product of these (CVE-2017-15361).

Nemec and others, "The Return of Coppersmith's Attack", section 2. One random modulus in 2**27 looks
so, too.
"""


def prime_problem(p: int, q: int) -> Message | None:
    """
    Why a key with the primes *p* and *q* is no secret, as the end of a sentence; None if it is one.
    """
    bits = (p * q).bit_length()
    shorter = min(p, q).bit_length()
    if shorter < bits * MIN_PRIME_SHARE:
        return DkimMessages.SHORT_PRIME(bits=shorter)
    if abs(p - q).bit_length() <= bits // 2 - MIN_DISTANCE_BITS:
        return DkimMessages.CLOSE_PRIMES()
    # As the authors' own tool asks.
    is_of_roca = all(
        p * q % n in {pow(ROCA_BASE, exponent, n) for exponent in range(n)} for n in ROCA_PRIMES
    )
    return DkimMessages.ROCA() if is_of_roca else None
