"""
No mail fails because of DNS: any order of moves, any failure at any call, any behaviour of SES.

What is asserted is in `traffic` and `life`, what can happen in `driver`. CONTINUITY_LIVES=1000
in the environment looks for more, by chance instead of always in the same way.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from byodkim_provider.dkim import generations, keys
from byodkim_provider.program import route53
from byodkim_provider.resources import inputs
from sandbox.ses.switches import Switches
from tests.continuity.driver import machine
from tests.continuity.holes import GIVEN_UP, HOLES
from tests.continuity.life import PLAIN, SLOTS, SLOTS_AT_A_HOST, Life
from tests.continuity.model import Engine, Providers
from tests.support.simulation import Declaration

LIVES: Final = int(os.environ.get("CONTINUITY_LIVES", "0"))

MOVES: Final = 40
"""In one life, at most."""

SEARCH: Final = settings(
    max_examples=LIVES or 3,
    stateful_step_count=MOVES,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # to shrink a life of so many moves takes hours
)

SWITCHES: Final[Mapping[str, Mapping[str, Any]]] = {
    "as assumed": {},
    "status after put: NOT_STARTED": {"status_after_put": "NOT_STARTED"},
    "status after put: SUCCESS": {"status_after_put": "SUCCESS"},
    "signs while pending: old": {"signs_while_pending": "old"},
    "signs while pending: new": {"signs_while_pending": "new"},
    "old key lingers 10 s": {"old_key_lingers_seconds": 10},
    "old key lingers 90 s": {"old_key_lingers_seconds": 90},
    "same key restarts: no": {"same_key_restarts": False},
    "failed restarts: no": {"failed_restarts": False},
    "verification info: empty": {"verification_info": "empty"},
    "verification info: stale": {"verification_info": "stale"},
    "verification info: ownership": {"verification_info": "ownership"},
    "verification info: frozen": {"verification_info": "frozen"},
    "verification info: filled": {"verification_info": "filled"},
    "frozen, SUCCESS throughout": {"verification_info": "frozen", "status_after_put": "SUCCESS"},
    "answers as Get": {"create_answer": "as Get", "put_answer": "as Get"},
    "answer to put: as before": {"put_answer": "before"},
    "a failed look keeps SUCCESS": {
        "status_after_put": "SUCCESS",
        "failed_check_keeps_success": True,
    },
    "a lost record takes all back": {"lost_record_takes_back_verification": True},
    "refuses bad keys": {"refuses_bad_keys": True},
    "caches no such name": {"caches_no_such_name": True},
    "reads lag 5 s": {"read_lag_seconds": 5},
    "reads lag 20 s after a Put": {"put_lag_seconds": 20},
    "put enables signing": {"put_enables_signing": True},
    "verifies bare p= only": {"verifies_tagged_records": False},
    "looks at once": {"first_check_seconds": 0},
    "looks after 5 min": {"first_check_seconds": 300},
    "looks after 11 min": {"first_check_seconds": 660},
}
"""
By what differs from the emulator's defaults; those are in the first row, at one look after 30 s.
"""


AS_IT_IS: Final[st.SearchStrategy[Mapping[str, Any]]] = st.just({})


ANYWHERE: Final[st.SearchStrategy[Sequence[Mapping[str, Any]]]] = st.sampled_from(
    [[PLAIN], [SLOTS], [SLOTS_AT_A_HOST], [PLAIN, SLOTS_AT_A_HOST | {"fromGeneration": 3}]]
)


def _values(name: str) -> st.SearchStrategy[Any]:
    rows = [row[name] for row in SWITCHES.values() if name in row]
    return st.sampled_from([getattr(ses(), name), *rows])


ANY_MIXTURE: Final = st.deferred(
    lambda: st.fixed_dictionaries(
        {name: _values(name) for row in SWITCHES.values() for name in row}
    )
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


@pytest.mark.parametrize("name", SWITCHES)
def test_no_message_fails(name: str) -> None:
    """
    Whatever people, SES and DNS do, mail verifies when it arrives and as long as it may be on its
    way.
    """
    search(lambda: Life(ses(**SWITCHES[name])), number=list(SWITCHES).index(name))


def test_no_message_fails_in_any_mixture() -> None:
    """
    The same in lives with an SES that differs from the emulator's defaults in any number of ways.
    """
    search(lambda: Life(ses()), number=len(SWITCHES), switches=ANY_MIXTURE)


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


def reuse_selectors(life: Life) -> None:
    life.replaced.setattr(keys, "selector_for", lambda *_: "s1")


@pytest.mark.parametrize(
    ("bug", "switches", "seen"),
    [
        (delete_first, {}, "whose record is not visible"),
        (send_the_key_first, {}, "unsigned since"),
        (send_the_key_first, {"signs_while_pending": "new"}, "whose record is not visible"),
        (forget_the_overlap, {}, "ago fails: no key record"),
        (reuse_selectors, {}, "a selector got a second record"),
    ],
    ids=[
        "deletes first",
        "sends the key first",
        "sends the key first, which signs at once",
        "no overlap",
        "one selector",
    ],
)
def test_planted_bug(bug: Callable[[Life], None], switches: Mapping[str, Any], seen: str) -> None:
    """
    A bug that makes mail fail is found by the same driver, in fewer lives than it has for all of
    SES.
    """

    with pytest.raises(AssertionError, match=seen):
        search(with_bug(bug, **switches), number=0, limits=few(200))


def change_slots_at_once(life: Life) -> None:
    """Whatever the identities still let stand there, and whatever stands there."""
    life.replaced.setattr(inputs, "let_stand", lambda _slots, _selector, declared: declared)
    check_no_slot(life)


def check_no_slot(life: Life) -> None:
    """The key that signs may take the slot of another one."""
    life.replaced.setattr(route53, "refuse_others", lambda *_: None)


@pytest.mark.parametrize(
    ("bug", "number"),
    [(change_slots_at_once, 1), (check_no_slot, 0)],
    ids=["changes slots at once", "checks no slot"],
)
def test_planted_reuse_of_a_slot(bug: Callable[[Life], None], number: int) -> None:
    """
    A slot that gets its next key while mail signed with the last one is on its way is found too.
    """
    with pytest.raises(AssertionError, match="bad signature"):
        search(with_bug(bug), number=number, limits=few(25), dns=st.just([SLOTS]))


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
