"""
What has to be true before SES gets a key: its record is visible, or people are asked to add it.

Lookups and refusals. Nothing in SES is changed here.
"""

from __future__ import annotations

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.dkim import generations
from byodkim_provider.dns import visibility
from byodkim_provider.dns.visibility import DnsWait, Visibility
from byodkim_provider.errors import RecordNotVisible, Stopped
from byodkim_provider.identity import dns_moves, lookups
from byodkim_provider.identity.ownership import refuse_unsigned_window
from byodkim_provider.identity.rules import OTHER_VALUE
from byodkim_provider.identity.services import Services
from byodkim_provider.identity.state import MANUAL, Declared
from byodkim_provider.progress import stopping

__all__ = [
    "go_on",
    "needs_put",
    "new_key",
    "not_visible",
    "paste_ready",
    "shows_other_key",
    "wait_for_record",
    "waiting_for_dns",
]


def needs_put(
    declared: Declared,
    seen: SesIdentity,
    services: Services,
    *,
    believed: str | None,
    has_other_key: bool = False,
) -> bool:
    """
    Whether the key must be sent to SES; raises if that is not allowed, and changes nothing.

    *believed* is the selector that SES should be signing with, where it doesn't say. With
    *has_other_key* it may hold another key under the same selector.
    """
    signs_with = (seen.selector or believed) if seen.origin == "EXTERNAL" else None
    if signs_with == declared.selector and seen.dkim_status != "FAILED" and not has_other_key:
        return False
    refuse_unsigned_window(declared, seen)
    began = services.clock.monotonic()
    wait = DnsWait(services.clock)
    visibility = wait_for_record(declared, services, wait, declared.wait_seconds(first=False))
    go_on()
    if visibility and not visibility.visible:
        still = (
            f"SES still signs with {signs_with!r}"
            if signs_with and seen.dkim_status == "SUCCESS"
            else f"SES says {seen.dkim_status}"
        )
        raise not_visible(declared, visibility, services, began=began, still=still)
    return True


def shows_other_key(declared: Declared, seen: SesIdentity, services: Services) -> bool:
    """Whether SES finds another value than that of the key it holds, at the name where ours is visible."""
    if seen.origin != "EXTERNAL" or seen.selector not in (None, declared.selector):
        return False
    if seen.failure != OTHER_VALUE:
        return False
    wait = DnsWait(services.clock)
    visibility = wait_for_record(declared, services, wait, declared.wait_seconds(first=False))
    go_on()
    return visibility is None or visibility.visible


def wait_for_record(
    declared: Declared, services: Services, wait: DnsWait, seconds: float
) -> Visibility | None:
    """How far the record is visible once it is, or time is up; None if DNS is not checked."""
    resolver = services.resolver
    if resolver is None:
        return None
    return visibility.wait_until_visible(
        lambda: lookups.look(declared, resolver),
        wait=wait,
        seconds=seconds,
        subject=declared.domain,
        clock=services.clock,
        progress=services.progress,
    )


def go_on() -> None:
    if stopping.is_set():
        raise Stopped("interrupted before SES was called", hint="nothing was changed; run `pulumi up` again")


def not_visible(
    declared: Declared, visibility: Visibility, services: Services, *, began: float, still: str
) -> RecordNotVisible:
    by_hand = f"\n{dns_moves.what_to_paste(declared)}" if MANUAL in declared.dns else ""
    to_do = f"correct the record and run `pulumi up --refresh`{by_hand}"
    return RecordNotVisible(
        declared.record_name,
        answers=visibility.phrases(),
        waited_seconds=services.clock.monotonic() - began,
        hint=f"nothing was changed, {still}; {new_key(declared) if visibility.leaked else to_do}",
    )


def new_key(declared: Declared) -> str:
    """What to do once the private key stands in DNS: its record must not be corrected."""
    if declared.generation is None:
        return "delete the record at once, and take another key with another selector"
    signing, published = generations.after_leak(
        declared.generation, signing=declared.generation, published=declared.published
    )
    return (
        "delete the record at once, and take another key: "
        f"`generation: {signing}` with `published: {list(published)}`"
    )


def waiting_for_dns(declared: Declared, why: str) -> str:
    return f"{declared.domain} {declared.region}: waiting for DNS, the key is not sent to SES yet: {why}"


def paste_ready(declared: Declared, why: str) -> str:
    return (
        f"{waiting_for_dns(declared, why)}\n"
        f"{dns_moves.what_to_paste(declared)}\n"
        "  the next `pulumi up` goes on once this record is there"
    )
