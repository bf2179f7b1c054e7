"""
Keys that cost no time, for processes that are forked from this one.

To find the primes of a key, and to prove that its numbers belong together, is almost half the CPU time of the
plugin in a small run. Here each pair of primes that were found once is a key, and proved.
"""

import itertools
import os
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

from byodkim_provider.dkim import keys
from tests.support.testdata import key

FOUND = 12
"""Keys whose primes are found; they make 276 pairs."""


def share():
    """Let the forks of this process generate these keys, each of them once, and then their own."""
    numbers = [
        rsa.generate_private_key(keys.PUBLIC_EXPONENT, keys.MAX_BITS).private_numbers() for _ in range(FOUND)
    ]
    primes = [prime for one in numbers for prime in (one.p, one.q)]
    made = [_of(*pair) for pair in itertools.combinations(primes, 2)]
    # Whoever reads a number from the pipe has that key, and nobody else.
    numbered, writing = os.pipe()
    os.set_blocking(numbered, False)
    os.write(writing, b"".join(number.to_bytes(2) for number in range(len(made))))
    real = rsa.generate_private_key

    def generate(exponent, bits):
        try:
            taken = os.read(numbered, 2) if bits == keys.MAX_BITS else b""
        except BlockingIOError:
            taken = b""
        return made[int.from_bytes(taken)] if taken else real(exponent, bits)

    vars(rsa)["generate_private_key"] = generate
    with patch.object(keys, "load_der_private_key", _unproved):
        for one in [*map(keys._signing_key, made), key("rsa2048.pkcs8"), key("another")]:
            keys.load(one.pkcs1_base64())


def _of(p, q):
    e, d = keys.PUBLIC_EXPONENT, pow(keys.PUBLIC_EXPONENT, -1, (p - 1) * (q - 1))
    more = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
    numbers = rsa.RSAPrivateNumbers(p, q, d, *more, rsa.RSAPublicNumbers(e, p * q))
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def _unproved(der, password, **_):
    return load_der_private_key(der, password, unsafe_skip_rsa_key_validation=True)
