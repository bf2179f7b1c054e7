"""Fifty domains whose records nobody has pasted yet."""

import pytest

from byodkim_provider.dkim.records import record_name
from byodkim_provider.hosts.zones import Zone
from tests.engine.stack import declare_identities, requests

pytestmark = pytest.mark.engine

ZONE = "fifty-manual.example"
DOMAINS = [f"n{number}.{ZONE}" for number in range(50)]


def most_at_once(result):
    """How many identities were being worked on at the same time, at most."""
    now = most = 0
    for event in result.events:
        if event.resource_pre_event and event.resource_pre_event.metadata.type.endswith("Identity"):
            now += 1
        if event.res_outputs_event and event.res_outputs_event.metadata.type.endswith("Identity"):
            now -= 1
        most = max(most, now)
    return most


def test_fifty_manual_domains(sandbox, open_stack):
    """Fifty domains that wait for DNS cost a run one look each, side by side, and SES one List."""
    sandbox.add_zone(ZONE)
    by_hand = (Zone(provider="manual"),)
    stack = open_stack(program=lambda: declare_identities(sandbox, DOMAINS, zones=by_hand))
    names = {record_name("s1", domain) for domain in DOMAINS}
    for run in ("first", "second"):
        with requests(sandbox) as asked:
            result = stack.apply()
        looks = [(query.name, query.server) for query in asked.dns if query.name in names]
        assert len(looks) == len(set(looks)), f"{run}: no name is looked up twice"
        # Where the recursive resolver was late twice, on a busy machine, a name's servers are not
        # asked.
        assert len({name for name, _ in looks}) > 0.9 * len(DOMAINS), run
        # Of new ones a List says whether SES has one already.
        assert asked.operations == ["ListEmailIdentities"] * (run == "first")
        assert len(result.outputs["pending"]) == len(DOMAINS)
        assert most_at_once(result) > 4, "more than the plugin's four threads"
