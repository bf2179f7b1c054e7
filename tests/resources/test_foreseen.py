"""What a preview says of identities before anything is made: which are in the way, and which stay."""

import pytest
from pulumi.output import Unknown

from byodkim_provider.resources import dkim_identity_provider, dkim_verification_provider
from byodkim_provider.resources.dkim_identity_provider import ByodkimIdentityProvider
from byodkim_provider.resources.dkim_verification_provider import DkimVerificationProvider
from tests.support.fakes import REGION
from tests.support.world import DOMAIN, OWNER

TAKEN = f"{DOMAIN} {REGION}: SES has this identity already, as its warning says"
STAYS = (
    f"{DOMAIN} {REGION}: leaves the stack and stays in SES, as does the record it signs with: it was adopted"
)


@pytest.fixture(autouse=True)
def run(world, monkeypatch):
    """A run of its own, whose lines are those of the world's progress."""
    for module in (dkim_identity_provider, dkim_verification_provider):
        monkeypatch.setattr(module, "progress_of_this_call", lambda: world.progress)
    monkeypatch.setattr(dkim_identity_provider, "_in_the_way", set())


@pytest.fixture
def identities(world):
    return ByodkimIdentityProvider(lambda declared: world.outside)


def inputs(world, **changes):
    """Of a new identity, as the program gives them."""
    return {
        "domain": DOMAIN,
        "region": REGION,
        "selector": "s1",
        "private_key": world.key(1).pkcs1_base64(),
        "owner": OWNER,
        **changes,
    }


def verification(olds=None, *declared):
    """The problems that the check of the verification, which comes last, finds."""
    news = {"identities": [{"domain": one, "region": REGION, "selector": "s1"} for one in declared]}
    return [one.reason for one in DkimVerificationProvider().check(olds or {}, news).failures]


def test_in_the_way(world, identities):
    """A new identity that SES has already is a warning of its own, and fails the preview as a whole."""
    world.put("theirs")
    assert identities.check({}, inputs(world)).failures == []
    (warning,) = world.progress.warnings
    assert warning.startswith(f"IdentityExists: {DOMAIN} {REGION}: SES has this identity already (EXTERNAL)")
    assert verification({}, DOMAIN, "example.net") == [TAKEN]
    assert verification({}, "example.net") == []


@pytest.mark.parametrize(
    ("olds", "changes"),
    [
        ({"domain": DOMAIN}, {}),
        ({}, {"adopt": True}),
        ({}, {"region": Unknown()}),
        ({}, {"selector": "S1"}),
    ],
    ids=["in the state", "adopted", "Region not known", "refused for another reason"],
)
def test_not_in_the_way(world, identities, olds, changes):
    """What is no new identity, is to be adopted or is not known yet, is not foreseen."""
    world.put("theirs")
    identities.check(olds, inputs(world, **changes))
    assert ([], []) == (world.progress.warnings, verification({}, DOMAIN))


ADOPTS = (
    f"{DOMAIN} {REGION}: `adopt` takes over what SES has; the update makes it sign with {{}}, "
    "and enables signing where it is disabled"
)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, ADOPTS.format("'s1'")),
        ({"selector": Unknown(), "private_key": Unknown()}, ADOPTS.format("a key that the update makes")),
        (
            {"accept_unsigned_window": True},
            ADOPTS.format("'s1'") + "; after Easy DKIM mail is perhaps unsigned for a while",
        ),
    ],
    ids=["known key", "key not made yet", "Easy DKIM"],
)
def test_adopts(world, identities, changes, line):
    """What `adopt` does to live mail is said before it is done, without a call of SES."""
    world.put("theirs")
    identities.check({}, inputs(world, adopt=True, **changes))
    assert ([line], []) == (world.progress.infos, world.calls())


@pytest.mark.parametrize("adopt", [True, False])
def test_adopts_after_waiting_for_dns(world, identities, monkeypatch, adopt):
    """The same of an identity that waits for DNS: it is taken over by the update that finds its record."""
    monkeypatch.setattr(dkim_identity_provider, "Clock", lambda: world.clock)
    world.put("theirs")
    stored = world.create(adopt=adopt)
    world.progress.infos.clear()
    identities.diff("", stored.to_outputs(), inputs(world, **stored.declared.to_properties()))
    assert [ADOPTS.format("'s1'")] * adopt == world.progress.infos


def test_no_more_in_the_way(world, identities):
    """Once the stack file says `adopt`, the same run has nothing against it."""
    world.put("theirs")
    identities.check({}, inputs(world))
    identities.check({}, inputs(world, adopt=True))
    assert verification({}, DOMAIN) == []


def test_made_meanwhile(world, identities):
    """What somebody has deleted after the check, and this run has made, is not in its way."""
    world.put("theirs")
    identities.check({}, inputs(world))
    world.ses().delete_email_identity(DOMAIN)
    world.publish(1)
    identities.create(inputs(world))
    assert verification({}, DOMAIN) == []


@pytest.mark.parametrize(
    ("declared", "said"), [((), [STAYS]), ((DOMAIN,), [])], ids=["removed", "still declared"]
)
def test_stays(world, declared, said):
    """That an adopted identity stays when it is removed is said before it is removed."""
    assert verification({"adopted": [f"{DOMAIN} {REGION}"]}, *declared) == []
    assert said == world.progress.infos
