"""One number more in the stack file rotates a key, and a preview refuses it while it would hurt mail."""

import pytest

from tests.engine.stack import (
    IDENTITY,
    KEY,
    OTHER_REGION,
    RECORD,
    RECORD_GUARD,
    REGION,
    VERIFICATION,
    requests,
    steps,
)

pytestmark = pytest.mark.engine


def test_rotation(sandbox, open_stack):
    """
    Each step makes one key and record, and switches to the one that was in DNS before.

    The oldest key and record go last, and only once no mail can need them any more.
    """
    domain = "rotation.example"
    sandbox.add_zone(domain)
    stack = open_stack({domain: {"generation": 1}})
    selectors = selectors_by_generation(stack.up(), domain)

    # 1 → 2: nothing goes, for there is no generation 0.
    stack.declare({domain: {"generation": 2}})
    with requests(sandbox) as asked:
        preview = stack.preview()
    assert sorted(steps(preview)) == rotated(domain, makes=3)
    assert selectors_of_identity(preview) == (selectors[1], selectors[2])
    line = f"{domain} {REGION}: generation 1 → 2, {selectors[2]} visible at 4 of 4 servers"
    assert line in preview.stdout
    assert asked.ses == []
    with requests(sandbox) as asked:
        second = stack.up()
    assert sorted(steps(second)) == rotated(domain, makes=3)
    assert asked.operations == [
        "GetEmailIdentity",
        "PutEmailIdentityDkimSigningAttributes",
        "GetEmailIdentity",  # by the verification
    ]
    assert second.outputs["pending"] == []
    assert sandbox.ses.signing_key(domain, REGION)[0] == selectors[2]

    # 2 → 3 at once would take away what verifies the mail of a moment ago.
    stack.declare({domain: {"generation": 3}})
    with requests(sandbox) as asked:
        refused = stack.preview()
    assert refused.failed
    assert f"StillInUse: {domain}: generation 1 signed until " in refused.stdout
    assert "hint: nothing was changed in SES; `published: [1, 2, 3, 4]` is allowed today" in refused.stdout
    assert asked.ses == []

    # Unless that is wanted: then it goes, after all else.
    stack.declare({domain: {"generation": 3, "overlapDays": 0}})
    gone = [("delete", f"{domain}/1", kind) for kind in (RECORD, RECORD_GUARD, KEY)]
    preview, third = stack.preview(), stack.up()
    for run in (preview, third):
        assert (sorted(steps(run)[:-3]), steps(run)[-3:]) == (rotated(domain, makes=4), gone)
    assert sandbox.ses.signing_key(domain, REGION)[0] == selectors_by_generation(second, domain)[3]
    visible = {number: bool(sandbox.dns.txt(f"{selectors[number]}._domainkey.{domain}")) for number in (1, 2)}
    assert visible == {1: False, 2: True}


def rotated(domain, *, makes):
    """The steps of a switch that makes generation *makes*, sorted."""
    return [
        ("create", f"{domain}/{makes}", RECORD),
        ("create", f"{domain}/{makes}", KEY),
        ("create", f"{domain}/{makes}", RECORD_GUARD),
        ("update", f"{domain}/{REGION}", IDENTITY),
        ("update", "verification", VERIFICATION),
    ]


def selectors_by_generation(result, domain):
    records = result.outputs["domains"][domain]["records"]
    return {record["generation"]: record["name"].partition(".")[0] for record in records}


def selectors_of_identity(preview):
    """Before and after, as the preview of the one identity has them."""
    planned = [event.resource_pre_event.metadata for event in preview.events if event.resource_pre_event]
    (identity,) = [step for step in planned if step.type == IDENTITY]
    return identity.old.inputs["selector"], identity.new.inputs["selector"]


# docs/explanation/ses-features.md.
def test_multi_region_endpoint(sandbox, open_stack):
    """Mail of an endpoint, half of which goes through each Region, verifies before and after a rotation."""
    domain, regions = "endpoint.example", [REGION, OTHER_REGION]
    sandbox.add_zone(domain)
    stack = open_stack({domain: {"generation": 1, "regions": regions}})
    assert stack.up().ok
    made = sandbox.ses.call(
        "CreateMultiRegionEndpoint",
        REGION,
        {"EndpointName": "both", "Details": {"RoutesDetails": [{"Region": OTHER_REGION}]}},
    )
    mail = {
        "FromEmailAddress": f"hello@{domain}",
        "Destination": {"ToAddresses": ["you@elsewhere.test"]},
        "Content": {"Simple": {"Subject": {"Data": "a"}, "Body": {"Text": {"Data": "a"}}}},
        "EndpointId": made["EndpointId"],
    }

    def sent():
        before = len(sandbox.mail.messages)
        for _ in range(2):
            sandbox.ses.call("SendEmail", REGION, mail)
        new = sandbox.mail.messages[before:]
        assert {one.sender.partition("@")[2] for one in new} == {f"{each}.amazonses.com" for each in regions}
        return {one.verdict.result for one in new}, {one.verdict.selector for one in new}

    results, [first] = sent()
    assert results == {"pass"}
    stack.declare({domain: {"generation": 2, "regions": regions}})
    assert stack.up().ok
    results, [second] = sent()
    assert (results, first != second) == ({"pass"}, True)
