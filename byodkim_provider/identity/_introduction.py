"""
An identity that SES does not show: create it once its record is visible, or take over the one that is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from byodkim_provider.dkim import generations
from byodkim_provider.dns.visibility import DnsWait, servers_asked
from byodkim_provider.errors import SesRefused
from byodkim_provider.identity import dns_moves
from byodkim_provider.identity._before_signing import (
    go_on,
    needs_put,
    new_key,
    not_visible,
    paste_ready,
    wait_for_record,
    waiting_for_dns,
)
from byodkim_provider.identity._calls import apply_configuration_set, sign_with
from byodkim_provider.identity._outcomes import may_have_signed, others, signed_until, with_key
from byodkim_provider.identity.ownership import own_tags, refuse_existing
from byodkim_provider.identity.services import Key, Services
from byodkim_provider.identity.state import AWAITING_DNS, CREATED, TAKEN_OVER, Declared, Stored

__all__ = ["awaiting_dns", "introduce"]


def introduce(
    waiting: Stored,
    key: Key,
    services: Services,
    *,
    before: Declared | None = None,
    in_state: bool = False,
    left: Sequence[int] = (),
) -> Stored:
    """
    Create the identity in SES, once its record is in DNS.

    With *before* SES had the identity, and shows it no more. *in_state*: the state has
    not been lost, so an identity with our owner tag is what a Create whose answer was lost has made.
    A Region that is dropped may have signed with the generations in *left* until now.
    """
    declared = waiting.declared
    if _is_waiting(waiting, services, before=before):
        return awaiting_dns(waiting, services)
    introduced, now = _create(waiting, key, services, in_state=in_state)
    # Another Region, or an identity that is gone, may have signed with any but a plain standby until now.
    usual = generations.published(declared.generation or 0)
    unused = usual[-1:] if set(declared.published) <= set(usual) else ()
    earlier = [g for g in others(declared) if g in left or g not in unused]
    same_key = before is not None and before.fingerprint == declared.fingerprint
    introduced = replace(
        introduced,
        signing_since=waiting.signing_since if same_key else now,
        signed_until=signed_until(introduced, declared, before, now),
    )
    return may_have_signed(introduced, earlier, now)


def _is_waiting(waiting: Stored, services: Services, *, before: Declared | None) -> bool:
    """Whether the record is not visible in time, which is said; raises where a key has to be exchanged."""
    declared = waiting.declared
    began = services.clock.monotonic()
    # Who can be stored as waiting shares one wait with the others: a hundred records that are not there
    # would hold up the run for hours. A switch fails without its record, so it has a wait of its own.
    wait = DnsWait(services.clock) if before else services.dns_wait
    visibility = wait_for_record(declared, services, wait, declared.wait_seconds(first=True))
    if visibility and not visibility.visible:
        if before:  # what SES does not show it may have all the same
            raise not_visible(declared, visibility, services, began=began, still="SES shows no identity")
        asked = servers_asked(visibility.answers)
        elsewhere = dns_moves.served_elsewhere(declared, asked)
        why = elsewhere or visibility.summary()
        if visibility.leaked:
            services.progress.warn(f"{waiting_for_dns(declared, why)}\n  {new_key(declared)}")
        else:
            services.progress.warn(paste_ready(declared, why))
        return True
    return False


def _create(waiting: Stored, key: Key, services: Services, *, in_state: bool) -> tuple[Stored, datetime]:
    """The identity in SES, made or taken over; also when SES got its key."""
    declared = waiting.declared
    go_on()
    try:
        answer = services.ses.create_email_identity(
            declared.domain,
            selector=declared.selector,
            key=key(),
            configuration_set=declared.configuration_set,
            tags={**(declared.tags or {}), **own_tags(waiting)},
        )
    except SesRefused as refused:
        if refused.code != "AlreadyExistsException":
            raise
        return _take_over(waiting, key, services, in_state=in_state)
    services.instances[declared.region, declared.domain] = waiting.instance
    return with_key(waiting, answer, by=CREATED), answer.at


def _take_over(waiting: Stored, key: Key, services: Services, *, in_state: bool) -> tuple[Stored, datetime]:
    """
    Go on with an identity that exists already; also when that was, by SES's clock.

    It is ours if its owner tag says so: the answer of an earlier Create was lost, or the
    resource is being replaced. Anybody else's is taken only with `adopt`, and stays in SES
    when the resource goes. One that signs with this key already gets our tags and no call more.
    """
    declared = waiting.declared
    seen = services.ses.get_email_identity(declared.domain)
    if seen is None:
        raise SesRefused(
            CREATED,
            declared.domain,
            declared.region,
            code="AlreadyExistsException",
            hint="SES has the identity and does not show it yet; run `pulumi up` again in a minute",
        )
    signs_with_another = seen.selector not in (None, declared.selector)
    if not declared.adopt:
        refuse_existing(declared, seen, in_state=in_state)
    # A generated key has its selector for itself; a supplied one may have been corrected since.
    certain = declared.generation is not None and declared.generation not in declared.supplied_keys
    proven = seen.dkim_status == "SUCCESS" and services.resolver is not None
    must_put = needs_put(declared, seen, services, believed=None, has_other_key=not certain and not proven)
    apply_configuration_set(declared, services, before=seen.configuration_set)
    taken = replace(waiting, key_set_at=seen.at, key_set_by=TAKEN_OVER, adopted=declared.adopt)
    taken = sign_with(taken, key, seen, services, must_put=must_put)
    set_at = max(taken.key_set_at or seen.at, seen.at)
    if declared.adopt or signs_with_another:
        taken = may_have_signed(taken, others(declared), set_at)
    # Last: until then the identity is still the one of the resource that is being replaced.
    services.ses.tag_resource(declared.domain, {**(declared.tags or {}), **own_tags(waiting)})
    services.instances[declared.region, declared.domain] = waiting.instance
    return taken, set_at


def awaiting_dns(waiting: Stored, services: Services) -> Stored:
    """What is stored of an identity whose record is not in DNS yet."""
    # Nobody's: the deletion half of a replacement must not take the live identity away.
    services.instances[waiting.declared.region, waiting.declared.domain] = ""
    return replace(waiting, status=AWAITING_DNS)
