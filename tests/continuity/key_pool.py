"""Keys for many short lives: made once, and read once."""

from __future__ import annotations

import functools

from byodkim_provider.dkim import keys
from byodkim_provider.dkim.keys import SigningKey

__all__ = ["KeyPool", "foreign_key", "load"]

generate = keys.generate
"""The product's own, whatever a life replaces it by."""

load = functools.cache(keys.load)
"""As `keys.load`."""


class KeyPool:
    """Short keys for one life, which never gets one twice; the next life gets the same."""

    def __init__(self) -> None:
        self._next = 0

    def generate(self, _bits: int) -> SigningKey:
        """As `keys.generate`."""
        self._next += 1
        return _key(self._next)


def foreign_key() -> SigningKey:
    """A stranger's key."""
    return _key(0)


@functools.cache
def _key(_number: int) -> SigningKey:
    return generate(keys.MIN_BITS)
