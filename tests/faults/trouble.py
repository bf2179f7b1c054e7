"""
What can go wrong with a run, and at which of its calls.

Every call that a run makes of AWS or DNS goes through `Calls.make`, which counts it and spoils
the one that is to be spoiled. What a spoiled call looks like on its wire is in `outside`.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar, get_args

from byodkim_provider.progress import stopping
from sandbox.ses.switches import FaultKind
from tests.continuity.model import Killed

Interruption = Literal["plugin killed", "CLI killed", "Ctrl-C", "Ctrl-C twice"]

When = Literal["before", "after"]

T = TypeVar("T")

ANSWER_LOST: Final[tuple[FaultKind, ...]] = ("drop", "timeout", "garbage")
"""Faults after which nobody knows whether the work was done: both is tried."""

NOT_OF_DNS: Final[tuple[FaultKind, ...]] = ("throttle",)
"""A name server that is asked too often refuses or is silent, and that is tried anyway."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """
    What goes wrong with call number *at* of a run, counted from 0.

    *before*: the call did nothing; *after*: it did its work. *lasting*: so do all later calls of
    that name in this run, which is more than any retry outlasts.
    """

    at: int
    kind: FaultKind | Interruption
    when: When
    lasting: bool = False

    @property
    def column(self) -> str:
        """Its heading in the matrix."""
        sides = self.kind in (*ANSWER_LOST, *get_args(Interruption))
        return (
            f"{self.kind}{f', {self.when}' if sides else ''}{', lasting' if self.lasting else ''}"
        )


@dataclass(frozen=True, slots=True)
class Point:
    """
    One call of a run. *step* counts what the engine asked of the providers: each is stored as a
    whole.
    """

    name: str
    step: int


class SpoiledError(Exception):
    """The call went wrong as was wanted; *kind* says how it looks to the caller."""

    def __init__(self, kind: FaultKind) -> None:
        super().__init__(kind)
        self.kind = kind


class Calls:
    """
    The calls of one run. A class for what they share: their count, and what became of the run.
    """

    def __init__(self, trouble: Trouble | None = None) -> None:
        self.log: list[Point] = []
        self._trouble = trouble
        self._step = 0
        self._lost = False

    def step(self, work: Callable[[], T]) -> T:
        """
        What the engine asks of a provider: all of it or nothing, and no more in an interrupted run.
        """
        if stopping.is_set():
            raise Killed
        self._step += 1
        trouble = self._trouble
        if trouble and (trouble.at, trouble.when) == (len(self.log), "before"):
            self._interrupt(trouble)
        answer = work()
        if self._lost:
            raise Killed
        return answer

    def make(self, name: str, work: Callable[[], T]) -> T:
        """What *work* returns, unless it is this call's turn to go wrong."""
        number = len(self.log)
        self.log.append(Point(name, self._step))
        trouble = self._trouble
        if not trouble or not self._hits(trouble, number, name):
            return work()
        if trouble.kind in get_args(FaultKind):
            if trouble.when == "after":
                with suppress(Exception):
                    work()
            raise SpoiledError(trouble.kind)  # type: ignore[arg-type]
        try:
            return work()
        finally:
            self._interrupt(trouble)

    def spoils(self, name: str) -> bool:
        """Whether the next call, one of that name, is to get an answer that is none."""
        trouble = self._trouble
        faults = get_args(FaultKind)
        return (
            trouble is not None
            and trouble.kind in faults
            and self._hits(trouble, len(self.log), name)
        )

    def _hits(self, trouble: Trouble, number: int, name: str) -> bool:
        if trouble.kind in get_args(Interruption):
            return trouble.when == "after" and number == trouble.at
        lasts = trouble.lasting and number > trouble.at and name == self.log[trouble.at].name
        return number == trouble.at or lasts

    def _interrupt(self, trouble: Trouble) -> None:
        match trouble.kind:
            case "plugin killed":
                raise Killed
            case "CLI killed":  # the plugin lives on and ends its work, of which nobody hears
                self._lost = True
            case "Ctrl-C":
                stopping.set()
            case "Ctrl-C twice":
                stopping.set()
                self._lost = True


def troubles(log: list[Point]) -> Iterator[Trouble]:
    """
    All that can go wrong with a run that made the calls of *log*.

    An interruption before a call is left out where it is the one after the call before, that is
    within a step: nothing is stored between the two. Of one call made over and over, as a wait
    does, the first two and the last stand for all.
    """
    for at, point in enumerate(log):
        if at > 1 and log[at - 2 : at] == [point, point] and log[at + 1 : at + 2] == [point]:
            continue
        is_dns = point.name.startswith("DNS")
        for kind in get_args(FaultKind):
            if is_dns and kind in NOT_OF_DNS:
                continue
            sides: tuple[When, ...] = (
                ("before", "after") if kind in ANSWER_LOST and not is_dns else ("before",)
            )
            for when in sides:
                trouble = Trouble(at, kind, when)
                yield from (trouble, replace(trouble, lasting=True))
        begins = at == 0 or log[at - 1].step != point.step
        for interruption in get_args(Interruption):
            yield from (
                Trouble(at, interruption, when)
                for when in (("before", "after") if begins else ("after",))
            )
