"""
What protects a record in DNS, and with it the mail that is signed with its key. Five rules, as the
page "The life of a key" counts them:

1. A generation that signed within `overlapDays` does not leave DNS, or its slot (`refuse_step`).
   `dkim.generations` has what this says of numbers.
2. The generation that signs keeps its key, and a selector never gets a second one
   (`refuse_second_key`).
3. The records of an identity stay if somebody else owns the identity now, and it signs with a
   selector that is published here, or has the same MAIL FROM domain (`others_use`). `plan` and
   `lifecycle.delete` ask this once they have read SES. The engine deletes the records after the
   identity, so they stay if that deletion is refused.
4. With `adopt`, identity and records stay when they leave the stack
   (`program.domain_resources`). So `adopt` is taken away in a run of its own (`refuse_adopt`).
5. A run never overwrites a record that somebody else has written (`resources.records`).

And a MAIL FROM domain keeps its MX and SPF records (`refuse_no_mx`).

`refuse_unsafe` asks for what a change may break, in a preview and in the update.

Values in, values or a refusal out: no clock (times are parameters), no I/O, no Pulumi. The
refusals are for previews, so nothing here may raise for what is stored already.
"""

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Final

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.dkim import generations
from byodkim_provider.errors import ByodkimError, InvalidSettings
from byodkim_provider.identity.judgement import has_key
from byodkim_provider.identity.ownership import lost_reason
from byodkim_provider.identity.state import Declared, Stored
from byodkim_provider.messages import Message
from byodkim_provider.messages.identity import IdentityMessages

_DECIDING: Final = frozenset({"published", "supplied_keys", "overlap_days", "regions"})
"""Inputs that say which generations leave DNS, and when they may."""


def changed(stored: Stored, declared: Declared, *, unknown: Collection[str]) -> tuple[str, ...]:
    """Names of the inputs that differ from what is stored; the owner never does."""
    ignored = {"owner", *unknown}
    if not declared.fingerprint:
        ignored |= {"fingerprint", "record_value"}
    names = (name.name for name in fields(Declared) if name.name not in ignored)
    differing = [
        name for name in names if getattr(stored.declared, name) != getattr(declared, name)
    ]
    return (*differing, *unknown)


def region_leaves(before: Declared, after: Declared) -> bool:
    """
    Whether a Region is dropped. Its identity holds the only record of when each generation last
    signed.
    """
    return not set(before.regions) <= set(after.regions)


def signed_lately(
    stored: Collection[Stored], overlap_days: int, now: datetime
) -> dict[int, datetime]:
    """
    Generations that signed before, and may have mail on its way, with the last time in any Region.

    Published ones may not leave DNS yet. The slots of those that have left get no other key yet.
    """
    until: dict[int, datetime] = {}
    for one in stored:
        for generation, last in one.signed_until.items():
            until[generation] = max(last, until.get(generation, last))
    return generations.signed_lately(until, now=now, overlap_days=overlap_days)


def refuse_unsafe(
    stored: Stored, declared: Declared, *, unknown: Collection[str], now: datetime
) -> None:
    """
    Raise if the change to *declared* would make mail fail; *unknown* inputs are not compared.

    "StillInUse" if a generation would leave DNS too early, `InvalidSettings` if one would get a
    second key, if `adopt` goes together with another change, if a MAIL FROM domain would lose its
    records, or for another AWS account.
    """
    before = stored.declared
    accounts = (before.account_id, declared.account_id)
    if None not in accounts and before.account_id != declared.account_id:
        raise InvalidSettings(
            IdentityMessages.OTHER_ACCOUNT(name=str(before), before=accounts[0], after=accounts[1])
        )
    refuse_adopt(stored, declared, unknown)
    refuse_no_mx(before, declared)
    if stored.key:
        refuse_second_key(before, declared)
    if not _DECIDING & set(unknown):  # else the update asks again, once they are known
        refuse_step(stored, declared, now)


# --- 1: a generation that signed lately stays


def refuse_step(stored: Stored, declared: Declared, now: datetime) -> None:
    """
    Raise "StillInUse" if a generation would leave DNS, or its slot, within the overlap.

    `plan` asks this again with what SES shows, and `byodkim rotate` before it writes a step.
    """
    before = stored.declared
    early = _too_early(stored, declared, now)
    if not early:
        return
    last = max(early, key=lambda generation: early[generation])
    problem = IdentityMessages.STILL_IN_USE
    if last not in before.published:
        problem = IdentityMessages.SLOT_IN_USE
    elif last in _exchanged(before, declared):
        problem = IdentityMessages.STILL_IN_USE_KEY
    today = generations.allowed_today(
        before=before.published,
        after=declared.published,
        early=early,
        slots=before.slots_in_change(declared),
    )
    said = problem(
        domain=before.domain,
        generation=last,
        signed_until=early[last],
        allowed_from=early[last] + timedelta(days=declared.overlap_days),
        today=list(today),
        target=declared.generation if declared.generation in today else before.generation,
    )
    raise ByodkimError(said, kind="StillInUse")


def _too_early(stored: Stored, declared: Declared, now: datetime) -> dict[int, datetime]:
    """
    Generations that the change to *declared* takes out of DNS too early, and when each signed last.
    """
    before, signed_until = stored.declared, dict(stored.signed_until)
    if region_leaves(before, declared):
        signed_until |= dict.fromkeys(before.published, now)
    return generations.too_early(
        before=before.published,
        after=declared.published,
        exchanged=_exchanged(before, declared),
        slots=before.slots_in_change(declared),
        signing_before=before.generation if stored.key else None,
        signed_until=signed_until,
        now=now,
        overlap_days=declared.overlap_days,
    )


def _exchanged(before: Declared, after: Declared) -> set[int]:
    """Generations that stay published with another key: a supplied one came, went or is another."""
    return {
        generation
        for generation in set(before.published) & set(after.published)
        if before.supplied_keys.get(generation) != after.supplied_keys.get(generation)
    }


# --- 2: a selector has one key


def refuse_second_key(before: Declared, after: Declared) -> None:
    """Raise `InvalidSettings` if a generation or a selector would get another key than it has."""
    name, signing = str(before), before.generation
    # A preview can't know the selector of a key that is not made yet: then it is "".
    if signing == after.generation and after.selector != before.selector:
        raise InvalidSettings(
            IdentityMessages.OTHER_KEY(
                name=name, selector=before.selector, generation=signing, following=signing + 1
            )
        )
    selector = _selector_with_two_keys(before, after)
    if not selector:
        return
    if selector == before.selector and before.cname and after.cname:
        raise InvalidSettings(
            IdentityMessages.SAME_SLOT(
                name=name,
                selector=selector,
                before=signing,
                after=after.generation,
                following=signing + 1,
            )
        )
    raise InvalidSettings(IdentityMessages.SECOND_KEY(name=name, selector=selector))


def _selector_with_two_keys(before: Declared, after: Declared) -> str:
    """
    A selector that has one key before and another one after; "" for none.

    That of the key that signs, or of a supplied key: the records of both would have one name in
    DNS, and that of the old one is deleted last.
    """
    other_key = after.fingerprint not in ("", before.fingerprint)
    if other_key and after.selector == before.selector:
        return before.selector
    had = set(before.supplied_keys.values())
    selectors = {*before.selectors, *(key.partition(":")[0] for key in had)}
    for key in sorted(set(after.supplied_keys.values()) - had):
        selector = key.partition(":")[0]
        if selector in selectors:
            return selector
    return ""


# --- 3: somebody else signs with our keys


def others_use(declared: Declared, seen: SesIdentity, owner: str) -> Message | None:
    """
    What *seen*, an identity of *owner* ("" for nobody), uses of what the *declared* one has in DNS;
    None for nothing.
    """
    use = ""
    if declared.mail_from_domain and seen.mail_from == declared.mail_from_domain:
        use = f"has the MAIL FROM domain {seen.mail_from!r}"
    for selector in (*declared.selectors, declared.selector):
        if has_key(selector, seen):
            use = f"signs with {selector!r}"
    if not use:
        return None
    return IdentityMessages.OTHERS_USE(name=str(declared), reason=lost_reason(owner), use=use)


# --- 4: `adopt` leaves everything where it is


def refuse_adopt(stored: Stored, declared: Declared, unknown: Collection[str]) -> None:
    """
    Raise `InvalidSettings` if `adopt` goes together with another change.

    The engine stores of a run that fails that the records go, while the identity still stays.
    """
    before = stored.declared
    is_alone = changed(stored, declared, unknown=unknown) == ("adopt",)
    if before.adopt and not declared.adopt and not is_alone:
        raise InvalidSettings(IdentityMessages.ADOPT_ALONE(name=str(before)))


# --- a MAIL FROM domain keeps its records


def refuse_no_mx(before: Declared, after: Declared) -> None:
    """
    Raise `InvalidSettings` if MX and SPF go with their zone at the end of a move to `cname`.

    The domain's own DNS stays where it is then. In a move to another host people have published
    them there.
    """
    is_same = before.mail_from_domain == after.mail_from_domain
    goes = before.mail_from_published and not after.mail_from_published
    if is_same and goes and after.cname and not before.adopt:
        raise InvalidSettings(
            IdentityMessages.NO_MX(name=str(before), mail_from=before.mail_from_domain)
        )
