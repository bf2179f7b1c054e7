"""What counts as a change of an identity, and which changes a preview refuses."""

from dataclasses import fields, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byodkim_provider.errors import ByodkimError, InvalidSettings, StillInUse
from byodkim_provider.identity.rules import changed, refuse_unsafe
from byodkim_provider.identity.state import Declared, KeyInSes, Stored
from byodkim_provider.messages.identity import IdentityMessages
from tests.identity.test_state import MOMENTS, STORED, through_pulumi
from tests.support.cases import cases
from tests.support.fakes import REGION, START
from tests.support.world import DOMAIN

DAY = timedelta(days=1)

NAME = "example.com eu-west-1"

SIGNING_KEY_PROBLEM = IdentityMessages.OTHER_KEY(name=NAME, generation=2, selector="s2", following=3)

SELECTOR_PROBLEM = IdentityMessages.SECOND_KEY(name=NAME, selector="s2")


def declared(generation=2, published=(1, 2, 3), **changes):
    """Inputs that sign with `s<generation>`, whose key has the fingerprint `f<generation>`."""
    inputs = {
        "domain": DOMAIN,
        "region": REGION,
        "selector": f"s{generation}",
        "fingerprint": f"f{generation}",
        "record_value": f"p={generation}",
        "owner": "ses-byodkim/dev/example.com/eu-west-1",
        "generation": generation,
        "published": published,
    }
    return Declared(**inputs | changes)


def stored(before=None, *, status="SUCCESS", **changes):
    """An identity that signs with generation 2, as generation 1 did until two days ago."""
    known = {
        "declared": before or declared(),
        "instance": "i",
        "origin": "EXTERNAL",
        "signing_enabled": True,
        "key": KeyInSes(set_at=START - 2 * DAY, set_by="", signing_since=START - 2 * DAY, status=status),
        "signed_until": {1: START - 2 * DAY},
    }
    return Stored(**known | changes)


def refusal(before, after, *, unknown=(), now=START):
    """The message of a preview of the change; None if it is allowed."""
    try:
        refuse_unsafe(before, after, unknown=unknown, now=now)
    except ByodkimError as error:
        return error.message
    return None


ALONE = {"generation": None, "published": ()}


@cases(
    ("before", "after", "keeps"),
    {
        "rotation": ({}, {"published": (2, 3, 4), "generation": 3}, [1, 2, 3, 4]),
        "awaiting DNS": ({"key": None, "signed_until": {}}, {"published": (3,), "generation": 3}, [1, 2, 3]),
        "nothing else": ({}, {"published": (1, 2, 3)}, None),
        "override": ({}, {"published": (2, 3), "overlap_days": 0}, None),
    },
)
def test_a_region_leaves(before, after, keeps):
    """In the edit that a Region leaves in no record leaves: it may have signed with any of them until now."""
    both = ("eu-west-1", "us-east-1")
    known = stored(declared(regions=both), **{"signed_until": {1: START - 20 * DAY}, **before})
    message = refusal(known, declared(**{**after, "regions": ("eu-west-1",)}))

    assert keeps == (message and message.fields["today"])
    assert keeps is None or before or refusal(known, declared(**{**after, "regions": both})) is None


@pytest.mark.parametrize("name", sorted({one.name for one in fields(Declared)} - {"owner"}))
def test_each_input_is_a_change(name):
    """Any input that differs from its echo is a change, so that outputs never lag behind."""
    assert (name,) == changed(stored(), replace(declared(), **{name: "another"}), unknown=())


def test_the_owner_is_no_change():
    """A resource that was renamed with `aliases` keeps its first owner, without a change."""
    assert () == changed(stored(), declared(owner="ses-byodkim/dev/renamed"), unknown=())


@pytest.mark.parametrize("name", ["selector", "private_key", "tags"])
def test_what_a_preview_can_not_know_is_a_change(name):
    """An unknown input may be another one; what would follow from it is not compared."""
    after = declared(**{"private_key": {"fingerprint": "", "record_value": ""}}.get(name, {}))

    assert (name,) == changed(stored(), after, unknown={name})


@given(STORED, MOMENTS, st.text())
def test_what_is_stored_is_no_change_and_never_refused(before, now, owner):
    """`refresh` calls `diff` too: equal inputs raise nothing and change nothing, whatever is stored."""
    after = Declared.from_outputs(through_pulumi(replace(before.declared, owner=owner).to_properties()))

    assert () == changed(before, after, unknown=())
    assert refusal(before, after, now=now) is None


@cases(
    ("before", "after"),
    {
        "never signed": (stored(signed_until={}), declared(3, (2, 3, 4))),
        "overlap over": (stored(signed_until={1: START - 10 * DAY}), declared(3, (2, 3, 4))),
        "kept published": (stored(), declared(3, (1, 2, 3, 4))),
        "going back": (stored(), declared(1, (1, 2, 3))),
        "leaked standby": (stored(), declared(2, (1, 2, 4))),
        "jump": (stored(), declared(9, (1, 2, 8, 9, 10))),
        "override": (stored(), declared(3, (3, 4), overlap_days=0)),
        "shorter overlap": (stored(), declared(3, (2, 3, 4), overlap_days=2)),
        "standby's key exchanged": (
            stored(declared(supplied_keys={3: "k3:f3"})),
            declared(3, supplied_keys={3: "s3:f4"}),
        ),
        "nothing about keys": (stored(), declared(dns_wait_seconds=5, tags={"team": "mail"})),
        "SES never had a key": (stored(key=None, signed_until={}), declared(2, (2, 3), selector="s9")),
    },
)
def test_allowed(before, after):
    """What leaves DNS has not signed within the overlap, and what signs keeps its key: nothing to refuse."""
    assert refusal(before, after) is None


@cases(
    ("after", "generation", "signed_until", "days", "following", "today"),
    {
        "quick second rotation": (declared(3, (2, 3, 4)), 1, START - 2 * DAY, 10, None, [1, 2, 3, 4]),
        "jump from 2 to 9": (declared(9, (1, 8, 9, 10)), 2, START, 10, 3, [1, 2, 8, 9, 10]),
        "list emptied": (declared(2, (2,)), 1, START - 2 * DAY, 10, None, [1, 2]),
        "shorter overlap": (declared(2, (2, 3), overlap_days=3), 1, START - 2 * DAY, 3, None, [1, 2, 3]),
        "compromised key": (declared(4, (1, 4, 5)), 2, START, 10, 3, [1, 2, 4, 5]),
    },
)
def test_a_generation_stays_published(after, generation, signed_until, days, following, today):
    """What signed within the overlap stays; the refusal names the date, a list and the override."""
    assert refusal(stored(), after) == IdentityMessages.STILL_IN_USE(
        domain=DOMAIN,
        generation=generation,
        signed_until=signed_until,
        allowed_from=signed_until + days * DAY,
        next_one=IdentityMessages.NEXT_ONE(generation=following) if following else "",
        today=today,
    )


SLOT = (f"ses1._domainkey.{DOMAIN}.keys.example.net@route53:Z1",)
SLOTS = {"cname": "keys.example.net", "places": dict.fromkeys((2, 4, 5, 6), SLOT)}


def test_a_slot_that_was_emptied_gets_no_key_yet():
    """The record of a key that leaked an hour ago is remembered; the list and the override are allowed."""
    before = stored(
        declared(4, (2, 4), **SLOTS), signed_until={2: START - 11 * DAY, 3: START - timedelta(hours=1)}
    )
    with pytest.raises(StillInUse) as caught:
        refuse_unsafe(before, declared(6, (4, 5, 6), **SLOTS), unknown=(), now=START)
    message = caught.value.message
    assert message == IdentityMessages.SLOT_IN_USE(
        domain=DOMAIN,
        generation=3,
        signed_until=START - timedelta(hours=1),
        allowed_from=START - timedelta(hours=1) + 10 * DAY,
        next_one=IdentityMessages.KEEP(generation=4),
        today=[4, 5],
    )
    assert refusal(before, declared(4, (4, 5), **SLOTS)) is None
    elsewhere = dict.fromkeys((4, 5, 6), ("manual",))
    for allowed in ({"overlap_days": 0}, {"places": elsewhere}, {"places": elsewhere | {5: SLOT, 6: SLOT}}):
        assert refusal(before, declared(6, (4, 5, 6), **SLOTS | allowed)) is None


@pytest.mark.parametrize(
    ("seconds", "is_allowed"), [(-1, False), (0, True)], ids=["a second before", "on the date"]
)
def test_allowed_from_the_date_that_was_named(seconds, is_allowed):
    """What was refused passes from the very moment that the refusal named."""
    rotation = declared(3, (2, 3, 4))
    with pytest.raises(StillInUse) as caught:
        refuse_unsafe(stored(), rotation, unknown=(), now=START)
    then = caught.value.message.fields["allowed_from"] + timedelta(seconds=seconds)

    assert is_allowed == (refusal(stored(), rotation, now=then) is None)


def test_the_list_that_was_named_is_allowed():
    """Of several that leave too early, the text names one and its date; the list is for all, and allowed."""
    with pytest.raises(StillInUse) as caught:
        refuse_unsafe(stored(), declared(9, (8, 9, 10)), unknown=(), now=START)

    fields = caught.value.message.fields
    assert ([1, 2, 8, 9, 10], START + 10 * DAY) == (fields["today"], fields["allowed_from"])
    assert fields["signed_until"] + 10 * DAY == fields["allowed_from"]
    assert refusal(stored(), declared(9, tuple(fields["today"]))) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [({1: "k1:f1"}, {1: "k9:f9"}), ({1: "k1"}, {}), ({}, {1: "k1"})],
    ids=["another one", "supplied before", "supplied now"],
)
def test_a_supplied_key_is_exchanged_under_its_number(before, after):
    """A generation whose key is exchanged loses its old record, although its number stays published."""
    with pytest.raises(StillInUse) as caught:
        refuse_unsafe(
            stored(declared(supplied_keys=before)), declared(supplied_keys=after), unknown=(), now=START
        )

    message = caught.value.message
    assert IdentityMessages.STILL_IN_USE_KEY == message.code
    assert (1, START + 8 * DAY) == (message.fields["generation"], message.fields["allowed_from"])


@pytest.mark.parametrize("generation", [1, 3], ids=["previous", "standby"])
def test_a_supplied_selector_gets_no_second_key(generation):
    """Resolvers keep the record a selector had, also where it has not signed yet; nothing overrides that."""
    with pytest.raises(InvalidSettings) as caught:
        refuse_unsafe(
            stored(declared(supplied_keys={generation: "mail:f1"})),
            declared(supplied_keys={generation: "mail:f2"}, overlap_days=0),
            unknown=(),
            now=START,
        )

    assert IdentityMessages.SECOND_KEY(name=NAME, selector="mail") == caught.value.message


@cases(
    ("before", "after", "unknown", "problem"),
    {
        "another key": (declared(), declared(selector="s9", fingerprint="f9"), (), SIGNING_KEY_PROBLEM),
        "another selector": (declared(), declared(selector="s9"), (), SIGNING_KEY_PROBLEM),
        "another key in a preview": (
            declared(),
            declared(selector="", fingerprint=""),
            {"selector", "private_key"},
            SIGNING_KEY_PROBLEM,
        ),
        "another selector in a preview": (
            declared(),
            declared(selector=""),
            {"selector"},
            SIGNING_KEY_PROBLEM,
        ),
        "same selector": (declared(), declared(fingerprint="f9"), (), SELECTOR_PROBLEM),
        "same selector, next generation": (declared(), declared(3, selector="s2"), (), SELECTOR_PROBLEM),
        "the override is for the other rule": (
            declared(),
            declared(overlap_days=0, fingerprint="f9"),
            (),
            SELECTOR_PROBLEM,
        ),
        "used alone": (
            declared(**ALONE, selector="s2"),
            declared(**ALONE, selector="s2", fingerprint="f9"),
            (),
            SELECTOR_PROBLEM,
        ),
    },
)
def test_no_second_key(before, after, unknown, problem):
    """The signing generation never changes its key, and no selector ever gets a second one."""
    with pytest.raises(InvalidSettings) as caught:
        refuse_unsafe(stored(before), after, unknown=unknown, now=START)

    assert problem == caught.value.message


@cases(
    ("before", "after", "unknown"),
    {
        "next generation in a preview": (
            declared(),
            declared(3, (1, 2, 3, 4), selector="", fingerprint=""),
            {"selector", "private_key"},
        ),
        "key unknown under its selector": (declared(), declared(fingerprint=""), {"private_key"}),
        "used alone": (declared(**ALONE), declared(**ALONE, selector="s9", fingerprint="f9"), ()),
        "used alone in a preview": (
            declared(**ALONE),
            declared(**ALONE, selector="", fingerprint=""),
            {"selector", "private_key"},
        ),
        "generations from now on": (
            declared(**ALONE),
            declared(2, (1, 2, 3), selector="sNone", fingerprint="fNone"),
            (),
        ),
    },
)
def test_a_new_key_under_a_new_selector(before, after, unknown):
    """A new generation, or used alone a new selector, may have a new key; what is unknown may be the same."""
    assert refusal(stored(before), after, unknown=unknown) is None


def test_a_key_that_signed_once_is_remembered():
    """An identity that was deleted in SES and awaits DNS again has signed, and its mail is on its way."""
    waiting = stored(key=None)

    assert refusal(waiting, declared(3, (2, 3, 4))) is not None
