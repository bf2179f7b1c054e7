"""When the records of the next rotation are printed: while somebody pastes records anyway."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pulumi
import pytest

from byodkim_provider.identity.state import AWAITING_DNS, CREATED, PUT
from byodkim_provider.program._outputs import show_standbys
from byodkim_provider.program.dns_provider import HostedZone
from byodkim_provider.property_types import timestamp
from tests.support.cases import cases

BEGAN = datetime(2026, 11, 25, 12, tzinfo=UTC)
BEFORE, SINCE = BEGAN - timedelta(days=1), BEGAN + timedelta(seconds=5)
STANDBY = {"generation": 3, "role": "standby", "name": "s3._domainkey.mail.example.com", "value": "p=MIIB"}


@pytest.fixture
def said(monkeypatch):
    """What is printed."""
    said = []
    monkeypatch.setattr(pulumi.log, "info", lambda text, resource: said.append(text))
    return said


def shown(*identities):
    """Outputs of identities: status, how SES got the key, and since when."""

    @pulumi.runtime.test
    def run():
        declared = [
            SimpleNamespace(
                status=pulumi.Output.from_input(status),
                key_set_by=pulumi.Output.from_input(by),
                signing_since=pulumi.Output.from_input(timestamp(since) if since else None),
            )
            for status, by, since in identities
        ]
        zone = HostedZone("manual", panel="godaddy", panel_zone="example.com")
        show_standbys("mail.example.com", declared, [STANDBY], {}, hosted_zone=zone, began=BEGAN)

    run()


@cases(
    ("identities", "printed"),
    {
        "waits": ([(AWAITING_DNS, "", None)], True),
        "switched": ([("PENDING", PUT, SINCE)], True),
        "SES's clock is behind": ([("PENDING", PUT, BEGAN - timedelta(minutes=4))], True),
        "as before": ([("SUCCESS", PUT, BEFORE)], False),
        "just made": ([("PENDING", CREATED, SINCE)], False),
        "one of two waits": ([("SUCCESS", CREATED, BEFORE), (AWAITING_DNS, "", None)], True),
        "gone": ([("GONE", CREATED, None)], False),
    },
)
def test_printed(said, identities, printed):
    """Whoever waits for a record, or has just switched, pastes the next one too; nobody else is told."""
    shown(*identities)
    assert printed == bool(said)
    if said:
        (text,) = said
        assert text.startswith("mail.example.com: add the record of generation 3 too")
        assert "  Name:  s3._domainkey.mail\n" in text
