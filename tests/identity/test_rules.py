"""If this fails, a preview lets a change pass that makes mail fail, or refuses one that is safe."""

from dataclasses import fields, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byodkim_provider.errors import ByodkimError
from byodkim_provider.identity.rules import changed, refuse_unsafe
from byodkim_provider.identity.state import Declared, Stored
from byodkim_provider.messages.identity import IdentityMessages
from tests.support import identities
from tests.support.cases import cases, written_out
from tests.support.fakes import START
from tests.support.identities import declared
from tests.support.stored import MOMENTS, STORED, through_pulumi
from tests.support.world import DOMAIN
from tests.support.zones import slots, zone

DAY = timedelta(days=1)
NAME = "example.com eu-west-1"
OTHER_KEY = IdentityMessages.OTHER_KEY(name=NAME, generation=2, selector="s2", following=3)
SECOND_KEY = IdentityMessages.SECOND_KEY(name=NAME, selector="s2")


def stored(before=None, **changes):
    """An identity that signs with generation 2, as generation 1 did until two days ago."""
    return identities.stored(before, **{"signed_until": {1: START - 2 * DAY}} | changes)


def refusal(before, after, *, unknown=(), now=START, kind=None):
    """The message of a preview of the change, of an error of that *kind*; None if it is allowed."""
    try:
        refuse_unsafe(before, after, unknown=unknown, now=now)
    except ByodkimError as refused:
        if kind not in (None, refused.kind):
            raise
        return refused.message
    return None


NO_KEY_YET = {"selector": "", "fingerprint": ""}


@cases(
    ("before", "after", "keeps"),
    {
        "rotation": ({}, {"published": (2, 3, 4), "generation": 3}, [1, 2, 3, 4]),
        "awaiting DNS": ({"key": None}, {"published": (3,), "generation": 3}, [1, 2, 3]),
        "nothing else": ({}, {}, None),
    },
)
def test_a_region_leaves(before, after, keeps):
    """
    In the edit that a Region leaves in no record leaves: it may have signed with any of them until
    now.
    """
    regions = ("eu-west-1", "us-east-1")
    known = stored(declared(regions=regions), signed_until={}, **before)
    message = refusal(known, declared(**after, regions=("eu-west-1",)))
    assert keeps == (message and message.fields["today"])


@pytest.mark.parametrize("name", sorted({one.name for one in fields(Declared)} - {"owner"}))
def test_each_input_is_a_change(name):
    """Any input that differs from its echo is a change, so that outputs never lag behind."""
    assert (name,) == changed(stored(), replace(declared(), **{name: "another"}), unknown=())


@given(STORED, MOMENTS, st.from_type(str))
def test_what_is_stored_is_no_change_and_never_refused(before, now, owner):
    """
    What Pulumi gives back of the outputs is what was stored, although its numbers are floats.

    `refresh` calls `diff` too: equal inputs raise nothing and change nothing, whatever is stored.
    """
    assert before == Stored.from_outputs(through_pulumi(before.to_outputs()))
    after = Declared.from_outputs(
        through_pulumi(replace(before.declared, owner=owner).to_properties())
    )
    assert () == changed(before, after, unknown=())
    assert refusal(before, after, now=now) is None


@cases(
    ("before", "after", "unknown"),
    {
        "going back": (stored(), declared(1), ()),
        "standby's key exchanged": (
            stored(declared(supplied_keys={3: "k3:f3"})),
            declared(3, supplied_keys={3: "s3:f4"}),
            (),
        ),
        "SES never had a key": (
            stored(key=None, signed_until={}),
            declared(2, (2, 3), selector="s9"),
            (),
        ),
        "key unknown under its selector": (stored(), declared(fingerprint=""), {"private_key"}),
    },
)
def test_allowed(before, after, unknown):
    """
    What leaves DNS has not signed within the overlap, and what signs keeps its key: nothing to
    refuse.
    """
    assert refusal(before, after, unknown=unknown) is None


@cases(
    ("after", "generation", "signed_until", "today"),
    {
        "jump from 2 to 9": (declared(9, (1, 8, 9, 10)), 2, START, [1, 2, 8, 9, 10]),
        "shorter overlap": (declared(2, (2, 3), overlap_days=3), 1, START - 2 * DAY, [1, 2, 3]),
    },
)
def test_a_generation_stays_published(after, generation, signed_until, today):
    """
    What signed within the overlap stays; from the very moment that the refusal names it may go.
    """
    allowed_from = signed_until + after.overlap_days * DAY
    message = refusal(stored(), after, kind="StillInUse")
    assert message.code == IdentityMessages.STILL_IN_USE
    assert message.fields == {
        "domain": DOMAIN,
        "generation": generation,
        "signed_until": signed_until,
        "allowed_from": allowed_from,
        "today": today,
        "target": after.generation,
    }
    signed = stored(key=None, signed_until={generation: signed_until})
    assert refusal(signed, after, now=allowed_from - timedelta(seconds=1)) is not None
    assert refusal(signed, after, now=allowed_from) is None


SLOTS = {"zones": (slots(),)}


def test_a_slot_that_was_emptied_gets_no_key_yet():
    """
    The record of a key that leaked an hour ago is remembered; the list and the override are
    allowed.
    """
    an_hour_ago = START - timedelta(hours=1)
    signed_until = {2: START - 11 * DAY, 3: an_hour_ago}
    before = stored(declared(4, (2, 4), **SLOTS), signed_until=signed_until)
    message = refusal(before, declared(6, (4, 5, 6), **SLOTS), kind="StillInUse")
    assert message.code == IdentityMessages.SLOT_IN_USE
    assert (message.fields["generation"], message.fields["target"]) == (3, 4)
    assert refusal(before, declared(4, message.fields["today"], **SLOTS)) is None
    assert refusal(before, declared(6, (4, 5, 6), **SLOTS, overlap_days=0)) is None
    # The slot that 3 had is no other one for it.
    beside = {"zones": (zone("manual"), slots(from_generation=5))}
    assert refusal(before, declared(6, (4, 5, 6), **beside)).code == IdentityMessages.SLOT_IN_USE


ADOPT = """
before: {adopt: true}, after: {}
before: {adopt: true}, after: {configuration_set: bulk}
  refused
before: {}, after: {adopt: true, configuration_set: bulk}
before: {adopt: true}, after: {adopt: true, overlap_days: 9}
"""


@cases(("change", "said"), written_out(ADOPT))
def test_adopt_goes_alone(change, said):
    """A run that fails stores that the records go, and not yet that the identity goes too."""
    before, after = declared(**change["before"]), declared(**change["after"])
    message = refusal(stored(before), after, kind="InvalidSettings")
    assert message == (IdentityMessages.ADOPT_ALONE(name=NAME) if said else None)


def test_a_slot_that_signs_gets_no_other_key():
    """
    Its record can't hold both keys, whatever `overlapDays` says; the generation that is named may
    sign.
    """
    slot = {**SLOTS, "selector": "ses1", "overlap_days": 0}
    before = stored(declared(1, (1, 2), **slot), signed_until={})
    problem = refusal(before, declared(4, (3, 4, 5), **slot), kind="InvalidSettings")
    numbers = {"before": 1, "after": 4, "following": 2}
    assert problem == IdentityMessages.SAME_SLOT(name=NAME, selector="ses1", **numbers)
    assert refusal(before, declared(2, (1, 2, 3), **slot | {"selector": "ses2"})) is None


def test_a_supplied_selector_gets_no_second_key():
    """
    Resolvers keep the record a selector had, also where it has not signed yet; nothing overrides
    that.
    """
    known = stored(declared(selectors=("s2", "mail", "s3"), supplied_keys={1: "mail:f1"}))
    for selector, number in (("mail", 1), ("mail", 3), ("s3", 3)):
        after = declared(supplied_keys={number: f"{selector}:f2"}, overlap_days=0)
        message = refusal(known, after, kind="InvalidSettings")
        assert IdentityMessages.SECOND_KEY(name=NAME, selector=selector) == message
    moved = declared(2, (1, 2, 4), supplied_keys={4: "mail:f1"})
    assert refusal(known, moved) != IdentityMessages.SECOND_KEY(name=NAME, selector="mail")


UNKNOWN_KEY = {"selector", "private_key"}


@cases(
    ("before", "after", "unknown", "problem"),
    {
        "another key": ({}, declared(selector="s9", fingerprint="f9"), (), OTHER_KEY),
        "another key in a preview": ({}, declared(**NO_KEY_YET), UNKNOWN_KEY, OTHER_KEY),
        "same selector": ({}, declared(fingerprint="f9"), (), SECOND_KEY),
        "same selector, next generation": ({}, declared(3, selector="s2"), (), SECOND_KEY),
    },
)
def test_no_second_key(before, after, unknown, problem):
    """The signing generation never changes its key, and no selector ever gets a second one."""
    known = stored(declared(**{"selector": "s2", **before}))
    assert problem == refusal(known, after, unknown=unknown, kind="InvalidSettings")


BOUNCES = {"mail_from_domain": f"bounce.{DOMAIN}", "mail_from_published": True}
BY_HAND = {"mail_from_domain": f"bounce.{DOMAIN}"}


@cases(
    ("before", "after", "is_refused"),
    {
        "with the zone of the keys": (BOUNCES, BY_HAND | SLOTS, True),
        "with adopt": (BOUNCES | {"adopt": True}, BY_HAND | SLOTS | {"adopt": True}, False),
        "to another host": (BOUNCES, BY_HAND, False),
        "with another label": (BOUNCES, BY_HAND | SLOTS | {"mail_from_domain": "b.test"}, False),
        "in a zone of its own": (BOUNCES, BOUNCES | SLOTS, False),
        "by hand all the time": (BY_HAND, BY_HAND | SLOTS, False),
    },
)
def test_mail_from_keeps_its_records(before, after, is_refused):
    """Without MX, SES refuses all mail with `reject`; the domain's own DNS stays in such a move."""
    message = refusal(stored(declared(**before)), declared(**after), kind="InvalidSettings")
    told = IdentityMessages.NO_MX(name=NAME, mail_from=BOUNCES["mail_from_domain"])
    assert message == (told if is_refused else None)
