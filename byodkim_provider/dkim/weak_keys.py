"""
RSA keys that SES takes and that anybody can compute from their public half.

Integers in, a reason out. The private key is given, so its primes are looked at, not guessed.
"""

from __future__ import annotations

from typing import Final

from byodkim_provider.messages import Message
from byodkim_provider.messages.dkim import KeyProblem

MIN_PRIME_SHARE: Final = 0.4
"""Smallest share of the modulus's bits in a prime. `openssl` makes halves; ECM has found 274 bits."""

MIN_DISTANCE_BITS: Final = 100
"""
How many bits below half the modulus's the distance of the primes may be (FIPS 186-5 section A.1.3).

Fermat's method finds primes that are closer. Of random primes one pair in 2**100 is.
"""

ROCA_PRIMES: Final = tuple(n for n in range(2, 168) if all(n % divisor for divisor in range(2, n)))
ROCA_BASE: Final = 65537
"""
Infineon's chips made primes that are powers of 65537 modulo the product of these (CVE-2017-15361).

Nemec and others, "The Return of Coppersmith's Attack", section 2. One random modulus in 2**27 looks so, too.
"""


def prime_problem(p: int, q: int) -> Message | None:
    """Why a key with the primes *p* and *q* is no secret, as the end of a sentence; None if it is one."""
    bits = (p * q).bit_length()
    shorter = min(p, q).bit_length()
    if shorter < bits * MIN_PRIME_SHARE:
        return KeyProblem.SHORT_PRIME(bits=shorter)
    if abs(p - q).bit_length() <= bits // 2 - MIN_DISTANCE_BITS:
        return KeyProblem.CLOSE_PRIMES()
    if _is_of_roca(p * q):
        return KeyProblem.ROCA()
    return None


def _is_of_roca(modulus: int) -> bool:
    """Whether *modulus* is a power of 65537 modulo each of `ROCA_PRIMES`, as the authors' own tool asks."""
    return all(
        modulus % prime in {pow(ROCA_BASE, exponent, prime) for exponent in range(prime)}
        for prime in ROCA_PRIMES
    )
