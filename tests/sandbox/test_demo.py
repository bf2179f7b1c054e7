"""What `make demo` shows, without its runs."""

import io

import pytest
from rich.console import Console

from sandbox import demo

SELECTOR = "s20261125-3f9c2a71"
RECORD = {"name": f"{SELECTOR}._domainkey.news.example.net", "value": "p=" + "A" * 40, "role": "signing"}
DOMAINS = {
    "news.example.net": {
        "generation": 1.0,
        "selector": SELECTOR,
        "records": [RECORD],
        "regions": {"eu-west-1": {"status": "SUCCESS"}, "us-east-1": {"status": "PENDING"}},
    }
}


@pytest.mark.parametrize("width", [40, 80, 150])
def test_table(monkeypatch, width):
    """In a terminal of any width no selector, no domain and no name of a record is cut."""
    console = Console(file=io.StringIO(), width=width, highlight=False)
    monkeypatch.setattr(demo, "console", console)
    demo._show(demo._table(DOMAINS))
    shown = console.file.getvalue()
    for text in (
        SELECTOR,
        RECORD["name"],
        "news.example.net",
        "eu-west-1",
        "us-east-1",
        "SUCCESS",
        "PENDING",
    ):
        assert text in shown
    assert shown.count(RECORD["name"]) == 2
