"""What has to be true before a key's record in Route 53 is made, and before it goes."""

from dataclasses import replace

import pytest
from pulumi.output import Unknown

from byodkim_provider.dkim import records
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.identity import lifecycle
from byodkim_provider.messages.dkim import DkimMessages
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.resources.dkim_identity_provider import ByodkimIdentityProvider
from byodkim_provider.resources.record_guard_provider import RecordGuardProvider
from tests.support.fakes import REGION
from tests.support.world import DOMAIN

ZONE = "Z1"
NAME = f"s1._domainkey.{DOMAIN}"
GET, LIST = "GetEmailIdentity", "ListEmailIdentities"


class Route53:
    """A zone that has nothing but the guarded name."""

    def __init__(self):
        self.values = ()
        self.asked = 0

    def standing(self, zone_id, name):
        assert (zone_id, name) == (ZONE, NAME)
        self.asked += 1
        return self.values

    def withdraw(self, zone_id, name, fingerprint):
        assert (zone_id, name) == (ZONE, NAME)
        self.values = ()


@pytest.fixture
def route53():
    return Route53()


def this_run(world, route53):
    """The provider in the run that is under way."""
    return RecordGuardProvider(
        lambda _: world.outside, lambda role, external_id: route53, run=world.run
    )


@pytest.fixture
def provider(world, route53):
    return this_run(world, route53)


@pytest.fixture
def inputs(world):
    return {
        "domain": DOMAIN,
        "regions": [REGION],
        "record_name": NAME,
        "fingerprint": world.key(1).fingerprint,
        "zone_id": ZONE,
        "supplied": True,
    }


@pytest.fixture
def value(world):
    return records.quoted(world.declared(1).record_value)


def reasons(result):
    return [one.reason for one in result.failures]


def test_new(route53, provider, inputs, value):
    """A record is made where none stands, or taken over if it holds this very key."""
    for standing in ((), (value,), (f'"v=DKIM1; k=rsa; {value[1:]}',)):
        route53.values = standing
        checked = provider.check({}, inputs)
        assert (reasons(checked), checked.inputs["standing"]) == ([], bool(standing))


@pytest.mark.parametrize(
    "standing",
    [('"v=DKIM1; p=SOMEBODYELSE"',), ('"v=spf1 -all"',), ("two", "values"), ("target.example.",)],
    ids=["another key", "no key", "two", "CNAME"],
)
def test_foreign(route53, provider, inputs, standing):
    """Somebody's record is not overwritten, and nobody is told to remove it."""
    route53.values = standing
    assert reasons(provider.check({}, inputs)) == [
        ProgramMessages.OTHER_VALUE(name=NAME).with_hint()
    ]


def test_checked_until_the_record_is_there(route53, provider, inputs, value):
    """
    A run that ended before the record was made gives nobody's record away; then a check costs no
    call.
    """
    stored = provider.check({}, inputs).inputs
    route53.values = ('"v=DKIM1; p=SOMEBODYELSE"',)
    assert len(reasons(provider.check(stored, inputs))) == 1
    route53.values = (value,)
    seen = provider.check(stored, inputs)
    assert (reasons(seen), provider.diff("id", stored, seen.inputs).changes) == ([], False)
    asked = route53.asked
    assert reasons(provider.check(seen.inputs, inputs)) == []
    assert route53.asked == asked


def test_second_key(world, route53, provider, inputs):
    """A selector never gets a second key."""
    stored = provider.check({}, inputs).inputs
    second = provider.check(stored, inputs | {"fingerprint": world.key(2).fingerprint})
    assert reasons(second) == [ProgramMessages.SECOND_KEY(name=NAME).with_hint()]


def test_generated(route53, provider, inputs):
    """
    The selector of a generated key is nobody else's, and what a preview can't know is not asked.
    """
    route53.values = ('"v=DKIM1; p=SOMEBODYELSE"',)
    generated = {name: one for name, one in inputs.items() if name != "supplied"}
    for news in (generated, inputs | {"record_name": Unknown()}):
        assert reasons(provider.check({}, news)) == []
    assert route53.asked == 0


def guarded(provider, inputs):
    """The outputs of a guard that an earlier run has made."""
    return provider.create(provider.check({}, inputs).inputs).outs


def test_goes_with_its_identity(world, route53, provider, inputs, value):
    """The identity goes first, and SES need not even be asked, which may still show it."""
    outputs, stored = guarded(provider, inputs), world.verified()
    route53.values = (value,)
    world.switch(read_lag_seconds=5)
    lifecycle.delete(stored, world.outside)
    world.forget()
    this_run(world, route53).delete("id", outputs)
    assert (route53.values, world.calls()) == ((), [])


def test_stays_while_somebody_signs(world, route53, provider, inputs, value):
    """
    An identity of any stack that signs with the selector keeps the record, and a line says which.
    """
    outputs = guarded(provider, inputs)
    world.verified()
    world.next_run()
    route53.values = (value,)
    world.forget()
    this_run(world, route53).delete("id", outputs)
    assert (route53.values, world.calls()) == ((value,), [LIST, GET])
    assert world.progress.warnings == [
        f"{NAME}: left at route53:{ZONE}, {DOMAIN} {REGION} signs with it"
    ]


def test_what_was_there_stays(world, route53, provider, inputs, value):
    """
    A record that was there before the stack is not the stack's, however long it has been published.
    """
    route53.values = (value,)
    outputs = guarded(provider, inputs)
    more = inputs | {"regions": [REGION, "us-east-1"]}
    outputs = provider.update("id", outputs, provider.check(outputs, more).inputs).outs
    world.next_run()
    this_run(world, route53).delete("id", outputs)
    assert (route53.values, world.calls()) == ((value,), [])
    assert world.progress.warnings == [
        f"{NAME}: left at route53:{ZONE}, it was there before this stack"
    ]


def test_what_came_later_is_ours(world, route53, provider, inputs, value):
    """A record that is seen after the first run of its guard is the stack's."""
    stored = guarded(provider, inputs)
    route53.values = (value,)
    later = provider.check(stored, inputs).inputs
    assert (later["standing"], later["found"]) == (True, False)
    assert provider.check(later, inputs).inputs == later


@pytest.mark.parametrize(
    "change",
    [{"regions": [REGION, "us-east-1"]}, {"role_arn": "arn:aws:iam::123456789012:role/dns"}],
)
def test_diff(provider, inputs, change):
    """Whom to ask and how the zone is reached is stored anew; another name is another record."""
    outputs = guarded(provider, inputs)
    assert provider.diff("id", outputs, {**outputs, **change}).changes
    assert not provider.diff("id", outputs, {**outputs, "domain": Unknown()}).changes
    assert provider.diff("id", outputs, {**outputs, "record_name": "s2"}).replaces == [
        "record_name"
    ]


def test_a_zone_that_was_left(world, route53, provider, inputs, value):
    """
    Its record goes although an identity signs with the key, in each run: the first may have failed.
    """
    outputs = guarded(provider, inputs)
    world.verified()
    for _ in range(2):
        route53.values = (value,)
        identity = ByodkimIdentityProvider(lambda _: world.outside, run=world.run)
        identity.check({"domain": DOMAIN}, {"domain": DOMAIN, "dns": ["manual"]})
        this_run(world, route53).delete("id", outputs)
        assert route53.values == ()
        world.next_run()


def test_a_region_that_left(provider, inputs):
    """An adopted identity stays in its Region and signs on, so that Region is asked for ever."""
    first = provider.check({}, inputs | {"regions": [REGION, "us-east-1"]}).inputs
    later = provider.check(first, inputs).inputs
    assert (later["regions"], later["earlier"]) == ([REGION], ["us-east-1"])
    assert provider.diff("id", first, later).changes
    assert provider.check(later, inputs).inputs == later
    assert provider.check(later, inputs | {"regions": ["us-east-1"]}).inputs["earlier"] == [REGION]


def test_replaced(world, route53, provider, inputs, value):
    """The old half of a replacement leaves the record to its successor, in a later run, too."""
    outputs = guarded(provider, inputs)
    successor = guarded(provider, inputs)
    route53.values = (value,)
    provider.delete("id", outputs)
    world.next_run()
    later = this_run(world, route53)
    later.check(successor, inputs)
    later.delete("id", outputs)
    assert (route53.values, world.progress.warnings) == ((value,), [])


@pytest.fixture
def slot(world, inputs):
    """The inputs of a slot's guard, for a key and its role."""

    def slot(generation, *, is_standby=False):
        of_slot = {
            "record_value": world.declared(generation).record_value,
            "is_standby": is_standby,
        }
        return {
            name: inputs[name] for name in inputs.keys() - {"fingerprint", "supplied"}
        } | of_slot

    return slot


def test_slot(world, route53, provider, slot):
    """
    A slot gets its next key as a standby's alone, in place, and goes with whichever key it has.
    """
    outputs = guarded(provider, slot(1))
    route53.values = (records.quoted(outputs["record_value"]),)
    assert reasons(provider.check(outputs, slot(2))) == [DkimMessages.TAKEN(name=NAME).with_hint()]
    unknown = {**slot(2, is_standby=True), "record_value": Unknown()}
    assert provider.diff("id", outputs, provider.check(outputs, unknown).inputs).changes
    checked = provider.check(outputs, slot(2, is_standby=True))
    assert (reasons(checked), provider.diff("id", outputs, checked.inputs).replaces) == ([], [])
    after = provider.update("id", outputs, checked.inputs).outs
    assert after["fingerprint"] == world.key(2).fingerprint
    asked = []
    route53.withdraw = lambda zone_id, name, fingerprint: asked.append(fingerprint)
    world.next_run()
    this_run(world, route53).delete("id", after)
    assert {*asked} == {world.key(number).fingerprint for number in (1, 2)}


def test_slot_of_others(route53, provider, slot):
    """
    Another stack's key in the slot is refused, and so is a value that no identity has let stand.
    """
    route53.values = ('"v=DKIM1; p=SOMEBODYELSE"',)
    assert reasons(provider.check({}, slot(1))) == [DkimMessages.OTHERS(name=NAME).with_hint()]
    route53.values = ()
    outputs = guarded(provider, slot(1))
    nothing = {name: one for name, one in slot(2).items() if name != "record_value"}
    assert reasons(provider.check(outputs, nothing)) == [
        DkimMessages.NO_VALUE(name=NAME).with_hint()
    ]


@pytest.mark.parametrize("is_there", [True, False])
def test_slot_is_read_once(route53, provider, slot, value, is_there):
    """
    After its first check nothing of a guard changes, so that the engine stores no state again.
    """
    route53.values = (value,) if is_there else ()
    stored = provider.check({}, slot(1)).inputs
    asked = route53.asked
    route53.values = (value,)
    again = provider.check(stored, slot(1))
    assert (reasons(again), again.inputs, route53.asked) == ([], stored, asked)


def test_slot_that_has_another_key(world, route53, provider, slot):
    """A refresh says so: the record would get the state's key. What is no key is repaired."""
    outputs = guarded(provider, slot(1))
    of_next = provider.update(
        "id", outputs, provider.check(outputs, slot(2, is_standby=True)).inputs
    ).outs
    keys = [records.quoted(world.declared(number).record_value) for number in (1, 2, 3)]
    for allowed in ((), ('"v=spf1 -all"',), keys[:1], keys[1:2]):
        route53.values = allowed
        assert provider.read("id", of_next).outs == of_next
    for refused in (keys[2:], keys[1:]):
        route53.values = refused
        with pytest.raises(InvalidSettings) as caught:
            provider.read("id", of_next)
        assert caught.value.message == DkimMessages.OTHER_STANDS(name=NAME)


def test_slot_that_still_signs(world, route53, provider, slot):
    """
    An identity of a Region that has left, and was adopted, signs with it: the slot keeps its key.
    """
    outputs = guarded(provider, slot(1))
    world.verified()
    world.next_run()
    later = this_run(world, route53)
    checked = later.check(outputs, slot(2, is_standby=True)).inputs
    with pytest.raises(InvalidSettings) as caught:
        later.update("id", outputs, checked)
    assert caught.value.message == DkimMessages.STILL_SIGNS(
        name=NAME, why=f"{DOMAIN} {REGION} signs with it"
    )


def test_slot_after_a_region_that_is_disabled(world, route53, slot):
    """
    A Region that the domain has left, and that nobody can use any more, does not hold up its
    rotations.
    """

    def names(region):
        assert region == REGION, "SES answers in no other Region"
        return ()

    services = replace(
        world.outside, names=names, elsewhere=lambda _, others: dict.fromkeys(others, ())
    )
    later = RecordGuardProvider(lambda _: services, lambda *_: route53, run=world.run)
    outputs = guarded(later, {**slot(1), "regions": ["ap-east-1", REGION]})
    checked = later.check(outputs, slot(2, is_standby=True)).inputs
    after = later.update("id", outputs, checked).outs
    assert after["fingerprint"] == world.key(2).fingerprint
