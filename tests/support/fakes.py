"""
The outside world of a unit test: time, DNS, SES and the reader of `pulumi up`, all in one process.

Nothing here waits or leaves the process. SES is the sandbox's own state machine, so that fake
and emulator keep the same rules.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

from byodkim_provider.aws.errors import only_reads
from byodkim_provider.aws.ses import ONLY_IF_THROTTLED, SesClient
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.errors import AwsRefused, Stopped
from byodkim_provider.messages import Message
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.progress import stopping
from sandbox.clock import SandboxClock
from sandbox.ses.model import NoAnswerError, SesModel
from sandbox.ses.rules import SesError

REGION: Final = "eu-west-1"

START: Final = datetime(2026, 11, 25, 12, tzinfo=UTC)
"""When every test begins, so that texts with a date can be compared."""

ATTEMPTS: Final = 3
"""How often a call is tried: more than a test spoils if the call is to succeed in the end."""

LIST_PAGE_SIZE: Final = 20
"""Of ListEmailIdentities: small, so that tests have pages without thousands of identities."""

SERVERS: Final = ("ns1.example.net", "ns2.example.net")


class FakeClock(SandboxClock):
    """Time that passes when somebody waits, for product and sandbox alike."""

    def __init__(self) -> None:
        super().__init__()
        self._planned: list[tuple[float, Callable[[], object]]] = []

    def now(self) -> datetime:
        return START + self._offset

    def monotonic(self) -> float:
        return self._offset.total_seconds()

    def wait(self, seconds: float) -> bool:
        """As `Clock.wait`; what is planned for this time happens meanwhile."""
        if seconds > 0:
            seconds = max(seconds, 1e-6)  # it has no less, and who waits must not wait for ever
        end = self.monotonic() + seconds
        while self._planned and self._planned[0][0] <= end and not stopping.is_set():
            at, action = self._planned.pop(0)
            self.advance(max(at - self.monotonic(), 0))
            action()
        if not stopping.is_set():
            self.advance(max(end - self.monotonic(), 0))
        return stopping.is_set()

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        """*action* happens once that much time has passed and somebody is waiting."""
        self._planned.append((self.monotonic() + seconds, action))
        self._planned.sort(key=lambda planned: planned[0])


@dataclass(frozen=True)
class WrongClock:
    """The clock of a machine that is that much ahead of *right*."""

    right: FakeClock
    ahead: timedelta

    def now(self) -> datetime:
        return self.right.now() + self.ahead

    def monotonic(self) -> float:
        return self.right.monotonic()

    def wait(self, seconds: float) -> bool:
        return self.right.wait(seconds)


@dataclass
class FakeProgress:
    """Keeps what a person would have read, oldest first."""

    updates: list[str] = field(default_factory=list)
    infos: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def update(self, text: object) -> None:
        self.updates.append(str(text))

    def info(self, text: object) -> None:
        self.infos.append(str(text))

    def warn(self, text: object) -> None:
        self.warnings.append(str(text))


@dataclass
class FakeResolver:
    """DNS with two authoritative servers, which answer from *records*."""

    records: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """TXT values by name."""
    failures: dict[str, str] = field(default_factory=dict)
    """By server, why it gives no answer."""
    looked_up: list[str] = field(default_factory=list)
    mx_records: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def look_up(self, name: str, domain: str, kind: str) -> tuple[Answer, ...]:
        if kind == "TXT":
            return self.txt(name, domain)
        records = self.mx_records if kind == "MX" else {}
        return tuple(Answer(server, records.get(name, ())) for server in SERVERS)

    def txt(self, name: str, domain: str) -> tuple[Answer, ...]:
        assert name.endswith(domain)
        self.looked_up.append(name)
        return tuple(self._answer(server, name) for server in SERVERS)

    def _answer(self, server: str, name: str) -> Answer:
        if server in self.failures:
            return Answer(server, None, self.failures[server])
        return Answer(server, self.records.get(name, ()))


class _Operations:
    """A client of botocore that calls nothing: each method is the name of its action."""

    def __getattr__(self, method: str) -> str:
        return method.title().replace("_", "")


class FakeSes(SesClient):
    """
    The client of SES in one Region, on the sandbox's state machine instead of HTTP.

    A call is tried `ATTEMPTS` times without a pause, a Put of a key only after a 429, and the
    interruption of a run is heard, as there.
    """

    def __init__(self, model: SesModel, region: str = REGION) -> None:
        self._client: Any = _Operations()
        self._model = model
        self._region = region
        self._clock: Any = model.clock

    def set_mail_from(self, domain: str, mail_from: str) -> None:
        """What others do."""
        self._make(
            "PutEmailIdentityMailFromAttributes",
            domain,
            EmailIdentity=domain,
            MailFromDomain=mail_from,
        )

    def arn(self, domain: str) -> str:
        return f"arn:aws:ses:{self._region}:{self._model.account_id}:identity/{domain}"

    def _make(self, operation: Any, domain: str, /, *_: Any, **sent: Any) -> Any:
        if operation == "ListEmailIdentities":
            sent["PageSize"] = LIST_PAGE_SIZE
        for _attempt in range(ATTEMPTS):
            if stopping.is_set():
                raise Stopped(AwsMessages.INTERRUPTED(service="SES"))
            try:
                answer = self._model.call(operation, self._region, sent)
                # SES's `Date` header, which has no fractions of a second.
                date = format_datetime(self._model.clock.now(), usegmt=True)
                return {**answer, "ResponseMetadata": {"HTTPHeaders": {"date": date}}}
            except SesError as error:
                code, throttled, passes = (
                    error.code,
                    error.status_code == 429,
                    error.status_code >= 500,
                )
            except NoAnswerError as lost:
                code, throttled, passes = lost.fault.kind, False, True
            if not throttled and (not passes or operation in ONLY_IF_THROTTLED):
                break
        is_unchanged = not passes and not only_reads(operation)
        steps = [AwsMessages.UNCHANGED(service="SES")] if is_unchanged else []
        raise ses_refused(operation, domain, self._region, code, *steps)


def ses_refused(operation: str, domain: str, region: str, code: str, *steps: Message) -> AwsRefused:
    """The error of a call that SES refused."""
    said = AwsMessages.REFUSED(
        operation=operation, subject=domain, region=region, code=code, request="", steps=list(steps)
    )
    return AwsRefused(said, code=code, kind="SesRefused")
