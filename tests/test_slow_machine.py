"""On a slow machine the suite takes longer, and fails no more than elsewhere."""

import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@settings(max_examples=2)
@given(example=st.integers())
def test_slow_example(example):
    """An example may take longer than the fifth of a second that Hypothesis allows by itself."""
    started = time.monotonic()
    while time.monotonic() < started + 0.3:
        pass


def test_slow_strategy():
    """What examples are drawn from may be slow as well: keys are."""
    assert HealthCheck.too_slow in settings().suppress_health_check
