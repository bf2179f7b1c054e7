"""If this fails, an SPF or MX record that somebody else has written is overwritten."""

from types import SimpleNamespace

import pulumi
import pytest

from byodkim_provider.errors import InvalidSettings
from byodkim_provider.program import route53

OURS = "v=spf1 include:amazonses.com ~all"
THEIRS = "v=spf1 include:amazonses.com include:other.example ~all"


def refuse(kind, *, new, old, standing):
    """The hook of a record that changes from *old* to *new* while *standing* is in DNS."""
    change = SimpleNamespace(
        new_inputs={"zoneId": "Z1", "name": "bounce.example.com", "type": kind, "records": [new]},
        old_inputs={"records": [old]},
    )
    client = SimpleNamespace(standing=lambda *_: (f'"{standing}"',))
    route53._refuse_others(client, pulumi.ResourceOptions(), change, is_adopted=False)


def test_adopted_value():
    """What `adopt` has left as it was is still somebody else's once the entry loses `adopt`."""
    with pytest.raises(InvalidSettings, match="include:other"):
        refuse("TXT", new=OURS, old=THEIRS, standing=THEIRS)


def test_another_region():
    """The MX record that the stack wrote for another Region is its own."""
    one, other = (f"10 feedback-smtp.{name}.amazonses.com" for name in ("eu-west-1", "us-east-1"))
    refuse("MX", new=one, old=other, standing=other)
