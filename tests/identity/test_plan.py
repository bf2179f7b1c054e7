"""If this fails, an update makes another call than it should, or in another order."""

from dataclasses import replace
from datetime import timedelta

import pytest

from byodkim_provider.aws.ses import OWNER_TAG, STACK_TAG, SesIdentity
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.dns.visibility import Diagnosis
from byodkim_provider.errors import ByodkimError
from byodkim_provider.identity.calls import MAIL_FROM, Plan, Seen, with_response
from byodkim_provider.identity.judgement import differences
from byodkim_provider.identity.plan import plan
from byodkim_provider.identity.state import CREATED, GONE, PUT, TAKEN_OVER, Stored
from tests.support import identities
from tests.support.fakes import REGION, START
from tests.support.identities import BEFORE, declared
from tests.support.world import DOMAIN, OWNER, STACK
from tests.support.zones import slots

NOW = START

WORDS = {
    "TXT lookup": "Lookup",
    "shared TXT lookup": "Lookup",
    "GetEmailIdentity": "Get",
    "CreateEmailIdentity": "Create",
    "PutEmailIdentityDkimSigningAttributes": "Put",
    "PutEmailIdentityDkimAttributes": "Enable",
    "PutEmailIdentityConfigurationSetAttributes": "ConfigurationSet",
    "PutEmailIdentityMailFromAttributes": "MailFrom",
    "TagResource": "Tag",
    "UntagResource": "Untag",
}
"""The actions, as the scenarios name them."""

SETTINGS = {"configuration_set": "newsletter", "tags": {"team": "mail"}}
MINE, THEIRS = {OWNER_TAG: OWNER}, {OWNER_TAG: "other/prod/x"}


def stored(before=None, **changes):
    """Generation 2 signs since an hour ago, and SES has verified it; 1 signed until then."""
    return identities.stored(before, **{"was_verified": True} | changes)


BOUNCE = {"mail_from_domain": f"bounce.{DOMAIN}", "on_mx_failure": "useDefault"}
REJECT = BOUNCE | {"on_mx_failure": "reject"}

WAITING = Stored(declared=declared(), instance="old")


def has(selector="s2", **changes):
    """What SES shows of the identity."""
    shown = {
        "dkim_status": "SUCCESS",
        "signing_enabled": True,
        "origin": "EXTERNAL",
        "tags": MINE,
        "at": NOW,
    }
    tokens = (selector,) if selector else ()
    return SesIdentity(**{"identity_type": "DOMAIN", "tokens": tokens, **shown} | changes)


def has_mail_from(status="SUCCESS", **changes):
    """The same, with MAIL FROM."""
    shown = {"mail_from": f"bounce.{DOMAIN}", "on_mx_failure": "USE_DEFAULT_VALUE"}
    return has(**shown | {"mail_from_status": status} | changes)


HIDDEN = "not shown yet"


def planned(before, after, *, ses=None, late=None, visible=True):
    """
    The actions of a run in the scenarios' words, and its last plan; None if it is refused.

    *ses* is what SES shows, *late* what it shows only after it has refused our Create, HIDDEN for
    nothing.
    """
    seen, actions = Seen(), []
    while True:
        try:
            made = plan(before, after, seen, now=NOW, instance="new")
        except ByodkimError:
            return actions, None
        following = [made.asks] if made.asks else [call.action for call in made.calls]
        actions += [WORDS[action] for action in following]
        if made.asks in ("TXT lookup", "shared TXT lookup"):
            assert seen.record is None, "looked up twice"
            answer = Answer("ns1.example.net", ("p=MAAA",) if visible else ())
            found = Diagnosis(verdict="right" if visible else "wrong", answers=(answer,))
            seen = replace(seen, record=found)
        elif made.asks:
            assert not seen.read, "read twice"
            if seen.exists and late == HIDDEN:
                return actions, None
            shown = late if seen.exists else ses
            seen = replace(seen, read=True, identity=shown)
        elif "Create" in actions and late and not seen.exists:
            del actions[actions.index("Create") + 1 :]  # SES refuses it
            seen = replace(seen, exists=True, read=False)
        else:
            return actions, made


SIGNS, SAME, NEXT = stored(), declared(), declared(3)
ADOPT = declared(adopt=True)
OTHERS = has(tags=THEIRS)
EASY_NOW = stored(origin="AWS_SES")
DRIFTED = stored(status="FAILED")
TAGGED = stored(declared(tags={"stage": "dev"}))
JUST_SET = replace(TAGGED, key=replace(TAGGED.key, key_set_at=NOW))
EASY = has(None, origin="AWS_SES", tokens=("a", "b", "c"))
SIGNED_LAST = stored(signed_until={3: NOW - timedelta(seconds=5)})
"""A read may be older than the switch away from that key."""
BOUNCES = stored(declared(**BOUNCE), mail_from_status="SUCCESS")
ADOPTED_BOUNCES = stored(declared(**BOUNCE, adopt=True), mail_from_status="SUCCESS")
SEARCHES = replace(BOUNCES, mail_from_status="PENDING")
TO_REJECT = stored(declared(**REJECT), mail_from_status="PENDING")
IN_DNS = {"selectors": ("s1", "s2", "s3")}
LOST = stored(declared(**IN_DNS), other_owner="'other/prod'")
OTHER_VALUE = {"dkim_status": "PENDING", "error_type": "INVALID_VALUE"}


def row(before, after, actions, **shown):
    """What is stored and declared, the calls of the run, and what SES and DNS show."""
    return before, after, shown, actions


SCENARIOS = {
    1: row(None, SAME, "Lookup Create"),
    2: row(None, SAME, "Lookup, awaiting", visible=False),
    3: row(None, SAME, "Lookup Create Get Tag", late=has()),
    4: row(None, SAME, "Lookup Create Get, refused", late=OTHERS),
    5: row(None, ADOPT, "Lookup Create Get Put Tag", late=has("theirs", tags=THEIRS)),
    6: row(None, ADOPT, "Lookup Create Get Tag", late=has(tags={})),
    7: row(WAITING, SAME, "Lookup Create"),
    9: row(WAITING, declared(3, published=(2, 3, 4)), "Get Lookup Create"),
    10: row(WAITING, NEXT, "Lookup Create Get Put Tag", late=has()),
    12: row(WAITING, declared(3, published=(3, 4)), "Get, refused", ses=has()),
    13: row(SIGNS, SAME, "nothing"),
    14: row(SIGNS, declared(dns_wait_seconds=5, published=(1, 2, 3, 4), adopt=True), "nothing"),
    15: row(
        stored(declared(regions=(REGION, "us-east-1"))),
        declared(regions=(REGION,)),
        "Get",
        ses=has(),
    ),
    16: row(TAGGED, declared(**SETTINGS), "Get ConfigurationSet Tag Untag", ses=has()),
    20: row(SIGNS, declared(published=(2, 3)), "Get, refused", ses=has("s3")),
    21: row(SIGNS, NEXT, "Get Lookup Put", ses=has()),
    22: row(SIGNS, NEXT, "Get Lookup, refused", ses=has(), visible=False),
    23: row(SIGNS, NEXT, "Get", ses=has("s3", dkim_status="PENDING")),
    24: row(SIGNED_LAST, NEXT, "Get Lookup Put", ses=has("s3")),
    25: row(SIGNS, NEXT, "Get Lookup Create"),
    27: row(SIGNS, NEXT, "Get, refused", ses=OTHERS),
    28: row(SIGNS, declared(3, adopt=True), "Get Lookup Put Tag", ses=OTHERS),
    30: row(stored(status=GONE), SAME, "Get Lookup Create"),
    31: row(DRIFTED, SAME, "Get Lookup Put", ses=has(dkim_status="FAILED")),
    33: row(stored(signing_selector="s9"), SAME, "Get Lookup Put", ses=has("s9")),
    34: row(stored(status="PENDING"), SAME, "Get Lookup Put", ses=has(**OTHER_VALUE)),
    35: row(EASY_NOW, SAME, "Get Lookup Put", ses=replace(EASY, dkim_status="PENDING")),
    36: row(stored(status="PENDING"), SAME, "Get", ses=has(dkim_status="PENDING")),
    37: row(EASY_NOW, SAME, "Get, refused", ses=replace(EASY, dkim_status="TEMPORARY_FAILURE")),
    39: row(None, SAME, "Lookup Create Get, refused", late=HIDDEN),
    40: row(
        None, declared(adopt=True, zones=(slots(),)), "Lookup Create Get Put Tag", late=has(tags={})
    ),
    41: row(
        TAGGED, declared(**SETTINGS), "Get Lookup ConfigurationSet Tag Untag Put", ses=has("s9")
    ),
    42: row(
        TAGGED,
        declared(**SETTINGS, adopt=True),
        "Get Lookup ConfigurationSet Put Tag Untag",
        ses=has("s9", tags=THEIRS),
    ),
    43: row(JUST_SET, declared(**SETTINGS), "Get ConfigurationSet Tag Untag", ses=has("s1")),
    44: row(None, declared(**REJECT), "Lookup Create MailFrom"),
    47: row(SIGNS, declared(**REJECT), "Get MailFrom", ses=has()),
    48: row(
        BOUNCES,
        declared(**REJECT | {"mail_from_domain": f"mail.{DOMAIN}"}),
        "Get MailFrom",
        ses=has_mail_from(mail_from=f"mail.{DOMAIN}"),
    ),
    49: row(BOUNCES, SAME, "Get", ses=has_mail_from(mail_from=f"other.{DOMAIN}")),
    50: row(BOUNCES, SAME, "Get MailFrom", ses=has_mail_from()),
    51: row(ADOPTED_BOUNCES, ADOPT, "Get", ses=has_mail_from()),
    52: row(SEARCHES, declared(**BOUNCE), "Get", ses=has_mail_from("PENDING")),
    53: row(SEARCHES, declared(**BOUNCE), "Get MailFrom", ses=has_mail_from("FAILED")),
    54: row(TO_REJECT, declared(**REJECT), "Get MailFrom", ses=has_mail_from()),
    56: row(BOUNCES, declared(3, **BOUNCE), "Get Lookup MailFrom Put", ses=has()),
    57: row(
        SEARCHES, declared(**BOUNCE, adopt=True), "Get", ses=has_mail_from("FAILED", tags=THEIRS)
    ),
    58: row(LOST, declared(**IN_DNS, adopt=True), "Get", ses=has("s3", tags=THEIRS)),
    59: row(
        replace(BOUNCES, other_owner="'other/prod'"),
        declared(**BOUNCE, adopt=True),
        "Get",
        ses=has_mail_from(selector="s9", tags=THEIRS),
    ),
    62: row(BOUNCES, ADOPT, "Get MailFrom", ses=has_mail_from()),
    64: row(BOUNCES, ADOPT, "Get, refused", ses=has_mail_from(selector="s9", tags=THEIRS)),
}
"""By number: what is stored and declared, what SES and DNS show, and the calls of the run."""


def of_row(row):
    before, after, shown, _ = SCENARIOS[row]
    return planned(before, after, **shown)


@pytest.mark.parametrize("row", SCENARIOS)
def test_row(row):
    """The calls of a run, in their order."""
    actions, made = of_row(row)
    ends = ", refused" if made is None else ", awaiting" if made.warning else ""
    assert (" ".join(actions) or "nothing") + ends == SCENARIOS[row][3]


MAIL_FROMS = {
    44: ("PENDING", False),
    47: ("PENDING", False),
    48: ("PENDING", False),  # the read may be from before another label
    50: (None, False),
    51: (None,),
    52: ("PENDING",),
    53: ("PENDING", False),
    54: ("SUCCESS", True),
    56: ("PENDING", False),
    62: (None, False),  # this run deletes the records
}
"""By row, the status that is stored, and whether SES is to reject mail."""


@pytest.mark.parametrize("row", MAIL_FROMS)
def test_mail_from(row):
    """SES gets REJECT_MESSAGE only once it says SUCCESS of this very MAIL FROM domain."""
    _, made = of_row(row)
    sent = [call.rejects for call in made.calls if call.action == MAIL_FROM]
    assert MAIL_FROMS[row] == (made.stored.mail_from_status, *sent)


IS_OTHERS = (57, 58, 59)

WAITS_FOR_MX = (44, 47, 48, 52, 53, 56)

DONE = [row for row, (*_, what) in SCENARIOS.items() if "refused" not in what]


def outcome(row, status="PENDING"):
    """What is stored after a row, if SES answers Create or Put a minute after it was read."""
    _, made = of_row(row)
    after = made.stored
    for call in made.calls:
        if call.action in (CREATED, PUT):
            after = with_response(
                after, call, has(dkim_status=status, at=NOW + timedelta(minutes=1))
            )
    return after


LATER = NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("row", "of_key", "signed_until"),
    [
        (1, (CREATED, LATER, LATER), {1: LATER}),
        (2, None, {}),
        (3, (TAKEN_OVER, NOW, NOW), {1: NOW}),
        (5, (PUT, LATER, LATER), {1: LATER, 3: LATER}),
        (9, (CREATED, LATER, LATER), {2: LATER}),
        (10, (PUT, LATER, LATER), {1: LATER, 2: LATER}),
        (15, (PUT, BEFORE, BEFORE), {1: NOW, 3: NOW}),
        (21, (PUT, LATER, LATER), {1: BEFORE, 2: LATER}),
        (23, (TAKEN_OVER, NOW, NOW), {1: BEFORE, 2: NOW}),
        (25, (CREATED, LATER, LATER), {1: LATER, 2: LATER}),
        (30, (CREATED, LATER, BEFORE), {1: LATER}),
        (31, (PUT, LATER, BEFORE), {1: BEFORE}),
        (33, (PUT, LATER, BEFORE), {1: LATER, 3: LATER}),
    ],
)
def test_times(row, of_key, signed_until):
    """Since when SES has the key, and until when each other generation may have signed."""
    after = outcome(row)
    key = after.key and (after.key.key_set_by, after.key.key_set_at, after.key.signing_since)
    assert (of_key, signed_until) == (key, after.signed_until)


def test_tags_of_what_is_not_ours_yet():
    """
    IAM lets a stack change tags of its own identities alone, so others come with the owner's, or
    after.
    """
    _, made = of_row(42)
    own = {OWNER_TAG: OWNER, STACK_TAG: STACK}
    assert [("TagResource", {"team": "mail"} | own, ()), ("UntagResource", {}, ("stage",))] == [
        (call.action, call.tags, call.untag) for call in made.calls[2:]
    ]


@pytest.mark.parametrize("row", DONE)
def test_nothing_is_left_to_do(row):
    """
    The next run has nothing to call, unless it is a record that is waited for, or another's by now.
    """
    done = outcome(row, "SUCCESS")
    assert (done.key is None or bool(differences(done))) == (row in (2, *IS_OTHERS))
    again = plan(done, SCENARIOS[row][1], Seen(), now=NOW, instance="again")
    assert (again == Plan(done)) == (row not in (2, *WAITS_FOR_MX, *IS_OTHERS))
