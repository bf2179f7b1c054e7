"""
Short lives that made mail fail, each with what the product did not know at that moment.

None of those in `HOLES` does any more.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from byodkim_provider.dkim import records
from tests.continuity.life import BOUNCES, PLAIN, SLOTS, Life
from tests.continuity.model import Stored
from tests.continuity.outside import Mishap
from tests.continuity.traffic import REGIONS
from tests.support.simulation import DOMAIN, pool

HERE, THERE, _ = REGIONS

SUPPLIED: Final = 90
"""Number in the pool of a key that somebody has made himself."""

FOUR: Final = [1, 2, 3, 4]
"""Published generations."""

LOST_PUT: Final = Mishap(at=2, kind="drop", when="after")
"""The calls of a rotation that makes one record: its own, Get, Put."""


def rotate(life: Life, *generations: int, **more: Any) -> None:
    """One after another, each once the overlap of the one before is over."""
    for generation in generations:
        life.to(generation, **more)
        life.wait(241)


def lose_a_put(life: Life) -> None:
    life.to(1)
    life.to(2)
    life.to(3, LOST_PUT, published=FOUR)


def denied(at: int, *, calls: int = 99) -> Mishap:
    return Mishap(at, "access_denied", "before", calls)


def killed(at: int) -> Mishap:
    return Mishap(at, "killed", "after")


def go_back(life: Life) -> None:
    """From 3, which has signed, to 2."""
    life.to(1)
    life.to(2)
    life.to(3, published=FOUR)
    life.wait(1)
    life.to(2, published=FOUR)


def await_dns(life: Life, generation: int) -> None:
    """Its record is not visible in time."""
    life.dns.lag_seconds = 1800
    life.to(generation)
    life.dns.lag_seconds = 0


def the_answer_of_a_put_is_lost(life: Life) -> None:
    """
    SES signs with 3, the state says 2. Back to 2 is no change then, and 3 seems never to have
    signed.
    """
    lose_a_put(life)
    life.to(2)
    life.to(2, published=[1, 2, 4])


def a_put_is_lost_and_a_refresh_shows_it(life: Life) -> None:
    """
    The refresh finds SES signing with 3, and the update repairs it; that 3 has signed has to be
    noted.
    """
    lose_a_put(life)
    life.wait(1)
    life.refresh()
    life.to(2, published=FOUR)
    life.to(2, published=[1, 2, 4])


def a_put_is_lost_and_the_next_one_is_not(life: Life) -> None:
    """On to 4 instead: that 3 has signed in between has to be noted."""
    lose_a_put(life)
    life.wait(1)
    life.to(4, published=[1, 2, 3, 4, 5])
    life.to(4, published=[1, 2, 4, 5])


def an_identity_is_deleted_after_going_back(life: Life) -> None:
    """The new identity counts lower generations as signing until now, and not 3."""
    go_back(life)
    life.delete_identity(HERE)
    life.refresh()
    life.to(2, published=FOUR)
    life.to(2, published=[1, 2, 4])


def an_identity_is_deleted_before_a_jump(life: Life) -> None:
    """Its generation goes as well, and with the identity went that it signed until now."""
    life.to(1)
    life.wait(1)
    life.delete_identity(HERE)
    life.refresh()
    life.to(5)


def a_region_is_exchanged_for_another(life: Life) -> None:
    """With the identity of the old Region goes that 3 has signed there."""
    go_back(life)
    life.to(2, published=FOUR, regions=[THERE])
    life.to(2, published=FOUR, regions=[HERE, THERE])
    life.to(2, published=FOUR, regions=[THERE])
    life.to(2, published=[1, 2, 4], regions=[THERE])


def a_region_is_exchanged_in_a_jump(life: Life) -> None:
    """
    A deletion is not asked for its diff, and a creation has no generation that could leave too
    early.
    """
    life.to(1)
    life.wait(1)
    life.to(5, regions=[THERE])


def a_region_leaves_that_lagged_behind(life: Life) -> None:
    """THERE still signs with 2 when it leaves; HERE, which switched long ago, lets 2 go with it."""
    both = [HERE, THERE]
    life.to(1, regions=both)
    life.to(2, regions=both)
    life.to(3, denied(3), published=FOUR, regions=both)
    life.wait(241)
    life.to(3, published=[3, 4])


def a_region_leaves_that_switched_late(life: Life) -> None:
    """THERE switched nine days after HERE, leaves, and the ordinary rotation takes its key away."""
    both = [HERE, THERE]
    life.to(1, regions=both)
    life.wait(1)
    life.to(2, denied(3), regions=both)
    life.wait(216)
    life.up()
    life.wait(1)
    life.to(2)
    life.wait(24)
    life.to(3)


def a_region_leaves_that_alone_had_switched(life: Life) -> None:
    """
    HERE was not allowed to go to 3, THERE did and leaves; back at 2, 3 seems never to have signed.
    """
    both = [HERE, THERE]
    life.to(1, regions=both)
    life.to(2, regions=both)
    life.to(3, denied(2, calls=1), published=FOUR, regions=both)
    life.wait(1)
    life.to(2, published=FOUR)
    life.wait(1)
    life.to(2, published=[1, 2, 4])


def going_back_is_lost_and_the_identity_deleted(life: Life) -> None:
    """1 signs again, nobody hears of it, and the identity goes with what it could tell."""
    life.to(1)
    life.to(2)
    life.wait(216)
    life.to(1, killed(1), published=[1, 2, 3])
    life.wait(20)
    life.delete_identity(HERE)
    life.refresh()
    life.to(2)
    life.wait(6)
    life.to(3)


def a_create_is_lost_in_a_rotation(life: Life) -> None:
    """
    While it waits for 2 it goes on to 3, whose Create is lost: the next run goes on by itself.
    """
    await_dns(life, 2)
    life.wait(1)
    life.to(3, killed(2))
    life.settle()


def a_create_is_lost_and_the_step_undone(life: Life) -> None:
    """The next run waits for 1 again, and meets its own identity with 2."""
    await_dns(life, 1)
    life.wait(1)
    life.to(2, killed(2))
    life.to(1)
    life.settle()


def an_override_is_taken_back(life: Life) -> None:
    """
    It failed half-way: 1 is still there, is kept after all, and that it has signed is forgotten.
    """
    life.to(1)
    life.wait(1)
    life.to(2, Mishap(at=0, kind="500", when="before"), published=[2, 3], overlapDays=0)
    life.traffic.given_up.clear()
    life.to(2)
    life.to(3)


def a_create_is_lost_before_a_jump(life: Life) -> None:
    """SES signs with 1, which the state does not know, and 1 goes."""
    life.to(1, killed(2))
    life.wait(1)
    life.to(3)


def a_create_is_lost_and_its_record_late(life: Life) -> None:
    """The second run finds no record, stores that it awaits DNS, and SES signs all the while."""
    life.to(1)
    life.to(1, killed(0), regions=[HERE, THERE])
    [name] = [
        one
        for one in life.dns.zone
        if one.startswith(life.engine.state["example.com/1"].outputs["selector"])
    ]
    life.tamper(name, delete=False)
    life.to(1, regions=[HERE, THERE])
    life.to(2, published=[2, 3], overlapDays=0, regions=[HERE, THERE])
    life.settle()


def a_put_is_lost_and_a_jump_undone(life: Life) -> None:
    """SES signs with 5. The file says 2 again, as the state does: nobody asks, and 5 goes."""
    life.to(1)
    life.to(2)
    life.to(5, LOST_PUT, published=[1, 2, 3, 5])
    life.to(2)


def a_create_is_lost_and_a_jump_undone(life: Life) -> None:
    """The same with its first key: the state says that it waits for 1, and SES signs with 3."""
    await_dns(life, 1)
    life.to(3, killed(3))
    life.to(1)


def a_stranger_holds_up_a_rotation(life: Life) -> None:
    """The list that the message asks for has no two generations of one slot."""
    rotate(life, 2, 3, dns=SLOTS)
    life.put_foreign_key(HERE)
    life.to(4, dns=SLOTS)
    life.settle()


def a_slot_is_not_written_before_an_edit(life: Life) -> None:
    """The slot still has the key of two edits before, which is the stack's all the same."""
    rotate(life, 1, 2, dns=SLOTS)
    assert life.to(3, denied(2), dns=SLOTS) == "failed"
    assert life.to(3, published=[2, 3, 7], dns=SLOTS) == "done"
    life.settle()


def an_old_state_is_restored(life: Life) -> None:
    """
    SES signs in a slot with a key that the state has lost. After a refresh nothing puts the old one
    back; the state is imported again, as the message says.
    """
    backup = restore(life, lost=2, dns=SLOTS)
    life.refresh()
    assert life.to(4, dns=SLOTS) == life.to(3, dns=SLOTS) == "refused"
    life.engine.state = backup
    life.to(3, published=[1, 2, 3], dns=SLOTS)
    life.settle()
    life.wait(241)
    life.refresh()
    life.settle()


def an_old_state_has_no_slot_left(life: Life) -> None:
    """
    Each slot has a key that the state has lost, as of the trouble page: another prefix has free
    ones.
    """
    backup = restore(life, lost=3, dns=SLOTS)
    life.refresh()
    assert life.to(3, dns=SLOTS) == "refused"
    life.engine.state = backup
    moved = [SLOTS, SLOTS | {"cname": "mail", "fromGeneration": 4}]
    life.to(4, published=[1, 2, 3, 4, 5], dns=moved)
    life.settle()
    life.wait(241)


def an_old_state_without_slots(life: Life) -> None:
    """The hints of the refusals lead on, as the trouble page says."""
    restore(life, lost=2)
    life.refresh()
    life.to(4)
    life.to(4, published=[2, 3, 4, 5])
    life.to(4, published=[1, 2, 3, 4, 5])
    life.settle()


def restore(life: Life, *, lost: int, **more: Any) -> dict[str, Stored]:
    """A backup of the state is imported, from before the last *lost* rotations; returns it."""
    rotate(life, 1, 2, **more)
    backup = dict(life.engine.state)
    rotate(life, *range(3, 3 + lost), **more)
    life.engine.state = dict(backup)
    return backup


def a_record_is_removed_by_target(life: Life) -> None:
    """`pulumi destroy --target`, of the record that the identity signs with."""
    life.to(1)
    life.engine.remove("example.com/key1/route53:Z0EXAMPLE")


def somebody_adds_an_mx(life: Life) -> None:
    """SES takes one MX record and no other, and REJECT_MESSAGE refuses all mail then."""
    life.to(1, mailFrom=BOUNCES)
    life.settle()
    name = "bounce.example.com MX"
    life.dns.zones["Z0EXAMPLE"][name] += "\n10 mx.example.com"
    life.wait(2)


def a_key_is_used_in_another_region(life: Life) -> None:
    """Somebody has given it to SES there, and the stack rotates."""
    life.to(1)
    key = life.ses.identities(HERE)[DOMAIN].key
    assert key
    life.ses.put_identity(DOMAIN, THERE, selector=key.selector, private_key=key.private_key)
    life.elsewhere = {THERE}
    rotate(life, 2, 3)


def a_record_was_there_before_the_stack(life: Life) -> None:
    """A supplied key is taken over without `adopt`, and its record goes with the entry."""
    key = pool(SUPPLIED)
    private_key = key.pkcs1_base64()
    value = records.record_value(key.public_key_der)
    life.dns.zones["Z0EXAMPLE"][records.record_name("own", DOMAIN)] = value
    life.ses.put_identity(DOMAIN, THERE, selector="own", private_key=private_key)
    life.elsewhere = {THERE}
    life.to(1, keys={"1": {"selector": "own", "privateKey": private_key}})
    life.leave()


def a_run_goes_on_after_an_error(life: Life) -> None:
    """
    `--continue-on-error`: the identity waits for an MX record that fails, and the record that it
    signs with goes, since the stack file has another one.
    """
    life.to(1)
    life.engine.continues = True
    life.to(2, denied(0, calls=1), published=[2, 3], overlapDays=0, mailFrom=BOUNCES)


def the_zone_of_mail_from_leaves(life: Life) -> None:
    """The keys have moved to slots, and MX and SPF would go with the zone where they stand."""
    life.to(1, mailFrom=BOUNCES)
    life.settle()
    slots = SLOTS | {"fromGeneration": 4}
    life.to(4, published=[1, 4, 5], dns=[PLAIN, slots], mailFrom=BOUNCES)
    life.wait(241)
    life.to(4, published=[4, 5], dns=[PLAIN, slots], mailFrom=BOUNCES)
    life.to(4, published=[4, 5], dns=[SLOTS], mailFrom=BOUNCES)


def searching(life: Life) -> None:
    """SES does not find a key for 71 hours, and signs with the last one that it had found."""
    life.to(1)
    life.wait(1)
    life.ses.switches.signs_while_pending = "old"
    life.ses.switches.first_check_seconds = 71 * 3600


def a_key_is_not_found_before_the_next(life: Life) -> None:
    """Two rotations in three days: 1 signs until SES finds 3, and its mail needs ten days more."""
    searching(life)
    life.to(2)
    life.wait(70)
    life.to(3, published=FOUR)
    life.wait(171)
    assert life.to(3) == "refused"


def a_short_overlap_ends_before_the_search(life: Life) -> None:
    """A day after the Put of 2 the preview lets 1 go, and SES still signs with it."""
    life.traffic.overlap = timedelta(days=1)
    searching(life)
    life.to(2, overlapDays=1)
    life.wait(25)
    assert life.to(2, overlapDays=1, published=[2, 3]) == "failed"
    life.wait(72)
    assert life.up() == "done"


HOLES: Final[tuple[Callable[[Life], None], ...]] = (
    the_answer_of_a_put_is_lost,
    an_identity_is_deleted_after_going_back,
    an_identity_is_deleted_before_a_jump,
    a_region_is_exchanged_in_a_jump,
    a_region_leaves_that_lagged_behind,
    a_region_leaves_that_switched_late,
    a_region_leaves_that_alone_had_switched,
    going_back_is_lost_and_the_identity_deleted,
    a_create_is_lost_in_a_rotation,
    a_create_is_lost_and_the_step_undone,
    a_create_is_lost_and_its_record_late,
    a_region_is_exchanged_for_another,
    an_override_is_taken_back,
    a_put_is_lost_and_a_refresh_shows_it,
    a_put_is_lost_and_the_next_one_is_not,
    a_create_is_lost_before_a_jump,
    a_stranger_holds_up_a_rotation,
    a_slot_is_not_written_before_an_edit,
    an_old_state_is_restored,
    an_old_state_has_no_slot_left,
    an_old_state_without_slots,
    the_zone_of_mail_from_leaves,
    a_key_is_not_found_before_the_next,
    a_short_overlap_ends_before_the_search,
)

GIVEN_UP: Final[tuple[Callable[[Life], None], ...]] = (
    a_put_is_lost_and_a_jump_undone,
    a_create_is_lost_and_a_jump_undone,
    a_record_is_removed_by_target,
    somebody_adds_an_mx,
    a_key_is_used_in_another_region,
    a_record_was_there_before_the_stack,
    a_run_goes_on_after_an_error,
)
"""Mail fails in these lives: the page "The life of a key" says what not to do."""
