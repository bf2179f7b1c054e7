"""
Who owns an identity in SES, by its tags, and what may not be done to an identity of somebody else.

Values in, a refusal or a line about a take-over out: no call here.
"""

from __future__ import annotations

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.aws.tags import INSTANCE_TAG, OWNER_TAG
from byodkim_provider.errors import IdentityExists, InvalidSettings
from byodkim_provider.identity.state import Declared, Stored


def refuse_other_owner(declared: Declared, seen: SesIdentity, *, was_ours: bool) -> None:
    """Raise `IdentityExists` unless the owner tag is this resource's. *was_ours*: it has been so far."""
    owner = seen.tags.get(OWNER_TAG)
    if owner == declared.owner:
        return
    if was_ours:
        detail = f"owned by {owner!r} now" if owner else "which has lost its owner tag"
        hint = "`retired: true` lets go of it here, `adopt: true` takes it back"
    elif owner is None:
        detail = "made by somebody else"
        hint = "`adopt: true` takes it over, and leaves it in SES when the stack goes"
    else:
        detail = f"owned by {owner!r}, not {declared.owner!r}"
        hint = "remove the entry here if the other stack is to keep it; `adopt: true` takes it from there"
        if _stack_of(owner) == _stack_of(declared.owner):
            hint = (
                "was the resource renamed? Undo that, run `pulumi up`, then rename with `aliases`; "
                "`adopt: true` takes the identity from the other resource"
            )
    raise exists(declared, seen, detail, hint=hint)


def _stack_of(owner: str) -> list[str]:
    """Project and stack; the resource's name follows, which may have slashes of its own."""
    return owner.split("/", 2)[:2]


def refuse_existing(declared: Declared, seen: SesIdentity, *, in_state: bool) -> None:
    """
    Raise `IdentityExists` unless this resource made the identity that it is about to create.

    *in_state*: the resource is in the state, so it may have made the identity with an earlier key. A
    selector that a preview can't know is not compared.
    """
    refuse_other_owner(declared, seen, was_ours=False)
    if declared.selector and seen.selector not in (None, declared.selector) and not in_state:
        raise exists(
            declared,
            seen,
            f"signing with selector {seen.selector!r}, not {declared.selector!r}",
            hint="was the stack's state lost? `adopt: true` takes the identity over",
        )


def refuse_unsigned_window(declared: Declared, seen: SesIdentity) -> None:
    """
    Raise `IdentityExists` if mail would be unsigned: SES leaves Easy DKIM before it has found the key.

    The warning of AWS's guide "Provide your own DKIM authentication token (BYODKIM)".
    """
    if _signs_with_easy_dkim(seen) and not declared.accept_unsigned_window:
        raise exists(
            declared,
            seen,
            "signing with Easy DKIM",
            hint="mail would go out unsigned until SES has verified the key: "
            "`acceptUnsignedWindow: true` accepts that",
        )


def _signs_with_easy_dkim(seen: SesIdentity) -> bool:
    return seen.origin != "EXTERNAL" and seen.signing_enabled and seen.dkim_status == "SUCCESS"


def unknown_to_state(declared: Declared, before: Declared, seen: SesIdentity) -> InvalidSettings:
    """The refusal to drop a generation while SES may sign with one that the state does not know."""
    signs_with = f"SES signs with {seen.selector!r}" if seen.selector else "SES has the identity"
    return InvalidSettings(
        [f"{declared.domain} {declared.region}: {signs_with}, which is not in the state"],
        hint="nothing was changed in SES; run `pulumi up --refresh` with "
        f"`published: {sorted({*before.published, *declared.published})}` first",
    )


def exists(declared: Declared, seen: SesIdentity, detail: str, *, hint: str) -> IdentityExists:
    """The refusal of an identity that SES has already, because of *detail*."""
    # What is adopted is refused in the update alone, which comes after its key and its records.
    made = "; an update makes keys and records first" if declared.adopt else ""
    return IdentityExists(
        declared.domain,
        declared.region,
        origin=seen.origin or "without DKIM",
        detail=detail,
        hint=f"nothing was changed in SES{made}; {hint}",
    )


def will_take_over(declared: Declared) -> str:
    """The preview's line about `adopt`, if SES is not read before the update, which says what it finds."""
    line = (
        f"{declared.domain} {declared.region}: `adopt` takes over what SES has; "
        f"the update makes it sign with {_key(declared)}, and enables signing where it is disabled"
    )
    if declared.accept_unsigned_window:
        return f"{line}; after Easy DKIM mail is perhaps unsigned for a while"
    return line


def taking_over(declared: Declared, seen: SesIdentity, *, put: bool) -> str:
    """The line about `adopt`, of a preview and before the calls of the update; *put*: SES is sent the key."""
    had = signs_today(seen)
    if seen.origin == "EXTERNAL":
        if put and seen.selector == declared.selector:
            then = "the key is sent again"
        else:
            then = f"switches to {_key(declared)}" if put else "its key stays"
    else:
        then = f"switches to BYODKIM with {_key(declared)}"
        if _signs_with_easy_dkim(seen):
            then += ", mail is perhaps unsigned meanwhile"
    enabled = "" if seen.signing_enabled else "; signing gets enabled"
    return f"{declared.domain} {declared.region}: SES has it, {had}; {then}{enabled}"


def signs_today(seen: SesIdentity) -> str:
    """How SES signs the mail of an identity, in words."""
    if seen.origin != "EXTERNAL":
        return "Easy DKIM" if seen.origin else "without DKIM"
    signs = "signing" if seen.signing_enabled else "signing is disabled,"
    return f"BYODKIM, {signs} with selector {seen.selector!r}" if seen.selector else "BYODKIM"


def _key(declared: Declared) -> str:
    """A preview does not know a key that is not made yet."""
    return repr(declared.selector) if declared.selector else "a key that the update makes"


def own_tags(stored: Stored) -> dict[str, str]:
    """The two tags by which this resource knows its identity again."""
    return {OWNER_TAG: stored.declared.owner, INSTANCE_TAG: stored.instance}
