"""
A private key as the state holds it: `<public exponent>.<prime>.<prime>`, the primes in base64.

All else in an RSA key follows from these (RFC 8017 section 3). Encrypted, a key of 2048 bits is 0.6 KB
so, and 2.3 KB as DER; a domain's state holds three.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

from byodkim_provider.errors import InvalidKey

_proved: Final[set[bytes]] = set()
"""
SHA-256 of keys of which this process knows that their numbers belong together.

A run makes a key, then checks it as an input of each identity, then loads it: a proof each would take a
tenth of a second.
"""

_FORM: Final = re.compile(r"[1-9][0-9]{4,19}(\.[A-Za-z0-9+/]{20,}={0,2}){2}", re.ASCII)


def is_compact(text: str) -> bool:
    """Whether *text* has the form of what `written` returns."""
    return _FORM.fullmatch(text) is not None


def written(pkcs1_der: bytes) -> str:
    """The compact form of a key whose numbers are known to belong together."""
    key = load_der_private_key(pkcs1_der, password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("not an RSA key")
    numbers = key.private_numbers()
    text = ".".join([str(numbers.public_numbers.e), *map(_base64, (numbers.p, numbers.q))])
    _proved.add(_digest(text))
    return text


def read(text: str, *, proved: bool) -> rsa.RSAPrivateKey:
    """The key of which `written` returned *text*; raises `InvalidKey`, in the manner of `keys.load`."""
    exponent, *primes = text.split(".")
    try:
        e = int(exponent)
        p, q = (int.from_bytes(base64.b64decode(prime, validate=True), "big") for prime in primes)
        d = rsa.rsa_recover_private_exponent(e, p, q)
        crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
        numbers = rsa.RSAPrivateNumbers(p, q, d, *crt, rsa.RSAPublicNumbers(e, p * q))
        key = numbers.private_key(unsafe_skip_rsa_key_validation=proved or _digest(text) in _proved)
    except (ValueError, ArithmeticError):  # from None: it may quote a number
        raise InvalidKey("is damaged, its numbers do not belong together") from None
    if not proved:
        _proved.add(_digest(text))
    return key


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _base64(number: int) -> str:
    return base64.b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode()
