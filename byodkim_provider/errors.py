"""
Every error this package raises on purpose: a message built from fields, and a hint.

The class says whose fault it is. The message says what was found and what was expected,
for which name; the hint says what was changed, and the next step. No message contains key
material.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime


class ByodkimError(Exception):
    """Superclass of every error here; never raised itself."""

    def __init__(self, text: str, *, hint: str = "") -> None:
        super().__init__(text, hint)
        self.text = text
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.text}\n  hint: {self.hint}" if self.hint else self.text


class InvalidSettings(ByodkimError):
    """The configuration is wrong; *problems* holds one line for each thing to fix."""

    def __init__(self, problems: Sequence[str], *, hint: str = "") -> None:
        several = [f"{len(problems)} problems:", *(f"  - {one}" for one in problems)]
        super().__init__(problems[0] if len(problems) == 1 else "\n".join(several), hint=hint)
        self.problems = tuple(problems)


class InvalidKey(ByodkimError):
    """SES can't sign with this key. *reason* never quotes the key."""

    def __init__(self, reason: str, *, hint: str = "") -> None:
        super().__init__(reason, hint=hint)
        self.reason = reason


class IdentityExists(ByodkimError):
    """SES has this identity already, and it does not belong to this resource."""

    def __init__(self, domain: str, region: str, *, origin: str, detail: str, hint: str = "") -> None:
        super().__init__(f"{domain} {region}: SES has this identity already ({origin}), {detail}", hint=hint)


class RecordNotVisible(ByodkimError):
    """A record is not visible in DNS. SES gets a key only after its record is visible."""

    def __init__(self, name: str, *, answers: Sequence[str], waited_seconds: float, hint: str = "") -> None:
        super().__init__(f"{name}: not visible after {waited_seconds:.0f} s: {', '.join(answers)}", hint=hint)


class StillInUse(ByodkimError):
    """A generation would leave DNS while mail signed with it may still be on its way."""

    def __init__(
        self,
        domain: str,
        generation: int,
        *,
        signed_until: datetime,
        allowed_from: datetime,
        published_today: Sequence[int],
        hint: str = "",
    ) -> None:
        super().__init__(
            f"{domain}: generation {generation} signed until {signed_until:%Y-%m-%d %H:%M} UTC, "
            f"it must stay published until {allowed_from:%Y-%m-%d %H:%M} UTC",
            hint=hint,
        )
        self.domain = domain
        self.generation = generation
        self.signed_until = signed_until
        self.allowed_from = allowed_from
        self.published_today = tuple(published_today)


class WrongAccount(ByodkimError):
    """The session's AWS account is not the account of pulumi-aws."""

    def __init__(
        self, *, expected: str, got: str, session: str, service: str = "SES", hint: str = ""
    ) -> None:
        super().__init__(
            f"with {session} {service} would be called in AWS account {got}, pulumi-aws works in {expected}",
            hint=hint,
        )


class NotVerified(ByodkimError):
    """SES has not verified every identity within the time limit, and `onTimeout` is `fail`."""

    def __init__(self, *, pending: Sequence[str], waited_seconds: float, hint: str = "") -> None:
        super().__init__(f"not verified after {waited_seconds:.0f} s: {'; '.join(pending)}", hint=hint)


class _CallRefused(ByodkimError):
    """A service answered a call with an error that no retry helps against."""

    def __init__(
        self, operation: str, subject: str, region: str, *, code: str, request_id: str = "", hint: str = ""
    ) -> None:
        request = f" (request {request_id})" if request_id else ""
        super().__init__(f"{operation} for {subject!r} in {region}: {code}{request}", hint=hint)
        self.operation = operation
        self.subject = subject
        self.region = region
        self.code = code
        self.request_id = request_id


class SesRefused(_CallRefused):
    """SES refused a call about a domain."""


class SecretRefused(_CallRefused):
    """Secrets Manager refused a call about a secret, which is named by its name or its ARN."""


class AwsRefused(ByodkimError):
    """
    Another AWS service, such as Route 53 or STS, answered a call with an error.

    *subject* names what the call was about, "" for the credentials themselves; *code* is "" for an
    error of pulumi-aws itself.
    """

    def __init__(self, operation: str, subject: str, *, code: str, reason: str, hint: str = "") -> None:
        about = f" for {subject}" if subject else ""
        super().__init__(": ".join(filter(None, (f"{operation}{about}", code, reason))), hint=hint)
        self.code = code
        self.reason = reason


class SecretChanged(ByodkimError):
    """A secret does not hold the key that was written to it; *found* is the other key's fingerprint."""

    def __init__(self, secret: str, *, expected: str, found: str | None, hint: str = "") -> None:
        other = f"another key ({found})" if found else "something else"
        super().__init__(f"{secret}: expected the key {expected}, the secret holds {other}", hint=hint)


class _DnsError(ByodkimError):
    """*host* is host and zone, such as `godaddy:example.com`."""

    def __init__(self, host: str, name: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"{host}: {name}: {reason}", hint=hint)


class DnsRefused(_DnsError):
    """A DNS host refused a request."""


class DnsUnconfirmed(_DnsError):
    """A DNS host did not confirm within the time limit that a record is as declared."""


class Stopped(ByodkimError):
    """The run was interrupted (Ctrl-C) before the call began to change anything."""
