"""A domain whose DNS only people can write to: records are pasted."""

import pytest

from tests.engine.panel import Panel
from tests.engine.results import published_records
from tests.engine.stack import requests

pytestmark = pytest.mark.engine

MANUAL = "manual.example"


def declared(domain, dns):
    return {domain: {"generation": 1, "dns": dns}}


def shown(result, domain):
    return result.outputs["domains"][domain]


def test_manual(sandbox, open_stack):
    """SES is told once a person has pasted the record; until then each run is one look at it."""
    panel = Panel(sandbox, MANUAL)
    stack = open_stack(declared(MANUAL, "manual"))
    first = stack.up()
    assert first.ok, first.stdout
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
        again = stack.up()
    assert again.ok, again.stdout
    assert asked.operations == []
    looks = [query for query in asked.dns if query.name == signing["name"]]
    assert len(looks) == len({query.server for query in looks}) == 4

    panel.paste(signing["name"], signing["value"])
    told = stack.up()
    assert shown(told, MANUAL)["regions"]["eu-west-1"]["status"] == "SUCCESS"


def test_behind_a_cname(sandbox, switches, open_stack):
    """
    A record behind a CNAME counts as visible; where SES does not follow it, a run says so, and a
    record mends it.
    """
    domain = "behind-a-cname.example"
    switches.follows_cname = False
    panel = Panel(sandbox, domain)
    stack = open_stack(declared(domain, "manual"), verification={"timeoutMinutes": 0})
    [signing, _] = published_records(stack.up(), domain)
    held = f"held.{domain}"
    panel.paste(held, signing["value"])
    panel.paste(signing["name"], held, kind="CNAME")
    assert stack.up().ok
    sandbox.clock.advance(600)
    seen = stack.up()
    assert shown(seen, domain)["regions"]["eu-west-1"]["status"] == "PENDING"
    (line,) = seen.outputs["pending"]
    assert "(TYPE_NOT_FOUND: no TXT record at the name)" in line
    assert f": the key (CNAME to {held})" in line

    panel.remove(signing["name"], held, kind="CNAME")
    panel.paste(signing["name"], signing["value"])
    sandbox.clock.advance(3600)
    assert shown(stack.up(), domain)["regions"]["eu-west-1"]["status"] == "SUCCESS"
