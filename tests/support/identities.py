"""Inputs and outputs of one identity as values, for the tests of what decides."""

from datetime import timedelta
from typing import Any, Final

from byodkim_provider.identity.state import PUT, Declared, KeyInSes, Stored
from tests.support.fakes import REGION, START
from tests.support.world import DOMAIN, OWNER, STACK

BEFORE: Final = START - timedelta(hours=1)


def declared(
    generation: int | None = 2, published: tuple[int, ...] = (1, 2, 3), **changes: Any
) -> Declared:
    """Inputs that sign with `s<generation>`, whose key has the fingerprint `f<generation>`."""
    inputs: dict[str, Any] = {
        "domain": DOMAIN,
        "region": REGION,
        "selector": f"s{generation}",
        "fingerprint": f"f{generation}",
        "record_value": "p=MAAA",
        "owner": OWNER,
        "stack": STACK,
        "generation": generation,
        "published": published,
    }
    return Declared(**inputs | changes)


def stored(before: Declared | None = None, *, status: str = "SUCCESS", **changes: Any) -> Stored:
    """
    Generation 2 signs since an hour ago, as 1 did until then; SES has not said that it verified 2.
    """
    known: dict[str, Any] = {
        "declared": before or declared(),
        "instance": "old",
        "origin": "EXTERNAL",
        "signing_enabled": True,
        "signing_selector": "s2",
        "key": KeyInSes(key_set_at=BEFORE, key_set_by=PUT, signing_since=BEFORE, status=status),
        "signed_until": {1: BEFORE},
    }
    return Stored(**known | changes)
