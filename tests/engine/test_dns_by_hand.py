"""A domain whose DNS only people can write to: records are pasted."""

import pytest

from tests.engine.panel import Panel
from tests.engine.results import published_records
from tests.engine.stack import requests

pytestmark = pytest.mark.engine

MANUAL = "manual.example"


def test_manual(sandbox, open_stack):
    """SES is told once a person has pasted the record; until then each run is one look at it."""
    panel = Panel(sandbox, MANUAL)
    stack = open_stack({MANUAL: {"generation": 1, "dns": "manual"}})
    first = stack.apply()
    assert [step for step in first.steps if step[2].endswith(":Record")] == []
    [signing, _] = published_records(first, MANUAL)
    assert (
        f"warning: {MANUAL} eu-west-1: waiting for DNS, the key is not sent to SES yet: "
        "0 of 4 servers show the key, "
        "ns-1.sandbox.test, ns-2.sandbox.test, ns-3.sandbox.test and ns-4.sandbox.test: "
        "no TXT record\n"
        f"      type:  TXT\n      name:  {signing['name']}\n      value: {signing['value']}\n"
        "      the next `pulumi up` goes on once this record is there" in first.stdout
    )

    with requests(sandbox) as asked:
        stack.apply()
    assert asked.operations == []
    looks = [query for query in asked.dns if query.name == signing["name"]]
    assert len(looks) == len({query.server for query in looks}) == 4

    panel.paste(signing["name"], signing["value"])
    told = stack.up()
    assert told.outputs["domains"][MANUAL]["regions"]["eu-west-1"]["status"] == "SUCCESS"
