"""A domain at Cloudflare: made once, and no change ever after."""

import pytest

from byodkim_provider.dkim import records
from tests.engine.stack import REGION, requests

pytestmark = pytest.mark.engine

DOMAIN = "cloudflare.example"
VALUE = "p=" + "A" * 392


def test_cloudflare(sandbox, open_stack):
    """The records stand at Cloudflare as it keeps them, so that neither `up` nor `refresh` sees a change."""
    zone_id = sandbox.cloudflare.add_zone(DOMAIN)
    stack = open_stack({DOMAIN: {"generation": 1, "dns": {"provider": "cloudflare", "ttl": 1}}})
    made = stack.up()
    assert made.ok, made.stdout
    declared = made.outputs["domains"][DOMAIN]["records"]
    assert sorted(
        (one["name"], one["content"], one["ttl"]) for one in sandbox.cloudflare.records(zone_id)
    ) == (sorted((one["name"], records.quoted(one["value"]), 1) for one in declared))
    assert sandbox.ses.signing_key(DOMAIN, REGION)[0] == declared[0]["name"].partition(".")[0]
    assert stack.refresh().ok
    with requests(sandbox) as asked:
        assert set(stack.up().changes) == {"same"}
    assert (asked.ses, asked.dns) == ([], [])
    assert stack.destroy().ok
    assert sandbox.cloudflare.records(zone_id) == []


def test_other_forms_never_come_to_rest(sandbox, open_stack):
    """The stand-in does as the real plugin does: a short name or one long string is a change in each run."""
    zone_id = sandbox.cloudflare.add_zone("forms.example")

    def program():
        import pulumi_cloudflare as cloudflare  # two seconds, which each worker of a run would wait

        for name, content in {"short": records.quoted(VALUE), "long.forms.example": VALUE}.items():
            cloudflare.DnsRecord(name, zone_id=zone_id, name=name, type="TXT", content=content, ttl=300)

    stack = open_stack(program=program)
    assert stack.up().ok
    for _ in range(2):
        assert sorted(step[:2] for step in stack.up().steps) == [
            ("update", "long.forms.example"),
            ("update", "short"),
        ]
