"""
Every error this package raises on purpose: a message with its hint, and its kind, which people read
first.

The message says what was found and what was expected, for which name; its hint says what was
changed, and the next step. All are in `messages`. No message contains key material. A kind is a
class of its own where a program, or another part of this package, catches it.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, Self

from byodkim_provider.messages import Message
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.quoting import printable_lines

DEBUG_VARIABLE: Final = "BYODKIM_DEBUG"
"""If this variable is set in the environment of `pulumi`, errors have a traceback."""


Kind = Literal[
    "IdentityExists",
    "NotVerified",
    "RecordNotVisible",
    "SecretChanged",
    "SecretRefused",
    "SesRefused",
    "StillInUse",
]
"""
The kinds of errors without a class. The docs have each kind, with the state now and the next
command.
"""


class ByodkimError(Exception):
    """
    Any error of this package; *kind* is what people read first, by default the name of a class
    below.
    """

    def __init__(self, message: Message, *, kind: Kind | None = None) -> None:
        super().__init__(message)
        self.kind: str = kind or type(self).__name__
        self.message = message
        self.text = str(message)
        self.hint = message.hint

    def __str__(self) -> str:
        return self.message.with_hint()

    def with_kind(self) -> str:
        """Kind, text and hint."""
        return f"{self.kind}: {self}"


class InvalidSettings(ByodkimError):
    """The configuration is wrong; *problems* holds one line for each thing to fix."""

    def __init__(self, problems: Message | Sequence[Message | str], *, hint: str = "") -> None:
        """
        One problem with its own hint, or several; *hint* is about all, by default the one they
        share.
        """
        self.problems = (
            (str(problems),) if isinstance(problems, Message) else tuple(map(str, problems))
        )
        if not isinstance(problems, Message):
            hints = {getattr(one, "hint", "") for one in problems}
            hint = hint or (hints.pop() if len(hints) == 1 else "")
            several = [f"{len(self.problems)} problems:", *self.problems]
            lines = self.problems[0] if len(self.problems) == 1 else "\n  - ".join(several)
            problems = SettingMessages.LISTED(lines=lines, hint=hint)
        super().__init__(problems)


class InvalidKey(ByodkimError):
    """SES can't sign with this key. Its text never quotes the key."""


class WrongAccount(ByodkimError):
    """The session's AWS account is not the account of pulumi-aws."""


class AwsRefused(ByodkimError):
    """
    A service of AWS answered a call with an error. That of SES, or of Secrets Manager, has a
    *kind*.
    """

    def __init__(self, message: Message, *, code: str = "", kind: Kind | None = None) -> None:
        """*code* is AWS's, or its SDK's; an error of pulumi-aws has none."""
        super().__init__(message, kind=kind)
        self.code = code

    def with_fields(self, **fields: object) -> Self:
        """The same error with other *fields* of its message."""
        message = replace(self.message, fields={**self.message.fields, **fields})
        changed = type(self)(message, code=self.code)
        changed.kind = self.kind
        return changed


class DnsRefused(ByodkimError):
    """A DNS host refused a request, and a retry does not help."""


class DnsUnconfirmed(ByodkimError):
    """
    A DNS host did not confirm that a record is as declared: whether it was changed is not known.
    """


class Stopped(ByodkimError):
    """The run was interrupted (Ctrl-C); the hint says whether something may have been changed."""


def error_text() -> str:
    """
    What a run shows of the exception that is being handled: a traceback is of use only if it is a
    bug.
    """
    error = sys.exc_info()[1]
    if error is None or os.environ.get(DEBUG_VARIABLE):
        return traceback.format_exc()
    if isinstance(error, ByodkimError):
        said = str(error) if isinstance(error, InvalidSettings) else error.with_kind()
        return f"{printable_lines(said)}\n"
    frames = traceback.extract_tb(error.__traceback__)
    package = str(Path(__file__).parent)
    if not any(frame.filename.startswith(package) for frame in frames):
        return traceback.format_exc()  # of a dynamic provider of the user's own
    places = "".join(frames.format())
    words = f"whose words {DEBUG_VARIABLE}=1 shows: they may quote a value"
    return f"Traceback (most recent call last):\n{places}{type(error).__name__}, {words}\n"
