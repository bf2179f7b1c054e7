"""
No mail fails because of DNS: any order of moves, any failure at any call, any behaviour of SES.

What is asserted is in `traffic` and `life`, what can happen in `driver`. CONTINUITY_LIVES=1000
in the environment looks for more, by chance instead of always in the same way.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from byodkim_provider.dkim import generations, keys
from byodkim_provider.identity import delegation
from byodkim_provider.program import route53
from byodkim_provider.resources import inputs
from sandbox.ses.switches import Switches
from tests.continuity.driver import machine
from tests.continuity.holes import GIVEN_UP, HOLES
from tests.continuity.life import PLAIN, SECOND, SLOTS, SLOTS_AT_A_HOST, Life
from tests.continuity.model import Engine, Providers
from tests.faults.scenarios import PROFILES
from tests.support.fakes import FakeSes
from tests.support.simulation import Declaration

LIVES: Final = int(os.environ.get("CONTINUITY_LIVES", "0"))

COURSES: Final = 8
"""Each takes as many lives."""

MOVES: Final = 40
"""In one life, at most."""

SEARCH: Final = settings(
    max_examples=LIVES or 6,
    stateful_step_count=MOVES,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # to shrink a life of so many moves takes hours
)

AS_IT_IS: Final[st.SearchStrategy[Mapping[str, Any]]] = st.just({})


ANYWHERE: Final[st.SearchStrategy[Sequence[Mapping[str, Any]]]] = st.sampled_from(
    [
        [PLAIN],
        [PLAIN, SECOND],
        [SLOTS],
        [SLOTS_AT_A_HOST],
        [PLAIN, SLOTS_AT_A_HOST | {"fromGeneration": 3}],
    ]
)


NOT_HERE: Final = {"requests_per_second", "identity_limit", "follows_cname"}
"""Switches without which mail goes on in no life, or that are about other things."""

ANY_MIXTURE: Final = st.fixed_dictionaries(
    {
        switch.name: st.sampled_from([getattr(one, switch.name) for one in PROFILES.values()])
        for switch in fields(Switches)
        if switch.name not in NOT_HERE
    }
)
"""Whatever SES may do in one respect, together with whatever it may do in all others."""


def ses(**switches: Any) -> Switches:
    """An SES for one life."""
    return Switches(**{"requests_per_second": None, "first_check_seconds": 30, **switches})


def search(
    start: Callable[[], Life],
    *,
    number: int,
    limits: settings = SEARCH,
    switches: st.SearchStrategy[Mapping[str, Any]] = AS_IT_IS,
    dns: st.SearchStrategy[Sequence[Mapping[str, Any]]] = ANYWHERE,
) -> None:
    """
    Let lives that *start* begins take their course; with another *number* it is another course.
    """
    moves = machine(start, switches, dns)
    run_state_machine_as_test(moves if LIVES else seed(number)(moves), settings=limits)


@pytest.mark.parametrize("number", range(COURSES))
def test_no_message_fails(number: int) -> None:
    """
    Whatever people, SES and DNS do, mail verifies when it arrives and as long as it may be on its
    way.
    """
    search(lambda: Life(ses()), number=number, switches=ANY_MIXTURE)


@pytest.mark.parametrize("hole", HOLES, ids=lambda hole: hole.__name__)
def test_hole(hole: Callable[[Life], None]) -> None:
    """Mail outlives what once made it fail."""
    live(hole)


@pytest.mark.parametrize("hole", GIVEN_UP, ids=lambda hole: hole.__name__)
def test_given_up(hole: Callable[[Life], None]) -> None:
    """Mail fails where the page says so, and for want of the record."""
    with pytest.raises(AssertionError, match=r"not visible|unsigned since|SES refuses mail"):
        live(hole)


def live(hole: Callable[[Life], None]) -> None:
    """A life with this in it, and some time after that."""
    life = Life(ses())
    try:
        hole(life)
        life.wait(1)
    finally:
        life.close()


class DeletesFirst(Engine):
    """Deletes what is not declared any more before it makes what is."""

    def _update(self, declared: Mapping[str, Declaration], providers: Providers) -> None:
        self._delete(
            {name: old for name, old in self.state.items() if name not in declared}, providers
        )
        super()._update(declared, providers)


def delete_first(life: Life) -> None:
    life.engine = DeletesFirst(life.engine.processes)


def send_the_key_first(life: Life) -> None:
    life.checks_dns = False
    life.dns.lag_seconds = 900


def forget_the_overlap(life: Life) -> None:
    life.replaced.setattr(generations, "too_early", lambda **_: ())


def reject_at_once(life: Life) -> None:
    put = FakeSes.put_email_identity_mail_from_attributes
    life.replaced.setattr(
        FakeSes,
        "put_email_identity_mail_from_attributes",
        lambda ses, domain, mail_from, rejects: put(
            ses, domain, mail_from, rejects=mail_from is not None
        ),
    )


def drop_any_zone(life: Life) -> None:
    life.replaced.setattr(delegation, "refuse_leaving", lambda *_: None)


def reuse_selectors(life: Life) -> None:
    life.replaced.setattr(keys, "selector_for", lambda *_: "s1")


def change_slots_at_once(life: Life) -> None:
    """Whatever the identities still let stand there, and whatever stands there."""
    life.replaced.setattr(inputs, "let_stand", lambda _slots, _selector, declared: declared)
    check_no_slot(life)


def check_no_slot(life: Life) -> None:
    """The key that signs may take the slot of another one."""
    life.replaced.setattr(route53, "refuse_others", lambda *_: None)


PENDING_SIGNS: Final = {"signs_while_pending": "new"}

UNCHECKED: Final = "unsigned since|whose record is not visible|ago fails: no key record"
"""Who does not look a record up sends the key too early, and lets a zone leave that is asked."""


@pytest.mark.parametrize(
    ("bug", "switches", "dns", "seen"),
    [
        (delete_first, {}, [PLAIN], "whose record is not visible"),
        (send_the_key_first, {}, [PLAIN], UNCHECKED),
        (send_the_key_first, PENDING_SIGNS, [PLAIN], UNCHECKED),
        (forget_the_overlap, {}, [PLAIN], "ago fails: no key record"),
        (reuse_selectors, {}, [PLAIN], "a selector got a second record"),
        (reject_at_once, {}, [PLAIN], "SES refuses mail"),
        (drop_any_zone, {}, [PLAIN, SECOND], "not visible|ago fails: no key record"),
        (change_slots_at_once, {}, [SLOTS], "bad signature"),
        (check_no_slot, {}, [SLOTS], "bad signature"),
    ],
    ids=[
        "deletes first",
        "sends the key first",
        "sends the key first, which signs at once",
        "no overlap",
        "one selector",
        "rejects at once",
        "drops the zone that serves",
        "changes slots at once",
        "checks no slot",
    ],
)
def test_planted_bug(
    bug: Callable[[Life], None],
    switches: Mapping[str, Any],
    dns: list[Mapping[str, Any]],
    seen: str,
) -> None:
    """
    A bug that makes mail fail is found by the same driver, in lives that begin where it can show.
    """
    with pytest.raises(AssertionError, match=seen):
        search(with_bug(bug, **switches), number=3, limits=few(200), dns=st.just(dns))


def with_bug(bug: Callable[[Life], None], **switches: Any) -> Callable[[], Life]:
    """Begins lives with that bug."""

    def start() -> Life:
        life = Life(ses(**switches))
        bug(life)
        return life

    return start


def few(lives: int) -> settings:
    """No more than those."""
    return settings(SEARCH, max_examples=lives, phases=[Phase.generate])
