"""If this fails, `make bench` measures nothing, or its price is not that of six resources."""

import pytest

from tests.bench.__main__ import RUNS, measured

pytestmark = pytest.mark.engine


def test_measured():
    """Each run has a row with a ratio; the price is six resources, a provider and the stack."""
    *rows, ours, price = measured(1)
    assert [row.split(" | ")[1] for row in rows] == [*RUNS]
    assert all(float(row.split(" | ")[4].strip(" |")) > 0 for row in rows)
    assert ours.startswith("ours: ")
    assert price.startswith("price: 6 resources a domain, ")
