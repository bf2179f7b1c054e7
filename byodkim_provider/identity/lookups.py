"""
What DNS shows of an identity's records, and what follows: a wait, a refusal, or what people read
and paste.

For a run that waits for a record, and for a preview that says so; and for a change of DNS
providers, which must not take a record from where verifiers find it.
"""

import functools
from collections.abc import Callable, Collection, Sequence, Set
from contextlib import nullcontext
from functools import partial
from itertools import chain, repeat
from typing import Final

from byodkim_provider.dkim import records
from byodkim_provider.dns import panels
from byodkim_provider.dns.resolver import Answer, DnsResolver
from byodkim_provider.dns.visibility import Diagnosis, judge, servers_asked, zone_not_found
from byodkim_provider.errors import ByodkimError, InvalidSettings
from byodkim_provider.hosts.registry import to_paste
from byodkim_provider.hosts.zones import MANUAL, Zone, by_hand
from byodkim_provider.identity.run import Run
from byodkim_provider.identity.state import Declared, Stored
from byodkim_provider.messages import Message
from byodkim_provider.messages.identity import IdentityMessages

FIRST_PAUSES: Final = (2.0, 3.0, 5.0, 8.0)
"""
Seconds between the first polls: a record that its DNS provider calls ready takes only seconds.
"""

PAUSE: Final = 10.0
"""Seconds between all later polls: each poll queries every server, and the delay does no harm."""

RECENT_SECONDS: Final = 60
"""A lookup that found the record at every server counts for this many seconds from its start."""


def look_up(declared: Declared, run: Run) -> Diagnosis:
    """
    How many servers show the record of the declared key, now or up to a minute ago.

    With `dnsCheck: off` it counts as visible.
    """
    resolver = run.resolver(declared.dns_check, declared.dns_resolvers)
    if resolver is None:
        return Diagnosis(verdict="right")
    name, value, began = declared.record_name, declared.record_value, run.clock.monotonic()
    record = (name, value, declared.dns_check, declared.dns_resolvers)
    at, seen = run.complete.get(record, (began, None))
    if seen and began - at <= RECENT_SECONDS:
        return seen
    key = records.public_key(value) or b""
    seen = judge(resolver.txt(name, declared.domain), key, declared.cnames.get(name, ""))
    if any(answer.by_resolver for answer in seen.answers):
        word = IdentityMessages.RESOLVERS_ASKED(domain=declared.domain)
        if run.first(str(word)):
            run.progress().info(word)
    if seen.visible and seen.right == len(seen.answers):
        run.complete[record] = began, seen
    return seen


def wait_until_visible(declared: Declared, run: Run, *, shared: bool) -> Diagnosis:
    """
    The last lookup of the record: it is visible, time is up, or the run was interrupted.

    With *shared*, all such waits of the run have the wait of one together. There is none for a
    record that is visible, or behind a CNAME that somebody has to paste, nor where the resolver
    knows no name server of the zone: that takes a delegation, or another resolver. When time is up
    there is one last lookup. There is a line of progress for each change, and none if the record
    was visible at once.
    """
    clock, progress, seconds = run.clock, run.progress(), declared.wait_seconds
    start = clock.monotonic()
    seen, shown = look_up(declared, run), ""

    def show() -> None:
        count = (
            f"{seen.count()} after {clock.monotonic() - start:.0f} s of at most {end - start:.0f} s"
        )
        progress.update(f"{declared.domain}: {', '.join([count, *seen.phrases()])}")

    if seen.visible or zone_not_found(seen.answers):
        return seen
    if declared.cname and _has_no_cname(seen.answers):
        return seen
    with run.dns_wait(seconds) if shared else nullcontext(clock.monotonic() + seconds) as end:
        for pause in chain(FIRST_PAUSES, repeat(PAUSE)):
            left = end - clock.monotonic()
            if seen.visible or left <= 0:
                break
            if seen.summary() != shown:
                shown = seen.summary()
                show()
            if clock.wait(min(pause, left)):
                break
            seen = look_up(declared, run)
    if shown and seen.summary() != shown:
        show()
    return seen


def _has_no_cname(answers: Sequence[Answer]) -> bool:
    """Whether a server answers that no CNAME stands at the name, and none shows one."""
    answered = any(answer.values is not None for answer in answers)
    return answered and not any(answer.target for answer in answers)


def planned_switch(stored: Stored, declared: Declared, run: Run) -> str:
    """The preview's line about a switch to another key, after one lookup of its record."""
    step = f"generation {stored.declared.generation} → {declared.generation}"
    switch = f"{declared}: {step}, {declared.selector}"
    if declared.dns_check == "off":
        return str(IdentityMessages.SWITCH_NOT_CHECKED(switch=switch))
    seen = look_up(declared, run)
    return str(
        IdentityMessages.SWITCH_SEEN(switch=switch, right=seen.right, asked=len(seen.answers))
    )


# --- where the records stand, and who is asked for them


def _loses(zone: Zone, generation: int, after: Declared) -> bool:
    """Whether *zone* has no record of *generation* after a change; what people pasted stays."""
    stays = [one.path for one in after.zones_of(generation)]
    return zone.provider != MANUAL and zone.path not in stays


def refuse_leaving(
    stored: Stored, declared: Declared, run: Run, is_gone: Callable[[Zone], bool]
) -> None:
    """
    Raise `InvalidSettings` if a change would take a record from where verifiers find it.

    A zone that *is_gone* holds no record that could be lost.
    """
    before = stored.declared
    is_listed = before.account_id == declared.account_id  # another account lists other zones
    if stored.key is None:
        return  # SES never had a key, so no mail was signed
    asked_for = functools.cache(partial(_asked_for, before, _authoritative(declared, run)))
    for generation in sorted({*before.published} & {*declared.published}):
        for zone in before.zones_of(generation):
            if _loses(zone, generation, declared) and not (is_listed and is_gone(zone)):
                asked = asked_for(zone.slot_name(generation, before.domain))
                _refuse_loss(zone, generation, before, declared, asked)


def _refuse_loss(
    zone: Zone, generation: int, before: Declared, declared: Declared, asked: Set[str]
) -> None:
    """
    Raise `InvalidSettings` if verifiers find the record of *generation* in *zone*, which loses it.

    *asked* are the name servers that are asked for it now, and what the CNAME of a slot leads to;
    empty if that can't be seen.
    """
    after = declared.zones_of(generation)
    slot = zone.slot_name(generation, before.domain)
    by_cname = slot and slot not in [one.slot_name(generation, before.domain) for one in after]
    moves = "CNAMEs" if by_cname else "name servers"
    if slot and by_cname:
        named, is_clear = {slot} & asked, bool(asked)
    else:
        named, is_clear = _serving(zone, asked)
        if not is_clear and _none_of(after, asked):
            named = {*asked}  # the zone that is left is the one that they serve
    if named:
        servers = ", ".join(sorted(named))
        raise InvalidSettings(
            IdentityMessages.ASKED_FOR(
                name=str(before), zone=zone.label, servers=servers, moves=moves
            )
        )
    is_exchanged = all(_loses(one, generation, declared) for one in before.zones_of(generation))
    if is_exchanged and not is_clear:
        raise InvalidSettings(
            IdentityMessages.EXCHANGED(name=str(before), zone=zone.label, moves=moves)
        )


def _asked_for(
    declared: Declared, resolver: DnsResolver | None, slot_name: str | None
) -> frozenset[str]:
    """
    The name servers that are asked for a record now; of a slot also what its CNAME leads to.

    Empty if that can't be seen.
    """
    if resolver is None:
        return frozenset()
    if slot_name:
        name = records.record_name(records.split_name(slot_name)[0], declared.domain)
        answers = resolver.txt(name, declared.domain)
        aliases = {one.target for one in answers if one.target}
        return frozenset(aliases | {one.server for one in answers if one.target == slot_name})
    # If the key that signs has a slot, its CNAME says nothing of the records that have none.
    name = f"_domainkey.{declared.domain}" if declared.cname else declared.record_name
    return servers_asked(resolver.txt(name, declared.domain))


def _authoritative(declared: Declared, run: Run) -> DnsResolver | None:
    """What asks a zone's own servers, which alone show who is asked."""
    is_used = declared.dns_check == "authoritative"
    return run.resolver(declared.dns_check, declared.dns_resolvers) if is_used else None


def _serving(zone: Zone, asked: Set[str]) -> tuple[set[str], bool]:
    """Servers among *asked* that serve *zone*, and whether the others surely do not."""
    if zone.name_servers:
        return {*asked} & {*zone.name_servers}, bool(asked)
    panel = zone.host_panel
    served = {server for server in asked if panel and panels.serves(panel, [server])}
    # A zone may have name servers under other names than most at its host.
    return served, bool(asked) and bool(served or (panel and panel.serves_all))


def _none_of(zones: Collection[Zone], asked: Set[str]) -> bool:
    """Whether surely none of *asked* serves any of *zones*."""
    return bool(zones) and all(_serving(zone, asked) == (set(), True) for zone in zones)


def served_by(declared: Declared, run: Run) -> frozenset[str]:
    """
    The name servers that are asked for the records of a new identity; empty if that can't be seen
    yet.
    """
    resolver = _authoritative(declared, run)
    if resolver is None or declared.cname:
        return frozenset()
    # The record's own name is not looked up: a preview may not know it, and a recursive resolver
    # would keep "no such name" for it.
    answers = resolver.txt(f"_domainkey.{declared.domain}", declared.domain)
    return servers_asked([answer for answer in answers if answer.values is not None])


def served_elsewhere(declared: Declared, asked: Set[str]) -> str:
    """
    A message if the name servers serve no zone of the record.

    "" if they do, or if we can't tell, as with `cname`, whose target has other servers.
    """
    zones = declared.signing_zones
    if declared.dns_check != "authoritative" or declared.cname or not _none_of(zones, asked):
        return ""
    known = [(zone.label, ", ".join(zone.name_servers) or "none of them") for zone in zones]
    served = " and ".join(f"{label} has {servers}" for label, servers in known)
    servers = ", ".join(sorted(asked))
    return str(IdentityMessages.ELSEWHERE(domain=declared.domain, servers=servers, zones=served))


# --- what people read while the record is not visible


def not_visible(
    declared: Declared, found: Diagnosis, waited_seconds: float, *, still: str
) -> ByodkimError:
    """
    The refusal of a key whose record is not visible. *still* says what SES does meanwhile, such as
    "it still signs with 's1'".
    """
    said = IdentityMessages.NOT_VISIBLE(
        name=declared.record_name,
        seconds=waited_seconds,
        answers=", ".join(found.phrases()),
        still=still,
        step=_step(declared, found, elsewhere=""),
    )
    return ByodkimError(said, kind="RecordNotVisible")


def waiting_for_dns(declared: Declared, found: Diagnosis) -> str:
    """The warning of a new identity that is stored as waiting."""
    elsewhere = served_elsewhere(declared, servers_asked(found.answers))
    why = elsewhere or found.summary()
    step = _step(declared, found, elsewhere=elsewhere)
    return str(IdentityMessages.WAITS_FOR_DNS(name=str(declared), why=why, step=step))


def _step(declared: Declared, found: Diagnosis, *, elsewhere: str) -> Message:
    """What to do about a record that is not visible, perhaps since it is served *elsewhere*."""
    zones = declared.signing_zones
    if found.code == "private-key":  # a record with the private key must not be corrected
        if declared.supplied_keys:
            return IdentityMessages.LEAKED_OWN()
        return IdentityMessages.LEAKED_KEY(domain=declared.domain)
    has_cname = found.target and found.targets == {found.target}
    if not has_cname and (elsewhere or declared.is_slow):
        these = "these CNAMEs are" if declared.cname else "this record is"
        return IdentityMessages.PASTE(records=what_to_paste(declared), these=these)
    is_unseen = all(answer.failure == "no zone" for answer in found.answers)
    again = IdentityMessages.MADE_AGAIN()
    if is_unseen and not elsewhere:
        again = IdentityMessages.NO_ZONE()
    labels = ", ".join(zone.label for zone in zones)
    return IdentityMessages.NOTHING_TO_PASTE(zones=labels, again=again)


def what_to_paste(declared: Declared) -> str:
    """
    The records that have to be there before SES gets the key, each field on a line of its own.
    """
    if declared.cname:
        cnames = declared.cnames.items()
        lines = [f"  type:  CNAME\n  name:  {name}\n  value: {target}" for name, target in cnames]
        return "\n".join(lines)
    slow = [zone for zone in declared.signing_zones if zone.hours_to_show]
    if slow and not by_hand(declared.signing_zones):
        label, hours = slow[0].label, slow[0].hours_to_show
        return (
            f"  it is at {label}, which may take {hours} hours to show it: nothing has to be pasted"
        )
    pasted = declared.by_hand
    return to_paste(
        pasted.panel if pasted else None,
        name=declared.record_name,
        value=declared.record_value,
        zone=(pasted.name if pasted else "") or declared.domain,
    )
