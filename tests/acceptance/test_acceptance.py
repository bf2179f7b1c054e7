"""`make acceptance` without an account: the product by the real engine, then the prober, over the wire."""

import pytest

from tests.acceptance import __main__ as acceptance


@pytest.mark.engine
def test_against_the_sandbox(capsys, monkeypatch):
    """It passes, knows the sandbox for what it is, and leaves account and zone empty."""
    monkeypatch.delenv("ZONE", raising=False)
    assert acceptance.main() == 0
    printed = capsys.readouterr().out
    for step in ("up", "rotate", "back", "destroy"):
        assert f"product: {step}: done" in printed
    wrong = [line for line in printed.splitlines() if line.startswith(("FAILED", "!", "stopped", "not"))]
    assert wrong == []
    assert printed.rstrip().endswith("acceptance: passed")
