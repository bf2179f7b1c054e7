"""Which calls an identity's life makes, what SES signs with after each, and what is stored."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byodkim_provider.aws.ses import INSTANCE_TAG, OWNER_TAG, STACK_TAG
from byodkim_provider.errors import (
    ByodkimError,
    IdentityExists,
    RecordNotVisible,
    SesRefused,
    Stopped,
)
from byodkim_provider.identity import lifecycle, lookups
from byodkim_provider.identity.judgement import SETTLED, differences
from byodkim_provider.identity.state import AWAITING_DNS, CREATED, PUT, TAKEN_OVER
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.messages.identity import REPLICAS, IdentityMessages
from byodkim_provider.progress import stopping
from sandbox.ses.identity import HeldKey, easy_dkim_keys
from sandbox.ses.switches import Fault, Switches
from tests.support.cases import cases
from tests.support.fakes import ATTEMPTS, REGION, SERVERS, START, WrongClock
from tests.support.world import DOMAIN, OWNER, STACK, STACK_ID, World

CREATE = "CreateEmailIdentity"
GET = "GetEmailIdentity"
PUT_KEY = "PutEmailIdentityDkimSigningAttributes"
ENABLE = "PutEmailIdentityDkimAttributes"
CONFIGURATION_SET = "PutEmailIdentityConfigurationSetAttributes"
DELETE = "DeleteEmailIdentity"
LIST = "ListEmailIdentities"
TAG, UNTAG = "TagResource", "UntagResource"

HOUR = timedelta(hours=1)

LOST = ["drop", "timeout", "500"]
"""How an answer gets lost after the work is done."""

STATUS_AFTER_PUT = ["PENDING", "NOT_STARTED", "SUCCESS"]


def refused(error, action, *arguments, **changes):
    """The message with which *action* is refused, by that class of error."""
    with pytest.raises(error) as caught:
        action(*arguments, **changes)
    return caught.value.message


def put_elsewhere(world, generation=4, *, selector="s9"):
    """Somebody else gives the identity another key."""
    world.ses().put_email_identity_dkim_signing_attributes(
        DOMAIN, selector=selector, key=world.key(generation)
    )
    world.forget()


OURS = {OWNER_TAG: OWNER, STACK_TAG: STACK}
PROD = {OWNER_TAG: OWNER.replace("0", "9"), STACK_TAG: "ses-byodkim/prod"}
SAME_NAME = {OWNER_TAG: OWNER.replace("0", "9"), STACK_TAG: STACK}

LETS_GO = "; `pulumi up` is refused: `retired: true` lets go of it here, `adopt: true` takes it back"


def with_status(stored, status, **changes):
    """*stored* if SES had that status of its key."""
    return replace(stored, key=replace(stored.key, status=status), **changes)


def to_easy_dkim(world, status="SUCCESS"):
    """Somebody else lets SES make the keys."""
    world.model.change(DOMAIN, REGION, origin="AWS_SES", key=easy_dkim_keys()[0], status=status)


def our_easy_dkim(world):
    """The identity carries our owner tag, and SES makes its keys."""
    world.model.put_easy_dkim(DOMAIN, REGION)
    world.model.change(DOMAIN, REGION, tags={OWNER_TAG: OWNER})


# --- create


def test_create(world):
    """With the record in DNS an identity is one write and no read, and SES has this key under our tags."""
    world.publish(1)

    stored = world.create()

    assert [CREATE] == world.calls()
    assert ("NOT_STARTED", "EXTERNAL", True, "s1") == (
        stored.status,
        stored.origin,
        stored.signing_enabled,
        stored.signing_selector,
    )
    assert (START, CREATED, START, {}, False) == (
        stored.key.set_at,
        stored.key.set_by,
        stored.key.signing_since,
        stored.signed_until,
        stored.adopted,
    )
    assert {**OURS, INSTANCE_TAG: stored.instance} == world.identity().tags
    assert ("s1", world.key(1).fingerprint) == (world.identity().selector, world.identity().fingerprint)


def test_create_with_settings(world):
    """Configuration set and tags come with the same write."""
    world.model.add_configuration_set(REGION, "newsletter")
    world.publish(1)

    stored = world.create(configuration_set="newsletter", tags={"team": "mail"})

    assert [CREATE] == world.calls()
    assert "newsletter" == world.identity().configuration_set
    assert {"team": "mail", **OURS, INSTANCE_TAG: stored.instance} == world.identity().tags


def test_each_identity_is_another_instance(world):
    """No two identities have the same instance, or one could delete the other."""
    assert world.created().instance != world.created(domain="example.org").instance


def test_create_without_its_record(world):
    """As long as the record is not visible SES is not told, and the record is there to be pasted."""
    stored = world.create()

    assert [] == world.calls()
    assert (AWAITING_DNS, None) == (stored.status, stored.key)
    assert START + timedelta(seconds=120) == world.clock.now()
    assert [
        "example.com eu-west-1: waiting for DNS, the key is not sent to SES yet: "
        "0 of 2 servers show the key, ns1.example.net and ns2.example.net have no TXT record\n"
        "  type:  TXT\n"
        "  name:  s1._domainkey.example.com\n"
        f"  value: {world.declared().record_value}\n"
        "  the next `pulumi up` goes on once this record is there"
    ] == world.progress.warnings


def test_create_where_no_zone_is_seen(world):
    """A record that the stack made is not seen by another run either: the zone is not seen at all."""
    world.resolver.failures = dict.fromkeys(SERVERS, "no zone")
    waiting = world.create(dns=("route53:Z1",))
    no_zone = (
        "this run's resolver does not see the zone: have the registrar name its servers, or, if only a "
        "resolver of your own network sees the zone, set `dnsResolvers`; then run `pulumi up`"
    )
    assert [f"example.com: {no_zone}; waiting at most 120 s for it"] == world.progress.infos
    (warning,) = world.progress.warnings
    assert warning.splitlines()[1:] == [
        "  nothing has to be pasted, the stack made the record at route53:Z1",
        f"  {no_zone}",
    ]

    world.resolver.failures = {}  # as another resolver sees it
    world.publish(1)
    world.update(waiting, 1, dns=("route53:Z1",), dns_resolvers=("192.0.2.53",))
    assert "s1" == world.identity().selector


def test_create_where_one_server_sees_no_zone(world):
    """If others do, it is the record that is missing."""
    world.resolver.failures = {SERVERS[0]: "no zone"}
    world.create(dns=("route53:Z1",))
    assert world.progress.warnings[0].endswith("and goes on once DNS shows it")


def followed(advice):
    """The generation and the list of published ones that *advice* names."""
    generation, published = re.search(r"`generation: (\d+)` with `published: (\[.*?\])`", advice).groups()
    return int(generation), tuple(json.loads(published))


def test_a_published_private_key_is_not_pasted_again(world):
    """Where the private key was published its public half is not shown any more, and the way out works."""
    private = world.key(1).pkcs1_base64()
    world.resolver.records["s1._domainkey.example.com"] = (f"p={private}",)

    stored = world.create()

    [warning] = world.progress.warnings
    assert "a private key" in warning
    assert world.declared().record_value not in warning
    assert private not in warning
    generation, published = followed(warning)
    world.publish(generation)
    world.next_run()
    assert "NOT_STARTED" == world.update(stored, generation, published=published).status
    assert (2, (2, 3)) == (generation, published)


def test_no_switch_to_a_published_private_key(world):
    """A switch to a key that was published is refused, without anything to be pasted; the way out works."""
    stored = world.verified()
    world.resolver.records["s2._domainkey.example.com"] = (f"p={world.key(2).pkcs1_base64()}",)

    with pytest.raises(RecordNotVisible) as refused:
        world.update(stored, 2, dns=("manual",))

    assert world.declared(2).record_value not in str(refused.value)
    generation, published = followed(str(refused.value))
    world.publish(generation)
    assert "s3" == world.update(stored, generation, published=published).declared.selector
    assert (3, (1, 3, 4)) == (generation, published)


def test_private_key_of_an_identity_without_generations(world):
    """Used alone, an identity gets another key under another selector."""
    world.resolver.records["s1._domainkey.example.com"] = (f"p={world.key(1).pkcs1_base64()}",)
    declared = replace(world.declared(), generation=None, published=())
    lifecycle.create(declared, lambda: world.key(1), world.outside)
    assert world.progress.warnings[0].endswith("take another key with another selector")


def test_create_goes_on_once_the_record_is_there(world):
    """The next `up` takes up where the first one stopped: still waiting, or told to SES."""
    first = world.create()
    second = world.update(first, 1)
    assert (AWAITING_DNS, []) == (second.status, world.calls())
    world.publish(1)

    third = world.update(second, 1)

    assert [CREATE] == world.calls()
    assert ("NOT_STARTED", CREATED, world.clock.now()) == (third.status, third.key.set_by, third.key.set_at)
    assert first.instance == third.instance == world.identity().tags[INSTANCE_TAG]


def test_one_look_at_manual_dns(world):
    """Where a person has to paste the record, a run looks once and does not wait."""
    assert AWAITING_DNS == world.create(dns_wait_seconds=0).status
    assert (["s1._domainkey.example.com"], START) == (world.resolver.looked_up, world.clock.now())


def test_one_wait_for_a_run(world):
    """New identities share one wait for DNS: a hundred records that are not there cost a run two minutes."""
    world.create()
    assert START + timedelta(seconds=120) == world.clock.now()

    world.create(domain="example.org")

    assert START + timedelta(seconds=120) == world.clock.now()
    assert ["s1._domainkey.example.org"] == world.resolver.looked_up[-1:]


def test_who_does_not_wait_takes_nobody_the_wait(world):
    """Manual records that are not there, and those that are there at once, leave the whole wait to others."""
    world.publish(1, domain="example.org")
    world.create(domain="example.org")
    world.create(dns_wait_seconds=0)
    world.clock.advance(300)
    world.clock.after(90, lambda: world.publish(1, domain="example.net"))

    assert "NOT_STARTED" == world.create(domain="example.net").status


def test_dns_is_not_checked(world):
    """With `dnsCheck: off` SES is told without a look."""

    lifecycle.create(world.declared(dns_check="off"), lambda: world.key(1), world.outside)

    assert ([CREATE], []) == (world.calls(), world.resolver.looked_up)


CLOCKS = pytest.mark.parametrize("ahead", [-HOUR, HOUR], ids=["slow", "fast"])
"""A machine whose clock is wrong. Times are compared with SES's, so all are by SES's clock."""


@CLOCKS
def test_the_times_of_a_life_are_by_the_clock_of_ses(world, ahead):
    """When SES was sent a key, and until when others signed, is never by this machine's wrong clock."""
    world.publish(1, 2, 3)
    here = replace(world.outside, run=replace(world.run, clock=WrongClock(world.clock, ahead)))

    def update(stored, generation, **changes):
        world.clock.advance(60)
        declared = world.declared(generation, **changes)
        return lifecycle.update(stored, declared, lambda: world.key(generation), here)

    created = lifecycle.create(world.declared(2, regions=(REGION, "us-east-1")), lambda: world.key(2), here)
    switched = update(created, 3, regions=(REGION, "us-east-1"))
    left = update(switched, 3, regions=(REGION,))
    world.model.remove(DOMAIN, REGION)
    again = update(with_status(left, "GONE", origin=""), 3, regions=(REGION,))

    start, minutes = START, [START + timedelta(minutes=number) for number in range(4)]
    assert (start, start, {1: start}) == (created.key.set_at, created.key.signing_since, created.signed_until)
    assert (minutes[1], minutes[1], {1: start, 2: minutes[1]}) == (
        switched.key.set_at,
        switched.key.signing_since,
        switched.signed_until,
    )
    assert {1: start, 2: minutes[2], 4: minutes[2]} == left.signed_until
    assert (minutes[3], {1: start, 2: minutes[3], 4: minutes[2]}) == (again.key.set_at, again.signed_until)


@CLOCKS
def test_the_times_of_a_take_over_are_by_the_clock_of_ses(world, ahead):
    """What an adopted identity signed with until now, by the clock that says when SES got the key."""
    world.publish(2)
    world.put("theirs")
    here = replace(world.outside, run=replace(world.run, clock=WrongClock(world.clock, ahead)))

    taken = lifecycle.create(world.declared(2, adopt=True), lambda: world.key(2), here)

    assert (START, START, {1: START, 3: START}) == (
        taken.key.set_at,
        taken.key.signing_since,
        taken.signed_until,
    )


@CLOCKS
def test_reads_that_may_be_stale_are_known_by_the_clock_of_ses(world, ahead):
    """Back right after a switch, a read may show the state before it, whatever this machine's clock says."""
    world.publish(1, 2)
    here = replace(world.outside, run=replace(world.run, clock=WrongClock(world.clock, ahead)))
    first = lifecycle.create(world.declared(1), lambda: world.key(1), here)
    world.clock.advance(HOUR)
    world.switch(read_lag_seconds=5)
    second = lifecycle.update(first, world.declared(2), lambda: world.key(2), here)
    world.clock.advance(2)

    lifecycle.update(second, world.declared(1, published=(1, 2, 3)), lambda: world.key(1), here)

    assert "s1" == world.identity().selector


# --- an identity that SES has already


@pytest.mark.parametrize("kind", LOST)
def test_lost_answer_of_create(world, kind):
    """The answer of our own Create was lost: the owner tag says whose it is, and a new instance goes on."""
    world.publish(1)
    world.model.inject(Fault(kind, "after", CREATE))

    stored = world.create()

    assert sorted([CREATE, CREATE, GET, TAG]) == sorted(world.calls())
    assert {**OURS, INSTANCE_TAG: stored.instance} == world.identity().tags
    assert ("PENDING", "s1", False) == (stored.status, world.identity().selector, stored.adopted)
    assert [stored] == [world.update(stored, 1)]


def test_create_while_reads_lag(world):
    """SES has the identity and does not show it yet: said as it is, and the next run goes on."""
    world.switch(read_lag_seconds=60)
    world.publish(1)
    world.model.inject(Fault("drop", "after", CREATE))

    assert [AwsMessages.NOT_SHOWN_YET()] == refused(SesRefused, world.create).fields["steps"]

    world.clock.advance(61)
    assert world.create().instance == world.identity().tags[INSTANCE_TAG]


def existing(problem, *, origin="EXTERNAL", made="", **fields):
    return problem(name="example.com eu-west-1", origin=origin, made=made, **fields)


@cases(
    ("make", "problem"),
    {
        "another stack's": (
            lambda world: world.put("s1", tags=PROD),
            existing(IdentityMessages.OTHER_STACKS, owner="'ses-byodkim/prod'"),
        ),
        "another stack's of the same name": (
            lambda world: world.put("s1", tags=SAME_NAME),
            existing(IdentityMessages.OF_SAME_NAME, owner="another stack with the name 'ses-byodkim/dev'"),
        ),
        "another resource's": (
            lambda world: world.put("s1", tags={OWNER_TAG: f"{STACK_ID}/mail/eu-west-1"}),
            existing(IdentityMessages.OTHER_RESOURCES, owner="the resource 'mail/eu-west-1' of this stack"),
        ),
        "no owner tag": (lambda world: world.put("s1"), existing(IdentityMessages.NOBODYS, owner="")),
        "Easy DKIM": (
            lambda world: world.model.put_easy_dkim(DOMAIN, REGION),
            existing(IdentityMessages.NOBODYS, origin="AWS_SES", owner=""),
        ),
        "ours with another key": (
            lambda world: world.put("s9", tags={OWNER_TAG: OWNER}),
            existing(IdentityMessages.OTHER_SELECTOR, seen="s9", selector="s1"),
        ),
        "ours, signing with Easy DKIM": (
            our_easy_dkim,
            existing(IdentityMessages.EASY_DKIM, origin="AWS_SES"),
        ),
    },
)
def test_what_is_not_ours_is_refused(world, make, problem):
    """
    An identity that this resource did not make stays as it is, whoever made it.

    A preview refuses it with the text of the run, of one List and a read of what is there.
    """
    world.publish(1)
    make(world)
    before = world.identity()

    assert problem == refused(IdentityExists, lifecycle.foresee, world.declared(), world.outside)
    assert [LIST, GET] == world.calls()
    assert problem == refused(IdentityExists, world.create)
    assert before == world.identity()


@cases(
    "make",
    {
        "ours": lambda world: world.put("s1", tags={OWNER_TAG: OWNER}),
        "another domain": lambda world: world.model.put_easy_dkim("example.org", REGION),
    },
)
def test_a_preview_foresees_what_is_not_refused(world, make):
    """What a lost run has made, and what SES has of others, is in nobody's way."""
    world.publish(1)
    make(world)
    lifecycle.foresee(world.declared(), world.outside)
    world.create()


def test_a_preview_lists_once(world):
    """However many identities are new, one List a Region and run tells that SES has none of them."""
    for number in range(3):
        declared = world.declared(domain=f"{number}.example.com")
        lifecycle.foresee(declared, world.outside)

    assert [LIST] == world.calls()


def test_a_preview_that_knows_no_selector(world):
    """The key is not made yet: whose the identity is can be told all the same."""
    world.put("s9", tags={OWNER_TAG: OWNER})
    unknown = replace(world.declared(), selector="", fingerprint="", record_value="")
    lifecycle.foresee(unknown, world.outside)

    world.model.change(DOMAIN, REGION, tags={})
    refused(IdentityExists, lifecycle.foresee, unknown, world.outside)


def test_a_preview_that_may_not_list(world):
    """Without the permission for List the identity is read, before a record of its key is taken over."""
    world.put("s9")
    world.model.inject(Fault("access_denied", operation=LIST, times=ATTEMPTS))

    said = refused(IdentityExists, lifecycle.foresee, world.declared(), world.outside)

    assert [LIST, GET] == world.calls()
    world.publish(1)
    assert said == refused(IdentityExists, world.create)


def test_a_preview_that_may_not_list_a_new_one(world):
    """What SES does not have is not refused, and costs one read."""
    world.model.inject(Fault("access_denied", operation=LIST, times=ATTEMPTS))

    lifecycle.foresee(world.declared(), world.outside)

    assert [LIST, GET] == world.calls()


def test_adopt_what_is_right(world):
    """An identity that signs with this key already gets our tags, and no call that could disturb it."""
    world.publish(1)
    world.put("s1", tags={"team": "mail"})
    world.model.add_configuration_set(REGION, "theirs")
    world.model.change(DOMAIN, REGION, configuration_set="theirs")
    before = world.identity()

    stored = world.create(adopt=True)

    tags = {"team": "mail", **OURS, INSTANCE_TAG: stored.instance}
    assert [CREATE, GET, TAG] == world.calls()
    assert replace(before, tags=tags) == world.identity()
    assert ("SUCCESS", True) == (stored.status, stored.adopted)


def easy_dkim(world):
    world.model.put_easy_dkim(DOMAIN, REGION)


@cases(
    ("make", "changes", "line"),
    {
        "another key": (
            lambda world: world.put("s9"),
            {},
            "BYODKIM, signing with selector 's9'; switches to 's1'",
        ),
        "this key": (lambda world: world.put("s1"), {}, "BYODKIM, signing with selector 's1'; its key stays"),
        "Easy DKIM": (
            easy_dkim,
            {},
            f"Easy DKIM; switches to BYODKIM with 's1', mail is perhaps unsigned meanwhile; {REPLICAS}",
        ),
        "disabled": (
            lambda world: world.put("s9"),
            {"signing_enabled": False},
            "BYODKIM, signing is disabled, with selector 's9'; switches to 's1'; signing gets enabled",
        ),
        "Easy DKIM, disabled": (
            easy_dkim,
            {"signing_enabled": False},
            f"Easy DKIM; switches to BYODKIM with 's1'; {REPLICAS}; signing gets enabled",
        ),
    },
)
def test_a_take_over_is_said(world, make, changes, line):
    """
    Before an identity is taken over, one line says what it had, and what becomes of its signatures.

    A preview says the same, of one List and a read.
    """
    world.publish(1)
    make(world)
    if changes:
        world.model.change(DOMAIN, REGION, **changes)
    declared = world.declared(adopt=True, accept_unsigned_window=True)
    foreseen = lifecycle.foresee(declared, world.outside)
    assert [LIST, GET] == world.calls()

    world.create(adopt=True, accept_unsigned_window=True)

    assert [f"example.com eu-west-1: SES has it, {line}"] == world.progress.infos == [foreseen]


def unknown_key(world):
    """Inputs of an identity to adopt whose key is not made yet."""
    return replace(world.declared(adopt=True), selector="", fingerprint="", record_value="")


def test_a_preview_of_a_take_over(world):
    """A preview also says it of a key that is not made yet."""
    world.put("s9")
    foreseen = lifecycle.foresee(unknown_key(world), world.outside)
    line = "BYODKIM, signing with selector 's9'; switches to a key that the update makes"
    assert f"example.com eu-west-1: SES has it, {line}" == foreseen


def test_a_preview_of_nothing_to_take_over(world):
    """What SES does not have is not read."""
    assert "" == lifecycle.foresee(world.declared(adopt=True), world.outside)
    assert [LIST] == world.calls()


def test_taking_back_is_said(world):
    """The same of an identity that another stack has taken; where its key is not touched, nothing is said."""
    stored = world.verified()
    world.publish(2)
    theirs = {OWNER_TAG: "ses-byodkim/prod/example.com/eu-west-1"}
    world.model.change(DOMAIN, REGION, tags=theirs)
    stored = world.update(stored, 1, adopt=True, tags={"team": "mail"})
    assert [] == world.progress.infos

    world.model.change(DOMAIN, REGION, tags=theirs)
    world.update(stored, 2, adopt=True, tags={"team": "mail"})
    assert [
        "example.com eu-west-1: SES has it, BYODKIM, signing with selector 's1'; switches to 's2'"
    ] == world.progress.infos


def test_adopt_easy_dkim(world):
    """A domain that signs with Easy DKIM would be unsigned for a while: not without consent."""
    world.publish(1)
    world.model.put_easy_dkim(DOMAIN, REGION)
    before = world.identity()

    made = "; an update makes keys and records first"
    assert existing(IdentityMessages.EASY_DKIM, origin="AWS_SES", made=made) == refused(
        IdentityExists, world.create, adopt=True
    )
    assert before == world.identity()

    world.create(adopt=True, accept_unsigned_window=True)
    world.clock.advance(HOUR)
    assert "s1" == world.signs_with()


@pytest.mark.parametrize("adopt", [False, True])
def test_managed_by_aws(world, adopt):
    """An identity that another AWS service looks after is left to it, and a preview says so."""
    world.publish(1)
    easy_dkim(world)
    world.model.change(DOMAIN, REGION, is_managed=True, status="PENDING")
    before = world.identity()
    said = refused(IdentityExists, lifecycle.foresee, world.declared(adopt=adopt), world.outside)

    assert IdentityMessages.MANAGED == said.code == refused(IdentityExists, world.create, adopt=adopt).code
    assert before == world.identity()


def test_adopt_easy_dkim_that_is_disabled(world):
    """Where signing is disabled no mail would go out unsigned that is signed now."""
    world.publish(1)
    world.model.put_easy_dkim(DOMAIN, REGION)
    world.model.change(DOMAIN, REGION, signing_enabled=False)

    world.create(adopt=True)
    world.clock.advance(HOUR)

    assert "s1" == world.signs_with()


def test_take_over_with_settings(world):
    """What is declared beside the key holds of an identity that is taken over, too."""
    world.model.add_configuration_set(REGION, "newsletter")
    world.publish(1)
    world.put("s1", tags={"theirs": "stays"})

    stored = world.create(adopt=True, configuration_set="newsletter", tags={"team": "mail"})

    own = {**OURS, INSTANCE_TAG: stored.instance}
    assert "newsletter" == world.identity().configuration_set
    assert {"theirs": "stays", "team": "mail", **own} == world.identity().tags


@pytest.mark.parametrize("lag", [0, 5], ids=["reads at once", "reads lag"])
def test_replacement(world, lag):
    """`--replace` creates, then deletes: the deletion finds another instance and leaves the live identity."""
    world.switch(read_lag_seconds=lag)
    old = world.verified()

    new = world.create()
    lifecycle.delete(old, world.outside)

    assert new.instance == world.identity().tags[INSTANCE_TAG]
    assert [
        "example.com eu-west-1: left in SES, it is not the identity that was made here"
    ] == world.progress.infos
    world.clock.advance(HOUR)
    assert "s1" == world.signs_with()


# --- update: another key


@pytest.mark.parametrize("status", STATUS_AFTER_PUT)
def test_switch(world, status):
    """A switch is one read and one Put; stored is until when the old key signed and since when the new."""
    world.switch(status_after_put=status, put_answer="as Get")
    old = world.verified()
    world.publish(2)
    world.forget()

    new = world.update(old, 2)

    now = START + HOUR
    assert [GET, PUT_KEY] == world.calls()
    assert (status, now, PUT, now, {1: now}) == (
        new.status,
        new.key.set_at,
        new.key.set_by,
        new.key.signing_since,
        new.signed_until,
    )
    assert (old.instance, "s2") == (new.instance, new.declared.selector)
    assert ("s2", world.key(2).fingerprint) == (world.identity().selector, world.identity().fingerprint)


def test_the_times_of_a_way_back(world):
    """Going back, the generation left behind signed until now, and the one that signs again has no end."""
    first = world.verified()
    world.publish(2)
    second = world.update(first, 2)
    world.clock.advance(HOUR)

    back = world.update(second, 1, published=(1, 2, 3))

    assert {2: START + 2 * HOUR} == back.signed_until


def test_the_time_of_a_generation_that_leaves(world):
    """A generation keeps its time when it leaves: it may be published again, if only by a step back."""
    first = world.verified()
    world.publish(2, 3)
    second = world.update(first, 2)

    assert [1, 2] == list(world.update(second, 3, published=(2, 3, 4)).signed_until)


def test_switch_without_the_record(world):
    """Nothing is switched to a key that is not in DNS, and the text says what still signs."""
    old = world.verified()

    assert refused(RecordNotVisible, world.update, old, 2) == IdentityMessages.NOT_VISIBLE(
        name="s2._domainkey.example.com",
        seconds=120,
        answers="ns1.example.net and ns2.example.net have no TXT record",
        still="it still signs with 's1'",
        step=IdentityMessages.CORRECT(by_hand=""),
    )
    assert ([GET], "s1") == (world.calls(), world.signs_with())


@pytest.mark.parametrize("seconds", [0, 120], ids=["one that does not wait", "one that waits"])
def test_a_switch_has_a_wait_of_its_own(world, seconds):
    """A switch fails without its record: it waits for it in full, whatever others wait for in this run."""
    old = world.verified()
    assert AWAITING_DNS == world.create(domain="example.org", dns_wait_seconds=seconds).status
    world.clock.advance(300)
    world.clock.after(90, lambda: world.publish(2))

    assert "s2" == world.update(old, 2).signing_selector


def test_the_wait_that_is_named_is_the_wait_there_was(world):
    """A switch says how long it waited, and not how long its run did."""
    old = world.verified()
    world.create(domain="example.org")
    began = world.clock.monotonic()

    assert 120 == refused(RecordNotVisible, world.update, old, 2).fields["seconds"]
    assert began + 120 == world.clock.monotonic()


@pytest.mark.parametrize("restarts", [True, False], ids=["same key restarts", "same key changes nothing"])
@pytest.mark.parametrize("kind", [*LOST, "garbage"])
def test_lost_answer_of_put(world, kind, restarts):
    """A Put whose answer was lost is not repeated if SES shows what it has, else once more, the same."""
    world.switch(same_key_restarts=restarts)
    old = world.verified()
    world.publish(2)
    world.model.inject(Fault(kind, "after", PUT_KEY))
    refused(SesRefused, world.update, old, 2)
    assert [PUT_KEY] == world.calls()[1:]
    world.forget()
    world.clock.advance(60)

    new = world.update(old, 2)

    assert [GET] == world.calls()
    assert ("s2", world.key(2).fingerprint) == (world.identity().selector, world.identity().fingerprint)
    assert (TAKEN_OVER, {1: world.clock.now()}) == (new.key.set_by, new.signed_until)
    assert new.key.set_at > old.key.set_at


def test_back_while_reads_lag(world):
    """A read that is older than our own Put shows the key before: that is no reason to leave out a Put."""
    first = world.verified()
    world.publish(2)
    world.switch(read_lag_seconds=5)
    second = world.update(first, 2)
    world.clock.advance(2)

    world.update(second, 1, published=(1, 2, 3))

    assert [GET, PUT_KEY] * 2 == world.calls()
    assert "s1" == world.identity().selector


# --- update: repairs


@pytest.mark.parametrize("restarts", [True, False], ids=["SES restarts", "SES does not restart"])
def test_failed(world, restarts):
    """After SES has given up it is told the same key again; nothing about generations changes."""
    world.switch(failed_restarts=restarts, put_answer="as Get")
    old = world.verified()
    world.model.change(DOMAIN, REGION, status="FAILED")
    failed = lifecycle.read(old, world.outside)
    world.clock.advance(60)

    repaired = world.update(failed, 1)

    assert [GET, GET, PUT_KEY] == world.calls()
    assert ("PENDING" if restarts else "FAILED", START + HOUR + timedelta(minutes=1)) == (
        repaired.status,
        repaired.key.set_at,
    )
    assert (old.key.signing_since, {}) == (repaired.key.signing_since, repaired.signed_until)


def test_failed_without_its_record(world):
    """The same key is not put again before its record is there; nothing signs, and the text says so."""
    old = world.verified()
    world.model.change(DOMAIN, REGION, status="FAILED")
    failed = lifecycle.read(old, world.outside)
    world.resolver.records.clear()

    still = refused(RecordNotVisible, world.update, failed, 1).fields["still"]

    assert (None, "FAILED") == (world.signs_with(), world.identity().status)
    assert "it says FAILED" == still


@pytest.mark.parametrize("by_put", [True, False], ids=["a Put enables", "a Put does not enable"])
def test_signing_disabled(world, by_put):
    """Signing that was disabled is enabled by the console's check box alone, not by a new search."""
    world.switch(put_enables_signing=by_put)
    old = world.verified()
    world.model.change(DOMAIN, REGION, signing_enabled=False)
    seen = lifecycle.read(old, world.outside)
    assert world.signs_with() is None

    repaired = world.update(seen, 1)

    assert [GET, GET, ENABLE] == world.calls()
    assert (old.key.set_at, True, "s1") == (repaired.key.set_at, repaired.signing_enabled, world.signs_with())


def test_deleted_behind_our_back(world):
    """An identity that is gone is created again, as it was."""
    old = with_status(world.verified(), "FAILED")
    world.model.remove(DOMAIN, REGION)

    again = world.update(old, 1)

    assert [GET, CREATE] == world.calls()
    assert (CREATED, "NOT_STARTED", START + HOUR) == (again.key.set_by, again.status, again.key.set_at)
    assert {**OURS, INSTANCE_TAG: again.instance} == world.identity().tags


def test_switch_of_an_identity_that_is_gone_before_the_record(world):
    """It is no new identity that waits for DNS: SES's reads lag, and it may be there all the same."""
    old = world.verified()
    world.model.remove(DOMAIN, REGION)

    assert "it shows no identity" == refused(RecordNotVisible, world.update, old, 2).fields["still"]
    assert [GET] == world.calls()


@pytest.mark.parametrize("status", ["SUCCESS", "TEMPORARY_FAILURE"])
def test_drift_to_easy_dkim(world, status):
    """Easy DKIM that signs is not taken away without consent: mail would go out unsigned."""
    old = world.verified()
    to_easy_dkim(world, status)
    seen = lifecycle.read(old, world.outside)
    before = world.identity()

    easy = existing(IdentityMessages.EASY_DKIM, origin="AWS_SES")
    assert easy == refused(IdentityExists, world.update, seen, 1)
    assert before == world.identity()

    world.update(seen, 1, accept_unsigned_window=True)
    world.clock.advance(HOUR)
    assert "s1" == world.signs_with()


@pytest.mark.parametrize("status", ["PENDING", "FAILED", "NOT_STARTED"])
def test_drift_to_easy_dkim_that_does_not_sign(world, status):
    """Where Easy DKIM does not sign yet, nothing is lost by the declared key."""
    old = world.verified()
    to_easy_dkim(world, status)

    repaired = world.update(lifecycle.read(old, world.outside), 1)

    assert ("EXTERNAL", "s1") == (repaired.origin, world.identity().selector)


@cases(
    ("tags", "reason"),
    {
        "another stack": (
            {**PROD, INSTANCE_TAG: "theirs"},
            IdentityMessages.TAKEN(owner="'ses-byodkim/prod'"),
        ),
        "another resource": (
            {OWNER_TAG: f"{STACK_ID}/other", INSTANCE_TAG: "theirs"},
            IdentityMessages.TAKEN(owner="the resource 'other' of this stack"),
        ),
        "nobody": ({}, IdentityMessages.UNTAGGED()),
    },
)
@pytest.mark.parametrize("is_refreshed", [True, False], ids=["refreshed", "not refreshed"])
def test_another_stack_has_adopted_it(world, is_refreshed, tags, reason):
    """An identity that is another's by now is not changed any more, and the message says whose it is."""
    old = world.verified()
    world.publish(2)
    world.model.change(DOMAIN, REGION, tags=tags)
    before = world.identity()
    if is_refreshed:
        old = lifecycle.read(old, world.outside)

    lost = existing(IdentityMessages.LOST, reason=reason)
    assert lost == refused(IdentityExists, world.update, old, 2)
    if is_refreshed:
        assert lost == refused(IdentityExists, world.update, old, 1)
    lifecycle.delete(old, world.outside)

    assert before == world.identity()


# --- update: settings


@cases(
    "changes",
    {
        "nothing": {},
        "wait": {"dns_wait_seconds": 5},
        "DNS check": {"dns_check": "off", "dns_resolvers": ("127.0.0.1:53",)},
        "published": {"published": (1, 2, 3), "overlap_days": 3},
        "supplied keys": {"supplied_keys": {2: "k2"}},
        "account": {"account_id": "123456789012"},
        "consent": {"adopt": True, "accept_unsigned_window": True},
        "owner": {"owner": f"{STACK_ID}/renamed"},
        "unmanaged from now on": {"configuration_set": None, "tags": None},
    },
)
def test_an_echo_costs_no_call(world, changes):
    """What SES does not have is stored without asking SES or DNS, and the first owner is kept."""
    world.model.add_configuration_set(REGION, "newsletter")
    old = world.verified(configuration_set="newsletter", tags={"team": "mail"})
    before = world.identity()
    declared = {"configuration_set": "newsletter", "tags": {"team": "mail"}, **changes}

    new = world.update(old, 1, **declared)

    assert ([], [], before) == (world.calls(), world.resolver.looked_up, world.identity())
    assert replace(old, declared=world.declared(1, **{**declared, "owner": OWNER})) == new


def test_a_renamed_stack(world):
    """It is the same owner as before, and people see its new name."""
    old = world.verified(tags={"team": "mail"})

    renamed = world.update(old, 1, stack="ses-byodkim/new", tags={"team": "mail"})

    assert [GET, TAG] == world.calls()
    assert {"team": "mail", **OURS, STACK_TAG: "ses-byodkim/new", INSTANCE_TAG: old.instance} == (
        world.identity().tags
    )
    assert replace(old, declared=replace(old.declared, stack="ses-byodkim/new")) == renamed


def test_an_aliased_rename_keeps_its_owner(world):
    """After a rename with `aliases` the identity still is ours in every later step."""
    renamed = world.update(world.verified(), 1, owner=f"{STACK_ID}/renamed")
    world.publish(2)

    switched = world.update(renamed, 2, owner=f"{STACK_ID}/renamed")
    lifecycle.delete(switched, world.outside)

    assert {} == world.model.identities(REGION)


@pytest.mark.parametrize("trouble", ["no record", "not allowed"])
def test_what_is_half_adopted_is_not_deleted(world, trouble):
    """Somebody made the identity anew; an update that fails on the way to adopting it arms no deletion."""
    old = world.verified()
    world.model.remove(DOMAIN, REGION)
    world.put("theirs", generation=3, tags={})
    if trouble == "not allowed":
        world.publish(2)
        world.model.inject(Fault("access_denied", "before", operation=PUT_KEY, times=ATTEMPTS))
    refused(ByodkimError, world.update, old, 2, adopt=True)
    world.next_run()

    lifecycle.delete(old, world.outside)

    assert DOMAIN in world.model.identities(REGION)


def test_what_was_half_adopted_stays(world):
    """The second run finds our own tags on it, and it is somebody else's all the same."""
    old = world.verified()
    world.model.remove(DOMAIN, REGION)
    world.put("theirs", generation=3, tags={})
    world.publish(2)
    world.model.inject(Fault("access_denied", "before", operation=PUT_KEY))
    refused(ByodkimError, world.update, old, 2, adopt=True)

    assert world.update(old, 2, adopt=True).adopted


@pytest.mark.parametrize("operation", [PUT_KEY, ENABLE, CONFIGURATION_SET])
@pytest.mark.parametrize("tags", [{}, {OWNER_TAG: "ses-byodkim/prod/x", INSTANCE_TAG: "theirs"}])
def test_tags_of_what_could_not_be_adopted(world, tags, operation):
    """An update that is refused on the way leaves whose the identity is as it was."""
    world.model.add_configuration_set(REGION, "newsletter")
    old = world.verified()
    world.model.change(DOMAIN, REGION, tags=tags, signing_enabled=False)
    world.publish(2)
    world.model.inject(Fault("access_denied", "before", operation=operation))

    refused(SesRefused, world.update, old, 2, adopt=True, configuration_set="newsletter")

    assert tags == world.identity().tags


def test_tags_that_could_not_be_written(world):
    """SES has got the key, and the tags were refused: the next run sees that, and writes them only."""
    old = world.verified()
    world.model.change(DOMAIN, REGION, tags={})
    world.publish(2)
    world.model.inject(Fault("access_denied", "before", operation=TAG))
    refused(SesRefused, world.update, old, 2, adopt=True)
    world.forget()

    back = world.update(old, 2, adopt=True)

    assert [GET, TAG] == world.calls()
    assert (True, "s2", {1: START + HOUR}) == (back.adopted, back.signing_selector, back.signed_until)
    assert {**OURS, INSTANCE_TAG: back.instance} == world.identity().tags


@pytest.mark.parametrize("is_told", [True, False], ids=["signing", "awaiting DNS"])
def test_another_region_leaves(world, is_told):
    """What the identity that goes has signed with until now, the one that stays remembers."""
    both = {"regions": (REGION, "us-east-1")}
    stored = world.verified(2, **both) if is_told else world.create(2, **both)
    world.forget()

    after = world.update(stored, 2, regions=(REGION,))

    left, calls = ([1, 3], [GET]) if is_told else ([1, 2, 3], [])
    assert (left, calls) == (sorted(after.signed_until), world.calls())


def test_a_region_is_added(world):
    """Who is there already remembers nothing new."""
    stored = world.verified(2, regions=(REGION,))

    assert stored.signed_until == world.update(stored, 2, regions=(REGION, "us-east-1")).signed_until


def test_configuration_set_that_is_not_managed(world):
    """A configuration set that somebody else chose stays, also when the key changes."""
    world.model.add_configuration_set(REGION, "theirs")
    old = world.verified()
    world.publish(2)
    world.model.change(DOMAIN, REGION, configuration_set="theirs")

    world.update(old, 2)

    assert "theirs" == world.identity().configuration_set


@cases(
    ("tags", "calls"),
    {
        "the same": ({"team": "mail", "stage": "dev"}, []),
        "changed and new": ({"team": "sales", "stage": "dev", "cost": "7"}, [GET, TAG]),
        "one gone": ({"team": "mail"}, [GET, UNTAG]),
        "changed and gone": ({"stage": "prod"}, [GET, TAG, UNTAG]),
        "all gone": ({}, [GET, UNTAG]),
    },
)
def test_tags(world, tags, calls):
    """Tags are set and removed by their own calls, only those that are ours, and only if they changed."""
    old = world.verified(tags={"team": "mail", "stage": "dev"})
    world.model.change(DOMAIN, REGION, tags={**world.identity().tags, "theirs": "stays"})

    world.update(old, 1, tags=tags)

    own = {**OURS, INSTANCE_TAG: old.instance}
    assert calls == world.calls()
    assert {**tags, **own, "theirs": "stays"} == world.identity().tags


# --- read and delete


def test_read(world):
    """A refresh is one read; what SES says goes into fields of its own, never into an echo."""
    old = world.verified(configuration_set=None, tags={"team": "mail"})

    seen = lifecycle.read(old, world.outside)

    assert [GET] == world.calls()
    assert with_status(old, "SUCCESS", was_verified=True) == seen
    assert [] == world.progress.warnings


@cases(
    ("change", "told", "reason"),
    {
        "failed": (
            {"status": "FAILED"},
            {"status": "FAILED"},
            "SES has given up looking for the record: FAILED",
        ),
        "signing disabled": (
            {"signing_enabled": False},
            {"signing_enabled": False},
            "DKIM signatures are disabled",
        ),
        "Easy DKIM": (
            {"origin": "AWS_SES", "key": easy_dkim_keys()[0]},
            {"origin": "AWS_SES", "signing_selector": None},
            "signs with a key of SES's own (AWS_SES), not with 's1'",
        ),
        "foreign selector": (
            {"key": HeldKey.of("s9", "")},
            {"signing_selector": "s9"},
            "signs with selector 's9', not 's1'",
        ),
        "another owner": (
            {"tags": {OWNER_TAG: "other/prod/mail", INSTANCE_TAG: "0"}},
            {"other_owner": "'other/prod/mail'"},
            f"owned by 'other/prod/mail' now{LETS_GO}",
        ),
        "no owner": ({"tags": {}}, {"other_owner": ""}, f"its owner tag is gone{LETS_GO}"),
        "another instance": (
            {"tags": {**OURS, INSTANCE_TAG: "0"}},
            {"other_instance": "0"},
            "its tags are those of a replacement that was not stored",
        ),
        "two things": (
            {"signing_enabled": False, "tags": {}},
            {"signing_enabled": False, "other_owner": ""},
            f"its owner tag is gone, DKIM signatures are disabled{LETS_GO}",
        ),
    },
)
def test_read_drift(world, change, told, reason):
    """Each way of drifting shows in its field and in one line of warning, and none of the echoes follows."""
    old = with_status(world.verified(), "SUCCESS", was_verified=True)
    world.model.change(DOMAIN, REGION, **change)

    seen = lifecycle.read(old, world.outside)

    assert with_status(old, **{"status": "SUCCESS"} | told) == seen
    assert differences(seen)
    if not reason.endswith(LETS_GO):
        reason += "; `pulumi up` repairs that, or says what to do"
    assert [f"example.com eu-west-1: {reason}"] == world.progress.warnings


def test_read_of_settings(world):
    """A configuration set that somebody else chose is no drift: it stays, unless another one is declared."""
    old = with_status(world.verified(), "SUCCESS", was_verified=True)
    world.model.change(DOMAIN, REGION, configuration_set="theirs")

    assert (old, []) == (lifecycle.read(old, world.outside), world.progress.warnings)


def test_read_of_a_search(world):
    """Why SES has not found the record is among the outputs."""
    pending = world.created()
    world.resolver.records.clear()
    world.clock.advance(HOUR)

    seen = lifecycle.read(pending, world.outside)

    assert ("HOST_NOT_FOUND", False, []) == (
        seen.error_type,
        bool(differences(seen)),
        world.progress.warnings,
    )


def test_read_of_an_old_error(world):
    """What SES keeps of an earlier failure beside SUCCESS is nothing that is wrong."""
    world.switch(verification_info="sticky")
    pending = world.created()
    world.resolver.records.clear()
    world.clock.advance(60)
    world.publish(1)
    world.clock.advance(HOUR)
    assert "HOST_NOT_FOUND" == world.ses().get_email_identity(DOMAIN).error_type

    assert ("SUCCESS", "") == ((seen := lifecycle.read(pending, world.outside)).status, seen.error_type)


# --- SES does not confirm a key any more that it had verified


def other_key_under_its_selector(world):
    """Somebody gives the identity another key under the selector it has; SES has looked since."""
    put_elsewhere(world, selector="s1")
    world.clock.advance(HOUR)


FELL_BACK = (
    "example.com eu-west-1: SES says PENDING (INVALID_VALUE: another value in DNS), it said SUCCESS before; "
    "`pulumi up` repairs that, or says what to do"
)


@pytest.mark.parametrize("info", ["filled", "empty"])
def test_another_key_under_its_selector(world, info):
    """A refresh says that SES finds another value, and the next `up` sends the key again."""
    old = world.verified()
    if info == "empty":
        # SES tells no times: that it had verified the key is known of an earlier refresh.
        old = lifecycle.read(old, world.outside)
    other_key_under_its_selector(world)

    seen = lifecycle.read(old, world.outside)
    assert ([FELL_BACK], "PENDING", True) == (world.progress.warnings, seen.status, bool(differences(seen)))
    world.forget()
    repaired = world.update(seen, 1)

    assert [GET, PUT_KEY] == world.calls()
    assert world.key(1).fingerprint == world.identity().fingerprint
    assert (world.clock.now(), PUT, old.key.signing_since, {}) == (
        repaired.key.set_at,
        repaired.key.set_by,
        repaired.key.signing_since,
        repaired.signed_until,
    )
    world.clock.advance(HOUR)
    assert "s1" == world.signs_with()
    assert not differences(lifecycle.read(repaired, world.outside))


def test_another_key_before_it_was_verified(world):
    """That SES finds another value is drift also where it never verified the key."""
    pending = world.created()
    other_key_under_its_selector(world)

    seen = lifecycle.read(pending, world.outside)

    assert [
        "example.com eu-west-1: SES says PENDING (INVALID_VALUE: another value in DNS): the record does not "
        "hold the key that SES has; `pulumi up` repairs that, or says what to do"
    ] == world.progress.warnings
    assert PUT == world.update(seen, 1).key.set_by


def test_no_key_is_sent_without_its_record(world):
    """Where the record holds another key it is the record that is wrong: `up` goes on, and checks again."""
    old = world.verified()
    world.resolver.records["s1._domainkey.example.com"] = (world.declared(2).record_value,)
    world.clock.advance(2 * HOUR)
    seen = lifecycle.read(old, world.outside)
    assert [
        "example.com eu-west-1: SES says TEMPORARY_FAILURE (INVALID_VALUE: another value in DNS), "
        "it said SUCCESS before; `pulumi up` repairs that, or says what to do"
    ] == world.progress.warnings
    world.forget()

    after = world.update(seen, 1)

    assert [GET] == world.calls()
    assert differences(after)
    world.publish(1)
    world.clock.advance(2 * HOUR)
    again = world.update(after, 1)
    assert ("SUCCESS", False) == (again.status, bool(differences(again)))


def test_what_ses_has_not_looked_for_yet(world):
    """Without a word of another value nothing is sent: the verification looks again until SES has said it."""
    world.switch(first_check_seconds=40)
    old = world.verified()
    verdicts = world.verify(old)
    assert verdicts[0].verified
    put_elsewhere(world, selector="s1")
    seen = lifecycle.read(old, world.outside)
    assert differences(seen)
    world.forget()

    after = world.update(seen, 1)

    assert [GET] == world.calls()
    assert (seen.key.set_at < after.key.set_at, TAKEN_OVER, False) == (
        True,
        after.key.set_by,
        bool(differences(after)),
    )
    assert not world.verify(after, before=verdicts, timeout_minutes=1)[0].verified


def test_a_switch_that_said_success_and_fell_back(world):
    """SUCCESS may have been about the key before; the run that checks again still offers to go back to it."""
    world.switch(status_after_put="SUCCESS", first_check_seconds=2400)
    old = world.verified()
    world.publish(2)
    switched = world.update(old, 2)
    world.clock.advance(SETTLED)
    switched = lifecycle.read(switched, world.outside)
    assert ("SUCCESS", True) == (switched.status, switched.was_verified)
    world.resolver.records.pop("s2._domainkey.example.com")
    world.clock.advance(1000)
    seen = lifecycle.read(switched, world.outside)
    assert [
        "example.com eu-west-1: SES says PENDING (HOST_NOT_FOUND: no such name), it said SUCCESS before; "
        "`pulumi up` repairs that, or says what to do"
    ] == world.progress.warnings

    after = world.update(seen, 2)

    assert (PUT, True) == (after.key.set_by, switched.key.set_at < after.key.set_at)
    (verdict,) = world.verify(after, timeout_minutes=1)
    assert "; `generation: 1` with `published: [1, 2, 3]` goes back; " in verdict.reason


def test_success_of_the_key_before(world):
    """What SES still says of the key before says nothing of the new one: its search is no relapse."""
    world.switch(status_after_put="SUCCESS", first_check_seconds=300)
    old = world.verified()
    world.publish(2)
    switched = lifecycle.read(world.update(old, 2), world.outside)
    assert ("SUCCESS", False) == (switched.status, switched.was_verified)
    world.resolver.records.pop("s2._domainkey.example.com")
    world.clock.advance(400)

    assert not differences(lifecycle.read(switched, world.outside))


def test_what_ses_confirms_again(world):
    """A record that was gone for a while, and is back before the next `up`, costs that run one read."""
    old = world.verified()
    verdicts = world.verify(old)
    world.resolver.records.clear()
    world.clock.advance(2 * HOUR)
    seen = lifecycle.read(old, world.outside)
    assert ("TEMPORARY_FAILURE", True) == (seen.status, bool(differences(seen)))
    world.publish(1)
    world.clock.advance(2 * HOUR)
    world.forget()

    after = world.update(seen, 1)

    assert ([GET], "SUCCESS", old.key.set_at) == (world.calls(), after.status, after.key.set_at)
    world.forget()
    assert verdicts == world.verify(after, before=verdicts)
    assert [] == world.calls()


def test_a_switch_is_not_taken_for_a_key_that_fell_back(world):
    """That the key before was verified says nothing about the one that SES is looking for now."""
    world.switch(first_check_seconds=40)
    old = lifecycle.read(world.verified(), world.outside)
    world.publish(2)

    switched = world.update(old, 2)
    seen = lifecycle.read(switched, world.outside)

    assert ("PENDING", False, []) == (seen.status, bool(differences(seen)), world.progress.warnings)


def test_a_key_that_is_sent_again_is_not_taken_for_one_that_fell_back(world):
    """The same, where SES had given up the same key and looks for it anew."""
    verified = lifecycle.read(world.verified(), world.outside)
    world.model.change(DOMAIN, REGION, status="FAILED")
    failed = lifecycle.read(verified, world.outside)
    assert ("FAILED", True, True) == (failed.status, failed.was_verified, bool(differences(failed)))
    world.switch(first_check_seconds=40)
    world.forget()

    again = world.update(failed, 1)
    seen = lifecycle.read(again, world.outside)

    assert [GET, PUT_KEY, GET] == world.calls()
    assert ("PENDING", False, []) == (seen.status, bool(differences(seen)), world.progress.warnings)


def test_a_lost_switch_is_not_taken_for_a_key_that_fell_back(world):
    """The same, where the response to the Put was lost and the next run finds the key set."""
    world.switch(first_check_seconds=40)
    old = lifecycle.read(world.verified(), world.outside)
    world.publish(2)
    world.model.inject(Fault("drop", "after", PUT_KEY))
    refused(SesRefused, world.update, old, 2)

    seen = lifecycle.read(world.update(old, 2), world.outside)

    assert ("PENDING", False, []) == (seen.status, bool(differences(seen)), world.progress.warnings)


def test_read_of_what_is_gone(world):
    """What is gone stays in the state with its times, which nobody else knows, and is made again."""
    first = world.verified()
    world.publish(2)
    second = world.update(first, 2)
    world.model.remove(DOMAIN, REGION)

    gone = lifecycle.read(second, world.outside)
    again = world.update(gone, 2)

    assert ("GONE", True) == (gone.status, bool(differences(gone)))
    assert second.signed_until == gone.signed_until == again.signed_until
    assert (CREATED, "NOT_STARTED") == (again.key.set_by, again.status)
    assert ["example.com eu-west-1: gone from SES; `pulumi up` makes it again"] == world.progress.warnings


def test_read_while_awaiting_dns(world):
    """SES has nothing yet, so there is nothing to ask it, and nothing is gone."""
    waiting = world.create()
    world.forget()

    assert waiting == lifecycle.read(waiting, world.outside)
    assert ([], []) == (world.calls(), world.resolver.looked_up)


def test_delete(world):
    """The instance that this resource made is read, and deleted."""
    lifecycle.delete(world.verified(), world.outside)

    assert ([GET, DELETE], {}) == (world.calls(), world.model.identities(REGION))


@pytest.mark.parametrize("adopted", [False, True])
def test_delete_of_what_is_gone(world, adopted):
    """Not found is success, and nothing is said to have stayed."""
    old = replace(world.verified(), adopted=adopted)
    world.model.remove(DOMAIN, REGION)

    lifecycle.delete(old, world.outside)

    assert ([GET], []) == (world.calls(), world.progress.infos)


def test_delete_while_reads_lag(world):
    """The deletion half of a replacement does not forget which key this run has given to SES."""
    world.publish(1)
    world.switch(read_lag_seconds=60)
    made = world.create()
    lifecycle.delete(made, world.outside)
    assert world.run.signs == {(REGION, DOMAIN): "s1"}


def test_delete_of_an_adopted_one(world):
    """An adopted identity stays in SES as it was, without our tags: it belongs to nobody then."""
    world.publish(1)
    world.put("s1", tags={"team": "mail"})
    before = world.identity()
    adopted = world.create(adopt=True)
    world.next_run()
    world.forget()

    lifecycle.delete(adopted, world.outside)

    assert [GET, UNTAG] == world.calls()
    assert before == world.identity()
    assert ["example.com eu-west-1: left in SES, it was adopted"] == world.progress.infos


def test_what_was_left_is_nobodys(world):
    """Adopted, dropped and declared again, without `adopt` it is refused, so no deletion ever takes it."""
    world.publish(1)
    world.put("s1")
    lifecycle.delete(world.create(adopt=True), world.outside)
    world.next_run()

    assert IdentityMessages.NOBODYS == refused(IdentityExists, world.create).code


@pytest.mark.parametrize("lag", [0, 5], ids=["reads at once", "reads lag"])
def test_replacement_of_an_adopted_one(world, lag):
    """The identity that was just taken over again keeps its tags when the old half is deleted."""
    world.publish(1)
    world.put("s1")
    old = world.create(adopt=True)
    world.clock.advance(HOUR)
    world.switch(read_lag_seconds=lag)
    world.next_run()

    new = world.create(adopt=True)
    assert set() == world.run.replaced
    lifecycle.delete(old, world.outside)

    assert {**OURS, INSTANCE_TAG: new.instance} == world.identity().tags
    assert {DOMAIN} == world.run.replaced


def test_replacement_that_switches_slots(world):
    """With the old state goes when each generation signed: another slot is refused, but for the override."""
    slots = {"cname": "keys.example.net", "adopt": True}
    world.publish(1)
    world.put("ses2", generation=2, tags={OWNER_TAG: OWNER})
    for selector in ("ses1", "ses2"):
        name = f"{selector}._domainkey.{DOMAIN}"
        world.resolver.records[name] = (world.declared(int(selector[-1])).record_value,)
    problem = existing(
        IdentityMessages.REPLACED,
        seen="ses2",
        selector="ses1",
        made="; an update makes keys and records first",
    )
    assert problem == refused(IdentityExists, world.create, selector="ses1", **slots)
    assert "ses2" == world.identity().selector

    assert "ses2" == world.create(2, selector="ses2", **slots).declared.selector
    assert "ses1" == world.create(selector="ses1", overlap_days=0, **slots).declared.selector


def test_delete_of_one_that_is_adopted_no_more(world):
    """Without `adopt` an adopted identity is the stack's own: it goes, as does the record it signs with."""
    world.publish(1)
    world.put("s1")
    adopted = world.create(adopt=True)

    lifecycle.delete(world.update(adopted, 1, adopt=False), world.outside)

    assert DELETE in world.calls()


def test_delete_while_awaiting_dns(world):
    """Of an identity that SES was never told of nothing is left to delete, and nobody else's is touched."""
    waiting = world.create()
    world.put("s9")

    lifecycle.delete(waiting, world.outside)

    assert "s9" == world.identity().selector


# --- previews


@cases(
    ("published", "change", "line", "asked"),
    {
        "generations": ((1, 2), {}, "generation 1 → 2, s2 visible at 2 of 2 servers", True),
        "used alone": ((), {"generation": None}, "s2 visible at 2 of 2 servers", True),
        "DNS is off": ((1, 2), {"dns_check": "off"}, "generation 1 → 2, s2, DNS is not checked", False),
        # A recursive resolver would remember that there is no such name.
        "not made yet": (
            (1,),
            {"dns_check": "recursive"},
            "generation 1 → 2, s2, its record is not looked up before it is made",
            False,
        ),
    },
)
def test_planned_switch(world, published, change, line, asked):
    """A preview says of a switch which key comes and how far its record is, and asks SES nothing."""
    old = world.verified(published=published)
    world.publish(2)
    world.forget()

    said = lookups.planned_switch(old, replace(world.declared(2), **change), world.run)

    assert (f"example.com eu-west-1: {line}", []) == (said, world.calls())
    assert asked == bool(world.resolver.looked_up)


# --- interruption


def test_interrupted_create(world):
    """Ctrl-C ends the wait for DNS at once; what is stored goes on in the next run."""
    world.clock.after(30, stopping.set)

    stored = world.create()

    assert (AWAITING_DNS, [], 30) == (stored.status, world.calls(), world.clock.monotonic())


def test_interrupted_before_create(world):
    """After Ctrl-C nothing new is begun, although the record is there."""
    world.publish(1)
    stopping.set()

    assert IdentityMessages.INTERRUPTED() == refused(Stopped, world.create)
    assert [] == world.calls()


def test_interrupted_switch(world):
    """Ctrl-C during the wait for DNS: nothing was put, and it is not the record that is to blame."""
    old = world.verified()
    world.clock.after(30, stopping.set)

    assert IdentityMessages.INTERRUPTED() == refused(Stopped, world.update, old, 2)
    assert ([GET], "s1") == (world.calls(), world.signs_with())


# --- everything at once


SWITCHES = st.builds(
    Switches,
    status_after_put=st.sampled_from(STATUS_AFTER_PUT),
    signs_while_pending=st.sampled_from(["nothing", "old", "new"]),
    old_key_lingers_seconds=st.sampled_from([0, 5]),
    same_key_restarts=st.booleans(),
    verification_info=st.sampled_from(["filled", "empty", "stale", "ownership", "frozen", "sticky"]),
    caches_no_such_name=st.booleans(),
    read_lag_seconds=st.sampled_from([0, 3]),
    put_enables_signing=st.booleans(),
    requests_per_second=st.none(),
    first_check_seconds=st.sampled_from([0, 1, 40]),
)

FAULTS = st.lists(
    st.builds(
        Fault,
        kind=st.sampled_from(["drop", "500", "throttle", "access_denied"]),
        when=st.sampled_from(["before", "after"]),
        operation=st.sampled_from([CREATE, GET, PUT_KEY, TAG, DELETE]),
        times=st.integers(1, 4),
    ),
    max_size=3,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(switches=SWITCHES, faults=FAULTS, refreshes=st.booleans())
def test_a_life_on_any_ses(signing_keys, switches, faults, refreshes):
    """Whatever SES is like and whichever calls fail, what it signs with is in DNS, and runs get there."""
    world = World(signing_keys)
    world.model.switches = switches
    for fault in faults:
        world.model.inject(fault)
    world.publish(1, 2, 3)

    def until_done(step):
        for _ in range(40):
            try:
                return step()
            except ByodkimError:
                assert world.in_dns(world.signs_with())
                world.clock.advance(60)
                world.next_run()
        raise AssertionError("never done")

    stored = until_done(world.create)
    for generation in (2, 3, 2):
        if refreshes:  # right after the run before, while SES still looks for the record
            stored = until_done(lambda before=stored: lifecycle.read(before, world.outside))
        world.clock.advance(HOUR)
        world.next_run()
        if refreshes:
            stored = until_done(lambda before=stored: lifecycle.read(before, world.outside))
            stored = until_done(
                lambda before=stored: world.update(
                    before, before.declared.generation, published=before.declared.published
                )
            )
            world.clock.advance(HOUR)
            assert stored.declared.selector == world.signs_with()
        stored = until_done(lambda before=stored, to=generation: world.update(before, to))
        assert world.in_dns(world.signs_with())
        assert f"s{generation}" == world.identity().selector == stored.declared.selector
        world.clock.advance(HOUR)
        assert f"s{generation}" == world.signs_with()
    world.next_run()
    until_done(lambda: lifecycle.delete(stored, world.outside))
    assert {} == world.model.identities(REGION)


@pytest.mark.parametrize(
    ("number", "line"),
    [(0, ""), (2, "t00, t01"), (12, ", ".join(f"t{n:02}" for n in range(10)) + " and more")],
)
def test_a_preview_of_a_removal(world, number, line):
    """What tenants hold is said before anything is changed, and nothing where SES does not tell."""
    world.created()
    arn = world.ses().arn(DOMAIN)
    for name in (f"t{each:02}" for each in range(number)):
        world.model.call("CreateTenant", REGION, {"TenantName": name})
        held = {"TenantName": name, "ResourceArn": arn}
        world.model.call("CreateTenantResourceAssociation", REGION, held)

    said = lifecycle.foresee_removal(DOMAIN, REGION, world.outside)
    assert said.partition("tenants: ")[2] == line
    world.model.inject(Fault("access_denied", operation="ListResourceTenants"))
    assert lifecycle.foresee_removal(DOMAIN, REGION, world.outside) == ""
