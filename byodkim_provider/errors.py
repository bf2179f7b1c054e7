"""
Every error this package raises on purpose: a message with its hint, of a class that people read first.

The message says what was found and what was expected, for which name; its hint says what was changed, and
the next step. All are in `messages`. No message contains key material.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, Self

from byodkim_provider.messages import Message
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.quoting import printable

DEBUG_VARIABLE: Final = "BYODKIM_DEBUG"
"""If this variable is set in the environment of `pulumi`, errors have a traceback."""


class ByodkimError(Exception):
    """Superclass of every error here; never raised itself."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self.message = message
        self.text = str(message)
        self.hint = message.hint

    def __str__(self) -> str:
        return self.message.with_hint()


class InvalidSettings(ByodkimError):
    """The configuration is wrong; *problems* holds one line for each thing to fix."""

    def __init__(self, problems: Message | Sequence[Message | str], *, hint: str = "") -> None:
        """One problem with its own hint, or several; *hint* is about all, by default the one they share."""
        self.problems = (str(problems),) if isinstance(problems, Message) else tuple(map(str, problems))
        if not isinstance(problems, Message):
            hints = {getattr(one, "hint", "") for one in problems}
            hint = hint or (hints.pop() if len(hints) == 1 else "")
            several = [f"{len(self.problems)} problems:", *self.problems]
            lines = self.problems[0] if len(self.problems) == 1 else "\n  - ".join(several)
            problems = SettingMessages.LISTED(lines=lines, hint=hint)
        super().__init__(problems)


class InvalidKey(ByodkimError):
    """SES can't sign with this key. Its text never quotes the key."""


class IdentityExists(ByodkimError):
    """SES has this identity already, and it does not belong to this resource."""


class RecordNotVisible(ByodkimError):
    """A record is not visible in DNS. SES gets a key only after its record is visible."""


class StillInUse(ByodkimError):
    """A generation would leave DNS while mail signed with it may still be on its way."""


class WrongAccount(ByodkimError):
    """The session's AWS account is not the account of pulumi-aws."""


class NotVerified(ByodkimError):
    """SES has not verified every identity within the time limit, and `onTimeout` is `fail`."""


class _CallRefused(ByodkimError):
    """A service of AWS answered a call with an error that no retry helps against."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self.operation = message.fields.get("operation")
        self.code = message.fields["code"]
        """AWS's code, or its SDK's; "" for an error of pulumi-aws itself."""

    def with_steps(self, steps: Sequence[Message]) -> Self:
        """The same error with further *steps* in its hint."""
        known: Any = self.message.fields["steps"]
        fields = {**self.message.fields, "steps": [*known, *steps]}
        return type(self)(replace(self.message, fields=fields))


class SesRefused(_CallRefused):
    """SES refused a call about a domain."""


class SecretRefused(_CallRefused):
    """Secrets Manager refused a call about a secret, which is named by its name or its ARN."""


class AwsRefused(_CallRefused):
    """Another AWS service, such as Route 53 or STS, answered a call with an error."""


class SecretChanged(ByodkimError):
    """A secret does not hold the key that was written to it."""


class DnsRefused(ByodkimError):
    """A DNS host refused a request, and a retry does not help."""


class DnsUnconfirmed(ByodkimError):
    """A DNS host did not confirm that a record is as declared: whether it was changed is not known."""


class Stopped(ByodkimError):
    """The run was interrupted (Ctrl-C); the hint says whether something may have been changed."""


def error_text(spelled: Callable[[str], str]) -> str:
    """What a run shows of the exception that is being handled: a traceback is of use only if it is a bug."""
    error = sys.exc_info()[1]
    if isinstance(error, ByodkimError) and not os.environ.get(DEBUG_VARIABLE):
        kind = "" if isinstance(error, InvalidSettings) else f"{type(error).__name__}: "
        return "".join(f"{printable(line)}\n" for line in spelled(f"{kind}{error}").split("\n"))
    return traceback.format_exc()
