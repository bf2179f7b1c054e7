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
first, unless the only inputs that differ are echoes: they are stored, and need no call.

If the response to a call was lost, our owner tag shows that a Create succeeded, and the selector
shows that a Put did. If SES returns no selector, the same Put is sent again, which does no harm. A
generation that may sign because of a lost call counts as signing until now, and its record stays in
DNS. So does each generation that signed in the 72 hours before a read that does not show the
present key as verified: SES may still search for that key, and sign with an earlier one. One case
is not seen: the response to a Put is lost, and then the edit is undone. The file agrees with the
state, so nothing is read.

Why each call is where it is.

1. Get comes first, but for a new identity: the response to Create says whether SES has it, and is
  one call.
2. The lookup comes before Create and Put: SES gets no key whose record is not in DNS.
3. Settings come before the key: where one is refused, nothing about the key has changed. After a
  Create comes MAIL FROM, which needs the identity. Until SES says SUCCESS of a MAIL FROM domain,
  each run reads SES: it sends a FAILED one again, and REJECT_MESSAGE after SUCCESS.
4. The key comes last: if a later call failed, the state would not show that SES has the key.
5. Our tags come even after the key if the identity belongs to somebody else: it stays theirs until
  every other call has succeeded. Tags that go come last of all.
"""

from collections.abc import Collection, Set
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Literal

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.dkim import generations, records
from byodkim_provider.errors import ByodkimError
from byodkim_provider.identity.calls import (
    Call,
    Plan,
    Seen,
    configuration_set_calls,
    is_mail_from_due,
    mail_from_calls,
    sign_calls,
    tag_calls,
    take_calls,
)
from byodkim_provider.identity.judgement import (
    INVALID_VALUE,
    differences,
    fell_back,
    of_shown,
    refreshed,
)
from byodkim_provider.identity.ownership import (
    all_tags,
    exists,
    lost_reason,
    other_owner,
    refuse_existing,
    refuse_unsigned_window,
    taking_over,
    unknown_to_state,
)
from byodkim_provider.identity.record_not_visible import not_visible, waiting_for_dns
from byodkim_provider.identity.rules import others_use, refuse_step, region_leaves
from byodkim_provider.identity.state import PUT, TAKEN_OVER, Declared, Stored
from byodkim_provider.identity.verdicts import SEARCH
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

    *instance* is random, for a new identity. Raises "RecordNotVisible" before a switch to a key
    whose record is not in DNS, `InvalidSettings` if a record that SES may sign with would leave
    DNS, "IdentityExists" if the identity belongs to somebody else.
    """
    if stored is None:
        new = Stored(declared=declared, instance=instance)
        return _introduce(new, seen, is_new=True)
    before, identity = stored.declared, seen.identity
    other_key = (before.fingerprint, before.selector) != (declared.fingerprint, declared.selector)
    # A generation that leaves DNS may sign, if the response to an earlier call was lost.
    drops = not set(before.published) <= set(declared.published)
    region = region_leaves(before, declared)
    after = _echoed(stored, declared, other_key=other_key)
    if stored.key is None:
        return _awaiting(stored, after, seen, now=now, drops=drops)
    about_key = other_key or drops or bool(differences(stored))
    settings = [
        *configuration_set_calls(declared, before=before.configuration_set),
        *tag_calls(declared, before),
    ]
    has_settings = bool(settings) or is_mail_from_due(stored, declared)
    if not (about_key or has_settings or region):
        return Plan(after)
    if not seen.read:
        return Plan(after, asks="GetEmailIdentity")
    if region:
        after = _with_all(after, _others(declared), identity.at if identity else now)
    if not about_key and not has_settings:
        return Plan(after)
    if seen.exists or identity is None:
        return _introduce(after, seen, before=before)
    return _change(
        stored, after, identity, seen, other_key=other_key, drops=drops, about_key=about_key
    )


def _awaiting(stored: Stored, after: Stored, seen: Seen, *, now: datetime, drops: bool) -> Plan:
    """
    Go on with an identity whose record was not in DNS.

    SES knows it only if the response to our Create was lost. Then it may sign with a generation
    that this run *drops*, so SES is read first.
    """
    declared = after.declared
    if drops and not (seen.read or seen.exists):
        return Plan(after, asks="GetEmailIdentity")
    identity = seen.identity
    is_ours = identity is not None and other_owner(declared, identity.tags) is None
    if identity and is_ours and drops and declared.overlap_days:
        raise unknown_to_state(declared, stored, identity)
    if region_leaves(stored.declared, declared):
        after = _with_all(after, declared.published, now)
    return _introduce(after, seen)


def _with_all(after: Stored, signing: Collection[int], last: datetime) -> Stored:
    """
    What is stored if SES may have signed with each generation of *signing* until *last*.

    Where a Region is dropped, each generation may have signed until then: only the identity there
    knows when each one last signed.
    """
    until = dict.fromkeys(signing, last)
    return replace(after, signed_until={**after.signed_until, **until})


def _echoed(stored: Stored, declared: Declared, *, other_key: bool) -> Stored:
    """What is stored if no call is needed."""
    return replace(
        stored,
        # The owner that the identity carries stays, also when the resource was renamed.
        declared=replace(declared, owner=stored.declared.owner),
        other_owner=None,  # seen by a refresh, and seen again by this run
        slots_before=_slots_before(stored, declared),
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
    new: Stored, seen: Seen, *, is_new: bool = False, before: Declared | None = None
) -> Plan:
    """
    Create an identity that SES does not show, once its record is in DNS, or take over an existing
    one.

    With *before* SES had the identity, and no longer shows it.
    """
    declared = new.declared
    if before and before.fingerprint != declared.fingerprint:
        new = replace(new, key=None)
    if seen.exists:
        return _take_over(new, seen, _generation_of(before), is_new=is_new)
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
        tags=all_tags(declared),
        until_now=frozenset(_generation_of(before) | _but_standby(declared)),
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
    if identity is None:
        return Plan(new, asks="GetEmailIdentity")
    refuse_existing(declared, identity, in_state=not is_new)
    # A supplied key may have been corrected since, under its selector, and a slot has had others.
    is_proven = (
        identity.dkim_status == "SUCCESS" and declared.dns_check != "off" and not declared.cname
    )
    put = _needs_put(declared, identity, seen, believed=None, needed=not is_proven)
    if put == "after a lookup":
        return Plan(new, asks="TXT lookup")
    is_of_create = not declared.adopt and identity.selector in (None, declared.selector)
    until_now = until_now | (_but_standby(declared) if is_of_create else _others(declared))
    after, calls = sign_calls(new, identity, until_now, put=put == "now", is_known=False)
    settings = configuration_set_calls(declared, before=identity.configuration_set)
    after, mail_from = mail_from_calls(after, identity, before=None)
    info = taking_over(declared, identity, put=put == "now") if declared.adopt else ""
    return Plan(after, (*settings, *mail_from, *calls, *take_calls(declared)), info=info)


def _change(
    stored: Stored,
    after: Stored,
    identity: SesIdentity,
    seen: Seen,
    *,
    other_key: bool,
    drops: bool,
    about_key: bool,
) -> Plan:
    """Make an identity that SES shows what *after* declares."""
    before, declared = stored.declared, after.declared
    if not refreshed(stored, identity).was_verified:
        # Until SES has found its present key, it may sign with an earlier one.
        until = stored.signed_until
        lately = {generation for generation in until if identity.at - until[generation] < SEARCH}
        after = _with_all(after, lately, identity.at)
        refuse_step(replace(stored, signed_until=after.signed_until), declared, identity.at)
    signed_last = stored.signed_until.get(declared.generation)
    if signed_last and identity.at - signed_last < READS_LAG:
        # It may be from before we switched away from this very key.
        identity = replace(identity, tokens=())
    owner = other_owner(declared, identity.tags)
    if owner is not None and not declared.adopt:
        raise exists(IdentityMessages.LOST, declared, identity.origin, reason=lost_reason(owner))
    until_now: set[int] = set()
    if identity.selector not in (None, before.selector, declared.selector):
        # A key that is not in the state, from a killed run or somebody else.
        if drops and declared.overlap_days:
            raise unknown_to_state(declared, stored, identity)
        until_now = _others(declared)
    use = others_use(before, identity, owner) if owner else None
    if use and not other_key:
        # Another stack has the domain. `adopt` is the way to leave it there.
        loses = drops or before.mail_from_domain not in (None, declared.mail_from_domain)
        if loses and not before.adopt:  # the engine deletes the records that this run drops
            raise ByodkimError(use, kind="StillInUse")
        return Plan(replace(after, other_owner=owner), info=str(use))
    about_key = about_key or _has_changed(stored, identity)
    put: Put = "not needed"
    if about_key:
        put = _needs_put(
            declared, identity, seen, believed=before.selector, suspected=not other_key
        )
    if put == "after a lookup":
        return Plan(after, asks="TXT lookup")
    after, calls = mail_from_calls(after, identity, before=before)
    calls += configuration_set_calls(declared, before=before.configuration_set)
    if owner is None:
        calls += tag_calls(declared, before)
    if about_key:
        if other_key:
            after, until_now = replace(after, key=None), until_now | _generation_of(before)
        after, more = sign_calls(
            after, identity, until_now, put=put == "now", is_known=not other_key
        )
        calls += more
        if put == "not needed" and not other_key:
            after = _searched_again(after, identity.at)
    if owner is None:
        return Plan(after, tuple(calls))
    info = taking_over(declared, identity, put=put == "now") if about_key else ""
    return Plan(after, (*calls, *take_calls(declared, before)), info=info)


def _searched_again(after: Stored, at: datetime) -> Stored:
    """
    What is stored if SES has to find the record of its key again, which the verification waits for.
    """
    if after.key is None or not fell_back(after):
        return after
    # SUCCESS may have been of the key before.
    by = PUT if after.key.key_set_by == PUT else TAKEN_OVER
    key = replace(after.key, key_set_at=at, key_set_by=by)
    return replace(after, key=key, was_verified=False)


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


def _has_changed(stored: Stored, identity: SesIdentity) -> bool:
    """
    Whether SES signs in another way than the state says, and has not only failed to show it yet.
    """
    lags = stored.key is not None and identity.at - stored.key.key_set_at < READS_LAG
    return not lags and bool(of_shown(stored.declared.selector, identity))


def _others(declared: Declared) -> set[int]:
    """All published generations but the one that signs."""
    return set(declared.published) - {declared.generation}


def _but_standby(declared: Declared) -> set[int]:
    """
    All published generations with which another Region, or an identity that is gone, may have
    signed until now: all others but a plain standby.
    """
    usual = generations.published(declared.generation)
    if set(declared.published) <= set(usual):
        return _others(declared) - {usual[-1]}
    return _others(declared)


def _generation_of(before: Declared | None) -> set[int]:
    return {before.generation} if before else set()
