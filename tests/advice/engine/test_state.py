"""If this fails, who makes a lost record again as the error says is not heard."""

import pytest

from tests.engine.panel import Panel
from tests.engine.results import published_records
from tests.engine.stack import REGION

pytestmark = pytest.mark.engine


def test_record_and_state(sandbox, open_stack):
    """
    The run that is named makes a deleted record again.
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
