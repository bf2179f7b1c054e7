"""What a program hears of its stack's configuration."""

import json

import pulumi
import pytest
from pulumi.runtime.config import CONFIG

from byodkim_provider import stack_config

VALUES = {
    "aws:region": "eu-west-1",
    "ses-byodkim:domains": '{"example.com": {"generation": 1}}',
    "ses-byodkim:verificaton": "fail",
}


@pytest.fixture(autouse=True)
def _project(monkeypatch):
    monkeypatch.setattr(pulumi, "get_project", lambda: "ses-byodkim")
    monkeypatch.delenv("PULUMI_CONFIG", raising=False)


@pytest.mark.parametrize("way", ["language host", "Automation API"])
def test_written(monkeypatch, way):
    """It hears of misspelt keys too, however it was started, and of no other project's."""
    given = VALUES if way == "Automation API" else {}
    if way == "language host":
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps(VALUES))
    token = CONFIG.set(given)
    try:
        assert stack_config.written() == {
            "domains": {"example.com": {"generation": 1}},
            "verificaton": "fail",
        }
    finally:
        CONFIG.reset(token)
