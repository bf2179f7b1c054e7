"""What is advised where DNS or the state is not what it was."""

import json

import pytest

from tests.engine.panel import Panel
from tests.engine.results import published_records
from tests.engine.stack import IDENTITY, REGION
from tests.engine.state import import_state

pytestmark = pytest.mark.engine


def test_record_and_state(sandbox, open_stack):
    """
    The run that is named makes a deleted record again; an earlier state replaces a broken one.
    """
    domain = "not-as-it-was.example"
    panel = Panel(sandbox, domain)
    stack = open_stack({domain: {"generation": 1, "keyBits": 1024}})
    standby = published_records(stack.up(), domain)[1]
    panel.remove(standby["name"], standby["value"])
    stack.declare({domain: {"generation": 2, "keyBits": 1024}})
    failed = stack.up()
    assert failed.failed
    assert "correct the record and run `pulumi up --refresh`\n" in failed.stdout
    followed = stack.up(refresh=True)
    assert followed.ok, followed.stdout
    assert sandbox.dns.txt(standby["name"]) == (standby["value"],)
    assert sandbox.ses.signing_key(domain, REGION)[0] == standby["name"].partition(".")[0]

    panel.paste(standby["name"], "p=another")
    assert stack.up(refresh=True).ok
    assert sandbox.dns.txt(standby["name"]) == (standby["value"],)

    earlier = stack.export_text()
    edited = json.loads(earlier)
    for resource in edited["deployment"]["resources"]:
        if resource["type"] == IDENTITY:
            resource["outputs"]["signing_since"] = "yesterday"
    import_state(stack, json.dumps(edited))
    refused = stack.preview()
    assert refused.failed
    assert (
        "was the state edited by hand? `pulumi stack import` restores an earlier version"
        in refused.stdout
    )
    import_state(stack, earlier)
    again = stack.up()
    assert (again.ok, set(again.changes)) == (True, {"same"})
