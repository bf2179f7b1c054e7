"""If this fails, an SPF or MX record that somebody else has written is overwritten."""

from types import SimpleNamespace

import pulumi
import pytest

from byodkim_provider.errors import InvalidSettings
from byodkim_provider.program import route53
from tests.support.testdata import pem

OURS = "v=spf1 include:amazonses.com ~all"
THEIRS = "v=spf1 include:amazonses.com include:other.example ~all"


def refuse(kind, *standing, new, old):
    """The hook of a record that changes from *old* to *new* while *standing* is in DNS."""
    change = SimpleNamespace(
        new_inputs={"zoneId": "Z1", "name": "bounce.example.com", "type": kind, "records": [new]},
        old_inputs={"records": [old]},
    )
    client = SimpleNamespace(standing=lambda *_: standing)
    route53._refuse_others(client, pulumi.ResourceOptions(), change, is_adopted=False)


def test_adopted_value():
    """What `adopt` has left as it was is still somebody else's once the entry loses `adopt`."""
    with pytest.raises(InvalidSettings, match="include:other"):
        refuse("TXT", f'"{THEIRS}"', new=OURS, old=THEIRS)


def test_another_region():
    """The MX record that the stack wrote for another Region is its own."""
    one, other = (f"10 feedback-smtp.{name}.amazonses.com" for name in ("eu-west-1", "us-east-1"))
    refuse("MX", other, new=one, old=other)


def test_nothing_secret_is_quoted():
    """The refusal quotes neither a key in a record of others nor a command of a CI."""
    key = "".join(pem("rsa2048.pkcs8").splitlines())
    standing = f'"{key[:250]}" "{key[250:500]}" "{key[500:]}"', '"##[add-path]/tmp/evil"'
    with pytest.raises(InvalidSettings) as refused:
        refuse("TXT", *standing, new=OURS, old=OURS)
    assert "##[" not in str(refused.value)
    for start in range(60, len(key) - 80, 16):
        assert key[start : start + 16] not in str(refused.value)
