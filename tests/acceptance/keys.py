"""
RSA keys that follow from the code of a run, so that a run can be resumed although no key is ever written.

For throw-away zones only: whoever has the code of a run has its keys.
"""

from __future__ import annotations

import base64
import functools
import itertools
import random
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

SMALL_PRIMES: Final = [n for n in range(3, 20_000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]

SIEVED: Final = 2000
"""Odd numbers that are sieved together: of so many about eleven are primes of 512 bits."""


@dataclass(frozen=True)
class Key:
    """A key and its selector. A class, so that what is sent and what is published can't differ."""

    selector: str
    rsa: rsa.RSAPrivateKey = field(repr=False)

    def encoded(
        self, form: PrivateFormat = PrivateFormat.TraditionalOpenSSL, encoding: Encoding = Encoding.DER
    ) -> str:
        """The private key in base64, as SES takes it."""
        return base64.b64encode(self.rsa.private_bytes(encoding, form, NoEncryption())).decode()

    @property
    def attributes(self) -> dict[str, str]:
        """As `DkimSigningAttributes`."""
        return {"DomainSigningSelector": self.selector, "DomainSigningPrivateKey": self.encoded()}

    @property
    def p(self) -> str:
        """The record, in the form of AWS's guide."""
        public = self.rsa.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"p={base64.b64encode(public).decode()}"

    def record_name(self, domain: str) -> str:
        return f"{self.selector}._domainkey.{domain}"


def make_key(seed: str, selector: str, *, bits: int = 1024, exponent: int = 65537) -> Key:
    """The key that *seed* leads to."""
    return Key(selector, _make_key(seed, bits, exponent))


@functools.lru_cache(maxsize=1024)
def _make_key(seed: str, bits: int, exponent: int) -> rsa.RSAPrivateKey:
    source = random.Random(seed)
    while True:
        p, q = (_prime(source, bits // 2, exponent) for _ in range(2))
        if p != q and (p * q).bit_length() == bits:
            break
    d = pow(exponent, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(exponent, p * q)
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def _prime(source: random.Random, bits: int, exponent: int) -> int:
    while True:
        start = source.getrandbits(bits) | 1 | 3 << (bits - 2)
        is_left = bytearray(b"\1") * SIEVED  # of start, start + 2, start + 4 …
        for small in SMALL_PRIMES:
            first = -start * (small + 1) // 2 % small
            is_left[first::small] = bytes(len(range(first, SIEVED, small)))
        for n in itertools.compress(range(start, start + 2 * SIEVED, 2), is_left):
            if (n - 1) % exponent and all(pow(base, n - 1, n) == 1 for base in (2, 3, 5)):
                return n
