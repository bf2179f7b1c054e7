"""What has to be true of a name in Route 53 before a supplied key gets its record there."""

from dataclasses import fields

import pytest
from pulumi.output import Unknown

from byodkim_provider.dkim import records
from byodkim_provider.resources.record_check import RecordCheckArgs
from byodkim_provider.resources.record_check_provider import RecordCheckProvider
from tests.support.testdata import key

NAME = "s1._domainkey.example.com"
VALUE = records.record_value(key("rsa2048.pkcs8").public_key_der)
OTHER_VALUE = records.record_value(key("rsa1024.pkcs8").public_key_der)
INPUTS = {"zone_id": "Z1", "record_name": NAME, "record_value": VALUE}


class Route53:
    """An account with one zone."""

    standing = ()
    """The values at `NAME`, as Route 53 has them."""
    asked = 0

    def txt(self, zone_id, name):
        assert (zone_id, name) == ("Z1", NAME)
        self.asked += 1
        return self.standing


@pytest.fixture
def route53():
    return Route53()


@pytest.fixture
def provider(route53):
    return RecordCheckProvider(lambda role, external_id: route53)


def reasons(result):
    return [one.reason for one in result.failures]


@pytest.mark.parametrize(
    "standing", [(), (records.quoted(VALUE),), (records.quoted(f"v=DKIM1; k=rsa; {VALUE}"),)]
)
def test_new(route53, provider, standing):
    """A record is made where none stands, or taken over if it holds this very key."""
    route53.standing = standing
    assert reasons(provider.check({}, INPUTS)) == []
    assert route53.asked == 1


@pytest.mark.parametrize(
    "standing",
    [
        (records.quoted(OTHER_VALUE),),
        ('"v=spf1 -all"',),
        (records.quoted(VALUE), records.quoted(OTHER_VALUE)),
        ("no quotes",),
    ],
    ids=["another key", "no key", "two", "broken"],
)
def test_foreign(route53, provider, standing):
    """Somebody's record is not overwritten, and nobody is told to remove it."""
    route53.standing = standing
    assert reasons(provider.check({}, INPUTS)) == [
        f"'{NAME}' is in Route 53 already, with another value, and a selector never gets a second key\n"
        "  hint: nothing was changed in DNS; "
        "give the key another selector, since mail may be signed with the one "
        "that stands there"
    ]


def test_stored(route53, provider):
    """A record in the state costs no call, and its selector never gets a second key."""
    assert reasons(provider.check(INPUTS, INPUTS)) == []
    assert reasons(provider.check(INPUTS, INPUTS | {"record_value": f"v=DKIM1; {VALUE}"})) == []
    assert reasons(provider.check(INPUTS, INPUTS | {"record_value": OTHER_VALUE})) == [
        f"'{NAME}': a selector never gets a second key\n"
        "  hint: nothing was changed in DNS; "
        "a new key needs a new selector and a new generation, since resolvers "
        "keep the old record"
    ]
    assert route53.asked == 0


def test_moved(route53, provider):
    """In another zone the name is a new one."""
    before = INPUTS | {"zone_id": "Z0"}
    assert reasons(provider.check(before, INPUTS)) == []
    assert route53.asked == 1
    assert provider.diff("id", before, INPUTS).replaces == ["zone_id"]
    assert not provider.diff("id", INPUTS, INPUTS | {"assume_role": "arn"}).changes


def test_unknown(route53, provider):
    """What a preview can't know is checked in the update."""
    assert reasons(provider.check({}, INPUTS | {"record_value": Unknown()})) == []
    assert route53.asked == 0


def test_what_state_names():
    """The properties stand in users' state for ever."""
    assert {one.name for one in fields(RecordCheckArgs)} == {
        "zone_id",
        "record_name",
        "record_value",
        "assume_role",
        "external_id",
    }
