"""
What DNS shows of an identity's record, and what people read while it does not show it.

For a run that waits for the record, and for a preview that says so.
"""

from __future__ import annotations

from typing import Final

from byodkim_provider.dkim import generations, records
from byodkim_provider.dns import visibility
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.dns.visibility import Visibility, servers_asked, zone_not_found
from byodkim_provider.errors import RecordNotVisible
from byodkim_provider.identity import dns_moves
from byodkim_provider.identity.state import MANUAL, Declared, Stored
from byodkim_provider.messages import Message
from byodkim_provider.messages.identity import IdentityMessages
from byodkim_provider.progress import Clock

RECENT_SECONDS: Final = 60
"""For so long after its begin, a lookup that found the record at every server need not be repeated."""


class Recent:
    """
    Lookups of records by all identities of a run.

    A class because it keeps those that found the record at every server: the one for the preview's line
    about a switch counts before the Put too.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._complete: dict[tuple[object, ...], tuple[float, Visibility]] = {}

    def check(self, declared: Declared, resolver: DnsResolver) -> Visibility:
        """How far the record of the declared key is visible now, or was at most `RECENT_SECONDS` ago."""
        began = self._clock.monotonic()
        record = (declared.record_name, declared.record_value, declared.dns_check, declared.dns_resolvers)
        at, seen = self._complete.get(record, (began, None))
        if seen and began - at <= RECENT_SECONDS:
            return seen
        seen = _check(declared, resolver)
        if seen.visible and seen.right == seen.asked:
            self._complete[record] = began, seen
        return seen


def _check(declared: Declared, resolver: DnsResolver) -> Visibility:
    """How far the record of the declared key is visible now."""
    name, key = declared.record_name, records.public_key(declared.record_value) or b""
    return visibility.judge(resolver.txt(name, declared.domain), key, declared.cnames.get(name, ""))


def served_elsewhere(declared: Declared, resolver: DnsResolver | None) -> str:
    """Why verifiers won't find the records where they are going to be made; "" if they will."""
    if resolver is None or declared.dns_check != "authoritative" or declared.cname:
        return ""
    # The record's own name is not looked up: a preview may not know it, and a recursive resolver would keep
    # "no such name" for it.
    answers = resolver.txt(f"_domainkey.{declared.domain}", declared.domain)
    answered = [answer for answer in answers if answer.values is not None]
    return dns_moves.served_elsewhere(declared, visibility.servers_asked(answered))


def refuse_leaving(stored: Stored, declared: Declared, resolver: DnsResolver | None) -> None:
    """Raise `InvalidSettings` if a change would take a record from where verifiers find it."""
    for place in dns_moves.leaving(stored.declared, declared):
        asked = _asked_for(place, stored.declared, resolver)
        dns_moves.refuse_leaving(stored, declared, [place], asked)


def _asked_for(place: str, declared: Declared, resolver: DnsResolver | None) -> frozenset[str]:
    """
    The name servers that are asked for a record at *place* now; of a slot also what its CNAME leads to.

    Empty if that can't be seen.
    """
    if resolver is None or declared.dns_check != "authoritative":
        return frozenset()
    _, target = dns_moves.parts(place)
    if target:
        name = records.record_name(target.partition(".")[0], declared.domain)
        answers = resolver.txt(name, declared.domain)
        aliases = {one.alias for one in answers if one.alias}
        return frozenset(aliases | {one.server for one in answers if one.alias == target})
    # If the key that signs has a slot, its CNAME says nothing of the records that have none.
    name = f"_domainkey.{declared.domain}" if declared.cname else declared.record_name
    return visibility.servers_asked(resolver.txt(name, declared.domain))


def planned_switch(stored: Stored, declared: Declared, resolver: DnsResolver | None, recent: Recent) -> str:
    """The preview's line about a switch to another key, after one lookup of its record."""
    before = stored.declared
    step = f"generation {before.generation} → {declared.generation}, " if declared.generation else ""
    switch = f"{declared.domain} {declared.region}: {step}{declared.selector}"
    if resolver is None:
        return str(IdentityMessages.SWITCH_NOT_CHECKED(switch=switch))
    if declared.dns_check == "recursive" and declared.generation not in before.published:
        return str(IdentityMessages.SWITCH_NOT_MADE(switch=switch))
    seen = recent.check(declared, resolver)
    return str(IdentityMessages.SWITCH_SEEN(switch=switch, right=seen.right, asked=seen.asked))


def not_visible(
    declared: Declared, visibility: Visibility, waited_seconds: float, *, still: str
) -> RecordNotVisible:
    """The refusal of a key whose record is not visible; *still* is what SES, "it", goes on with."""
    is_pasted = not visibility.has_cname if declared.cname else MANUAL in declared.dns
    by_hand = f"\n{dns_moves.what_to_paste(declared)}" if is_pasted else ""
    return RecordNotVisible(
        IdentityMessages.NOT_VISIBLE(
            name=declared.record_name,
            seconds=waited_seconds,
            answers=", ".join(visibility.phrases()),
            still=still,
            step=_new_key(declared) if visibility.leaked else IdentityMessages.CORRECT(by_hand=by_hand),
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
        step = IdentityMessages.PASTE(records=dns_moves.what_to_paste(declared), these=these)
    else:
        again = IdentityMessages.NO_ZONE() if is_unseen or elsewhere else IdentityMessages.MADE_AGAIN()
        step = IdentityMessages.NOTHING_TO_PASTE(zones=", ".join(declared.dns), again=again)
    name = f"{declared.domain} {declared.region}"
    return str(IdentityMessages.WAITS_FOR_DNS(name=name, why=why, step=step))


def _new_key(declared: Declared) -> Message:
    """What to do once the private key stands in DNS: its record must not be corrected."""
    if declared.generation is None:
        return IdentityMessages.LEAKED_ALONE()
    signing, published = generations.after_leak(
        declared.generation,
        signing=declared.generation,
        published=declared.published,
        slots=declared.slot,
    )
    return IdentityMessages.LEAKED_KEY(signing=signing, published=list(published))
