"""A table of cases, in which the name of each stands beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest


def cases(names: str | Sequence[str], rows: Mapping[str, object]) -> pytest.MarkDecorator:
    """Run a test with each of *rows*, by its name."""
    return pytest.mark.parametrize(names, list(rows.values()), ids=list(rows))
