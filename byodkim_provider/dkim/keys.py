"""
Can Amazon SES sign with this key, and how is it encoded?

String in, checked value out: no file, no network. SES accepts nearly any string as a key and
then never verifies it, so a key that SES can't sign with is refused here: by what people paste in
its place, else in the words of `cryptography`. No reason quotes the key, and each error is raised
`from None`, because its cause might.

For users who don't have the private key, `load_public` reads the public one.
"""

import base64
import codecs
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
    load_pem_public_key,
)

from byodkim_provider.errors import InvalidKey
from byodkim_provider.messages import Message
from byodkim_provider.messages.dkim import DkimMessages
from byodkim_provider.quoting import hidden

MIN_BITS: Final = 1024
"""Shortest modulus in bits: SES's least, and what RFC 8301 section 3.2 asks of signers."""

MAX_BITS: Final = 2048
"""Longest modulus in bits (SES developer guide, "Provide your own DKIM authentication token")."""

PUBLIC_EXPONENT: Final = 65537
"""
Exponent of generated keys, and the smallest allowed in supplied keys.

The guide's `openssl genrsa` uses it. Whether SES signs with a smaller exponent is not documented,
and SES would report no error if it didn't.
"""

_PRIVATE: Final = DkimMessages.PRIVATE_EXPECTED()
_PUBLIC: Final = DkimMessages.PUBLIC_EXPECTED()


@dataclass(frozen=True)
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

    def pem(self, *, traditional: bool) -> str:
        """The private key as `openssl genrsa` writes it: PKCS#8, or with `-traditional` PKCS#1."""
        form = PrivateFormat.TraditionalOpenSSL if traditional else PrivateFormat.PKCS8
        key = load_der_private_key(self.pkcs1_der, None, unsafe_skip_rsa_key_validation=True)
        return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def fingerprint(der: bytes) -> str:
    """SHA-256 of a key in DER, of a public one as SubjectPublicKeyInfo, 64 hex digits."""
    return hashlib.sha256(der).hexdigest()


def public_bits(der: bytes) -> int:
    """
    Length in bits of the plain RSA key whose SubjectPublicKeyInfo *der* is, in DER and nothing
    beside it; 0 for anything else.
    """
    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        return 0
    if not isinstance(key, rsa.RSAPublicKey) or der != _public_key_der(key):
        return 0
    return key.key_size


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
    key = _signing_key(rsa.generate_private_key(PUBLIC_EXPONENT, bits))
    _proved.add(fingerprint(key.pkcs1_der))
    return key


def load(private_key: str | bytes, *, proved: bool = False) -> SigningKey:
    r"""
    The key that *private_key* holds: PKCS#1 or PKCS#8, as PEM, as DER or as base64 of it.

    *private_key* is a setting, an input in the state, or the content of a file. White space, line
    ends and text before or after a PEM block don't matter. `\n` may be an escape sequence, as
    secret stores often write it. Raises `InvalidKey`; its reason completes a message that begins
    with the setting's name. A key that was loaded before is *proved*: whether its numbers belong
    together, which takes about 0.1 seconds, is not asked again. Nor is it asked for a key that this
    process has made or loaded.
    """
    der = _der_in(private_key)
    digest = fingerprint(der)
    is_proved = proved or digest in _proved
    try:
        key = load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=is_proved)
    except TypeError:
        raise InvalidKey(DkimMessages.ENCRYPTED()) from None
    except (ValueError, UnsupportedAlgorithm) as error:
        problem = _unreadable("private", error, _PRIVATE)
        if public_bits(der):
            problem = DkimMessages.PUBLIC(expected=_PRIVATE)
        raise InvalidKey(problem) from None
    if not proved:
        _proved.add(digest)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise InvalidKey(DkimMessages.NOT_RSA(expected=_PRIVATE))
    _check_size(key.key_size)
    exponent = key.public_key().public_numbers().e
    if exponent < PUBLIC_EXPONENT:
        raise InvalidKey(DkimMessages.EXPONENT(exponent=exponent, expected=PUBLIC_EXPONENT))
    return _signing_key(key)


def _der_in(key: str | bytes) -> bytes:
    """The DER of the one private key in a setting or a file."""
    if isinstance(key, bytes):
        if key[:2] in (b"0\x81", b"0\x82"):  # a SEQUENCE as long as keys are; text never begins so
            return key
        # PowerShell writes files in UTF-16, with a mark.
        is_wide = key.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        key = key.decode("utf-16" if is_wide else "utf-8", errors="replace")
    text = key.replace(r"\r", "").replace(r"\n", "\n").replace("\ufeff", "").strip()
    if not text:
        raise InvalidKey(DkimMessages.EMPTY_KEY(expected=_PRIVATE))
    if "-----" in text:
        return _from_pem(text)
    der = _decoded(text)
    if der.lstrip().startswith(b"-----BEGIN"):
        # SES takes it without an error:
        # https://github.com/hashicorp/terraform-provider-aws/issues/29729
        raise InvalidKey(DkimMessages.PEM_IN_BASE64())
    return der


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
        raise InvalidKey(DkimMessages.BITS(least=MIN_BITS, most=MAX_BITS, bits=bits))


def _from_pem(text: str) -> bytes:
    """The DER of the one block in *text* that is a private key."""
    blocks = re.findall(r"-----BEGIN ([A-Z0-9 ]{1,40})-----(.*?)-----END \1-----", text, re.DOTALL)
    labels = [label for label, _ in blocks]
    found = [(label, body) for label, body in blocks if label.endswith("PRIVATE KEY")]
    if len(found) > 1:
        raise InvalidKey(DkimMessages.SEVERAL(count=len(found)))
    if not found and labels and labels[0].endswith("PUBLIC KEY"):
        raise InvalidKey(DkimMessages.PUBLIC(expected=_PRIVATE))
    if not found:
        block = labels[0] if labels else "block without a BEGIN or an END line"
        raise InvalidKey(DkimMessages.OTHER_BLOCK(block=block, expected=_PRIVATE))
    ((label, body),) = found
    # In the label, or in an RFC 1421 header.
    if "ENCRYPTED" in label + body:
        raise InvalidKey(DkimMessages.ENCRYPTED())
    return _decoded(body)


def _decoded(text: str) -> bytes:
    """What base64 *text* holds, white space ignored."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise InvalidKey(DkimMessages.NOT_BASE64(expected=_PRIVATE)) from None


_proved: Final[set[str]] = set()
"""Fingerprints of private keys whose numbers belong together."""


def _unreadable(half: str, error: Exception, expected: Message) -> Message:
    """The words of `cryptography`, which quote no part of the key."""
    reason = str(error).rpartition("Details: ")[2].partition("\n")[0]
    return DkimMessages.UNREADABLE(half=half, reason=hidden(reason)[:200], expected=expected)


def load_public(pem: bytes) -> bytes:
    """
    The first public key in a PEM file (SubjectPublicKeyInfo, DER). Raises `InvalidKey`, whose
    reason never quotes the key.
    """
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidKey(_unreadable("public", error, _PUBLIC)) from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise InvalidKey(DkimMessages.NOT_RSA(expected=_PUBLIC))
    _check_size(key.key_size)
    return _public_key_der(key)
