"""
Who owns an identity in SES, by its tags, and what may not be done to an identity of somebody else.

Values in, a refusal or a line about a take-over out: no call here.
"""

from collections.abc import Mapping
from typing import Literal

from byodkim_provider.aws.ses import MANAGED, OWNER_TAG, STACK_TAG, SesIdentity
from byodkim_provider.dkim import generations
from byodkim_provider.errors import ByodkimError, InvalidSettings
from byodkim_provider.identity.state import Declared, Stored
from byodkim_provider.messages import Message
from byodkim_provider.messages.identity import IdentityMessages

Signing = Literal["byodkim", "easy", "none"]
"""With what SES signs mail of a domain now, beside the signature of amazonses.com."""


def whose(declared: Declared, tags: Mapping[str, str]) -> tuple[IdentityMessages, str] | None:
    """
    Why an identity with *tags* is not the declared resource's, and whose it is, in words; None if
    it is the resource's.
    """
    owner = tags.get(OWNER_TAG, "")
    stack = tags.get(STACK_TAG)
    if not owner:
        return IdentityMessages.NOBODYS, ""
    if owner == declared.owner:
        return None
    # The id of the stack, which stays when the stack is renamed.
    if owner.partition("/")[0] == declared.owner.partition("/")[0]:
        other = f"the resource {owner.partition('/')[2]!r} of this stack"
        return IdentityMessages.OTHER_RESOURCES, other
    if stack == declared.stack:
        return IdentityMessages.OF_SAME_NAME, f"another stack with the name {stack!r}"
    return IdentityMessages.OTHER_STACKS, repr(stack or owner)


def other_owner(declared: Declared, tags: Mapping[str, str]) -> str | None:
    """
    Whose an identity with *tags* is, in words; "" if nobody's; None if it is the declared
    resource's.
    """
    other = whose(declared, tags)
    return other[1] if other else None


def lost_reason(owner: str) -> Message:
    """What is said of an identity that was ours, and belongs to *owner* now, "" for nobody."""
    return IdentityMessages.TAKEN(owner=owner) if owner else IdentityMessages.UNTAGGED()


def refuse_existing(declared: Declared, seen: SesIdentity, *, in_state: bool) -> None:
    """
    Raise "IdentityExists" unless this resource made the identity that it is about to create, or
    adopts it, which nobody can if another AWS service manages it.

    *in_state*: the resource is in the state, so it may have made the identity with an earlier key.
    """
    if seen.identity_type == MANAGED:
        raise exists(IdentityMessages.MANAGED, declared, seen.origin)
    other = whose(declared, seen.tags)
    if other is None:
        if not in_state:
            _refuse_other_key(declared, seen)
    elif not declared.adopt:
        problem, owner = other
        raise exists(problem, declared, seen.origin, owner=owner)


def _refuse_other_key(declared: Declared, seen: SesIdentity) -> None:
    """
    Raise "IdentityExists" if an identity of this resource has another key, and no state knows when
    each generation signed, as after `--replace`.

    `adopt` allows another key, but not in a slot of `cname`: mail that was signed with the slot's
    key may be on its way. A selector that a preview can't know is not compared.
    """
    keeps_slot = declared.cname and declared.overlap_days
    if declared.adopt and not keeps_slot:
        return
    if declared.selector and seen.selector not in (None, declared.selector):
        problem = IdentityMessages.REPLACED if declared.adopt else IdentityMessages.OTHER_SELECTOR
        raise exists(problem, declared, seen.origin, seen=seen.selector, selector=declared.selector)


def refuse_unsigned_window(declared: Declared, seen: SesIdentity) -> None:
    """
    Raise "IdentityExists" if mail would be unsigned: SES leaves Easy DKIM before it has found the
    key.

    The warning of AWS's guide "Provide your own DKIM authentication token (BYODKIM)".
    """
    if signing(seen) == "easy" and not declared.accept_unsigned_window:
        raise exists(IdentityMessages.EASY_DKIM, declared, seen.origin)


def unknown_to_state(declared: Declared, stored: Stored, seen: SesIdentity) -> InvalidSettings:
    """The refusal to drop a generation while SES may sign with one that the state does not know."""
    before = stored.declared
    slots = before.slots_in_change(declared)
    published = list(generations.together(before.published, declared.published, slots=slots))
    return InvalidSettings(
        IdentityMessages.UNKNOWN_TO_STATE(
            name=str(declared),
            seen=f"SES signs with {seen.selector!r}" if seen.selector else "SES has the identity",
            published=str(published),
        )
    )


def exists(
    problem: IdentityMessages, declared: Declared, origin: str, **fields: object
) -> ByodkimError:
    """The refusal of an identity that SES has already, because of *problem*."""
    # What is adopted is refused in the update alone, which comes after its key and its records.
    made = "; an update makes keys and records first" if declared.adopt else ""
    said = problem(name=str(declared), origin=origin or "without DKIM", made=made, **fields)
    return ByodkimError(said, kind="IdentityExists")


def will_take_over(declared: Declared) -> Message:
    """
    The preview's line about `adopt`, if SES is not read before the update, which says what it
    finds.
    """
    return IdentityMessages.WILL_TAKE_OVER(name=str(declared), key=_key(declared))


def taking_over(declared: Declared, seen: SesIdentity, *, put: bool) -> str:
    """
    The line about `adopt`, of a preview and before the calls of the update; *put*: SES is sent the
    key.
    """
    then = f"switches to {_key(declared)}" if put else "its key stays"
    if signing(seen) == "easy":
        then += ", mail is perhaps unsigned meanwhile"
    if not seen.signing_enabled:
        then += "; signing gets enabled"
    line = IdentityMessages.TAKES_OVER(name=str(declared), had=signs_today(seen), then=then)
    return str(line)


def signing(seen: SesIdentity) -> Signing:
    # TEMPORARY_FAILURE: SES does not find the record any more, and signs for some days yet.
    if not seen.signing_enabled or seen.dkim_status not in ("SUCCESS", "TEMPORARY_FAILURE"):
        return "none"
    return "easy" if is_easy(seen) else "byodkim"


def is_easy(seen: SesIdentity) -> bool:
    """Whether the key is Easy DKIM's, signing or not; a replica's origin names a Region too."""
    return seen.origin.startswith("AWS_SES")


def signs_today(seen: SesIdentity) -> str:
    """How SES signs the mail of an identity, in words."""
    if is_easy(seen):
        # A replica (DEED) has the key of a Region: of AWS_SES_US_EAST_1 it is us-east-1.
        primary = seen.origin.removeprefix("AWS_SES").strip("_").lower().replace("_", "-")
        return f"Easy DKIM, as a replica of {primary}" if primary else "Easy DKIM"
    if seen.origin != "EXTERNAL":
        return "without DKIM"
    signs = "signing" if seen.signing_enabled else "signing is disabled,"
    return f"BYODKIM, {signs} with selector {seen.selector!r}" if seen.selector else "BYODKIM"


def _key(declared: Declared) -> str:
    """A preview does not know a key that is not made yet."""
    return repr(declared.selector) if declared.selector else "a key that the update makes"


def all_tags(declared: Declared) -> dict[str, str]:
    """The declared tags, and ours."""
    return {**(declared.tags or {}), **owner_tags(declared)}


def owner_tags(declared: Declared) -> dict[str, str]:
    """The tags by which this resource knows its identity again, and people know whose it is."""
    return {OWNER_TAG: declared.owner, STACK_TAG: declared.stack}
