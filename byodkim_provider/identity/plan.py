"""
The life of an SES identity as a value: which calls a run makes, in which order, and what it stores
then.

`plan` makes no call, and reads no clock. `lifecycle` asks for a plan again after each read and
lookup, with everything seen so far, and carries it out.

Theory of operation. What is *stored* is one of four: nothing (new), an identity that waits for its
record (awaiting), an identity whose key SES has (set), or one that differed from its declaration
when a refresh read it (drifted). `SCENARIOS` in `tests/identity/test_plan.py` has each case.

The state is written once, after the last call. A run that fails, is killed or gets no response
stores nothing, and SES may then have a key that is not in the state. A plan therefore reads SES
first. Exception: only echoes differ, inputs that are stored and need no call. Our owner tag shows
that a Create succeeded although its response was lost; the selector shows that of a Put. If SES
returns no selector, the same Put is sent again, which does no harm. A generation that may sign
because of a lost call counts as signing until now, and its record stays in DNS. One case is not
seen: the response to a Put is lost, and then the edit is undone. The file agrees with the state, so
nothing is read.

Why each call is where it is.

1. Get comes first, but for a new identity: the response to Create says whether SES has it, and is
  one call.
2. The lookup comes before Create and Put: SES gets no key whose record is not in DNS.
3. Our tags come early where the identity is ours, with a new instance: if the run fails after that,
  the
   instance in the state is not in SES any more, and no deletion can use it.
4. Settings come before the key: where one is refused, nothing about the key has changed. After a
  Create comes MAIL FROM, which needs the identity. Until SES says SUCCESS of a MAIL FROM domain,
  each run reads SES: it sends a FAILED one again, and REJECT_MESSAGE after SUCCESS.
5. The key comes last: if a later call failed, the state would not show that SES has the key.
6. Our tags come even after the key if the identity belongs to somebody else, or to a resource that
  is being
   replaced: it stays theirs until every other call has succeeded. Tags that go come last of all.
"""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Literal

from byodkim_provider.aws.ses import INSTANCE_TAG, OWNER_TAG, SesIdentity
from byodkim_provider.dkim import generations, records
from byodkim_provider.errors import ByodkimError
from byodkim_provider.identity.calls import (
    Call,
    Plan,
    Seen,
    configuration_set_calls,
    is_mail_from_due,
    mail_from_calls,
    settings_calls,
    sign_calls,
    taken_last,
)
from byodkim_provider.identity.judgement import (
    INVALID_VALUE,
    differences,
    fell_back,
    of_shown,
    others_use,
)
from byodkim_provider.identity.lookups import not_visible, waiting_for_dns
from byodkim_provider.identity.ownership import (
    lost,
    lost_reason,
    other_owner,
    own_tags,
    refuse_existing,
    refuse_managed,
    refuse_unsigned_window,
    taking_over,
    unknown_to_state,
)
from byodkim_provider.identity.rules import region_leaves
from byodkim_provider.identity.state import PUT, TAKEN_OVER, Declared, Stored
from byodkim_provider.messages.identity import IdentityMessages

MARKS: Final = 4
"""Of how many keys that a slot had, the state keeps the marks: more edits hardly fail in a row."""

READS_LAG: Final = timedelta(seconds=30)
"""
How long SES may still return the previous key after it got another.

AWS does not document it. Not relying on reads meanwhile costs at most one identical Put.
"""


Put = Literal["not needed", "after a lookup", "now"]
"""Whether the key must be sent to SES."""


def plan(
    stored: Stored | None, declared: Declared, seen: Seen, *, now: datetime, instance: str
) -> Plan:
    """
    The plan that makes an identity as *declared*, from its *stored* state (None: new) and what was
    *seen*.

    *instance* is random, for an identity that becomes this resource's. Raises "RecordNotVisible"
    before a switch to a key whose record is not in DNS, `InvalidSettings` if a record that SES may
    sign with would leave DNS, "IdentityExists" if the identity belongs to somebody else.
    """
    if stored is None:
        new = Stored(declared=declared, instance=instance, adopted=declared.adopt)
        return _introduce(new, seen, is_new=True)
    before, identity = stored.declared, seen.identity
    awaiting = stored.key is None
    other_key = (before.fingerprint, before.selector) != (declared.fingerprint, declared.selector)
    # A generation that leaves DNS may sign, if the response to an earlier call was lost.
    drops = not set(before.published) <= set(declared.published)
    about_key = other_key or drops or awaiting or bool(differences(stored))
    settings = bool(settings_calls(declared, before)) or is_mail_from_due(stored, declared)
    region = region_leaves(before, declared)
    after = _echoed(stored, declared, other_key=other_key)
    if not (about_key or settings or region):
        return Plan(after)
    # While DNS is pending, SES knows this identity only if the response to our Create was lost.
    # Skip the read unless something changed.
    if not seen.read and (other_key or drops or not awaiting):
        return Plan(after, asks="GetEmailIdentity", is_switch=other_key and not awaiting)
    left: Collection[int] = ()
    if region:
        # Only the identity of that Region knows when each generation last signed there, and it
        # goes.
        left = declared.published if awaiting else _others(declared)
        until = dict.fromkeys(left, identity.at if identity else now)
        after = replace(after, signed_until={**after.signed_until, **until})
    if not about_key and not settings:
        return Plan(after)
    if (
        seen.exists
        or identity is None
        or (awaiting and identity.tags.get(OWNER_TAG) != before.owner)
    ):
        return _introduce(after, seen, before=before if stored.key else None, left=left)
    return _change(
        stored,
        after,
        identity,
        seen,
        instance,
        other_key=other_key,
        drops=drops,
        about_key=about_key,
    )


def _echoed(stored: Stored, declared: Declared, *, other_key: bool) -> Stored:
    """What is stored if no call is needed."""
    slot, likely = stored.slots_with(declared), declared.slot
    known = {*stored.declared.published, *stored.signed_until, *(stored.other_slots or ())}
    gone = known - {*declared.published}
    return replace(
        stored,
        # The owner that the identity carries stays, also when the resource was renamed.
        declared=replace(declared, owner=stored.declared.owner),
        # The records stay with `adopt` and go without, and so does the identity.
        adopted=declared.adopt,
        # Seen by a refresh, and seen again by this run.
        other_instance="",
        other_owner=None,
        slots_before=_slots_before(stored, declared),
        other_slots={one: slot(one) or "" for one in gone if slot(one) != likely(one)} or None,
        was_verified=stored.was_verified and not other_key,
    )


def _slots_before(stored: Stored, declared: Declared) -> dict[str, str]:
    """For each slot that got other keys, those before: runs may have left any of them there."""
    after, slots_before = declared.slots or {}, dict(stored.slots_before)
    for selector, value in (stored.declared.slots or {}).items():
        if after.get(selector) != value:
            marks = [*slots_before.get(selector, "").split(), records.mark(value)]
            slots_before[selector] = " ".join(marks[-MARKS:])
    return slots_before


def _introduce(
    new: Stored,
    seen: Seen,
    *,
    is_new: bool = False,
    before: Declared | None = None,
    left: Collection[int] = (),
) -> Plan:
    """
    Create an identity that SES does not show, once its record is in DNS, or take over an existing
    one.

    With *before* SES had the identity, and no longer shows it. A Region that is dropped may have
    signed with the generations in *left* until now.
    """
    declared = new.declared
    # Another Region, or an identity that is gone, may have signed with any but a plain standby
    # until now.
    usual = generations.published(declared.generation or 0)
    unused = usual[-1:] if set(declared.published) <= set(usual) else ()
    until_now = _generation_of(before) | {
        g for g in _others(declared) if g in left or g not in unused
    }
    if before and before.fingerprint != declared.fingerprint:
        new = replace(new, key=None)
    if seen.exists:
        return _take_over(new, seen, until_now, is_new=is_new)
    if seen.record is None:
        # Identities that can be stored as waiting share one wait: a hundred missing records would
        # hold up the run for hours. A switch fails without its record, so it has a wait of its own.
        return Plan(new, asks="TXT lookup" if before else "shared TXT lookup")
    if not seen.record.visible:
        if before:  # SES may have an identity that it does not show
            raise not_visible(
                declared, seen.record, seen.waited_seconds, still="it shows no identity"
            )
        return Plan(new, warning=waiting_for_dns(declared, seen.record))
    create = Call(
        "CreateEmailIdentity",
        tags=_all_tags(new),
        configuration_set=declared.configuration_set,
        until_now=frozenset(until_now),
    )
    new, mail_from = mail_from_calls(new, None, before=None)
    return Plan(new, (create, *mail_from))


def _take_over(new: Stored, seen: Seen, until_now: Set[int], *, is_new: bool) -> Plan:
    """
    Go on with an identity that exists already.

    It is ours if its owner tag says so: the response to an earlier Create was lost, or the
    resource is being replaced. An identity of somebody else is taken only with `adopt`, and stays
    in SES when the resource is deleted. If it signs with this key already, it gets our tags and no
    other call.
    """
    declared, identity = new.declared, seen.identity
    if not seen.read:
        return Plan(new, asks="GetEmailIdentity")
    if identity is None:
        return Plan(new, is_hidden=True)
    refuse_managed(declared, identity)
    refuse_existing(declared, identity, in_state=not is_new)
    # No other key ever has the selector of a generated key, but for that of a slot; a supplied key
    # may have been corrected since.
    is_generated = (
        declared.generation is not None and declared.generation not in declared.supplied_keys
    )
    certain = is_generated and not declared.cname
    proven = (
        identity.dkim_status == "SUCCESS" and declared.dns_check != "off" and not declared.cname
    )
    put = _needs_put(declared, identity, seen, believed=None, needed=not certain and not proven)
    if put == "after a lookup":
        return Plan(new, asks="TXT lookup")
    if declared.adopt or identity.selector not in (None, declared.selector):
        until_now = until_now | _others(declared)
    after, calls = sign_calls(new, identity, until_now, put=put == "now", is_known=False)
    settings = configuration_set_calls(declared, before=identity.configuration_set)
    after, mail_from = mail_from_calls(after, identity, before=None)
    tag = Call("TagResource", tags=_all_tags(new))
    info = taking_over(declared, identity, put=put == "now") if declared.adopt else ""
    return Plan(after, (*settings, *mail_from, *calls, tag), info=info)


def _change(
    stored: Stored,
    after: Stored,
    identity: SesIdentity,
    seen: Seen,
    instance: str,
    *,
    other_key: bool,
    drops: bool,
    about_key: bool,
) -> Plan:
    """Make an identity that SES shows what *after* declares."""
    before, declared = stored.declared, after.declared
    signed_last = stored.signed_until.get(declared.generation or 0)
    if signed_last and identity.at - signed_last < READS_LAG:
        identity = replace(
            identity, tokens=()
        )  # it may be from before we switched away from this very key
    owner = other_owner(declared, identity.tags)
    if owner is not None and not declared.adopt:
        raise lost(declared, owner, origin=identity.origin)
    until_now: set[int] = set()
    if _is_response_lost(stored, declared, identity):
        if drops and declared.overlap_days:
            raise unknown_to_state(declared, stored, identity)
        until_now = _others(declared)
    use = others_use(before, identity)
    if owner and use and not other_key:
        # Another stack has the domain. `adopt` is the way to leave it there.
        left = IdentityMessages.OTHERS_USE(name=str(declared), reason=lost_reason(owner), use=use)
        loses = drops or before.mail_from_domain not in (None, declared.mail_from_domain)
        if loses and not before.adopt:  # the engine deletes the records that this run drops
            raise ByodkimError(left, kind="StillInUse")
        return Plan(replace(after, other_owner=owner), info=str(left))
    is_ours = owner is None
    about_key = about_key or _has_changed(stored, identity)
    put: Put = "not needed"
    if about_key:
        put = _needs_put(
            declared, identity, seen, believed=before.selector, suspected=not other_key
        )
    if put == "after a lookup":
        return Plan(after, asks="TXT lookup")
    tag: list[Call] = []
    if not is_ours or (about_key and identity.tags.get(INSTANCE_TAG) != stored.instance):
        after = replace(after, instance=instance)
        tag = [Call("TagResource", tags=own_tags(after))]
    after, mail_from = mail_from_calls(after, identity, before=before)
    calls = [*mail_from, *settings_calls(declared, before)]
    if about_key:
        is_known = not other_key and stored.key is not None
        if not is_known:
            after, until_now = replace(after, key=None), until_now | _generation_of(before)
        after, more = sign_calls(after, identity, until_now, put=put == "now", is_known=is_known)
        calls += more
        if is_known and after.key and put == "not needed" and fell_back(after):
            # There is nothing to send. SES has to find the record again, which the verification
            # waits for.
            by = (
                PUT if after.key.key_set_by == PUT else TAKEN_OVER
            )  # SUCCESS may have been of the key before
            after = replace(
                after,
                key=replace(after.key, key_set_at=identity.at, key_set_by=by),
                was_verified=False,
            )
    info = "" if is_ours or not about_key else taking_over(declared, identity, put=put == "now")
    return Plan(after, (*tag, *calls) if is_ours else taken_last(calls, own_tags(after)), info=info)


def _needs_put(
    declared: Declared,
    identity: SesIdentity,
    seen: Seen,
    *,
    believed: str | None,
    needed: bool = False,
    suspected: bool = False,
) -> Put:
    """
    Whether the key must be sent to SES; raises if it may not.

    *believed* is the selector that SES should be signing with, used if SES returns none. If
    *suspected*, SES may hold another key under this selector: it does if it finds another value
    although ours is visible.
    """
    signs_with = (identity.selector or believed) if identity.origin == "EXTERNAL" else None
    needed = needed or signs_with != declared.selector or identity.dkim_status == "FAILED"
    if needed:
        refuse_unsigned_window(declared, identity)
    elif not suspected or identity.failure != INVALID_VALUE:
        return "not needed"
    if needed and seen.record and not seen.record.visible:
        signing = signs_with and identity.dkim_status == "SUCCESS"
        still = (
            f"it still signs with {signs_with!r}" if signing else f"it says {identity.dkim_status}"
        )
        raise not_visible(declared, seen.record, seen.waited_seconds, still=still)
    if seen.record is None:
        return "after a lookup"
    return "now" if seen.record.visible else "not needed"


def _is_response_lost(stored: Stored, declared: Declared, identity: SesIdentity) -> bool:
    """
    Whether SES may sign with a key that is not in the state, from a killed run or somebody else.
    """
    if stored.key is None:
        # If our own Create sent this very key, nothing signed before it.
        return (identity.selector, identity.tags.get(INSTANCE_TAG)) != (
            declared.selector,
            stored.instance,
        )
    return identity.selector not in (None, stored.declared.selector, declared.selector)


def _has_changed(stored: Stored, identity: SesIdentity) -> bool:
    """
    Whether SES signs in another way than the state says, and has not only failed to show it yet.
    """
    lags = stored.key is not None and identity.at - stored.key.key_set_at < READS_LAG
    return not lags and bool(of_shown(stored.declared.selector, identity))


def _others(declared: Declared) -> set[int]:
    """All published generations but the one that signs."""
    return set(declared.published) - {declared.generation or 0}


def _generation_of(before: Declared | None) -> set[int]:
    return {before.generation} if before and before.generation is not None else set()


def _all_tags(new: Stored) -> dict[str, str]:
    return {**(new.declared.tags or {}), **own_tags(new)}
