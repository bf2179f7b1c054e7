"""Domains come, change and go; what is of others, in SES and in DNS, is never touched."""

import json

import pytest

from tests.engine.panel import Panel
from tests.engine.stack import DOMAIN, IDENTITY, REGION, lines, requests, step_lines, steps

pytestmark = pytest.mark.engine

FIRST, SECOND = "first.example", "second.example"


@pytest.fixture
def zones(sandbox):
    """
    Zones of both domains, with a record of somebody else, beside an identity of somebody else.
    """
    panel = Panel(sandbox, FIRST)
    panel.paste(f"google._domainkey.{FIRST}", "v=DKIM1; k=rsa; p=")
    zones = [panel.zone_id, sandbox.add_zone(SECOND)]
    sandbox.ses.put_identity(
        "foreign.example", REGION, selector="s1", private_key="", tags={"team": "other"}
    )
    sandbox.ses.add_configuration_set(REGION, "newsletter")
    return zones


@pytest.fixture
def snapshot(sandbox, zones):
    """What there is now, of anybody's, in SES and in both zones."""

    def take():
        records = [
            sandbox.route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
            for zone in zones
        ]
        return sandbox.ses.identities(REGION), records

    return take


def calls(asked):
    """What SES was asked, sorted, with the domain if there is one."""
    return sorted(f"{call.operation} {call.domain}".strip() for call in asked.ses)


def test_domains_come_change_and_go(sandbox, snapshot, open_stack):
    """
    Each change of the stack file is done by the calls that it needs; after a destroy all is as
    before.
    """
    before = snapshot()
    first = {"generation": 1}
    stack = open_stack({FIRST: first})
    stack.apply()
    with_first = snapshot()

    # A domain more: SES hears of that one only.
    second = {
        "generation": 1,
        "published": [1],
        "tags": {"team": "mail", "cost": "1"},
        "configurationSet": "newsletter",
    }
    stack.declare({FIRST: first, SECOND: second})
    with requests(sandbox) as asked:
        added = stack.up()
    assert step_lines(added) == lines(f"""
        create {SECOND} ByodkimDomain
        create {SECOND}/1 DkimKey
        create {SECOND}/1 Record
        create {SECOND}/{REGION} ByodkimIdentity
        update verification DkimVerification
    """)
    # List: is it there already?
    assert calls(asked) == lines(f"""
        ListEmailIdentities
        CreateEmailIdentity {SECOND}
        GetEmailIdentity {SECOND}
    """)
    made = sandbox.ses.identities(REGION)[SECOND]
    assert made.configuration_set == "newsletter"
    assert {"team": "mail", "cost": "1"}.items() <= made.tags.items()

    # Settings of both: a look at whose identity it is, a call for what changed, none that touches a
    # key.
    stack.declare(
        {
            FIRST: first | {"configurationSet": "newsletter"},
            SECOND: second | {"tags": {"team": "news", "cost": "1"}},
        }
    )
    with requests(sandbox) as asked:
        changed = stack.up()
    assert step_lines(changed) == lines(f"""
        update {FIRST}/{REGION} ByodkimIdentity
        update {SECOND}/{REGION} ByodkimIdentity
    """)
    assert calls(asked) == lines(f"""
        GetEmailIdentity {FIRST}
        GetEmailIdentity {SECOND}
        PutEmailIdentityConfigurationSetAttributes {FIRST}
        TagResource {SECOND}
    """)
    identities = sandbox.ses.identities(REGION)
    assert identities[FIRST].configuration_set == "newsletter"
    assert identities[SECOND].tags == made.tags | {"team": "news"}

    # What is not in the stack file any more is not managed; a tag that is not, but was, is removed.
    stack.declare({FIRST: first, SECOND: second | {"tags": {"cost": "1"}}})
    with requests(sandbox) as asked:
        stack.apply()
    assert asked.operations == ["GetEmailIdentity", "UntagResource"]

    # A domain less.
    stack.declare({FIRST: first})
    with requests(sandbox) as asked:
        removed = stack.up()
    assert step_lines(removed) == lines(f"""
        delete {SECOND} ByodkimDomain
        delete {SECOND}/1 DkimKey
        delete {SECOND}/1 Record
        delete {SECOND}/{REGION} ByodkimIdentity
        update verification DkimVerification
    """)
    assert asked.operations == ["GetEmailIdentity", "DeleteEmailIdentity"]
    identities, records = snapshot()
    assert records == with_first[1]
    assert identities.keys() == with_first[0].keys()

    assert stack.destroy().ok
    assert snapshot() == before


def test_target_beside_a_new_domain(sandbox, open_stack):
    """
    `--target` works while the stack file has a domain that no run has made, and loses no output.

    What is shown of a key that the verification has not heard of is SES's last word, not its old
    verdict.
    """
    old, new = "targeted.example", "untargeted.example"
    for domain in (old, new):
        sandbox.add_zone(domain)
    stack = open_stack({old: {"generation": 1}})
    stack.apply()

    def status(result):
        return {
            name: one["regions"][REGION]["status"]
            for name, one in result.outputs["domains"].items()
        }

    switched = stack.apply(
        {old: {"generation": 2}, new: {"generation": 1}}, target=[f"**::{old}", f"**::{old}/**"]
    )
    assert status(switched) == {old: "NOT_STARTED", new: None}
    assert switched.outputs["domains"][new]["selector"] is None
    unchecked = f"{old} {REGION}: NOT_STARTED, not checked: run `pulumi up` without `--target`"
    assert switched.outputs["pending"] == [unchecked]

    made = stack.apply(target=[f"**::{new}", f"**::{new}/**"])
    assert status(made) == {old: "NOT_STARTED", new: "NOT_STARTED"}

    rest = stack.apply()
    assert (status(rest), rest.outputs["pending"]) == ({old: "SUCCESS", new: "SUCCESS"}, [])


def test_ses_starts_before_all_keys_are_made(sandbox, open_stack):
    """
    A stack begins with as many domains as the engine runs steps at once, so that SES is soon at
    work.
    """
    sandbox.add_zone("many.example")
    names = [f"d{number}.many.example" for number in range(8)]
    stack = open_stack({name: {"generation": 1} for name in names})

    first = steps(stack.up(parallel=2))

    kinds = [kind for _, _, kind in first]
    assert kinds.count(DOMAIN) == kinds.count(IDENTITY) == 8
    # Of two at a time, the first identity waits for the keys and records of four domains at most.
    assert kinds[: kinds.index(IDENTITY)].count(DOMAIN) <= 4
    # The wait is no dependency: no domain is stored as depending on another.
    stored = json.loads(stack.export_text())["deployment"]["resources"]
    assert [one.get("dependencies", []) for one in stored if one["type"] == DOMAIN] == [[]] * 8
