"""
What a preview says of identities before anything is made: which are in the way, and which stay.
"""

import pytest

from byodkim_provider.aws.ses import OWNER_TAG
from byodkim_provider.resources.dkim_identity_provider import ByodkimIdentityProvider
from byodkim_provider.resources.dkim_verification_provider import DkimVerificationProvider
from sandbox.ses.switches import Fault
from tests.support.cases import cases
from tests.support.fakes import ATTEMPTS, REGION
from tests.support.world import DOMAIN, OWNER

TAKEN = "identities in SES that are not this stack's, as their warnings say: "
GET, LIST = "GetEmailIdentity", "ListEmailIdentities"
BEFORE = {"identities": [{"domain": DOMAIN, "region": REGION, "adopted": True}]}
STAYS = (
    f"{DOMAIN} {REGION}: leaves the stack and stays in SES, as do its records in DNS, because of "
    "`adopt`"
)


@pytest.fixture
def identities(world):
    return ByodkimIdentityProvider(lambda declared: world.outside, run=world.run)


def verification(world, olds=None, *declared):
    """The problems that the check of the verification, which comes last, finds."""
    news = {"identities": [{"domain": one, "region": REGION, "selector": "s1"} for one in declared]}
    failures = DkimVerificationProvider(run=world.run).check(olds or {}, news).failures
    assert all(
        "`pulumi up --target '**::DOMAIN'" in one.reason.partition("\n  hint: ")[2]
        for one in failures
    )
    return [one.reason.partition("\n")[0] for one in failures]


@cases(
    ("olds", "changes"),
    {
        "in the state": ({"domain": DOMAIN}, {}),
        "adopted": ({}, {"adopt": True}),
    },
)
def test_not_in_the_way(world, identities, olds, changes):
    """What is no new identity, is to be adopted or is not known yet, is not foreseen."""
    world.put("theirs")
    identities.check(olds, world.inputs(**changes))
    assert ([], []) == (world.progress.warnings, verification(world, {}, DOMAIN))


@pytest.mark.parametrize(
    ("operation", "kind"),
    [(LIST, "500"), (GET, "access_denied")],
)
def test_not_asked(world, identities, operation, kind):
    """Without the permission, or an answer, nothing is foreseen and nothing refused."""
    world.put("theirs")
    world.model.inject(Fault(kind, operation=operation, times=ATTEMPTS))
    assert identities.check({}, world.inputs()).failures == []
    assert ([], []) == (world.progress.warnings, world.progress.infos)


ADOPTS = (
    f"{DOMAIN} {REGION}: `adopt` takes over what SES has; the update makes it sign with {{}}, "
    "and enables signing where it is disabled"
)


def test_adopts_what_was_replaced(world, identities):
    """
    After `--replace` nobody knows when each key signed: an error of the preview, with `adopt` too.
    """
    world.put("ses2", tags={OWNER_TAG: OWNER})
    zones = [{"provider": "manual", "name": "keys.example.net", "cname": "ses"}]
    slot = {"selector": "ses1", "zones": zones, "overlap_days": 10}
    identities.check({}, world.inputs(adopt=True, is_preview=True, **slot))
    assert verification(world, {}, DOMAIN) == [f"{TAKEN}{DOMAIN} {REGION}"]


@pytest.mark.parametrize(("operation", "kind"), [(GET, "access_denied"), (LIST, "500")])
def test_adopts_unread(world, identities, operation, kind):
    """
    Where SES can't be read, one note of the Region says why, and each line says what is known.
    """
    world.put("theirs")
    world.model.inject(Fault(kind, operation=operation, times=ATTEMPTS))
    domains = (DOMAIN, "example.net", "example.org")
    for domain in domains:
        assert (
            identities.check({}, world.inputs(domain=domain, adopt=True, is_preview=True)).failures
            == []
        )
    note, *lines = world.progress.infos
    assert note.startswith(
        f"{REGION}: could not read how the identities that `adopt` takes over sign today: "
        f"SesRefused: {operation} for "
    )
    assert [ADOPTS.format("'s1'").replace(DOMAIN, one) for one in domains] == lines
    assert {GET: [LIST, GET], LIST: [LIST] * ATTEMPTS}[operation] == world.calls()


@pytest.mark.parametrize(
    ("declared", "said"), [((), [STAYS]), ((DOMAIN,), [])], ids=["removed", "still declared"]
)
def test_stays(world, declared, said):
    """That an adopted identity stays when it is removed is said before it is removed."""
    assert verification(world, BEFORE, *declared) == []
    assert said == world.progress.infos
