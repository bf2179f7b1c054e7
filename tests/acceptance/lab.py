"""
What a probe may touch: identities and records below one name of one run, mail, and time.

Every answer from outside goes through the journal. So the journal is the transcript, without private
keys, and a run that was cut off is resumed from it: the probes are run again, on the answers of then.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from tests.acceptance.keys import Key, make_key

__all__ = [
    "SECONDS_PER_CALL",
    "TAG",
    "Journal",
    "Lab",
    "Outside",
    "Records",
    "Refused",
    "Stop",
    "below",
    "public",
    "run_of",
    "selector_of",
]

TAG: Final = "byodkim-acceptance"
"""Key of the tag that identities of a run have; its value is the code of the run."""

SECONDS_PER_CALL: Final = 1.1
"""SES allows one call a second (developer guide, quotas)."""

TRIES: Final = 20
"""Of a call that SES throttles, a second apart."""


class Stop(Exception):
    """The run can't go on; the message says why and what is left."""


class Refused(Exception):
    """SES's error answer."""

    def __init__(self, status: int, code: str, text: str | None) -> None:
        super().__init__(f"{status} {code}: {text}")
        self.status, self.code, self.text = status, code, text


class Records(Protocol):
    """One zone's records. Each method returns when DNS has the change."""

    def publish(self, name: str, strings: list[list[str]]) -> None:
        """*name* has exactly these records, each given by its strings."""

    def publish_mx(self, name: str, value: str) -> None:
        """Mail to *name* goes there."""

    def remove(self, name: str, kind: str = "TXT") -> None:
        """*name* has no record of that type; no error if it had none."""

    def listed(self) -> list[tuple[str, str]]:
        """Name and type of every record set in the zone."""


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
    remove_mailboxes: Callable[[], list[str]] = list
    """Takes away what receives mail for runs; what it was called."""
    raw: Callable[[str, str, bytes], str] | None = None
    """Method, path and body of a request that no SDK sends, signed; status, code and text of the answer."""


@dataclass
class Journal:
    """What was asked and answered, oldest first. *path* is written as it grows; what it has is replayed."""

    path: Path | None = None
    entries: list[dict[str, Any]] = field(default_factory=list)
    _replayed: int = 0

    def __post_init__(self) -> None:
        if self.path and self.path.exists():
            with contextlib.suppress(json.JSONDecodeError):  # the last line of a run that was killed
                for line in self.path.read_text().splitlines():
                    self.entries.append(json.loads(line))
            self.path.write_text("".join(json.dumps(entry) + "\n" for entry in self.entries))

    @property
    def replays(self) -> bool:
        """There are answers of then to be used up."""
        return self._replayed < len(self.entries)

    def once(self, asked: list[Any], do: Callable[[], Any]) -> Any:
        """What was answered to *asked* then, or what *do* returns now."""
        if self.replays:
            entry = self.entries[self._replayed]
            if entry["asked"] != asked:
                raise Stop(f"the journal has {entry['asked']}, this version asks {asked}: start a new run")
            self._replayed += 1
            return entry["answer"]
        answer = json.loads(json.dumps(do(), default=datetime.timestamp))
        self.entries.append({"asked": asked, "answer": answer})
        self._replayed += 1
        if self.path:
            with self.path.open("a") as file:
                file.write(json.dumps(self.entries[-1]) + "\n")
        return answer


def run_of(code: str) -> str:
    """What a run is called in names and tags, eight hex digits: its code can't be found out from it."""
    return hashlib.sha256(code.encode()).hexdigest()[:8]


def below(run: str, zone: str) -> str:
    """The name that everything of a run is below."""
    return f"a-{run}.{zone}"


class Lab:
    """One run. Names and keys follow from its secret *code*; `run` is what may be shown of it."""

    def __init__(self, outside: Outside, code: str, journal: Journal | None = None) -> None:
        self.outside = outside
        self.run = run_of(code)
        self.journal = journal or Journal()
        self._names, self._keys = random.Random(f"names {code}"), random.Random(f"keys {code}")
        self._next_call = 0.0
        self.lag = 0.0
        """For how long reads show the state of before, in seconds."""
        self.first_check = 1.0
        """From a key to SES's first check of DNS, in seconds."""

    def domain(self) -> str:
        """A name of this run that nobody has used."""
        return f"d{self._names.getrandbits(32):08x}.{below(self.run, self.outside.zone)}"

    def key(self, selector: str = "", **form: int) -> Key:
        """A key that nobody has used."""
        return make_key(self._keys, selector or f"k{self._names.getrandbits(32):08x}", **form)

    def now(self) -> float:
        """Seconds since some moment."""
        return float(self.journal.once(["now"], self.outside.now))

    def wait_until(self, at: float) -> None:
        """Go on at that moment; in a replay, at once."""
        if not self.journal.replays:
            self.outside.wait(max(at - self.outside.now(), 0))

    def call(self, action: str, **parameters: Any) -> dict[str, Any]:
        """SES's answer, times in seconds since 1970; `At` is SES's own time. Raises `Refused`."""
        for _ in range(TRIES):
            answer: dict[str, Any] = self.journal.once(
                [action, public(parameters)], lambda: self._send(action, parameters)
            )
            if "refused" not in answer:
                return answer
            refused = Refused(*answer["refused"])
            if refused.status != 429:
                raise refused
            if not self.journal.replays:
                self.outside.wait(1)
        raise Stop(f"SES throttles {action} for {TRIES} s on end: something else calls it")

    def unpaced(self, action: str, **parameters: Any) -> int:
        """The HTTP status of a call that is made at once and only once."""
        answer = self.journal.once([action], lambda: self._send(action, parameters, paced=False))
        return int(answer["refused"][0]) if "refused" in answer else 200

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
            return self.call("get_email_identity", EmailIdentity=domain)
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

    def remove(self, domain: str, key: Key) -> None:
        """*key* has no record."""
        name = key.record_name(domain)
        self.journal.once(["remove", name], lambda: self.outside.records.remove(name))

    def signed_with(self, domain: str) -> str | None:
        """The selector of the signature under mail from *domain* sent now; "" if it is unsigned."""
        send = self.outside.send
        if not send:
            return None
        return str(self.journal.once(["mail", domain], lambda: selector_of(send(domain), domain)))

    def _send(self, action: str, parameters: Mapping[str, Any], *, paced: bool = True) -> dict[str, Any]:
        if paced:
            self.outside.wait(max(self._next_call - self.outside.now(), 0))
        try:
            answer = getattr(self.outside.ses, action)(**parameters)
            metadata = answer.pop("ResponseMetadata")
            date = parsedate_to_datetime(metadata["HTTPHeaders"]["date"])
            return {**answer, "At": date.timestamp()}
        except ClientError as error:
            told, metadata = error.response["Error"], error.response["ResponseMetadata"]
            if told["Code"] in EXPIRED:
                raise Stop(f"AWS takes these credentials no more ({told['Code']}): renew them") from None
            if told["Code"] == "AccessDeniedException":
                raise Stop(f"these credentials may not {action}: POLICY=1 prints what they need") from None
            return {"refused": [metadata["HTTPStatusCode"], told["Code"], told.get("Message")]}
        except BotoCoreError as error:
            raise Stop(f"{action}: {type(error).__name__}") from None  # its text may quote what was sent
        finally:
            self._next_call = self.outside.now() + SECONDS_PER_CALL


EXPIRED: Final = {"ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException"}


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
