"""
If this fails, mail fails in a rotation, or a run does what its preview has not said.

docs/how-to/rotation.md has the same steps as commands; the tests name the section that they run.
"""

from collections import Counter

import pytest

from sandbox.mail.client import send
from sandbox.ses.emulator import Fault
from tests.engine.results import selectors, verdicts
from tests.engine.stack import (
    IDENTITY,
    KEY,
    RECORD,
    REGION,
    VERIFICATION,
    requests,
    steps,
)
from tests.engine.state import days_pass, stored

pytestmark = pytest.mark.engine

PUT = "PutEmailIdentityDkimSigningAttributes"


def made(domain, generation):
    return [("create", f"{domain}/{generation}", kind) for kind in (KEY, RECORD)]


def removed(domain, generation):
    return [("delete", f"{domain}/{generation}", kind) for kind in (RECORD, KEY)]


def switched(domain):
    return [("update", f"{domain}/{REGION}", IDENTITY), ("update", "verification", VERIFICATION)]


def selector_change(preview):
    """Of the one identity: selector before and after."""
    planned = [
        event.resource_pre_event.metadata for event in preview.events if event.resource_pre_event
    ]
    (identity,) = [step for step in planned if step.type == IDENTITY]
    return identity.old.inputs["selector"], identity.new.inputs["selector"]


# docs/how-to/rotation.md, "The timeline", "Going back", "Replacing a standby", "A key has leaked".
def test_life(sandbox, open_stack):
    """
    Forward, back, another standby, and away from a key that has leaked.

    Each step shows in its preview one key and record more, the selector from known to known, and
    what goes at the end; but for the leaked key's, no mail fails.
    """
    domain = "life.example"
    sandbox.add_zone(domain)
    stack = open_stack({domain: {"generation": 2}})
    first = selectors(stack.up(), domain)
    send(sandbox, domain, REGION)

    # 2 → 3, with the overlap of generation 1 over.
    days_pass(stack, 11)
    stack.declare({domain: {"generation": 3}})
    with requests(sandbox) as asked:
        preview = stack.preview()
    assert asked.ses == []
    forward = stack.up()
    for run in preview, forward:
        assert sorted(steps(run)[:-2]) == sorted([*made(domain, 4), *switched(domain)])
        assert steps(run)[-2:] == removed(domain, 1)
    assert selector_change(preview) == (first[2], first[3])
    assert (
        f"{domain} {REGION}: generation 2 → 3, {first[3]} visible at 4 of 4 servers"
        in preview.stdout
    )
    known = first | selectors(forward, domain)
    send(sandbox, domain, REGION)

    # And back: no key and no record comes or goes.
    stack.declare({domain: {"generation": 2, "published": [2, 3, 4]}})
    preview, back = stack.preview(), stack.up()
    for run in preview, back:
        assert sorted(steps(run)) == sorted(switched(domain))
    assert selector_change(preview) == (first[3], first[2])
    assert selectors(back, domain) == selectors(forward, domain)
    assert sandbox.ses.signing_key(domain, REGION)[0] == first[2]
    send(sandbox, domain, REGION)

    # The standby has leaked: it never signed, so it may go at once, and SES is told nothing of it.
    stack.declare({domain: {"generation": 2, "published": [2, 3, 5]}})
    with requests(sandbox) as asked:
        standby = stack.up()
    assert sorted(steps(standby)) == sorted(
        [*made(domain, 5), ("update", f"{domain}/{REGION}", IDENTITY), *removed(domain, 4)]
    )
    assert steps(standby)[-2:] == removed(domain, 4)
    assert asked.operations == ["GetEmailIdentity"]  # to see that it does not sign with what goes
    assert sandbox.dns.txt(f"{known[4]}._domainkey.{domain}") == ()
    known |= selectors(standby, domain)
    assert verdicts(sandbox, domain) == {(known[2], "pass"): 2, (known[3], "pass"): 1}

    # The signing key has leaked: away from it and out of DNS with it, in one update and in that
    # order.
    stack.declare({domain: {"generation": 5, "published": [3, 5, 6], "overlapDays": 0}})
    with requests(sandbox) as asked:
        away = stack.up()
    assert sorted(steps(away)[:-2]) == sorted([*made(domain, 6), *switched(domain)])
    assert steps(away)[-2:] == removed(domain, 2)
    assert asked.operations.count(PUT) == 1
    assert sandbox.ses.signing_key(domain, REGION)[0] == known[5]
    assert send(sandbox, domain, REGION).verdict.result == "pass"
    assert verdicts(sandbox, domain) == {
        (known[2], "fail"): 2,  # whoever has the leaked key can't pass either
        (known[3], "pass"): 1,
        (known[5], "pass"): 1,
    }

    # The override was for that step.
    stack.declare({domain: {"generation": 5, "published": [3, 5, 6]}})
    with requests(sandbox) as asked:
        stack.apply()
    assert asked.ses == []


def test_six_domains(sandbox, open_stack):
    """
    Six rotations in one update are one Put for each, and one read before and one after it.

    The one whose answer is lost is not put again: what SES has is read, and that is right already.
    """
    zone = "six.example"
    sandbox.add_zone(zone)
    names = [f"n{number}.{zone}" for number in range(6)]
    stack = open_stack({name: {"generation": 1, "published": [1, 2]} for name in names})
    stack.apply()
    stack.declare({name: {"generation": 2, "published": [1, 2]} for name in names})
    lost = names[3]
    sandbox.ses.inject(Fault("drop", "after", operation=PUT, domain=lost))
    with requests(sandbox) as asked:
        first = stack.up(continue_on_error=True)
    assert first.failed
    calls = Counter((call.operation, call.domain) for call in asked.ses)
    assert calls == {
        (operation, name): 1 for operation in (PUT, "GetEmailIdentity") for name in names
    }

    with requests(sandbox) as asked:
        second = stack.apply()
    calls = Counter((call.operation, call.domain) for call in asked.ses)
    assert calls == {("GetEmailIdentity", name): 2 if name == lost else 1 for name in names}
    assert second.outputs["pending"] == []
    assert {sandbox.ses.signing_key(name, REGION)[0] for name in names} == {
        stored(stack, name, REGION).declared.selector for name in names
    }
    assert {stored(stack, name, REGION).declared.generation for name in names} == {2}
