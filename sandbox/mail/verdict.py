"""Whether the DKIM signature of a message is good: dkimpy's judgement, and for what reason."""

import binascii
from dataclasses import dataclass
from typing import Any, Literal

import dkim

from sandbox.mail.dns import LookUp

Result = Literal["pass", "unsigned", "fail"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A receiver's judgement at one moment. It may be another one later, as DNS changes."""

    result: Result
    reason: str = ""
    """Why a signature fails. `bad signature`: message, signature and key do not belong together."""
    domain: str = ""
    """`d=` of the signature: who signed."""
    selector: str = ""
    """`s=` of the signature: with which key."""


class _NoKey(dkim.DKIMException):  # type: ignore[misc]  # dkimpy has no types
    """For what reason there is no key."""


def judge(content: bytes, look_up: LookUp) -> Verdict:
    """
    What a receiver says of *content*'s topmost signature, SES's own, with the key that *look_up*
    finds.
    """
    reason = "bad syntax"
    try:
        message = dkim.DKIM(content)
        if not message.present():
            return Verdict("unsigned")
        good = message.verify(dnsfunc=lambda name, **_: _key_record(name, look_up))
        reason = "" if good else "bad signature"
    except _NoKey as problem:
        reason = str(problem)
    except dkim.DKIMException:
        # The size is known once the key is: up to there, it was the signature's own form.
        if message.keysize:
            reason = "bad signature"
    return Verdict("fail" if reason else "pass", reason, _tag(message, b"d"), _tag(message, b"s"))


def _key_record(name: bytes, look_up: LookUp) -> bytes:
    """
    The one record at *name*, which has a key. Else `_NoKey`, where dkimpy would say no more than
    False.
    """
    values = look_up(name.decode().rstrip(".")).values
    if not values or len(values) > 1:  # of which two are undefined (RFC 6376 section 3.6.2.2)
        why = "several key records" if values else "no key record"
        raise _NoKey("DNS does not answer" if values is None else why)
    record = values[0].encode()
    try:
        dkim.evaluate_pk(name, record)
    except (dkim.KeyFormatError, binascii.Error):
        raise _NoKey("no key in the record") from None
    return record


def _tag(message: Any, name: bytes) -> str:
    tag: bytes = message.signature_fields.get(name, b"")
    return tag.decode(errors="replace")
