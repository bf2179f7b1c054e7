"""
Which call comes when in the life of an SES identity, and what is stored if one fails.

The rule behind the order: SES never gets a key whose record is not in DNS,
and nothing of anybody else is changed. No Pulumi here; `Services` has all that a call may touch.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.aws.tags import INSTANCE_TAG, OWNER_TAG
from byodkim_provider.errors import ByodkimError, InvalidSettings
from byodkim_provider.identity import dns_moves
from byodkim_provider.identity._before_signing import needs_put, paste_ready, shows_other_key
from byodkim_provider.identity._calls import apply_settings, make_ours, sign_with
from byodkim_provider.identity._introduction import awaiting_dns, introduce
from byodkim_provider.identity._outcomes import (
    as_seen,
    has_verified,
    is_response_lost,
    may_have_signed,
    others,
    signed_until,
)
from byodkim_provider.identity.ownership import refuse_existing, refuse_other_owner
from byodkim_provider.identity.rules import drift, drifted, fell_back, region_leaves
from byodkim_provider.identity.services import Key, Services
from byodkim_provider.identity.state import (
    AWAITING_DNS,
    DELEGATED,
    GONE,
    PUT,
    TAKEN_OVER,
    Declared,
    Stored,
)

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
        services.progress.warn(paste_ready(declared, "not looked for yet"))
        return awaiting_dns(waiting, services)
    return introduce(waiting, key, services)


@dataclass(frozen=True, slots=True)
class _Change:
    """What a change of an identity is about. A class because both halves of `update` need it."""

    awaiting: bool
    """No run knows that SES has the identity."""
    other_key: bool
    other_settings: bool
    leaving: frozenset[int]
    """Generations whose records leave DNS."""
    look_at_key: bool
    """Whether the key that SES has is compared with the declared one."""
    region_goes: bool

    @classmethod
    def between(cls, stored: Stored, declared: Declared) -> _Change:
        before = stored.declared
        other_key = before.fingerprint != declared.fingerprint or before.selector != declared.selector
        # A generation that leaves DNS may sign, if the response to an earlier call was lost.
        leaving = frozenset(before.published) - frozenset(declared.published)
        return cls(
            awaiting=stored.key_set_at is None,
            other_key=other_key,
            other_settings=declared.configuration_set not in (None, before.configuration_set)
            or declared.tags not in (None, before.tags),
            leaving=leaving,
            look_at_key=other_key or drifted(stored) or bool(leaving),
            region_goes=region_leaves(before, declared),
        )


def update(stored: Stored, declared: Declared, key: Key, services: Services) -> Stored:
    """
    Make what differs so, with as few calls as that needs, often none.

    Raises `RecordNotVisible` before a switch to a key whose record is not in DNS, `InvalidSettings`
    where a record would leave that SES may sign with, `IdentityExists` for anybody else's identity.
    """
    before = stored.declared
    change = _Change.between(stored, declared)
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
    if not change.look_at_key and not change.other_settings and not change.region_goes:
        return after
    # While DNS is pending, SES knows this identity only if the response to our Create was lost.
    # Skip the read unless something changed.
    skip = change.awaiting and not (change.other_key or change.leaving)
    seen = None if skip else services.ses.get_email_identity(declared.domain)
    left: Sequence[int] = ()
    if change.region_goes:
        # Only the identity of that Region knows when each generation last signed there, and it goes.
        left = declared.published if change.awaiting else others(declared)
        after = may_have_signed(after, left, seen.at if seen else services.clock.now())
    if not change.look_at_key and not change.other_settings:
        return after
    if change.other_key:
        after = replace(after, was_verified=False)
    if seen is None or (change.awaiting and seen.tags.get(OWNER_TAG) != before.owner):
        earlier = before if stored.signing_since else None
        return introduce(after, key, services, before=earlier, in_state=True, left=left)
    return _change_in_place(stored, after, declared, key, services, seen=seen, change=change)


def _change_in_place(
    stored: Stored,
    after: Stored,
    declared: Declared,
    key: Key,
    services: Services,
    *,
    seen: SesIdentity,
    change: _Change,
) -> Stored:
    """Make an identity that was *seen* in SES what is *declared*: *after*, and what the calls make of it."""
    before = stored.declared
    signed_last = stored.signed_until.get(declared.generation or 0)
    if signed_last and seen.at - signed_last < READS_LAG:
        seen = replace(seen, tokens=())  # it may be from before we switched away from this very key
    if not declared.adopt:
        refuse_other_owner(after.declared, seen, was_ours=True)
    response_lost = is_response_lost(stored, declared, seen)
    if response_lost and change.leaving and declared.overlap_days:
        raise _unknown_to_state(declared, before, seen)
    must_put = change.look_at_key and needs_put(
        declared,
        seen,
        services,
        believed=before.selector,
        has_other_key=not change.other_key and shows_other_key(declared, seen, services),
    )
    after = make_ours(after, seen, services, look_at_key=change.look_at_key)
    # The key comes last: what fails or is interrupted after it would hide from state that SES has it.
    apply_settings(declared, services, configuration_set=before.configuration_set, tags=before.tags or {})
    if change.look_at_key:
        after = sign_with(after, key, seen, services, must_put=must_put)
    # Without a Put, the key was set by a run whose response was lost, at some time before the read.
    set_at = max(after.key_set_at or seen.at, seen.at)
    if change.other_key or change.awaiting:
        after = replace(
            after,
            key_set_at=set_at,
            key_set_by=PUT if must_put else TAKEN_OVER,
            signing_since=set_at,
            signed_until=signed_until(after, declared, before, set_at),
        )
    elif change.look_at_key and fell_back(after):
        # There is nothing to send. SES has to find the record again, which is the verification's to wait for.
        after = replace(after, key_set_at=seen.at, key_set_by=TAKEN_OVER, was_verified=False)
    if change.look_at_key and response_lost:
        after = may_have_signed(after, others(declared), set_at)
    return after


def _unknown_to_state(declared: Declared, before: Declared, seen: SesIdentity) -> InvalidSettings:
    signs_with = f"SES signs with {seen.selector!r}" if seen.selector else "SES has the identity"
    return InvalidSettings(
        [f"{declared.domain} {declared.region}: {signs_with}, which is not in the state"],
        hint="nothing was changed in SES; run `pulumi up --refresh` with "
        f"`published: {sorted({*before.published, *declared.published})}` first",
    )


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
            as_seen(stored, seen),
            other_owner=None if is_ours else owner,
            other_instance=instance if is_ours and instance != stored.instance else "",
            was_verified=stored.was_verified or has_verified(stored, seen),
        )
    if reasons := drift(found):
        next_step = "makes it again" if found.status == GONE else "repairs that, or says what to do"
        services.progress.warn(
            f"{stored.declared.domain} {stored.declared.region}: {', '.join(reasons)}; "
            f"`pulumi up` {next_step}"
        )
    return found


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
