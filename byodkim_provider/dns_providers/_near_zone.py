"""Which zone is perhaps meant where none holds a domain: a letter is wrong in one of the names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

TYPO: Final = 0.85
"""How alike a mistyped name and the right one are, such as `exmaple.com` and `example.com`."""


def near_zone(names: Sequence[str], zones: Iterable[str]) -> str:
    """
    The question whether a zone that is called almost like one of *names* is meant; "" if there is none.

    >>> near_zone(["mail.example.com", "example.com"], ["exmaple.com", "example.org"])
    ", did you mean the zone 'exmaple.com'?"
    """
    there = sorted({*zones})
    near = (
        close
        for name in names
        # Of about the same length: an account may have hundreds of zones, and a stack hundreds of domains.
        for close in get_close_matches(
            name, [zone for zone in there if abs(len(zone) - len(name)) < 3], n=1, cutoff=TYPO
        )
    )
    return f", did you mean the zone {found!r}?" if (found := next(near, None)) else ""
