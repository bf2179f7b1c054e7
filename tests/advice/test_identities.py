"""What the refusals about an identity and its keys advise, followed on an emulated SES and DNS."""

import json
from dataclasses import replace
from datetime import timedelta
from itertools import product
from types import SimpleNamespace

import boto3
import pytest
from click.testing import CliRunner

from byodkim_provider.aws.ses import SesClient
from byodkim_provider.aws.session import CLIENT
from byodkim_provider.cli import main
from byodkim_provider.cli.environment import Environment
from byodkim_provider.dkim import keys
from byodkim_provider.identity import lifecycle
from byodkim_provider.identity.ownership import INSTANCE_TAG, OWNER_TAG, STACK_TAG
from byodkim_provider.identity.state import GONE
from byodkim_provider.messages.identity import TAKE_BACK
from byodkim_provider.resources.record_guard_provider import RecordGuardProvider
from sandbox.ses.emulator import Fault, SesEmulator, Switches
from tests.advice.following import Entry, advice, refused
from tests.support.cases import cases
from tests.support.fakes import REGION
from tests.support.world import DOMAIN, OWNER, STACK, World

DAY = timedelta(days=1)

THEIRS = {OWNER_TAG: f"9/{DOMAIN}/{REGION}", STACK_TAG: "ses-byodkim/prod", INSTANCE_TAG: "theirs"}


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


def test_next_one(world, entry):
    """Who has mistyped the generation, and takes the next one, rotates to it."""
    world.clock.advance(10 * DAY)
    entry.edit("generation: 5")
    following, *_ = advice(refused(entry.up))
    entry.edit(following)
    entry.up()
    assert (signs(world), in_dns(world)) == ("s3", [2, 3, 4])


def test_exchanged_key(world, entry):
    """A key that is exchanged under its number too early keeps the one it had, or is overridden."""
    entry.changes = {"supplied_keys": {1: "mail2026:another"}}
    entry.edit("generation: 3", "published: [1, 2, 3, 4]")
    text = refused(entry.up)
    assert "keep the key it has had until then" in text
    entry.changes = {}
    entry.preview()
    entry.changes = {"supplied_keys": {1: "mail2026:another"}}
    entry.edit(*advice(text))
    entry.preview()


def test_second_key(world, entry):
    """The generation that is named gets the new key."""
    entry.changes = {"selector": "another", "fingerprint": "another"}
    (line,) = advice(refused(entry.up))
    entry.changes = {}
    entry.edit(line, "published: [1, 2, 3, 4]")
    entry.up()
    assert signs(world) == "s3"


def test_second_key_in_route53(world):
    """Under the next number and another selector the new key's record is made."""
    nothing_there = SimpleNamespace(standing=lambda zone_id, name: ())
    provider = RecordGuardProvider(route53=lambda role, external_id: nothing_there, run=world.run)

    def check(olds, declared):
        news = {"domain": DOMAIN, "zone_id": "Z1", "supplied": True, "regions": [REGION]}
        news |= {"record_name": declared.record_name, "fingerprint": declared.fingerprint}
        checked = provider.check(olds, news)
        return checked.inputs, [one.reason for one in checked.failures]

    first, second = world.declared(1), world.declared(2)
    stored, problems = check({}, first)
    assert problems == []
    _, (problem,) = check(stored, replace(first, fingerprint=second.fingerprint))
    assert "a new key needs a new selector and a new generation" in problem
    assert check({}, second)[1] == []
    entry = Entry(world, {"generation": 1})
    entry.up()
    entry.edit("generation: 2")
    entry.up()
    assert signs(world) == "s2"


def test_another_account(world, entry):
    """
    Back in the right account nothing changes; removed there, the domain is made in the other one.
    """
    entry.changes = {"account_id": "123456789012"}
    entry.up()
    entry.changes = {"account_id": "210987654321"}
    text = refused(entry.up)
    assert "correct the profile, or remove the domain there first" in text
    entry.changes = {"account_id": "123456789012"}
    entry.up()

    entry.changes = {"account_id": "210987654321"}
    lifecycle.delete(entry.stored, world.outside)
    entry.stored = None
    entry.up()
    assert entry.stored.declared.account_id == "210987654321"


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


@pytest.fixture
def ses(world):
    """The adapter itself, whose texts these are, over HTTP to the SES of *world*."""
    with SesEmulator(
        look_up_txt=lambda name: world.resolver.records.get(name, ()),
        clock=world.clock,
        switches=Switches(requests_per_second=None),
    ) as emulator:
        world.model = emulator
        session = boto3.Session(
            aws_access_key_id="AKIA", aws_secret_access_key="sesame", region_name=REGION
        )
        client = session.client("sesv2", endpoint_url=emulator.url, config=CLIENT)
        yield SesClient(client, region=REGION, account_id=emulator.account_id, clock=world.clock)
        client.close()


def test_signing_of_one_that_is_gone(world, ses):
    """
    A refresh sees what a refusal may be about, that the identity is gone, and `up` makes it again.
    """
    entry = Entry(world, {"generation": 1})
    entry.up()
    world.model.remove(DOMAIN, REGION)
    text = refused(ses.put_email_identity_dkim_attributes, DOMAIN, signing_enabled=True)
    (command,) = advice(text)
    assert command == "pulumi refresh"
    entry.stored = lifecycle.read(entry.stored, world.outside)
    assert entry.stored.status == GONE
    entry.up()
    assert signs(world) == "s1"


def test_as_many_as_ses_allows(world, ses):
    """With one identity less in the Region, the same run gets through."""
    world.switch(identity_limit=1)
    world.model.put_easy_dkim("somebody.example", REGION)
    outside = replace(world.outside, ses=lambda _: ses)
    world.publish(1)
    text = refused(lifecycle.carry_out, None, world.declared(), lambda: world.key(1), outside)
    assert f"{REGION} has as many identities as SES allows" in text
    world.model.remove("somebody.example", REGION)
    lifecycle.carry_out(None, world.declared(), lambda: world.key(1), outside)
    assert signs(world) == "s1"


@cases(
    ("fault", "hint"),
    {
        "throttled": (
            Fault("throttle", times=10),
            "something else keeps calling SES in eu-west-1, try again",
        ),
        "lost": (
            Fault("drop", "after"),
            "SES may have done it or not; the next `pulumi up` reads which",
        ),
        "a proxy": (Fault("garbage", "after"), "is there a proxy between here and AWS?"),
        "a read": (Fault("500", times=10, operation="GetEmailIdentity"), "try again"),
    },
)
def test_one_more_run(world, ses, fault, hint):
    """Once it is over, the next run switches, whatever became of the call."""
    entry = Entry(world, {"generation": 1})
    entry.up()
    signs(world)
    declared = world.declared(2, published=(1, 2, 3))
    outside = replace(world.outside, ses=lambda _: ses)
    world.publish(2)
    world.model.inject(
        replace(fault, operation=fault.operation or "PutEmailIdentityDkimSigningAttributes")
    )
    stored = entry.stored
    text = refused(lifecycle.carry_out, stored, declared, lambda: world.key(2), outside)
    assert hint in text
    lifecycle.carry_out(stored, declared, lambda: world.key(2), outside)
    assert signs(world) == "s2"


@pytest.mark.parametrize("tags", [THEIRS, {}], ids=["taken", "tags removed"])
@pytest.mark.parametrize("advised", ["`adopt: true`", "`retired: true`"])
def test_taken_by_another_stack(world, entry, advised, tags):
    """
    Taken back, it is this stack's again; let go of, it stays as it is, and the run says nothing.
    """
    world.model.change(DOMAIN, REGION, tags=tags)
    text = refused(entry.up, refresh=True)
    assert advised in text
    if "adopt" in advised:
        entry.edit(advised.strip("`"))
        entry.up()
        assert world.identity().tags[OWNER_TAG] == entry.declared.owner
        entry.edit("adopt: false")
        entry.up()
        assert not entry.stored.adopted
    else:
        lifecycle.delete(entry.stored, world.outside)  # as a retired domain has no identity
        assert world.identity().tags == tags


def test_the_owner_tag_is_gone(world, entry):
    """The state does not know it before a refresh, so `adopt` alone changes nothing."""
    world.model.change(DOMAIN, REGION, tags={})
    _, adopt, command = TAKE_BACK.split("`")[1::2]
    entry.edit(adopt)
    entry.up()
    assert world.identity().tags == {}
    assert command == "pulumi up --refresh"
    entry.up(refresh=True)
    assert world.identity().tags[OWNER_TAG] == entry.declared.owner
    entry.edit("adopt: false")
    entry.up()
    assert not entry.stored.adopted


@pytest.mark.parametrize(
    ("tags", "advised"),
    [
        *product((THEIRS, THEIRS | {STACK_TAG: STACK}), ("remove the entry here", "`adopt: true`")),
        ({OWNER_TAG: OWNER, STACK_TAG: STACK}, "`adopt: true`"),
    ],
)
def test_of_another_stack(world, tags, advised):
    """
    Left out here, the identity stays as it was; adopted, it is this one's. Its state may have lost
    it.
    """
    world.publish(1)
    world.put("theirs", tags=tags)
    before, entry = world.identity(), Entry(world, {"generation": 1})
    assert advised in refused(entry.up)
    assert (before, None) == (
        world.identity(),
        entry.stored,
    )  # no identity in the state: none is deleted
    if "adopt" in advised:
        entry.edit(advised.strip("`"))
        entry.up()
        assert ("s1", entry.declared.owner) == (
            world.identity().selector,
            world.identity().tags[OWNER_TAG],
        )


def test_not_allowed(world, ses, tmp_path):
    """The policy that the command prints allows what was refused."""
    world.publish(1)
    world.model.inject(Fault("access_denied", operation="CreateEmailIdentity"))
    text = refused(
        lifecycle.carry_out,
        None,
        world.declared(),
        lambda: world.key(1),
        replace(world.outside, ses=lambda _: ses),
    )
    program, *arguments = advice(text)[0].split()
    assert program == "byodkim"
    printed = CliRunner().invoke(main, arguments, obj=Environment(directory=tmp_path))
    policy = json.loads(printed.stdout)
    allowed = {action for one in policy["Statement"] for action in one["Action"]}
    assert "ses:CreateEmailIdentity" in allowed
