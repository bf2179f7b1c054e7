"""If this fails, SES is called in the wrong order, or signs with a key that is not in DNS."""

from dataclasses import replace
from datetime import timedelta

import pytest

from byodkim_provider.aws.ses import OWNER_TAG, STACK_TAG
from byodkim_provider.errors import ByodkimError
from byodkim_provider.identity import lifecycle
from byodkim_provider.identity.judgement import SETTLED, differences
from byodkim_provider.identity.state import AWAITING_DNS, CREATED, PUT
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.messages.identity import TAKE_BACK, IdentityMessages
from sandbox.ses.switches import Fault
from tests.support.cases import cases
from tests.support.errors import raises
from tests.support.fakes import ATTEMPTS, REGION, START, WrongClock
from tests.support.world import DOMAIN, OWNER, STACK, STACK_ID
from tests.support.zones import zone

CREATE = "CreateEmailIdentity"
GET = "GetEmailIdentity"
PUT_KEY = "PutEmailIdentityDkimSigningAttributes"
LIST = "ListEmailIdentities"
TAG, UNTAG = "TagResource", "UntagResource"

HOUR = timedelta(hours=1)


OURS, MINE = {OWNER_TAG: OWNER, STACK_TAG: STACK}, {OWNER_TAG: OWNER}
NEIGHBOUR = {OWNER_TAG: f"{STACK_ID}/mail/eu-west-1"}
PROD = {OWNER_TAG: OWNER.replace("0", "9"), STACK_TAG: "ses-byodkim/prod"}
SAME_NAME = {OWNER_TAG: OWNER.replace("0", "9"), STACK_TAG: STACK}

LETS_GO = f"; `pulumi up` is refused: {TAKE_BACK}"
REPAIRS = "; `pulumi up` repairs that, or says what to do"


def refused(kind, action, *arguments, **changes):
    """The message with which *action* is refused, by an error of that *kind*."""
    with raises(kind) as caught:
        action(*arguments, **changes)
    return caught.value.message


def with_status(stored, status, **changes):
    """*stored* if SES had that status of its key."""
    return replace(stored, key=replace(stored.key, status=status), **changes)


def of_easy_dkim(**changes):
    """SES makes the keys of an identity that somebody else has made."""
    return lambda world: (world.model.put_easy_dkim(DOMAIN, REGION), world.change(**changes))


def signs_with(world):
    """The selector, and the fingerprint of the key, that SES has."""
    return world.identity().selector, world.identity().fingerprint


def of_key(stored):
    """When SES got the key, how, and since when it signs; and until when others did."""
    return (
        stored.key.key_set_at,
        stored.key.key_set_by,
        stored.key.signing_since,
        stored.signed_until,
    )


# --- create


def test_create(world):
    """
    With the record in DNS an identity is one write and no read, and SES has this key under our
    tags.
    """
    world.publish(1)
    stored = world.create()
    assert [CREATE] == world.calls()
    shown = (
        stored.status,
        stored.origin,
        stored.signing_enabled,
        stored.signing_selector,
    )
    assert ("NOT_STARTED", "EXTERNAL", True, "s1") == shown
    assert (START, CREATED, START, {}) == of_key(stored)
    assert OURS == world.identity().tags
    assert ("s1", world.key(1).fingerprint) == signs_with(world)


def test_create_without_its_record(world):
    """
    As long as the record is not visible SES is not told, and the record is there to be pasted.
    """
    stored = world.create(zones=(zone("manual"),))
    assert ([], AWAITING_DNS, None) == (world.calls(), stored.status, stored.key)
    [warning] = world.progress.warnings
    assert f"  value: {world.declared().record_value}\n" in warning


def test_a_published_private_key_is_not_pasted_again(world):
    """
    Where the private key was published its public half is not shown any more, but the way out.
    """
    private = world.key(1).pkcs1_base64()
    world.resolver.records["s1._domainkey.example.com"] = (f"p={private}",)
    world.create(published=(1,), supplied_keys={1: "s1:f1"})
    [warning] = world.progress.warnings
    assert warning.endswith(f"\n{IdentityMessages.LEAKED_OWN()}")
    world.progress.warnings.clear()
    world.next_run()
    world.create()
    [warning] = world.progress.warnings
    assert warning.endswith(f"\n{IdentityMessages.LEAKED_KEY(domain=DOMAIN)}")
    assert world.declared().record_value not in warning
    assert private not in warning


def test_the_times_of_a_life_are_by_the_clock_of_ses(world):
    """
    When SES was sent a key, and until when others signed, is never by this machine's wrong clock.
    """
    world.run.clock = WrongClock(world.clock, HOUR)
    world.publish(2, 3)
    first, second = START, START + HOUR
    created = world.create(2)
    assert (first, CREATED, first, {1: first}) == of_key(created)
    world.clock.advance(HOUR)
    switched = world.update(created, 3)
    assert (second, PUT, second, {1: first, 2: second}) == of_key(switched)


# --- an identity that SES has already


def of(selector, tags=None, **changes):
    """Somebody has made an identity that signs with this selector."""
    return lambda world: (world.put(selector, tags=tags), world.change(**changes))


NOT_OURS = {
    "a namesake's": (of("s1", SAME_NAME), IdentityMessages.OF_SAME_NAME, False),
    "another resource's": (of("s1", NEIGHBOUR), IdentityMessages.OTHER_RESOURCES, False),
    "no owner tag": (of("s1"), IdentityMessages.NOBODYS, False),
    "ours with another key": (of("s9", MINE), IdentityMessages.OTHER_SELECTOR, False),
    "ours, with Easy DKIM": (of_easy_dkim(tags=MINE), IdentityMessages.EASY_DKIM, False),
    "to adopt, managed by AWS": (of("s1", is_managed=True), IdentityMessages.MANAGED, True),
}


@cases(("make", "problem", "adopt"), NOT_OURS)
def test_what_is_not_ours_is_refused(world, make, problem, adopt):
    """
    An identity that this resource did not make stays as it is, whoever made it.

    A preview refuses it with the text of the run, of one List and a read of what is there.
    """
    world.publish(1)
    make(world)
    before = world.identity()
    foreseen = refused("IdentityExists", world.foresee, adopt=adopt)
    assert (foreseen.code, [LIST, GET]) == (problem, world.calls())
    assert foreseen == refused("IdentityExists", world.create, adopt=adopt)
    assert before == world.identity()


def test_what_is_not_ours_is_refused_without_the_permission_to_list(world):
    """Then each identity is read."""
    world.put("s1")
    world.model.inject(Fault("access_denied", operation=LIST, times=ATTEMPTS))
    assert refused("IdentityExists", world.foresee).code == IdentityMessages.NOBODYS


BYODKIM, MEANWHILE = "BYODKIM, signing with selector", "mail is perhaps unsigned meanwhile"


@cases(
    ("make", "line"),
    {
        "another key": (of("s9"), f"{BYODKIM} 's9'; switches to 's1'"),
        "a replica": (
            of_easy_dkim(origin="AWS_SES_AP_SOUTHEAST_2"),
            f"Easy DKIM, as a replica of ap-southeast-2; switches to 's1', {MEANWHILE}",
        ),
        "Easy DKIM, disabled": (
            of_easy_dkim(signing_enabled=False),
            "Easy DKIM; switches to 's1'; signing gets enabled",
        ),
    },
)
def test_a_take_over_is_said(world, make, line):
    """
    Before an identity is taken over, one line says what it had, and what becomes of its signatures.

    A preview says the same, of one List and a read. Where no mail is signed that would go out
    unsigned, no consent is needed.
    """
    world.publish(1)
    make(world)
    consent = {"adopt": True, "accept_unsigned_window": "unsigned" in line}
    foreseen = world.foresee(**consent)
    assert [LIST, GET] == world.calls()
    world.create(**consent)
    assert [f"example.com eu-west-1: SES has it, {line}"] == world.progress.infos == [foreseen]
    world.clock.advance(HOUR)
    assert "s1" == world.signs_with()


@pytest.mark.parametrize("lag", [0, 5], ids=["reads at once", "reads lag"])
def test_replacement(world, lag):
    """
    `--replace` creates, then deletes: the deletion finds another instance and leaves the live
    identity.
    """
    world.switch(read_lag_seconds=lag)
    old = world.verified()
    new = world.create()
    world.delete(old)
    left = "example.com eu-west-1: left in SES for the resource that takes the place of this one"
    assert [left] == world.progress.infos
    world.clock.advance(HOUR)
    assert "s1" == world.signs_with()
    world.next_run()
    world.delete(new)
    assert DOMAIN not in world.model.identities(REGION), "it would sign on without its records"


# --- update: repairs


@cases(
    ("tags", "reason"),
    {
        "another stack": (PROD, IdentityMessages.TAKEN(owner="'ses-byodkim/prod'")),
        "nobody": ({}, IdentityMessages.UNTAGGED()),
    },
)
def test_another_stack_has_adopted_it(world, tags, reason):
    """
    An identity that is another's by now is not changed any more, and the message says whose it is.
    """
    old = world.verified(standby=True)
    world.change(tags=tags)
    before = world.identity()
    for stored, generation in ((old, 2), (world.read(old), 1)):
        lost = refused("IdentityExists", world.update, stored, generation)
        assert (lost.code, lost.fields["reason"]) == (IdentityMessages.LOST, reason)
    said = refused("StillInUse", world.delete, old)
    assert (said.code, said.fields["reason"]) == (IdentityMessages.OTHERS_USE, reason)
    assert before == world.identity()


# --- update: settings


@pytest.mark.parametrize("trouble", ["no record", "not allowed"])
def test_what_is_half_adopted_is_not_deleted(world, trouble):
    """
    Somebody made the identity anew; an update that fails on the way to adopting it arms no
    deletion.

    A later run may find our own tags on it, and it is somebody else's all the same.
    """
    old = world.verified()
    world.model.remove(DOMAIN, REGION)
    world.put("theirs", generation=3, tags={})
    if trouble == "not allowed":
        world.publish(2)
        world.model.inject(Fault("access_denied", "before", operation=PUT_KEY))
    kind = "RecordNotVisible" if trouble == "no record" else "SesRefused"
    refused(kind, world.update, old, 2, adopt=True)
    world.next_run()
    world.delete(old)
    assert DOMAIN in world.model.identities(REGION)
    world.publish(2)
    assert world.update(old, 2, adopt=True).declared.adopt


def test_key_that_can_not_be_read(world):
    """It is read before any call that changes SES, so its error is right to say so."""
    old = world.verified(standby=True)

    def key():
        raise ByodkimError(AwsMessages.OTHER_KEY(arn="arn", expected="s2", found="s9"))

    declared = world.declared(2, tags={"team": "mail"})
    with pytest.raises(ByodkimError):
        lifecycle.carry_out(old, declared, key, world.outside)
    assert [GET] == world.calls()


def test_tags(world):
    """
    Tags are set and removed by their own calls, only those that are ours, and only if they changed.
    """
    old = world.verified(tags={"team": "mail", "stage": "dev"})
    world.change(tags={**world.identity().tags, "theirs": "stays"})
    stored = world.update(old, 1, tags={"team": "sales", "cost": "7"})
    assert [GET, TAG, UNTAG] == world.calls()
    assert {**OURS, "theirs": "stays", "team": "sales", "cost": "7"} == world.identity().tags
    world.forget()
    world.update(stored, 1, tags={})
    assert [GET, UNTAG] == world.calls()
    assert {**OURS, "theirs": "stays"} == world.identity().tags


# --- read and delete


def test_read_drift(world):
    """What differs shows in its field and in one warning, and none of the echoes follows."""
    old = with_status(world.verified(), "SUCCESS", was_verified=True)
    world.change(signing_enabled=False, tags={})
    seen = world.read(old)
    assert replace(old, signing_enabled=False, other_owner="") == seen
    reasons = ", ".join(map(str, differences(seen)))
    assert [f"example.com eu-west-1: {reasons}{LETS_GO}"] == world.progress.warnings
    world.read(replace(old, declared=replace(old.declared, adopt=True)))
    assert world.progress.warnings[-1].endswith(REPAIRS), "with `adopt` nothing is refused"


# --- SES does not confirm a key any more that it had verified


def test_a_switch_that_said_success_and_fell_back(world):
    """
    What SES still says of the key before says nothing of the new one: its search is no relapse.

    After half an hour it is one; the run that checks again still offers to go back to the key
    before.
    """
    world.switch(status_after_put="SUCCESS", first_check_seconds=2400)
    old = world.verified(standby=True)
    switched = world.update(old, 2)
    assert ("SUCCESS", False) == ((seen := world.read(switched)).status, seen.was_verified)
    world.clock.advance(SETTLED)
    switched = world.read(switched)
    assert ("SUCCESS", True) == (switched.status, switched.was_verified)
    world.resolver.records.pop("s2._domainkey.example.com")
    world.clock.advance(1000)
    assert not differences(world.read(seen))
    assert [] == world.progress.warnings
    seen = world.read(switched)
    [warning] = world.progress.warnings
    assert "SES says PENDING (HOST_NOT_FOUND: no such name), it said SUCCESS before" in warning
    after = world.update(seen, 2)
    assert (PUT, True) == (after.key.key_set_by, switched.key.key_set_at < after.key.key_set_at)


@cases(
    ("selector", "is_refused"),
    {"our key": ("s1", True), "our standby": ("s2", True), "a key of theirs": ("s9", False)},
)
def test_delete_while_others_sign(world, selector, is_refused):
    """The records leave after the identity, so it stays while somebody else signs with them."""
    old = world.verified(standby=True, selectors=("s1", "s2"))
    world.change(tags=PROD, key=replace(world.identity().key, selector=selector))
    theirs = world.identity()
    if is_refused:
        refused("StillInUse", world.delete, old)
    else:
        world.delete(old)
    assert world.identity() == theirs
    world.delete(replace(old, declared=replace(old.declared, adopt=True)))
    assert world.identity() == theirs
