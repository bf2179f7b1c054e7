"""
How SES differs from what is declared of an identity: the one judgement, for plan, verification and
commands.

Values in, values out: nothing decides by a text. A difference is a message, with one of these
codes.

    difference       seen in SES                                   what `pulumi up` does
    GONE             no such identity                              makes it again
    TAKEN, UNTAGGED  another owner tag, or none                    refuses, or takes over (`adopt`)
    EASY_DKIM_NOW    a key of SES's own                            sends the key
    WITHOUT_DKIM     no DKIM                                       sends the key
    SIGNS_WITH       the selector of another key                   sends the key
    DISABLED         DKIM signatures are disabled                  enables them
    FAILED           SES has given up looking for the record       sends the key
    FELL_BACK        SES does not confirm the key any more         waits until it does
    OTHER_VALUE      the record holds another key                  sends the key

The last three are about a key that SES has, so they are found only if nothing else differs.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from byodkim_provider.aws.ses import SesIdentity, with_error
from byodkim_provider.identity.ownership import lost_reason, other_owner
from byodkim_provider.identity.state import GONE, OTHER_MAIL_FROM, KeyInSes, Stored
from byodkim_provider.messages import Message
from byodkim_provider.messages.identity import TAKE_BACK, IdentityMessages

INVALID_VALUE: Final = "INVALID_VALUE"
"""
SES's `ErrorType` for a record with another key than the one it holds (SES API, VerificationInfo).
"""


SETTLED: Final = timedelta(minutes=30)
"""
After this time with a key SES has checked it several times, so SUCCESS is hardly that of the key
before.

Further polls would show nothing new.
"""


def of_key(selector: str, *, origin: str, signs_with: str | None, enabled: bool) -> list[Message]:
    """
    Why SES does not sign with the key of *selector*, even once it has verified it; empty if it
    does.
    """
    found = []
    if not origin:
        found.append(IdentityMessages.WITHOUT_DKIM())
    elif origin != "EXTERNAL":
        found.append(IdentityMessages.EASY_DKIM_NOW(origin=origin, selector=selector))
    elif signs_with not in (None, selector):
        found.append(IdentityMessages.SIGNS_WITH(seen=signs_with, selector=selector))
    if not enabled:
        found.append(IdentityMessages.DISABLED())
    return found


def of_shown(selector: str, seen: SesIdentity) -> list[Message]:
    """`of_key` of what SES shows. No check of the record changes these differences."""
    return of_key(
        selector, origin=seen.origin, signs_with=seen.selector, enabled=seen.signing_enabled
    )


def has_key(selector: str, seen: SesIdentity) -> bool:
    """Whether SES has the key of *selector*; also if SES returns no selector."""
    return seen.origin == "EXTERNAL" and seen.selector in (None, selector)


def differences(stored: Stored) -> tuple[Message, ...]:
    """The differences when SES was last read, the gravest first; empty while DNS is pending."""
    if stored.key is None:
        return ()
    if stored.status == GONE:
        return (IdentityMessages.GONE(),)
    found = []
    if stored.other_owner is not None:
        found.append(lost_reason(stored.other_owner))
    found += of_key(
        stored.declared.selector,
        origin=stored.origin,
        signs_with=stored.signing_selector,
        enabled=stored.signing_enabled,
    )
    return tuple(found or _of_check(stored))


def _of_check(stored: Stored) -> list[Message]:
    """What is wrong with SES's check of the key that it has."""
    status = with_error(stored.status, stored.error_type)
    if stored.status == "FAILED":
        return [IdentityMessages.FAILED(status=status)]
    if fell_back(stored):
        return [IdentityMessages.FELL_BACK(status=status)]
    return (
        [IdentityMessages.OTHER_VALUE(status=status)] if stored.error_type == INVALID_VALUE else []
    )


def fell_back(stored: Stored) -> bool:
    """Whether SES had verified the key and does not confirm it any more."""
    return stored.was_verified and stored.status not in ("SUCCESS", GONE)


def is_refused(stored: Stored) -> bool:
    """
    Whether `pulumi up` refuses the identity: it is not this resource's any more, and not adopted.
    """
    return stored.other_owner is not None and not stored.declared.adopt


def drift(stored: Stored) -> list[str]:
    """The texts of `differences`, for people."""
    return list(map(str, differences(stored)))


def mail_from_difference(stored: Stored) -> Message | None:
    """Why SES does not use the declared MAIL FROM domain as declared; None if it does, or gone."""
    status, declared = stored.mail_from_status, stored.declared
    if status in (None, "SUCCESS") or stored.status == GONE:
        return None
    fields = {"name": str(declared), "mail_from": declared.mail_from_domain, "status": status}
    if status == OTHER_MAIL_FROM:
        on_mx_failure = declared.on_mx_failure or "useDefault"
        return IdentityMessages.MAIL_FROM_DIFFERS(on_mx_failure=on_mx_failure, **fields)
    return IdentityMessages.MAIL_FROM(**fields)


def drift_messages(stored: Stored) -> list[Message]:
    """How SES differed from what is declared when it was last read, and what `pulumi up` does."""
    said = []
    if texts := drift(stored):
        then = "makes it again" if stored.status == GONE else "repairs that, or says what to do"
        if is_refused(stored):
            then = f"is refused: {TAKE_BACK}"
        name, differing = str(stored.declared), ", ".join(texts)
        said.append(IdentityMessages.DRIFT(name=name, differences=differing, then=then))
    if difference := mail_from_difference(stored):
        said.append(difference)
    return said


def _mail_from_status(stored: Stored, seen: SesIdentity) -> str | None:
    declared = stored.declared
    is_ours = other_owner(declared, seen.tags) is None
    if declared.mail_from_domain is None or not is_ours:
        return stored.mail_from_status
    if seen.mail_from != declared.mail_from_domain:
        return OTHER_MAIL_FROM
    is_other = seen.rejects != (declared.on_mx_failure == "reject")
    if seen.mail_from_status == "SUCCESS" and is_other:
        return OTHER_MAIL_FROM
    return seen.mail_from_status


def as_seen(stored: Stored, seen: SesIdentity) -> Stored:
    return replace(
        stored,
        key=stored.key and replace(stored.key, status=seen.dkim_status),
        origin=seen.origin,
        signing_enabled=seen.signing_enabled,
        signing_selector=seen.selector,
        error_type=seen.failure,
    )


def refreshed(stored: Stored, seen: SesIdentity | None) -> Stored:
    """
    What is stored after a read of SES that changes nothing; None: SES shows no such identity.

    An identity that is gone stays in the state as GONE: only the state shows which generations it
    signed with, and mail with their signatures is still on its way.
    """
    if stored.key is None:
        return stored  # as far as the state shows, SES never got the key
    if seen is None:
        return replace(
            stored,
            key=replace(stored.key, status=GONE),
            origin="",
            signing_enabled=False,
            signing_selector=None,
            error_type="",
            other_owner=None,
        )
    return replace(
        as_seen(stored, seen),
        other_owner=other_owner(stored.declared, seen.tags),
        mail_from_status=_mail_from_status(stored, seen),
        was_verified=stored.was_verified
        or (has_key(stored.declared.selector, seen) and _has_verified(stored.key, seen)),
    )


def _has_verified(key: KeyInSes, seen: SesIdentity) -> bool:
    """
    Whether SES, which has the stored *key*, has verified it since it was set.

    SUCCESS alone may be that of the key before: a read may be stale, and SES may keep the status.
    """
    if seen.last_success and seen.last_success > key.key_set_at:
        return True
    return seen.dkim_status == "SUCCESS" and seen.at - key.key_set_at >= SETTLED
