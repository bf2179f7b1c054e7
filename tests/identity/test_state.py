"""If this fails, what is stored of an identity is lost on its way through Pulumi."""

from dataclasses import replace

import pytest
from pydantic.alias_generators import to_camel

from byodkim_provider import property_types
from byodkim_provider.config.json_schema import json_schema
from byodkim_provider.dkim import keys, records
from byodkim_provider.identity.checks import check
from byodkim_provider.identity.state import INPUTS, Declared, Stored
from byodkim_provider.messages.identity import IdentityMessages
from tests.support.cases import cases
from tests.support.zones import slots, zone


@cases(
    ("listed", "found"),
    {
        "with cname": ((slots(),), ["ses1", "ses2", "ses3", "ses1"]),
        "in the middle of a move": (
            (zone("manual"), slots(from_generation=3)),
            [None, None, "ses3", "ses1"],
        ),
    },
)
def test_slot(world, listed, found):
    """A generation has the slot of the zone that it stands in, published or not."""
    declared = world.declared(3, published=(2, 3, 4), zones=listed)
    assert found == [declared.slot(generation) for generation in (1, 2, 3, 4)]


@pytest.mark.parametrize(("generation", "panel"), [(2, "wix"), (3, "godaddy")])
def test_by_hand(world, generation, panel):
    """The panel is that into which the record of the key that signs is pasted."""
    listed = zone("manual", panel="wix"), zone("manual", panel="godaddy", from_generation=3)
    declared = world.declared(generation, published=(2, 3, 4), zones=listed)
    assert declared.by_hand.panel == panel


def later(one):
    return replace(one, from_generation=2)


HERE, PASTED, LATE = zone("route53:Z1"), zone("manual"), zone("dreamhost:example.com")


@cases(
    ("listed", "waits"),
    {
        "pasted later": ((HERE, later(PASTED)), [(120, False), (0, True)]),
        "shown late": ((HERE, later(LATE)), [(120, False), (0, True)]),
        "both": ((HERE, later(HERE), later(PASTED)), [(120, False), (120, True)]),
    },
)
def test_wait_for_this_record(world, listed, waits):
    """
    A run waits for the record of the generation that signs: in the zones of others nobody looks.
    """
    declared = [world.declared(one, published=(1, 2, 3), zones=listed) for one in (1, 2)]
    assert waits == [(one.wait_seconds, one.is_slow) for one in declared]


def test_old_state_is_readable():
    """
    Outputs that lack everything but what is needed to know the identity are read with the defaults.
    """
    declared = {
        name: name
        for name in ("domain", "region", "selector", "fingerprint", "record_value", "owner")
    }
    read = Stored.from_outputs({**declared, "instance": "i", "status": "PENDING"})
    assert Stored(declared=Declared(**declared), instance="i") == read


@pytest.fixture
def inputs(world):
    """Inputs that are right and in their normal form, as Pulumi sends them."""
    return world.inputs(generation=1.0, published=[1.0, 2.0])


def test_check_normalises(inputs, world):
    """Domain and key come out in one form, whatever form they came in; what is None is left out."""
    key = world.key(1).pkcs1_base64()
    pem = f"-----BEGIN RSA PRIVATE KEY-----\n{key}\n-----END RSA PRIVATE KEY-----\n"
    written = inputs | {"domain": "Bücher.Example.", "private_key": pem, "tags": None}
    checked = inputs | {"domain": "xn--bcher-kva.example"}
    written["mail_from_domain"] = "Bounce.Bücher.Example"
    checked["mail_from_domain"] = "bounce.xn--bcher-kva.example"
    assert (checked, []) == check(written, unknown=()) == check(checked, unknown=())


WRONG = {
    "domain": "info@example.com",
    "selector": "S1",
    "private_key": "-----BEGIN EC PARAMETERS-----\nMAAA\n-----END EC PARAMETERS-----",
    "region": "us-east-9",
    "mail_from_domain": "bounce@example.com",
    "tags": {"BYODKIM:owner": "x"},
    "secret_arn": "arn:aws:s3:::bucket",
}


@pytest.mark.parametrize("name", WRONG)
def test_check_refuses(inputs, name):
    """
    What SES would refuse, or accept and never verify, is refused by name before anything is made.
    """
    [problem] = check(inputs | {name: WRONG[name]}, unknown=())[1]
    assert problem.startswith(f"{name}: ")


@pytest.mark.parametrize("mail_from", ["bounce.example.org", "example.com"])
def test_check_refuses_a_mail_from_elsewhere(inputs, mail_from):
    """It is a sub-domain."""
    problem = IdentityMessages.NO_SUB_DOMAIN(name=mail_from)
    assert [f"mail_from_domain: {problem}"] == check(
        inputs | {"mail_from_domain": mail_from}, unknown=()
    )[1]


@pytest.mark.parametrize("name", ["overlap_days", "dns_wait_seconds"])
def test_limits(name):
    """What a stack file may say, a resource takes: the limits are the same."""
    described = json_schema()["$defs"]["WrittenDomain"]["properties"][to_camel(name)]
    for limit, beyond in (("minimum", -1), ("maximum", 1)):
        value = described[limit]
        assert property_types.problems({name: value}, INPUTS) == []
        assert property_types.problems({name: value + beyond}, INPUTS) != []


def test_check_names_no_key(inputs):
    """The reason why a key is refused does not quote it."""
    cut = inputs["private_key"][:-8]
    assert cut not in str(check(inputs | {"private_key": cut}, unknown=())[1])


@pytest.fixture
def of_a_secret(inputs, world):
    """The same, of a key that is in Secrets Manager."""
    public = {"record_value": records.record_value(world.key(1).public_key_der)}
    arn = {"secret_arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:byodkim/s1-AbCdEf"}
    return {name: value for name, value in inputs.items() if name != "private_key"} | public | arn


def test_a_key_is_checked_once(inputs, monkeypatch):
    """A key that an earlier check returned is not loaded again, another one is."""
    monkeypatch.setattr(keys, "load", None)
    key = inputs["private_key"]
    assert (inputs, []) == check(inputs | {"record_value": "p=old"}, unknown=(), checked_key=key)
    with pytest.raises(TypeError):
        check(inputs, unknown=(), checked_key=key[:-4])


def test_key_in_secrets_manager(inputs, of_a_secret):
    """An identity is the same, wherever its key is: the record's value says which key it is."""
    assert (of_a_secret, []) == check(of_a_secret, unknown=())
    assert Declared.from_inputs(inputs) == Declared.from_inputs(of_a_secret)
