"""
Which call comes when in the life of an SES identity, and what is stored if one fails.

The rule behind the order: SES never gets a key whose record is not in DNS,
and nothing of anybody else is changed. No Pulumi here; `Services` has all that a call may touch.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from byodkim_provider.aws.ses import DkimResponse, SesIdentity
from byodkim_provider.aws.tags import INSTANCE_TAG, OWNER_TAG
from byodkim_provider.dkim import generations
from byodkim_provider.dns import visibility
from byodkim_provider.dns.visibility import DnsWait, Visibility, servers_asked
from byodkim_provider.errors import (
    ByodkimError,
    InvalidSettings,
    RecordNotVisible,
    SesRefused,
    Stopped,
)
from byodkim_provider.identity import dns_moves, lookups
from byodkim_provider.identity.ownership import (
    own_tags,
    refuse_existing,
    refuse_other_owner,
    refuse_unsigned_window,
)
from byodkim_provider.identity.rules import OTHER_VALUE, drift, drifted, fell_back, region_leaves
from byodkim_provider.identity.services import Key, Services
from byodkim_provider.identity.state import (
    AWAITING_DNS,
    CREATED,
    DELEGATED,
    GONE,
    MANUAL,
    PUT,
    TAKEN_OVER,
    Declared,
    Stored,
)
from byodkim_provider.progress import stopping

__all__ = ["create", "delete", "foresee", "read", "update"]

READS_LAG: Final = timedelta(seconds=30)
"""
How long SES may still return the previous key after it got another.

AWS does not document it. Not relying on reads meanwhile costs at most one identical Put.
"""


def foresee(declared: Declared, connect: Callable[[Declared], Services]) -> None:
    """
    Raise the `IdentityExists` that `create` would raise, for a preview; it changes nothing.

    One List per Region and run shows which names SES has. If SES can't be read, `create` decides.
    """
    if declared.adopt:
        return
    try:
        services = connect(declared)
        known = declared.domain in services.names()
        seen = services.ses.get_email_identity(declared.domain) if known else None
    except ByodkimError:
        return
    if seen:
        refuse_existing(declared, seen, in_state=False)


def create(declared: Declared, key: Key, services: Services) -> Stored:
    """Make the identity, or, if its record is not visible in time, store that it waits for DNS."""
    waiting = Stored(declared=declared, instance=secrets.token_hex(16), status=AWAITING_DNS)
    if declared.is_slow and declared.dns_check == "recursive":
        # It can't be there yet, and a recursive resolver would remember that it is not there.
        services.progress.warn(_paste_ready(declared, "not looked for yet"))
        return _awaiting(waiting, services)
    return _introduce(waiting, key, services)


def update(stored: Stored, declared: Declared, key: Key, services: Services) -> Stored:
    """
    Make what differs so, with as few calls as that needs, often none.

    Raises `RecordNotVisible` before a switch to a key whose record is not in DNS, `InvalidSettings`
    where a record would leave that SES may sign with, `IdentityExists` for anybody else's identity.
    """
    before, awaiting = stored.declared, stored.key_set_at is None
    after = replace(
        stored,
        # The owner that the identity carries stays, also when the resource was renamed.
        declared=replace(declared, owner=before.owner),
        # Without `adopt` the record that it signs with goes with the stack, so the identity has to as well.
        adopted=stored.adopted and declared.adopt,
        # Seen by a refresh, and seen again below.
        other_instance="",
        other_owner=None,
    )
    if DELEGATED in declared.dns and DELEGATED not in before.dns and stored.key_set_at:
        services.progress.info(
            f"{declared.domain}: to delegate its keys, add\n{dns_moves.what_to_paste(declared)}"
        )
    other_key = before.fingerprint != declared.fingerprint or before.selector != declared.selector
    other_settings = declared.configuration_set not in (None, before.configuration_set) or (
        declared.tags not in (None, before.tags)
    )
    # A generation that leaves DNS may sign, if the response to an earlier call was lost.
    leaving = set(before.published) - set(declared.published)
    look_at_key = other_key or drifted(stored) or bool(leaving)
    region_goes = region_leaves(before, declared)
    if not look_at_key and not other_settings and not region_goes:
        return after
    # While DNS is pending, SES knows this identity only if the response to our Create was lost.
    # Skip the read unless something changed.
    seen = (
        None if awaiting and not (other_key or leaving) else services.ses.get_email_identity(declared.domain)
    )
    left: Sequence[int] = ()
    if region_goes:
        # Only the identity of that Region knows when each generation last signed there, and it goes.
        left = declared.published if awaiting else _others(declared)
        after = _may_have_signed(after, left, seen.at if seen else services.clock.now())
    if not look_at_key and not other_settings:
        return after
    if other_key:
        after = replace(after, was_verified=False)
    if seen is None or (awaiting and seen.tags.get(OWNER_TAG) != before.owner):
        earlier = before if stored.signing_since else None
        return _introduce(after, key, services, before=earlier, in_state=True, left=left)
    signed_last = stored.signed_until.get(declared.generation or 0)
    if signed_last and seen.at - signed_last < READS_LAG:
        seen = replace(seen, tokens=())  # it may be from before we switched away from this very key
    if not declared.adopt:
        refuse_other_owner(after.declared, seen, was_ours=True)
    response_lost = _is_response_lost(stored, declared, seen)
    if response_lost and leaving and declared.overlap_days:
        signs_with = f"SES signs with {seen.selector!r}" if seen.selector else "SES has the identity"
        raise InvalidSettings(
            [f"{declared.domain} {declared.region}: {signs_with}, which is not in the state"],
            hint="nothing was changed in SES; run `pulumi up --refresh` with "
            f"`published: {sorted({*before.published, *declared.published})}` first",
        )
    must_put = look_at_key and _must_put(
        declared,
        seen,
        services,
        believed=before.selector,
        has_other_key=not other_key and _has_other_key(declared, seen, services),
    )
    after = _make_ours(after, seen, services, look_at_key=look_at_key)
    # The key comes last: what fails or is interrupted after it would hide from state that SES has it.
    _apply_settings(declared, services, configuration_set=before.configuration_set, tags=before.tags or {})
    if look_at_key:
        after = _sign_with(after, key, seen, services, must_put=must_put)
    # Without a Put, the key was set by a run whose response was lost, at some time before the read.
    set_at = max(after.key_set_at or seen.at, seen.at)
    if other_key or awaiting:
        after = replace(
            after,
            key_set_at=set_at,
            key_set_by=PUT if must_put else TAKEN_OVER,
            signing_since=set_at,
            signed_until=_signed_until(after, declared, before, set_at),
        )
    elif look_at_key and fell_back(after):
        # There is nothing to send. SES has to find the record again, which is the verification's to wait for.
        after = replace(after, key_set_at=seen.at, key_set_by=TAKEN_OVER, was_verified=False)
    if look_at_key and response_lost:
        after = _may_have_signed(after, _others(declared), set_at)
    return after


def _is_response_lost(stored: Stored, declared: Declared, seen: SesIdentity) -> bool:
    """Whether a run that was killed, or somebody else, had SES sign with what state does not know of."""
    if stored.key_set_at is None:
        # Its own Create may have been of this very key, and then nothing signed before that.
        return (seen.selector, seen.tags.get(INSTANCE_TAG)) != (declared.selector, stored.instance)
    return seen.selector not in (None, stored.declared.selector, declared.selector)


def _make_ours(stored: Stored, seen: SesIdentity, services: Services, *, look_at_key: bool) -> Stored:
    """
    Tag the identity if it is somebody else's, which is adopted, or what a lost replacement made.

    With a new instance: if the run fails after this, the one in state arms nobody's deletion.
    """
    domain, region = stored.declared.domain, stored.declared.region
    is_ours = seen.tags.get(OWNER_TAG) == stored.declared.owner
    if is_ours and (seen.tags.get(INSTANCE_TAG) == stored.instance or not look_at_key):
        return stored
    ours = replace(stored, instance=secrets.token_hex(16), adopted=stored.adopted or stored.declared.adopt)
    services.ses.tag_resource(domain, own_tags(ours))
    services.instances[region, domain] = ours.instance
    return ours


def read(stored: Stored, services: Services) -> Stored:
    """
    What SES says now, in the fields that are not echoes of inputs.

    An identity that is gone stays in the state as GONE: which generations it signed with
    is known there alone, and mail with their signatures is still on its way.
    """
    if stored.key_set_at is None:
        return stored  # as far as the state shows, SES never got the key
    seen = services.ses.get_email_identity(stored.declared.domain)
    if seen is None:
        found = replace(
            stored,
            status=GONE,
            origin="",
            signing_enabled=False,
            signing_selector=None,
            error_type="",
            other_instance="",
            other_owner=None,
        )
    else:
        owner, instance = seen.tags.get(OWNER_TAG, ""), seen.tags.get(INSTANCE_TAG, "")
        is_ours = owner == stored.declared.owner
        found = replace(
            _as_seen(stored, seen),
            other_owner=None if is_ours else owner,
            other_instance=instance if is_ours and instance != stored.instance else "",
            was_verified=stored.was_verified or _has_verified(stored, seen),
        )
    if reasons := drift(found):
        next_step = "makes it again" if found.status == GONE else "repairs that, or says what to do"
        services.progress.warn(
            f"{stored.declared.domain} {stored.declared.region}: {', '.join(reasons)}; "
            f"`pulumi up` {next_step}"
        )
    return found


def _has_verified(stored: Stored, seen: SesIdentity) -> bool:
    """Whether SES says that it has verified the stored key, now or at some time since it was set."""
    if seen.origin != "EXTERNAL" or seen.selector not in (None, stored.declared.selector):
        return False
    if seen.dkim_status == "SUCCESS":
        return True
    return (
        stored.key_set_at is not None
        and seen.last_success is not None
        and seen.last_success >= stored.key_set_at
    )


def delete(stored: Stored, services: Services) -> None:
    """
    Delete the identity, if it was made here and still is that one; an adopted one stays.

    It stays without our two tags: it is nobody's then, and whoever declares it again needs `adopt`.
    """
    domain, region = stored.declared.domain, stored.declared.region
    seen = services.ses.get_email_identity(domain)
    if seen is None:
        return
    is_this_one = services.instances.get((region, domain), seen.tags.get(INSTANCE_TAG)) == stored.instance
    if stored.adopted:
        if is_this_one:
            services.ses.untag_resource(domain, (OWNER_TAG, INSTANCE_TAG))
        services.progress.info(f"{domain} {region}: left in SES, it was adopted")
    elif is_this_one:
        services.ses.delete_email_identity(domain)
    else:
        services.progress.info(f"{domain} {region}: left in SES, it is not the identity that was made here")


def _introduce(
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
    began = services.clock.monotonic()
    # Who can be stored as waiting shares one wait with the others: a hundred records that are not there
    # would hold up the run for hours. A switch fails without its record, so it has a wait of its own.
    wait = DnsWait(services.clock) if before else services.dns_wait
    visibility = _wait_for_record(declared, services, wait, declared.wait_seconds(first=True))
    if visibility and not visibility.visible:
        if before:  # what SES does not show it may have all the same
            raise _not_visible(declared, visibility, services, began=began, still="SES shows no identity")
        asked = servers_asked(visibility.answers)
        elsewhere = dns_moves.served_elsewhere(declared, asked)
        why = elsewhere or visibility.summary()
        if visibility.leaked:
            services.progress.warn(f"{_waiting_for_dns(declared, why)}\n  {_new_key(declared)}")
        else:
            services.progress.warn(_paste_ready(declared, why))
        return _awaiting(waiting, services)
    _go_on()
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
        introduced, now = _take_over(waiting, key, services, in_state=in_state)
    else:
        services.instances[declared.region, declared.domain] = waiting.instance
        introduced, now = _key_sent(waiting, answer, by=CREATED), answer.at
    # Another Region, or an identity that is gone, may have signed with any but a plain standby until now.
    usual = generations.published(declared.generation or 0)
    unused = usual[-1:] if set(declared.published) <= set(usual) else ()
    earlier = [g for g in _others(declared) if g in left or g not in unused]
    same_key = before is not None and before.fingerprint == declared.fingerprint
    introduced = replace(
        introduced,
        signing_since=waiting.signing_since if same_key else now,
        signed_until=_signed_until(introduced, declared, before, now),
    )
    return _may_have_signed(introduced, earlier, now)


def _awaiting(waiting: Stored, services: Services) -> Stored:
    """What is stored of an identity whose record is not in DNS yet."""
    # Nobody's: the deletion half of a replacement must not take the live identity away.
    services.instances[waiting.declared.region, waiting.declared.domain] = ""
    return replace(waiting, status=AWAITING_DNS)


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
    must_put = _must_put(declared, seen, services, believed=None, has_other_key=not certain and not proven)
    _apply_configuration_set(declared, services, before=seen.configuration_set)
    taken = replace(waiting, key_set_at=seen.at, key_set_by=TAKEN_OVER, adopted=declared.adopt)
    taken = _sign_with(taken, key, seen, services, must_put=must_put)
    set_at = max(taken.key_set_at or seen.at, seen.at)
    if declared.adopt or signs_with_another:
        taken = _may_have_signed(taken, _others(declared), set_at)
    # Last: until then the identity is still the one of the resource that is being replaced.
    services.ses.tag_resource(declared.domain, {**(declared.tags or {}), **own_tags(waiting)})
    services.instances[declared.region, declared.domain] = waiting.instance
    return taken, set_at


def _must_put(
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
    visibility = _wait_for_record(declared, services, wait, declared.wait_seconds(first=False))
    _go_on()
    if visibility and not visibility.visible:
        still = (
            f"SES still signs with {signs_with!r}"
            if signs_with and seen.dkim_status == "SUCCESS"
            else f"SES says {seen.dkim_status}"
        )
        raise _not_visible(declared, visibility, services, began=began, still=still)
    return True


def _has_other_key(declared: Declared, seen: SesIdentity, services: Services) -> bool:
    """Whether SES finds another value than that of the key it holds, at the name where ours is visible."""
    if seen.origin != "EXTERNAL" or seen.selector not in (None, declared.selector):
        return False
    if seen.failure != OTHER_VALUE:
        return False
    wait = DnsWait(services.clock)
    visibility = _wait_for_record(declared, services, wait, declared.wait_seconds(first=False))
    _go_on()
    return visibility is None or visibility.visible


def _not_visible(
    declared: Declared, visibility: Visibility, services: Services, *, began: float, still: str
) -> RecordNotVisible:
    by_hand = f"\n{dns_moves.what_to_paste(declared)}" if MANUAL in declared.dns else ""
    to_do = f"correct the record and run `pulumi up --refresh`{by_hand}"
    return RecordNotVisible(
        declared.record_name,
        answers=visibility.phrases(),
        waited_seconds=services.clock.monotonic() - began,
        hint=f"nothing was changed, {still}; {_new_key(declared) if visibility.leaked else to_do}",
    )


def _new_key(declared: Declared) -> str:
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


def _sign_with(after: Stored, key: Key, seen: SesIdentity, services: Services, *, must_put: bool) -> Stored:
    """Have SES sign, with the declared key; the Put is the last call."""
    declared = after.declared
    after = _as_seen(after, seen)
    if not seen.signing_enabled:
        services.ses.put_email_identity_dkim_attributes(declared.domain, signing_enabled=True)
        after = replace(after, signing_enabled=True)
    if not must_put:
        return after
    answer = services.ses.put_email_identity_dkim_signing_attributes(
        declared.domain, selector=declared.selector, key=key()
    )
    return _key_sent(after, answer, by=PUT)


def _key_sent(stored: Stored, answer: DkimResponse, *, by: str) -> Stored:
    return replace(
        stored,
        status=answer.dkim_status,
        origin=answer.origin,
        signing_enabled=answer.signing_enabled,
        signing_selector=stored.declared.selector,
        error_type="",
        was_verified=False,
        key_set_at=answer.at,
        key_set_by=by,
    )


def _others(declared: Declared) -> list[int]:
    """All published generations but the one that signs."""
    return [g for g in declared.published if g != declared.generation]


def _may_have_signed(stored: Stored, generations: Iterable[int], now: datetime) -> Stored:
    """Count *generations* as signing until *now*: nobody knows better."""
    return replace(stored, signed_until={**stored.signed_until, **dict.fromkeys(generations, now)})


def _signed_until(
    stored: Stored, declared: Declared, before: Declared | None, now: datetime
) -> dict[int, datetime]:
    """Times of the last signature, once *declared* signs instead of *before*."""
    times = dict(stored.signed_until)
    if before and before.generation is not None and before.generation != declared.generation:
        times[before.generation] = now
    return {g: at for g, at in times.items() if g != declared.generation}


def _apply_settings(
    declared: Declared, services: Services, *, configuration_set: str | None, tags: Mapping[str, str]
) -> None:
    """Configuration set and tags, each by its own call and only if it changed; what is not given stays."""
    _apply_configuration_set(declared, services, before=configuration_set)
    if declared.tags is None:
        return
    new = {name: value for name, value in declared.tags.items() if tags.get(name) != value}
    if new:
        services.ses.tag_resource(declared.domain, new)
    gone = tuple(sorted(set(tags) - set(declared.tags)))
    if gone:
        services.ses.untag_resource(declared.domain, gone)


def _apply_configuration_set(declared: Declared, services: Services, *, before: str | None) -> None:
    if declared.configuration_set not in (None, before):
        services.ses.put_email_identity_configuration_set_attributes(
            declared.domain, declared.configuration_set
        )


def _as_seen(stored: Stored, seen: SesIdentity) -> Stored:
    return replace(
        stored,
        status=seen.dkim_status,
        origin=seen.origin,
        signing_enabled=seen.signing_enabled,
        signing_selector=seen.selector,
        error_type=seen.failure,
    )


def _wait_for_record(
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


def _go_on() -> None:
    if stopping.is_set():
        raise Stopped("interrupted before SES was called", hint="nothing was changed; run `pulumi up` again")


def _waiting_for_dns(declared: Declared, why: str) -> str:
    return f"{declared.domain} {declared.region}: waiting for DNS, the key is not sent to SES yet: {why}"


def _paste_ready(declared: Declared, why: str) -> str:
    return (
        f"{_waiting_for_dns(declared, why)}\n"
        f"{dns_moves.what_to_paste(declared)}\n"
        "  the next `pulumi up` goes on once this record is there"
    )
