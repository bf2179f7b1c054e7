"""The one rule for a record that may leave DNS, whoever publishes it."""

from dataclasses import replace

import pytest

from byodkim_provider.aws.ses import OWNER_TAG, STACK_TAG
from byodkim_provider.aws.settings import regions_with_ses
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.identity.signers import Ours
from byodkim_provider.messages.hosts import RecordMessages
from sandbox.ses.switches import Fault
from tests.support.cases import cases
from tests.support.errors import raises
from tests.support.fakes import ATTEMPTS, REGION
from tests.support.world import DOMAIN

OTHER = "us-east-1"
LABEL = "route53:Z1"
NAME = f"s1._domainkey.{DOMAIN}"
GET = "GetEmailIdentity"
RECORD = Ours(DOMAIN, [REGION], (), LABEL, NAME, "the key", is_supplied=False, was_there=False)
SUPPLIED = replace(RECORD, is_supplied=True)
LEFT = replace(RECORD, earlier=[OTHER])
THERE = replace(SUPPLIED, was_there=True)

SIGNS = f"{DOMAIN} {REGION} signs with it"
SIGNS_ELSEWHERE = f"{DOMAIN} {OTHER} signs with it"
WAS_THERE = "it was there before this stack"
NEXT_DOOR = {OWNER_TAG: "another/x", STACK_TAG: "mail/prod"}
LATELY = "of the stack 'mail/prod' may have signed with it lately"


@pytest.fixture
def why(world):
    """The line about a record that stays; "" if it goes. *silent* Regions list nothing."""

    def why(record, *, silent=()):
        def names(region):
            return None if region in silent else world.listed(region)

        def elsewhere(home, others):
            assert home == REGION
            is_all = {*others} == {*regions_with_ses("aws")} - {*record.regions}
            assert is_all == record.is_supplied
            return {one: names(one) for one in (REGION, OTHER) if one in others}

        stays = record.stays(replace(world.outside, names=names, elsewhere=elsewhere))
        lines = [one.removeprefix(f"{NAME}: left at {LABEL}, ") for one in world.progress.warnings]
        assert bool(lines) == stays
        return "".join(lines)

    return why


@pytest.mark.parametrize(
    "record", [RECORD, SUPPLIED, THERE], ids=["generated", "supplied", "there before"]
)
@cases(
    ("zones", "signs", "expected"),
    {
        "the domain leaves, and signs": ((), "s1", (SIGNS, SIGNS, WAS_THERE)),
        "the domain leaves": ((), "s2", ("", "", WAS_THERE)),
        "the generation leaves, and signs": ((LABEL,), "s1", (SIGNS, SIGNS, SIGNS)),
        "the generation leaves": ((LABEL, "manual"), "s2", ("", "", "")),
        "the zone leaves, and signs": (("manual",), "s1", ("", "", WAS_THERE)),
        "the zone leaves": (("manual",), "s2", ("", "", WAS_THERE)),
    },
)
def test_rule(world, why, record, zones, signs, expected):
    """The table at the top of the module."""
    world.put(signs)
    if zones:
        world.run.zones[DOMAIN].update(zones)
    assert why(record) == expected[(RECORD, SUPPLIED, THERE).index(record)]


@pytest.mark.parametrize(("zone", "stays"), [("k1.example.net", True), ("k2.example.net", False)])
def test_name_in_the_zone(world, why, zone, stays):
    """
    Of a slot the zone is what CNAMEs lead to: another name in the same hosted zone is another one.
    """
    world.put("s1")
    world.run.zones[DOMAIN].add(f"{zone}@{LABEL}")
    assert bool(why(replace(RECORD, name=f"{NAME}.k1.example.net"))) == stays


@pytest.mark.parametrize("record", [RECORD, THERE])
def test_successor(world, record):
    """A resource of this run that publishes the same record keeps it, and SES is not asked."""
    asked = dict.fromkeys(("ses", "names", "elsewhere"), pytest.fail)
    record.declare(world.run)
    assert record.stays(replace(world.outside, **asked))
    for other in ({"label": "route53:Z2"}, {"name": f"s2._domainkey.{DOMAIN}"}, {"key": "another"}):
        world.next_run()
        replace(record, **other).declare(world.run)
        world.run.zones[DOMAIN].add("manual")
        assert record.stays(replace(world.outside, **asked)) == record.was_there
    assert len(world.progress.warnings) == 3 * record.was_there


@pytest.mark.parametrize("stays", [True, False])
def test_replaced(world, why, stays):
    """
    What an identity has signed is forgotten if the run has replaced it; its zone may go all the
    same.
    """
    world.run.replaced.add(DOMAIN)
    world.run.zones[DOMAIN].add(LABEL if stays else "manual")
    assert why(RECORD) == (str(RecordMessages.REPLACED()) if stays else "")


def test_other_regions(world, why):
    """
    Another stack may have a supplied key in any Region; a generated key is in its domain's alone.
    """
    world.put("s1", OTHER)
    assert why(RECORD) == why(replace(SUPPLIED, regions=[])) == ""
    assert why(SUPPLIED) == SIGNS_ELSEWHERE
    world.forget()
    world.run.zones[DOMAIN].add(LABEL)
    assert why(THERE) == SIGNS_ELSEWHERE
    world.forget()
    for has_it in ({"regions": [REGION, OTHER]}, {"earlier": [OTHER]}):
        assert why(replace(RECORD, **has_it)) == SIGNS_ELSEWHERE
        world.forget()


def test_a_region_that_left(world, why):
    """
    It is asked as far as it answers: without the list, for the identity; a refusal keeps the
    record.
    """
    assert why(LEFT) == why(LEFT, silent=[OTHER]) == ""
    world.put("s1", OTHER)
    assert why(LEFT, silent=[OTHER]) == SIGNS_ELSEWHERE
    world.next_run()
    world.forget()
    world.model.inject(Fault("access_denied", "before", GET))
    assert why(LEFT) == f"SES does not say who signs with it in {OTHER}"


def test_a_region_that_was_deleted_in_this_run(world):
    """What this run knows of a Region that the domain has left is not asked for again."""
    asked = dict.fromkeys(("ses", "elsewhere"), pytest.fail)
    world.run.signs[OTHER, DOMAIN] = ""
    assert not LEFT.stays(replace(world.outside, **asked))


@pytest.mark.parametrize("region", [REGION, OTHER])
def test_overlap_of_another_stack(world, why, region):
    """
    Mail of another stack may be on its way with a supplied key.

    While the domain stays, a key may go that has signed in the Regions of this stack alone.
    """
    world.put("s2", region, NEXT_DOOR)
    assert why(RECORD) == ""
    assert why(SUPPLIED) == f"{DOMAIN} {region} {LATELY}"
    world.forget()
    world.run.zones[DOMAIN].add(LABEL)
    assert why(SUPPLIED) == ("" if region == REGION else f"{DOMAIN} {region} {LATELY}")


def test_the_domain_is_nobody_elses(world, why):
    """An identity that no stack has keeps the record only if it signs with it."""
    world.put("s2")
    world.put("s3", OTHER)
    assert why(SUPPLIED) == ""


def test_silent_regions(world, why):
    """
    Silence of a Region of the domain is an error; that of another one keeps a supplied key's
    record.
    """
    assert why(RECORD, silent=[OTHER]) == ""
    assert why(SUPPLIED, silent=[OTHER]) == f"SES does not say who signs with it in {OTHER}"
    world.forget()
    world.put("s1", OTHER)
    world.model.inject(Fault("access_denied", "before", GET))
    assert why(SUPPLIED) == f"SES does not say who signs with it in {OTHER}"
    world.next_run()
    world.forget()
    world.model.remove(DOMAIN, OTHER)
    world.put("s1")
    world.model.inject(Fault("500", "before", GET, times=ATTEMPTS))
    with raises("SesRefused"):
        why(SUPPLIED)


SILENT = f"{NAME}: left at {LABEL}, SES does not say who signs with it"


def test_many_silent_regions(world):
    """A long list is cut."""
    silent = {f"xx-east-{number}": None for number in range(1, 6)}
    assert SUPPLIED.stays(replace(world.outside, elsewhere=lambda *_: silent))
    assert world.progress.warnings == [f"{SILENT} in xx-east-1, xx-east-2, xx-east-3 and 2 more"]


def test_no_session(world):
    """A Region that lists the domain and then has no session is silent, too."""

    def ses(region):
        raise InvalidSettings(["aws: no response from STS"])

    listed = {"names": lambda _: (), "elsewhere": lambda *_: {OTHER: [DOMAIN]}}
    assert SUPPLIED.stays(replace(world.outside, ses=ses, **listed))
    assert world.progress.warnings == [f"{SILENT} in {OTHER}"]
