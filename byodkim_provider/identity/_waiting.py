"""
What people read while the record of a key is not visible: what to add, or what to do instead.

Values in, texts out.
"""

from __future__ import annotations

from byodkim_provider.dkim import generations
from byodkim_provider.dns.visibility import Visibility, servers_asked, zone_not_found
from byodkim_provider.errors import RecordNotVisible
from byodkim_provider.identity import dns_moves
from byodkim_provider.identity.state import MANUAL, Declared
from byodkim_provider.messages import Message
from byodkim_provider.messages.identity import IdentityNote, IdentityProblem, RecordStep


def not_visible(
    declared: Declared, visibility: Visibility, waited_seconds: float, *, still: str
) -> RecordNotVisible:
    """The refusal of a key whose record is not visible; *still* is what SES, "it", goes on with."""
    is_pasted = not visibility.has_cname if declared.cname else MANUAL in declared.dns
    by_hand = f"\n{dns_moves.what_to_paste(declared)}" if is_pasted else ""
    return RecordNotVisible(
        IdentityProblem.NOT_VISIBLE(
            name=declared.record_name,
            seconds=waited_seconds,
            answers=", ".join(visibility.phrases()),
            still=still,
            step=_new_key(declared) if visibility.leaked else RecordStep.CORRECT(by_hand=by_hand),
        )
    )


def waiting_for_dns(declared: Declared, visibility: Visibility | None) -> str:
    """The warning of a new identity that is stored as waiting; None: its record was not looked up."""
    elsewhere, why, is_unseen, has_cname = "", "not looked for yet", False, False
    if visibility:
        answers, has_cname = visibility.answers, visibility.has_cname
        is_unseen, asked = zone_not_found(answers), servers_asked(answers)
        if declared.cname:
            behind = [one for one in answers if has_cname and one.target]
            asked = frozenset(one.server for one in behind if one.failure != "no zone")
            is_unseen = has_cname and not asked
        elsewhere = dns_moves.served_elsewhere(declared, asked)
        why = elsewhere or visibility.summary()
    if visibility and visibility.leaked:
        step: Message | str = f"  {_new_key(declared)}"
    elif not has_cname and (elsewhere or not declared.dns or declared.is_slow):
        these = "these CNAMEs are" if declared.cname else "this record is"
        step = RecordStep.PASTE(records=dns_moves.what_to_paste(declared), these=these)
    else:
        again = RecordStep.NO_ZONE() if is_unseen or elsewhere else RecordStep.MADE_AGAIN()
        step = RecordStep.NOTHING_TO_PASTE(zones=", ".join(declared.dns), again=again)
    name = f"{declared.domain} {declared.region}"
    return str(IdentityNote.WAITS_FOR_DNS(name=name, why=why, step=step))


def _new_key(declared: Declared) -> Message:
    """What to do once the private key stands in DNS: its record must not be corrected."""
    if declared.generation is None:
        return RecordStep.OTHER_KEY()
    signing, published = generations.after_leak(
        declared.generation,
        signing=declared.generation,
        published=declared.published,
        slots=declared.slot,
    )
    return RecordStep.OTHER_GENERATION(signing=signing, published=list(published))
