"""
What a probe may touch: identities and records below one name of one run, mail, and time.

Every answer from outside goes through the journal. So the journal is the transcript, without private
keys, and a run that was cut off is resumed from it: the probes are run again, on the answers of then.
While a run waits, it checks every ten minutes that nothing has appeared that is not its own.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from tests.acceptance.errors import PATIENCE, Refused, Stop, Unanswered, patiently
from tests.acceptance.journal import Journal
from tests.acceptance.keys import Key, make_key

TAG: Final = "byodkim-acceptance"
"""Key of the tag that identities of a run have; its value is the code of the run."""

SECONDS_PER_CALL: Final = 1.1
"""SES allows one call a second (developer guide, quotas)."""

TRIES: Final = 120
"""Of a call that SES throttles, a second apart; then it is made again every `GUARD_SECONDS`."""

RAW_TRIES: Final = 3
"""Of a request signed by hand that gets no answer, although ordinary calls do."""

GUARD_SECONDS: Final = 600.0
"""How often it is checked that nothing of others has appeared, and so the longest wait in one piece."""

CALM_SECONDS: Final = 10.0
"""Shorter waits are part of a measurement, which the calls of the guard would disturb."""

PREFIX: Final = "byodkim-acceptance-"
"""What a run has below its zone, its bucket and its rule set begin with; the run follows."""


T = TypeVar("T")


class Record(NamedTuple):
    """One record set of a zone."""

    name: str
    kind: str
    set_identifier: str = ""
    """Where Route 53 has several of one name and type, by weight or another policy; no run makes one."""
    texts: tuple[str, ...] = ()
    """Of TXT: its values, the strings of each joined."""


class Records(Protocol):
    """
    One zone's records. A method that *waits* returns when DNS has the change.

    A name that has records with a routing policy is left as it is: `Stop`.
    """

    def publish(self, name: str, strings: list[list[str]], *, waits: bool = True) -> None:
        """*name* has exactly these records, each given by its strings."""

    def publish_mx(self, name: str, value: str) -> None:
        """Mail to *name* goes there."""

    def remove(self, name: str, kind: str = "TXT", *, waits: bool = True) -> None:
        """*name* has no record of that type; no error if it had none."""

    def listed(self) -> list[Record]:
        """Every record set in the zone, names as `plain` has them."""


class Mailboxes(Protocol):
    """What receives mail for runs, in the whole account."""

    def listed(self) -> dict[str, list[str]]:
        """By run, what there is of it."""

    def remove(self, run: str) -> list[str]:
        """Take away what that run has; what it was called."""


class NoMailboxes:
    """Nothing receives mail."""

    def listed(self) -> dict[str, list[str]]:
        return {}

    def remove(self, run: str) -> list[str]:
        return []


@dataclass
class Outside:
    """One SES in one Region, a zone, and time: the sandbox's or the real ones."""

    ses: Any
    """A boto3 client of `sesv2` that tries once."""
    records: Records
    zone: str
    region: str
    account: str
    now: Callable[[], float]
    """Seconds since some moment."""
    wait: Callable[[float], None]
    send: Callable[[str], bytes] | None = None
    """Mail from a domain as it arrives, or None where none can be received."""
    guard: Callable[[], None] = lambda: None
    """Raises `Stop` if something is there that is not this run's."""
    mailboxes: Mailboxes = field(default_factory=NoMailboxes)
    patience: float = PATIENCE
    """For how long a call is made again that finds no network, in seconds."""
    raw: Callable[[str, str, bytes], str] | None = None
    """Method, path and body of a request that no SDK sends, signed; status, code and text of the answer."""


def run_of(code: str) -> str:
    """What a run is called in names and tags, eight hex digits: its code can't be found out from it."""
    return hashlib.sha256(code.encode()).hexdigest()[:8]


def below(run: str, zone: str) -> str:
    """The name that everything of a run is below."""
    return f"{PREFIX}{run}.{zone}"


def plain(name: str) -> str:
    """*name* as names are compared: SES keeps capitals and a final dot."""
    return name.rstrip(".").lower()


@functools.lru_cache  # the same names are looked at before each call
def run_in(name: str, zone: str) -> str:
    """The run that an identity or a record of that name belongs to, or ""."""
    found = re.fullmatch(rf"(?:.+[.@])?{PREFIX}([0-9a-f]{{8}})\.{re.escape(zone)}", plain(name))
    return found[1] if found else ""


class Lab:
    """
    One run. Names and keys follow from its secret *code*; `run` is what may be shown of it.

    A *part* of the run that is not journalled has names and keys of its own.
    """

    def __init__(
        self, outside: Outside, code: str, journal: Journal | None = None, *, part: str = ""
    ) -> None:
        self.outside = outside
        self.run = run_of(code)
        self.journal = journal or Journal()
        self._names = random.Random(f"names {part}{code}")
        self._seeds = (f"key {number} {part}{code}" for number in itertools.count())
        self._next_call = 0.0
        self._guarded = outside.now()
        # What follows is measured by the first probe; until then it is as long, or short, as can be.
        self.lag = 120.0
        """For how long reads show the state of before at most, in seconds."""
        self.first_check = 3600.0
        """From a key to SES's first check of DNS, in seconds. Not exact: it shows no "not found"."""
        self.unchecked = 0.0
        """For how many seconds after a key SES has made no check, for sure."""

    def domain(self) -> str:
        """A name of this run that nobody has used."""
        return f"d{self._names.getrandbits(32):08x}.{below(self.run, self.outside.zone)}"

    def key(self, selector: str = "", **form: int) -> Key:
        """A key that nobody has used."""
        return make_key(next(self._seeds), selector or f"k{self._names.getrandbits(32):08x}", **form)

    def now(self) -> float:
        """Seconds since some moment."""
        return float(self.journal.once(["now"], self.outside.now))

    def wait_until(self, at: float) -> None:
        """Go on at that moment; in a replay, at once. `Stop` if something foreign appears meanwhile."""
        while not self.journal.replays:
            left = at - self.outside.now()
            self.outside.wait(min(max(left, 0), GUARD_SECONDS))
            if left >= CALM_SECONDS:
                self._guard_if_due()
            if left <= GUARD_SECONDS:
                return

    def _guard_if_due(self) -> None:
        if not self.journal.replays and self.outside.now() - self._guarded >= GUARD_SECONDS:
            self.outside.guard()
            self._guarded = self.outside.now()
            self._next_call = self._guarded + SECONDS_PER_CALL  # the guard makes calls too

    def call(self, action: str, *, is_observing: bool = False, **parameters: Any) -> dict[str, Any]:
        """
        SES's answer, times in seconds since 1970; `At` is SES's own time. Raises `Refused`.

        What SES throttles is asked again later, for hours. So is what observes something, if SES fails.
        """
        soon, later = [1.0] * TRIES, [GUARD_SECONDS] * int(self.outside.patience // GUARD_SECONDS)
        while True:
            answer: dict[str, Any] = self.journal.once(
                [action, public(parameters)], lambda: self._send(action, parameters)
            )
            if "refused" not in answer:
                return answer
            refused = Refused(*answer["refused"])
            is_throttled, fails = refused.status == 429, is_observing and refused.status >= 500
            pauses = soon or later if is_throttled else later if fails else []
            if pauses:
                self.wait_until(self.outside.now() + pauses.pop())
            elif is_throttled:
                raise Stop(f"SES throttles {action} on end: something else calls it")
            else:
                raise refused

    def unpaced(self, action: str, **parameters: Any) -> int:
        """The HTTP status of a call that is made at once and only once; 0 if it got no answer."""

        def status() -> int:
            try:
                self._asked(action, parameters)
            except ClientError as error:
                return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
            except (BotoCoreError, OSError):
                return 0
            finally:
                self._next_call = self.outside.now() + SECONDS_PER_CALL
            return 200

        return int(self.journal.once([action], status))  # what a List says of others is not kept

    def raw(self, what: str, request: tuple[str, str, bytes]) -> str:
        """Status, code and text of the answer to *request*, which no SDK sends; or that it has no answer."""
        return str(self.journal.once(["raw", what], lambda: self._sent_raw(*request)))

    def _sent_raw(self, method: str, path: str, body: bytes) -> str:
        said = "no answer"
        for _ in range(RAW_TRIES):
            try:
                said = self._paced(lambda: self.outside.raw(method, path, body))  # type: ignore[misc]
            except (OSError, HTTPException, BotoCoreError) as error:
                said = f"no answer: {type(error).__name__}"
            if not said.startswith(("no answer", "429")):
                break
            # Whatever keeps an ordinary call from its answer is over then, so it was the request.
            self._send("get_email_identity", {"EmailIdentity": below(self.run, self.outside.zone)})
        return said

    def create(self, domain: str, key: Key | None = None, **more: Any) -> dict[str, Any]:
        """CreateEmailIdentity, tagged as this run's."""
        tags = [{"Key": TAG, "Value": self.run}]
        attributes = {"DkimSigningAttributes": key.attributes} if key else {}
        wanted = {"EmailIdentity": domain, "Tags": tags} | attributes | more
        try:
            return self.call("create_email_identity", **wanted)
        except Refused as refused:
            if refused.code != "AlreadyExistsException":
                raise
            self.delete(domain)  # a run that was cut off has made it
            return self.call("create_email_identity", **wanted)

    def put(self, domain: str, key: Key) -> dict[str, Any]:
        """PutEmailIdentityDkimSigningAttributes with that key."""
        return self.call(
            "put_email_identity_dkim_signing_attributes",
            EmailIdentity=domain,
            SigningAttributesOrigin="EXTERNAL",
            SigningAttributes=key.attributes,
        )

    def get(self, domain: str) -> dict[str, Any] | None:
        """GetEmailIdentity, or None."""
        try:
            return self.call("get_email_identity", is_observing=True, EmailIdentity=domain)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def delete(self, domain: str) -> None:
        """The identity is gone; no error if there was none."""
        try:
            self.call("delete_email_identity", EmailIdentity=domain)
        except Refused as refused:
            if refused.status != 404:
                raise

    def publish(self, domain: str, key: Key, *records: list[str]) -> None:
        """*key*'s record, bare, or *records*, each as a list of strings."""
        strings = list(records) or [[key.p[:255], key.p[255:]] if len(key.p) > 255 else [key.p]]
        name = key.record_name(domain)
        self.journal.once(["publish", name, strings], lambda: self.outside.records.publish(name, strings))
        self._guard_if_due()  # Route 53 takes a minute or so for each

    def remove(self, domain: str, key: Key) -> None:
        """*key* has no record."""
        name = key.record_name(domain)
        self.journal.once(["remove", name], lambda: self.outside.records.remove(name))

    def signed_with(self, domain: str) -> str | None:
        """The selector of the signature under mail from *domain* sent now; "" if it is unsigned."""
        send = self.outside.send
        if not send:
            return None

        def sent() -> str | None:
            try:
                return selector_of(send(domain), domain)
            except Unanswered:
                return None

        selector = self.journal.once(["mail", domain], sent)
        if selector is None:
            raise Unanswered(f"mail from {domain} did not arrive")
        return str(selector)

    def _send(self, action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """SES's answer, or `refused`; `Tries` where the network or SES failed before."""
        tries = 0

        def once() -> dict[str, Any]:
            nonlocal tries
            tries += 1
            return self._paced(lambda: self._asked(action, parameters))

        try:
            answer = patiently(once, wait=self.outside.wait, what=action, seconds=self.outside.patience)
        except ClientError as error:
            told, metadata = error.response["Error"], error.response["ResponseMetadata"]
            answer = {"refused": [metadata["HTTPStatusCode"], told["Code"], told.get("Message")]}
        return answer | ({"Tries": tries} if tries > 1 else {})

    def _paced(self, do: Callable[[], T]) -> T:
        """What *do* returns, a while after the call before it."""
        self.outside.wait(max(self._next_call - self.outside.now(), 0))
        try:
            return do()
        finally:
            self._next_call = self.outside.now() + SECONDS_PER_CALL

    def _asked(self, action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        answer = getattr(self.outside.ses, action)(**parameters)
        date = answer.pop("ResponseMetadata")["HTTPHeaders"].get("date")
        return answer | ({"At": parsedate_to_datetime(date).timestamp()} if date else {})


def public(value: Any) -> Any:
    """*value* without a private key in it."""
    if isinstance(value, Mapping):
        return {k: "(a key)" if k == "DomainSigningPrivateKey" else public(v) for k, v in value.items()}
    return [public(one) for one in value] if isinstance(value, list) else value


def selector_of(content: bytes, domain: str) -> str:
    """`s=` of the signature of *domain* in a message, or ""."""
    headers = content.partition(b"\r\n\r\n")[0].replace(b"\r\n\t", b" ").replace(b"\r\n ", b" ").decode()
    for line in headers.splitlines():
        name, _, value = line.partition(":")
        tags = dict(tag.strip().split("=", 1) for tag in value.split(";") if "=" in tag)
        if name.lower() == "dkim-signature" and tags.get("d") == domain:
            return tags["s"].strip()
    return ""
