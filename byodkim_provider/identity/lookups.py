"""
Lookups of the record of a key before SES gets the key: a preview looks once, a run waits until the
record is visible.
"""

from contextlib import nullcontext
from itertools import chain, repeat
from typing import Final

from byodkim_provider.dkim import records
from byodkim_provider.dns.visibility import Diagnosis, judge, zone_not_found
from byodkim_provider.identity.run import Run
from byodkim_provider.identity.state import Declared, Stored
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
        run.say_once(IdentityMessages.RESOLVERS_ASKED(domain=declared.domain))
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
    clock, seconds = run.clock, declared.wait_seconds
    start = clock.monotonic()
    seen = look_up(declared, run)
    if seen.visible or zone_not_found(seen.answers):
        return seen
    if declared.cname and seen.targets == {""}:
        return seen  # nobody has pasted the CNAME
    shown = ""
    with run.dns_wait(seconds) if shared else nullcontext(clock.monotonic() + seconds) as end:
        for pause in chain(FIRST_PAUSES, repeat(PAUSE)):
            now = clock.monotonic()
            is_over = seen.visible or now >= end
            is_change = seen.summary() != shown
            if is_change and (shown or not is_over):
                shown = seen.summary()
                count = f"{seen.count()} after {now - start:.0f} s of at most {end - start:.0f} s"
                run.progress().update(f"{declared.domain}: {', '.join([count, *seen.phrases()])}")
            if is_over or clock.wait(min(pause, end - now)):
                break
            seen = look_up(declared, run)
    return seen


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
