"""If this fails, a key leaves DNS while mail that it signed is on its way."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from byodkim_provider.dkim import generations
from byodkim_provider.messages.dkim import DkimMessages as M
from tests.support.cases import cases

NOW = datetime(2000, 1, 31, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@cases(
    ("signing", "supplied", "expected"),
    {
        "first": (1, None, (1, 2)),
        "no neighbours": (2, {2}, (2,)),
        "others far away": (3, {1, 3, 9}, (3,)),
    },
)
def test_published(signing, supplied, expected):
    """
    The signing generation has its neighbours beside it, of supplied keys those that were given.
    """
    assert generations.published(signing, supplied) == expected


def test_roles():
    """
    What is older than the signing generation is previous, what is newer stands by; oldest first.
    """
    roles = generations.roles(2, (4, 3, 2, 1))
    assert [*roles.items()] == [(1, "previous"), (2, "signing"), (3, "standby"), (4, "standby")]


@cases(
    ("signing", "published", "expected"),
    {
        "signing missing": (2, (1, 3), M.SIGNING_NOT_PUBLISHED(generation=2, published="[1, 3]")),
        "as many as allowed": (2, range(1, 21), None),
        "too many": (2, range(1, 10_000), M.TOO_MANY(count=9999, most=20)),
    },
)
def test_published_problem(signing, published, expected):
    """A published list holds the signing generation, and each at most once."""
    assert expected == generations.published_problem(signing, published)


def early(before, after, *, days_since=None, signing=None, overlap_days=10, **options):
    """What leaves too early, *days_since* saying how long ago each generation signed last."""
    until = {generation: NOW - days * DAY for generation, days in (days_since or {}).items()}
    change = {"before": before, "after": after, "signing_before": signing, "signed_until": until}
    change |= {"exchanged": (), **NO_SLOTS, **options}
    return generations.too_early(**change, now=NOW, overlap_days=overlap_days)


def no_slots(_generation):
    """The slots of a domain without `cname`."""


NO_SLOTS, SLOT = {"slots": no_slots}, {"slots": generations.slot}
SAME, NEXT = ((1, 2, 3), (1, 2, 3)), ((1, 2, 3), (2, 3, 4))


@cases(
    ("change", "days_since", "options", "expected"),
    {
        "to the second": (NEXT, {1: 10}, {}, []),
        "jump": (((1, 2, 3), (8, 9, 10)), {1: 2}, {}, [1, 2]),
        "signing one dropped at once": (((1, 2, 3), (3, 4)), {1: 90}, {}, [2]),
        "nothing signs yet": (((1, 2), ()), {}, {"signing": None}, []),
        "previous key exchanged": (SAME, {1: 2}, {"exchanged": {1}}, [1]),
        "exchanged but not published before": (((2, 3), (2, 3, 4)), {4: 2}, {"exchanged": {4}}, []),
        "comes back": (((2, 4), (2, 3, 4)), {3: 1}, {"signing": 4}, []),
        "comes back to its slot": (((2, 4), (2, 3, 4)), {3: 1}, {"signing": 4, **SLOT}, [3]),
        "override": (((3, 4), (4, 5)), {}, {"signing": 3, "overlap_days": 0}, []),
    },
)
def test_too_early(change, days_since, options, expected):
    """A generation stays in DNS until mail signed with it has arrived or been given up."""
    found = early(*change, days_since=days_since, **{"signing": 2, **options})
    assert [*found] == expected


GENERATIONS = st.integers(1, 6)
PUBLISHED = st.sets(GENERATIONS, max_size=4)


@example(before=set(), after={1, 4}, signing=None, days_since={1: 0, 4: 0})
@given(
    before=PUBLISHED,
    after=PUBLISHED,
    signing=st.none() | GENERATIONS,
    days_since=st.dictionaries(GENERATIONS, st.integers(0, 20)),
)
def test_allowed_today_is_allowed(before, after, signing, days_since):
    """
    The list a refusal names is not refused, and drops nothing that was wanted, but for its slot.
    """
    for slots in (no_slots, generations.slot):
        situation = {"signing": signing, "days_since": days_since, "slots": slots}
        found = early(before, after, **situation)
        allowed = generations.allowed_today(before=before, after=after, early=found, slots=slots)
        assert early(before, allowed, **situation) == {}
        assert slots is generations.slot or after <= set(allowed)


@cases(
    ("leaked", "signing", "published", "options", "expected"),
    {
        "signing, standby further on": (2, 2, (1, 2, 5), NO_SLOTS, (5, (1, 5, 6))),
        "previous": (1, 2, (1, 2, 3), NO_SLOTS, (2, (2, 3))),
        "first of slots": (2, 2, (1, 2, 3), SLOT | {"used": {1}}, (3, (1, 3))),
        "second of slots": (3, 3, (1, 3), SLOT | {"used": {1, 2}}, (5, (1, 5))),
        "standby of slots": (3, 2, (1, 2, 3), SLOT, (2, (1, 2, 6))),
        "no slot is free": (3, 3, (1, 2, 3), SLOT | {"used": {1, 2}}, (2, (1, 2))),
        "after the number that leaked before": (2, 2, (1, 2), SLOT | {"used": {1, 3}}, (6, (1, 6))),
    },
)
def test_after_leak(leaked, signing, published, options, expected):
    """
    A leaked key is dropped, the next one signs if it did, and there is a standby; none share a
    slot.
    """
    options = {"used": (), **options}
    step = generations.after_leak(leaked, signing=signing, published=published, **options)
    assert step == expected


@given(
    signing=GENERATIONS,
    others=PUBLISHED,
    used=PUBLISHED,
    leaked=GENERATIONS,
    first=st.integers(1, 6),
)
def test_no_step_shares_a_slot(signing, others, used, leaked, first):
    """
    Whatever is published without sharing a slot, before, in or after a move, neither is after a
    step.
    """

    def slots(generation):
        return generations.slot(generation) if generation >= first else None

    def are_apart(published):
        return not any(generations.sharing(one, published, slots) for one in published)

    published = {signing}
    for one in sorted(others):
        published |= {one} if are_apart({*published, one}) else set()
    target, wanted = generations.after_rotation(signing, published, slots=slots, used=used)
    assert target in wanted
    assert are_apart(wanted) or generations.sharing(target, {*published, *used}, slots)
    target, wanted = generations.after_leak(
        leaked, signing=signing, published=published, slots=slots, used=used
    )
    assert target in wanted
    assert leaked not in wanted
    assert are_apart(wanted)
    assert target in published or not generations.sharing(target, {*published, leaked}, slots)
