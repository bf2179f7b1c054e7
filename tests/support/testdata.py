"""
The files in `tests/testdata/`. A private key is read once: to read one takes as long as many a
test.
"""

import functools
from pathlib import Path
from typing import Final

from byodkim_provider.dkim import keys

TESTDATA: Final = Path(__file__).parents[1] / "testdata"


def pem(name: str) -> str:
    """The text of `<name>.pem`."""
    return (TESTDATA / f"{name}.pem").read_text()


@functools.cache
def key(name: str) -> keys.SigningKey:
    """The private key in `<name>.pem`."""
    return keys.load(pem(name))


KEY_1, KEY_2 = (key(name).pkcs1_base64() for name in ("rsa1024.pkcs8", "another"))
