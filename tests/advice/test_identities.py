"""If this fails, who does what a refusal about an identity says is refused again."""

from datetime import timedelta

import pytest

from byodkim_provider.dkim import keys
from byodkim_provider.identity import lifecycle
from byodkim_provider.identity.ownership import OWNER_TAG, STACK_TAG
from tests.advice.following import Entry, advice, refused
from tests.support.fakes import REGION
from tests.support.world import DOMAIN, World

DAY = timedelta(days=1)

THEIRS = {OWNER_TAG: f"9/{DOMAIN}/{REGION}", STACK_TAG: "ses-byodkim/prod"}


@pytest.fixture
def world(signing_keys):
    """With keys of six generations."""
    return World([*signing_keys, keys.generate(keys.MIN_BITS), keys.generate(keys.MIN_BITS)])


@pytest.fixture
def entry(world):
    """A domain that was made with generation 1 and rotated to 2 just now."""
    entry = Entry(world, {"generation": 1})
    entry.up()
    world.clock.advance(DAY)
    entry.edit("generation: 2")
    entry.up()
    assert signs(world) == "s2"
    return entry


def signs(world):
    """The selector that SES signs with, once it has looked."""
    world.clock.advance(timedelta(hours=1))
    return world.signs_with()


def in_dns(world):
    """Generations with a record."""
    return [number for number in range(1, 7) if world.in_dns(f"s{number}")]


def test_what_is_allowed_today(world, entry):
    """Who takes the generation and the list that are named rotates, and what signed stays."""
    world.clock.advance(10 * DAY)
    entry.edit("generation: 5")
    target, published, *_ = advice(refused(entry.up))
    entry.edit(target, published)
    entry.up()
    assert (signs(world), in_dns(world)) == ("s5", [2, 4, 5, 6])


def test_what_the_state_has_not_heard_of(world):
    """
    A refresh with the list that is named settles what a lost run left; then the edit is allowed.
    """
    entry = Entry(world, {"generation": 1})
    entry.stored = world.create()  # waits for DNS; its Create was heard by SES all the same
    world.put("s1", tags={"byodkim:owner": entry.declared.owner})
    entry.edit("generation: 3")
    world.publish(3)
    refresh, published = advice(refused(entry.up))
    assert refresh == "pulumi up --refresh"
    entry.edit(published)
    entry.up(refresh=True)
    world.clock.advance(11 * DAY)
    del entry.written["published"]
    entry.up()
    assert (signs(world), in_dns(world)) == ("s3", [2, 3, 4])


@pytest.mark.parametrize("tags", [THEIRS, {}], ids=["taken", "tags removed"])
@pytest.mark.parametrize("is_let_go", [True, False])
def test_taken_by_another_stack(world, entry, is_let_go, tags):
    """
    Taken back, it is this stack's again; if the entry is removed then, the identity stays.
    """
    world.model.change(DOMAIN, REGION, tags=tags)
    text = refused(entry.up, refresh=True)
    assert "`adopt: true` with `pulumi up --refresh`" in text
    entry.edit("adopt: true")
    entry.up()
    if tags:  # it signs with a key of this stack
        assert world.identity().tags == tags
        world.model.change(DOMAIN, REGION, tags={})  # the other stack's entry is removed
        entry.up()
    assert world.identity().tags[OWNER_TAG] == entry.declared.owner
    if is_let_go:
        lifecycle.delete(entry.stored, world.outside)
        assert DOMAIN in world.model.identities(REGION)
    else:
        entry.edit("adopt: false")
        entry.up()
        assert not entry.stored.declared.adopt
