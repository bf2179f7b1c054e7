"""
What a change of an identity means, and which change would make signed mail fail.

Values in, values or a refusal out: no clock (times are parameters), no I/O, no Pulumi. The
refusals are for previews, so nothing here may raise for what is stored already.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, Final

from byodkim_provider.aws.regions import region_problem
from byodkim_provider.aws.settings import tag_lines
from byodkim_provider.dkim import generations, keys, records
from byodkim_provider.dkim.key_secret import parsed_arn
from byodkim_provider.errors import ByodkimError, InvalidKey, InvalidSettings
from byodkim_provider.identity.state import Declared, Stored
from byodkim_provider.messages import Message
from byodkim_provider.messages.identity import IdentityMessages
from byodkim_provider.property_types import without_none

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
    return bool(after.regions) and not set(before.regions) <= set(after.regions)


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


def in_use(
    generation: int, last: datetime, overlap_days: int = generations.OVERLAP_DAYS
) -> dict[str, Any]:
    """What a message says of a *generation* that signed *last* then, and has to stay."""
    allowed_from = last + timedelta(days=overlap_days)
    return {"generation": generation, "signed_until": last, "allowed_from": allowed_from}


def refuse_unsafe(
    stored: Stored, declared: Declared, *, unknown: Collection[str], now: datetime
) -> None:
    """
    Raise if the change to *declared* would make signed mail fail: the two rules of rotation, and
    one of `adopt`.

    "StillInUse" if a generation would leave DNS too early, `InvalidSettings` if one would
    get a second key, or if `adopt` goes together with another change. Never raises for what is
    stored already.
    """
    before = stored.declared
    accounts = (before.account_id, declared.account_id)
    if None not in accounts and before.account_id != declared.account_id:
        raise InvalidSettings(
            IdentityMessages.OTHER_ACCOUNT(name=str(before), before=accounts[0], after=accounts[1])
        )
    is_alone = changed(stored, declared, unknown=unknown) == ("adopt",)
    if before.adopt and not declared.adopt and not is_alone:
        # The engine stores of a run that fails that the records go, while the identity still stays.
        raise InvalidSettings(IdentityMessages.ADOPT_ALONE(name=str(before)))
    if stored.key:
        _refuse_second_key(before, declared)
    if _DECIDING & set(unknown):
        return  # the update asks again, once they are known
    if early := _too_early(stored, declared, now, overlap_days=declared.overlap_days):
        slots = stored.slots_with(declared)
        today = generations.allowed_today(
            before=before.published, after=declared.published, early=early, slots=slots
        )
        last = max(early, key=lambda one: early[one])
        fields = in_use(last, early[last], declared.overlap_days)
        fields["next_one"] = _next_one(before, declared, today)
        problem = IdentityMessages.STILL_IN_USE
        if last not in before.published:
            problem = IdentityMessages.SLOT_IN_USE
        elif last in _exchanged(before, declared):
            problem = IdentityMessages.STILL_IN_USE_KEY
        elif skipped := _skipped(before, declared):
            problem = IdentityMessages.STILL_IN_USE_SKIPPED
            fields |= {"after": declared.generation, "skipped": skipped}
        said = problem(domain=before.domain, today=list(today), **fields)
        raise ByodkimError(said, kind="StillInUse")


def _too_early(
    stored: Stored, declared: Declared, now: datetime, *, overlap_days: int
) -> dict[int, datetime]:
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
        slots=stored.slots_with(declared),
        signing_before=before.generation if stored.key else None,
        signed_until=signed_until,
        now=now,
        overlap_days=overlap_days,
    )


def overridden(
    stored: Stored, declared: Declared, *, unknown: Collection[str], now: datetime
) -> dict[int, datetime]:
    """
    Generations that leave DNS too early because of `overlapDays: 0`, as after a leak.

    Not the generation that this change replaces as the signing one: that it leaves is what a leak
    asks for, and the setting is perhaps a leftover of such a step for the others.
    """
    before = stored.declared
    if declared.overlap_days or _DECIDING & set(unknown):
        return {}
    replaced = before.generation if before.generation != declared.generation else None
    early = _too_early(stored, declared, now, overlap_days=generations.OVERLAP_DAYS)
    return {one: early[one] for one in early if one in {*before.published} - {replaced}}


def _next_one(before: Declared, declared: Declared, today: Collection[int]) -> Message | str:
    """
    Advice about the generation that signs, if the change skips one or has to wait; else empty.
    """
    signing = before.generation or 0
    if declared.generation and declared.generation not in today:
        return IdentityMessages.KEEP(generation=signing)
    if not _skipped(before, declared):
        return ""
    return IdentityMessages.NEXT_ONE(generation=_following(before))


def _following(before: Declared) -> int:
    """The generation that signs next: the standby, or the next number."""
    signing = before.generation or 0
    return min((one for one in before.published if one > signing), default=signing + 1)


def _skipped(before: Declared, declared: Declared) -> str:
    """Generations from the next one to that which *declared* lets sign, such as "3 to 6"."""
    first, last = _following(before), (declared.generation or 0) - 1
    if last < first:
        return ""
    return str(first) if first == last else f"{first} to {last}"


def _refuse_second_key(before: Declared, declared: Declared) -> None:
    """Raise `InvalidSettings` if a generation or a selector would get another key than it has."""
    other_key = bool(declared.fingerprint) and declared.fingerprint != before.fingerprint
    other_selector = declared.selector != before.selector  # one that a preview can't know is empty
    if (
        declared.generation is not None
        and declared.generation == before.generation
        and other_selector
    ):
        numbers = {"generation": before.generation, "following": before.generation + 1}
        raise InvalidSettings(
            IdentityMessages.OTHER_KEY(name=str(before), selector=before.selector, **numbers)
        )
    twice = before.selector if other_key and not other_selector else ""
    if twice and before.generation and before.cname and declared.cname:
        fields = {"selector": twice, "before": before.generation, "after": declared.generation}
        following = before.generation + 1
        raise InvalidSettings(
            IdentityMessages.SAME_SLOT(name=str(before), following=following, **fields)
        )
    if twice := twice or _selector_with_two_keys(before, declared):
        raise InvalidSettings(IdentityMessages.SECOND_KEY(name=str(before), selector=twice))


def _selector_with_two_keys(before: Declared, after: Declared) -> str:
    """
    The selector of a supplied key that is another one now, or was a generated one; "" for none.

    The records of both would have one name in DNS, and that of the old one is deleted last.
    """
    had = set(before.supplied_keys.values())
    selectors = {*before.selectors, *map(_selector_of, had)}
    for supplied in sorted(set(after.supplied_keys.values()) - had):
        if _selector_of(supplied) in selectors:
            return _selector_of(supplied)
    return ""


def _selector_of(supplied_key: str) -> str:
    return supplied_key.partition(":")[0]


def _exchanged(before: Declared, after: Declared) -> set[int]:
    """Generations that stay published with another key: a supplied one came, went or is another."""
    return {
        generation
        for generation in set(before.published) & set(after.published)
        if before.supplied_keys.get(generation) != after.supplied_keys.get(generation)
    }


def check(
    inputs: Mapping[str, Any], *, unknown: Collection[str], checked_key: str | None = None
) -> tuple[dict[str, Any], list[str]]:
    """
    *inputs* in their normal form, and everything that is wrong with them.

    *unknown* names the inputs that a preview can't know yet; they are absent from *inputs*.
    *checked_key* is the private key that an earlier check returned: that takes a while.
    Refuses what SES would accept without an error and never verify.
    """
    checked = without_none(inputs)
    problems: list[str] = []
    if "domain" not in unknown:
        try:
            checked["domain"] = records.normalise_domain(_text(inputs, "domain"))
        except ValueError as error:
            problems.append(f"domain: {error}")
    if "selector" not in unknown:
        selector = _text(inputs, "selector")
        problem = records.selector_problem(selector) or records.name_problem(
            selector, checked.get("domain", "")
        )
        if problem:
            problems.append(f"selector: {problem}")
    mail_from = inputs.get("mail_from_domain")
    if mail_from is not None and not str(mail_from).endswith(f".{checked.get('domain', '')}"):
        problems.append(str(IdentityMessages.NO_SUB_DOMAIN(name=mail_from)))
    problems += _key_problems(inputs, checked, unknown, checked_key)
    if "owner" not in unknown and not _text(inputs, "owner"):
        problems.append(str(IdentityMessages.OWNER()))
    if "region" not in unknown:
        if not (region := _text(inputs, "region")):
            problems.append(str(IdentityMessages.REGION()))
        elif not_known := region_problem(region):
            problems.append(f"region: {not_known}")
    generation = inputs.get("generation")
    if (
        generation is not None
        and "published" not in unknown
        and generation not in inputs.get("published", ())
    ):
        problems.append(str(IdentityMessages.NOT_PUBLISHED(generation=generation)))
    if (
        inputs.get("regions")
        and "region" not in unknown
        and inputs.get("region") not in inputs["regions"]
    ):
        problems.append(str(IdentityMessages.NOT_AMONG()))
    problems += tag_lines(inputs.get("tags") or {})
    return checked, problems


def _key_problems(
    inputs: Mapping[str, Any],
    checked: dict[str, Any],
    unknown: Collection[str],
    checked_key: str | None,
) -> list[str]:
    """What is wrong with the key, or with what stands for it; *checked* gets its normal form."""
    if "secret_arn" in checked:
        return _secret_problems(checked, unknown)
    if "private_key" in checked or not {"private_key", "secret_arn"} & set(unknown):
        checked.pop("record_value", None)  # it follows from the key
        if checked_key is not None and checked.get("private_key") == checked_key:
            return []
        try:
            checked["private_key"] = keys.load(_text(inputs, "private_key")).pkcs1_base64()
        except InvalidKey as error:
            return [f"private_key: {error.text}"]
    return []


def _secret_problems(checked: Mapping[str, Any], unknown: Collection[str]) -> list[str]:
    """What is wrong with the inputs that stand for a key in Secrets Manager."""
    problems = [str(IdentityMessages.KEY_TWICE())] if "private_key" in checked else []
    try:
        parsed_arn(_text(checked, "secret_arn"))
    except ValueError as error:
        problems.append(f"secret_arn: {error}")
    if "record_value" not in unknown and records.public_key(_text(checked, "record_value")) is None:
        problems.append(str(IdentityMessages.RECORD_VALUE()))
    return problems


def _text(inputs: Mapping[str, Any], name: str) -> str:
    value = inputs.get(name)
    return value if isinstance(value, str) else ""
