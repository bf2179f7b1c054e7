"""
Any order of the moves that people and fate can make in a domain's life, as Hypothesis chooses them.

What has to hold is watched by the life itself, all the time; here is only what can happen. A
move that a preview refuses is a move too. What is left out, because mail fails of it today, is
in `holes`, and each rule that leaves something out says so.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.continuity.dns import BOTH
from tests.continuity.life import BOUNCES, PLAIN, RETURNS, SECOND, SLOTS, SLOTS_AT_A_HOST, Life
from tests.continuity.outside import Mishap
from tests.continuity.traffic import REGIONS

MAIL_FROM = st.sampled_from([None, RETURNS, BOUNCES, {"label": "mail"}])
"""The last two need a zone of the domain itself."""

CALLS = st.integers(0, 14)
"""Numbers of calls in a run: a rotation in two Regions makes about that many."""

NOT_DONE = [(kind, "before") for kind in ("throttle", "500", "access_denied", "drop", "killed")]
NOT_HEARD_OF = [(kind, "after") for kind in ("500", "drop", "timeout", "killed")]

MISHAPS = st.lists(
    st.builds(
        lambda at, how, calls: Mishap(at, *how, calls),
        CALLS,
        st.sampled_from(NOT_DONE + NOT_HEARD_OF),
        st.sampled_from([1, 3, 20]),
    ),
    max_size=2,
)


class Moves(RuleBasedStateMachine):
    """All that can happen. Subclassed once for each behaviour of SES."""

    start: Callable[[], Life]
    switches: st.SearchStrategy[Mapping[str, Any]]
    dns: st.SearchStrategy[Sequence[Mapping[str, Any]]]

    def __init__(self) -> None:
        super().__init__()
        self.life = type(self).start()

    def teardown(self) -> None:
        try:
            if self.life.written:
                self.all_is_well_again()
        finally:
            self.life.close()

    @initialize(regions=st.integers(1, 2), data=st.data())
    def first_run(self, regions: int, data: st.DataObject) -> None:
        for name, value in data.draw(self.switches, "switches").items():
            setattr(self.life.ses.switches, name, value)
        written = {
            "generation": 1,
            "regions": list(REGIONS[:regions]),
            "dns": data.draw(self.dns, "dns"),
        }
        assert self.life.up(written) == "done"
        self.life.wait(1)

    # Edits of the stack file, each with a run

    @rule(mishaps=MISHAPS)
    def rotate(self, mishaps: list[Mishap]) -> None:
        self._edit(mishaps, generation=self.life.generation + 1, published=None)

    @rule(mishaps=MISHAPS)
    def rotate_in_time(self, mishaps: list[Mishap]) -> None:
        self.life.wait(241)
        self.rotate(mishaps)

    @rule(mishaps=MISHAPS)
    def rotate_and_keep_all(self, mishaps: list[Mishap]) -> None:
        after = self.life.generation + 1
        self._edit(
            mishaps, generation=after, published=sorted({*self.life.published, after, after + 1})
        )

    @rule(mishaps=MISHAPS, data=st.data())
    def sign_with_another(self, mishaps: list[Mishap], data: st.DataObject) -> None:
        generation = data.draw(st.sampled_from(self.life.published), "generation")
        self._edit(mishaps, generation=generation, published=list(self.life.published))

    @rule(mishaps=MISHAPS)
    def replace_standby(self, mishaps: list[Mishap]) -> None:
        published = self.life.published
        kept = [one for one in published if one <= self.life.generation]
        self._edit(mishaps, published=[*kept, max(published) + 1])

    @rule(mishaps=MISHAPS, data=st.data())
    def drop_one(self, mishaps: list[Mishap], data: st.DataObject) -> None:
        dropped = data.draw(st.sampled_from(self.life.published), "dropped")
        self._edit(mishaps, published=[one for one in self.life.published if one != dropped])

    @rule(mishaps=MISHAPS)
    def leave_published_to_the_default(self, mishaps: list[Mishap]) -> None:
        self._edit(mishaps, published=None)

    @rule(mishaps=MISHAPS, by=st.integers(2, 7))
    def jump(self, mishaps: list[Mishap], by: int) -> None:
        self._edit(mishaps, generation=self.life.generation + by, published=None)

    @rule(mishaps=MISHAPS)
    def remove_a_compromised_key(self, mishaps: list[Mishap]) -> None:
        after = self.life.generation + 1
        self._edit(mishaps, generation=after, published=[after, after + 1], overlapDays=0)

    @rule(mishaps=MISHAPS, region=st.sampled_from(REGIONS))
    def add_a_region(self, mishaps: list[Mishap], region: str) -> None:
        self._edit(mishaps, regions=sorted({*self.life.regions, region}))

    @rule(mishaps=MISHAPS, region=st.sampled_from(REGIONS))
    def remove_a_region(self, mishaps: list[Mishap], region: str) -> None:
        """
        Left out: mail of its last days, since only the identity that goes knows when it switched.
        """
        left = [one for one in self.life.regions if one != region]
        if left and region in self.life.regions:
            self.life.stop_sending(region)
            self._edit(mishaps, regions=left)

    @precondition(lambda self: self.life.written["dns"] == [PLAIN])
    @rule(mishaps=MISHAPS, slots=st.sampled_from([SLOTS, SLOTS_AT_A_HOST]))
    def move_to_slots(self, mishaps: list[Mishap], slots: Mapping[str, Any]) -> None:
        begins = max(self.life.published) + 1
        self._edit(mishaps, dns=[PLAIN, slots | {"fromGeneration": begins}])

    @precondition(lambda self: any("cname" in dns for dns in self.life.written["dns"][1:]))
    @rule(mishaps=MISHAPS)
    def drop_the_old_place(self, mishaps: list[Mishap]) -> None:
        """Left out: a MAIL FROM domain there is refused, `holes.the_zone_of_mail_from_leaves`."""
        [_, slots] = self.life.written["dns"]
        self._edit(mishaps, dns=[slots | {"fromGeneration": 1}])

    @precondition(lambda self: self.life.written["dns"] in ([PLAIN], [SECOND]))
    @rule(mishaps=MISHAPS)
    def list_both_zones(self, mishaps: list[Mishap]) -> None:
        self._edit(mishaps, dns=[PLAIN, SECOND])

    @precondition(lambda self: self.life.written["dns"] == [PLAIN, SECOND])
    @rule()
    def move_the_name_servers(self) -> None:
        self.life.move_name_servers()

    @precondition(lambda self: self.life.written["dns"] == [PLAIN, SECOND])
    @rule(mishaps=MISHAPS, kept=st.sampled_from([PLAIN, SECOND]))
    def drop_one_zone(self, mishaps: list[Mishap], kept: Mapping[str, Any]) -> None:
        self._edit(mishaps, dns=[kept])

    @precondition(lambda self: "zoneId" in self.life.written["dns"][0])
    @rule(mishaps=MISHAPS, mail_from=MAIL_FROM)
    def change_mail_from(self, mishaps: list[Mishap], mail_from: Mapping[str, Any] | None) -> None:
        self._edit(mishaps, mailFrom=mail_from)

    @rule(mishaps=MISHAPS)
    def set_mail_from_in_a_zone_of_its_own(self, mishaps: list[Mishap]) -> None:
        self._edit(mishaps, mailFrom=RETURNS)

    @rule(
        mishaps=MISHAPS,
        by=st.integers(1, 4),
        how=st.sampled_from(["without the identities", "at once"]),
    )
    def edit_carelessly_and_undo_it(self, mishaps: list[Mishap], by: int, how: str) -> None:
        """
        `--target` without the identities, or `--skip-preview`, which comes upon every refusal
        half-way.
        """
        before = self.life.written
        skips = ("ByodkimIdentity", "DkimVerification") if how == "without the identities" else ()
        self._edit(
            mishaps, skips=skips, has_preview=bool(skips), generation=self.life.generation + by
        )
        self._edit([], **before)

    @precondition(lambda self: self.life.before)
    @rule(mishaps=MISHAPS)
    def undo_the_last_edit(self, mishaps: list[Mishap]) -> None:
        self._edit(mishaps, **{"published": None, **self.life.before})

    @rule(mishaps=MISHAPS, goes_on=st.booleans())
    def up(self, mishaps: list[Mishap], goes_on: bool) -> None:
        self.life.engine.goes_on = goes_on
        self.life.up(mishaps=mishaps)
        self.life.engine.goes_on = True

    @rule(mishaps=MISHAPS)
    def refresh(self, mishaps: list[Mishap]) -> None:
        self.life.refresh(mishaps)

    # Time and DNS

    @rule(hours=st.sampled_from([0.01, 1, 20, 73, 130, 239, 241]))
    def wait(self, hours: float) -> None:
        self.life.wait(hours)

    @rule(seconds=st.sampled_from([0, 40, 900]), late=st.sampled_from([BOTH, BOTH[1:]]))
    def new_records_are_late(self, seconds: float, late: tuple[int, ...]) -> None:
        self.life.dns.lag_seconds, self.life.dns.late = seconds, late

    @rule(hours=st.sampled_from([0.05, 5]))
    def a_server_is_silent(self, hours: float) -> None:
        self.life.dns.silence(hours)

    # Strangers

    @rule(
        data=st.data(),
        act=st.sampled_from(["disable_signing", "put_foreign_key", "delete_identity"]),
    )
    def somebody_uses_the_console(self, data: st.DataObject, act: str) -> None:
        """Left out: what the state does not know either: only people can tell whose that is."""
        region = data.draw(st.sampled_from(self.life.regions), "region")
        if self.life.is_known(region):
            getattr(self.life, act)(region)

    @precondition(lambda self: self.life.dns.zone and self.life.ses.switches.failed_restarts)
    @rule(data=st.data(), delete=st.booleans())
    def somebody_changes_a_record(self, data: st.DataObject, delete: bool) -> None:
        """
        Left out: an SES that gives up after five days and does not search again: that takes a
        rotation.
        """
        name = data.draw(st.sampled_from(list(self.life.dns.zone)), "name")
        self.life.tamper(name, delete=delete or "_domainkey" not in name)

    # Nothing goes wrong any more

    @rule()
    def all_is_well_again(self) -> None:
        self.life.dns.lag_seconds = 0
        self.life.wait(1)
        if self.life.is_disturbed:
            self.life.look_again()
        self.life.settle()

    def _edit(
        self,
        mishaps: list[Mishap],
        *,
        skips: Collection[str] = (),
        has_preview: bool = True,
        **changes: Any,
    ) -> None:
        """
        Left out: edits while the state knows less than SES, see
        `holes.the_answer_of_a_put_is_lost`.
        """
        if not self.life.is_in_doubt:
            edited = {**self.life.written, "overlapDays": None, **changes}
            written = {name: value for name, value in edited.items() if value is not None}
            self.life.engine.skips = skips
            self.life.up(written, mishaps, has_preview=has_preview)
            self.life.engine.skips = ()


def machine(
    start: Callable[[], Life],
    switches: st.SearchStrategy[Mapping[str, Any]],
    dns: st.SearchStrategy[Sequence[Mapping[str, Any]]],
) -> type[Moves]:
    """
    The moves, in lives that *start* begins with *dns*, each with *switches* besides those that it
    has.
    """
    return type("Moves", (Moves,), {"start": staticmethod(start), "switches": switches, "dns": dns})
