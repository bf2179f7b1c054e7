"""On a slow machine the suite takes longer, and fails no more than elsewhere."""

from hypothesis import HealthCheck, settings


def test_slow_machine():
    """Examples, and what they are drawn from, may take any time: keys do."""
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check
