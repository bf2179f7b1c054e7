"""Keys that anybody can compute from their public half are refused; others are not."""

import functools
import itertools
import math
import random

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from byodkim_provider.dkim import keys
from byodkim_provider.dkim.keys import ROCA_BASE, ROCA_PRIMES, prime_problem
from byodkim_provider.errors import InvalidKey
from tests.support.cases import cases

CHANCE = random.Random(1)
PUBLIC_EXPONENT = 65537
COMPUTED = "so that it can be computed from its public half; expected a new key (openssl genrsa)"


SMALL_PRIMES = math.prod(n for n in range(3, 10_000, 2) if pow(2, n - 1, n) == 1)
"""What has no part in it is more likely to be a prime, which takes long to see."""


def is_prime(number):
    return math.gcd(number, SMALL_PRIMES) in (1, number) and pow(2, number - 1, number) == 1


def prime_from(start, step=2):
    """The first prime of *start*, *start* + *step*, …, with which 65537 can be an exponent."""
    return next(n for n in itertools.count(start, step) if is_prime(n) and n % PUBLIC_EXPONENT != 1)


@functools.cache  # the search takes longer than what is tested
def random_prime(bits, number=1):
    """One of several primes."""
    return prime_from(CHANCE.getrandbits(bits) | 3 << bits - 2 | 1)


@functools.cache
def of_roca(bits, number=1):
    """A prime as Infineon's chips made it: a multiple of the product, and a power of 65537."""
    product = math.prod(ROCA_PRIMES)
    multiple = (CHANCE.getrandbits(bits) | 3 << bits - 2) // product * product
    return prime_from(multiple + pow(ROCA_BASE, CHANCE.getrandbits(60), product), product)


def pem_of(p, q, exponent=PUBLIC_EXPONENT):
    """The key with the primes *p* and *q*, which OpenSSL would not make."""
    d = pow(exponent, -1, math.lcm(p - 1, q - 1))
    numbers = rsa.RSAPrivateNumbers(
        *(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p)), rsa.RSAPublicNumbers(exponent, p * q)
    )
    key = numbers.private_key(unsafe_skip_rsa_key_validation=True)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("bits", [1024, 2048])
@cases(
    ("primes", "reason"),
    {
        "next prime": (
            lambda half: ((p := random_prime(half)), prime_from(p + 2)),
            "has two primes close to each other, ",
        ),
        "close prime": (
            lambda half: (
                (p := random_prime(half)),
                prime_from(p + (1 << half - 101) + 1 & ~1 | 1),
            ),
            "has two primes close to each other, ",
        ),
        "small prime": (
            lambda half: (random_prime(2 * half - 21), random_prime(21)),
            "has a prime of only 21 bits, ",
        ),
        "ROCA": (
            lambda half: (of_roca(half), of_roca(half, 2)),
            "is from a chip with the flaw ROCA (CVE-2017-15361), ",
        ),
    },
)
def test_refused(primes, reason, bits):
    """A key with such primes is no secret, although SES signs with it."""
    with pytest.raises(InvalidKey) as refused:
        keys.load(pem_of(*primes(bits // 2)))
    assert refused.value.text == reason + COMPUTED


def test_exponents():
    """
    With a longer public exponent not every receiver verifies, and a short private one can be
    computed.
    """
    p, q = random_prime(1024), random_prime(1024, 2)
    private = prime_from(1 << 479 | 1)
    for exponent, bits in (
        (2**31 + 11, 32),
        (pow(private, -1, math.lcm(p - 1, q - 1)), "20[0-9]{2}"),
    ):
        with pytest.raises(InvalidKey, match=f"has a public exponent of {bits} bits, "):
            keys.load(pem_of(p, q, exponent))
    assert keys.load(pem_of(p, q, 2**31 - 1)).bits == 2048


def test_others():
    """Random primes are fine, also of unlike sizes, and one of the two from such a chip."""
    for p, q in (
        (random_prime(512), random_prime(512, 2)),
        (random_prime(500), random_prime(524)),
        (of_roca(512), random_prime(512)),
    ):
        assert prime_problem(p, q) is None
