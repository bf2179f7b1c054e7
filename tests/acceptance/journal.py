"""
What was asked and answered, as a file that grows: the transcript, and what a run is resumed from.

Answers are in the order of the calls. Events (`product`, `cleaned` …) stand beside them, each once: what a
run has behind it. Nothing secret and nothing of other people gets in: every text is masked before it is kept.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tests.acceptance.errors import Stop

PRINCIPAL: Final = re.compile(r"arn:aws[\w-]*:(iam|sts)::[^\s\"\\,]+")
ACCOUNT_IN_ARN: Final = re.compile(r"(arn:aws[\w-]*:[\w-]*:[\w-]*:)\d{12}\b")
NAME: Final = re.compile(r"(?:[\w.+-]+@)?(?<![\w-])(?:[\w-]+\.)+(?:xn--[\w-]+|[^\W\d_]{2,}\b)\.?")
"""A domain or an address in a text."""

OF_AWS: Final = re.compile(
    r"(?:.+\.)?(?:amazonaws|amazonses|amazon|awsdns-\d+)\.(?:com|org|net|co\.uk)|com\.amazon.*"
)
"""Names that say nothing of anybody: SES's own, those of Route 53's servers in SOA records, of classes."""

ENDS: Final = {"cleaning", "cleaned"}
"""Events by which a run ends; one that is `reopened` for its open questions does not have them behind it."""


def masking(account: str, is_ours: Callable[[str], bool]) -> Callable[[str], str]:
    """
    What makes a text fit to be published: no account, no IAM principal, no name but *is_ours* and AWS's.

    It depends on nothing that changes while a run lasts, as a run is resumed from texts that were masked.
    """

    def mask_name(found: re.Match[str]) -> str:
        name = found[0]
        if is_ours(name) or OF_AWS.fullmatch(name.rstrip(".")):
            return name
        return "(an address)" if "@" in name else "(a name)"

    def mask(text: str) -> str:
        text = PRINCIPAL.sub("(a principal)", text)
        text = ACCOUNT_IN_ARN.sub(r"\1(account)", text)
        text = re.sub(rf"\b{re.escape(account)}\b", "(account)", text)
        return NAME.sub(mask_name, text)

    return mask


@dataclass
class Journal:
    """What was asked and answered, oldest first. *path* is written as it grows; what it has is replayed."""

    path: Path | None = None
    mask: Callable[[str], str] = lambda text: text
    entries: list[dict[str, Any]] = field(default_factory=list)
    events: dict[str, Any] = field(default_factory=dict)
    """What the run has behind it, by name."""
    damage: str = ""
    """What is wrong with the file. What comes after that is not read."""
    _replayed: int = 0
    _probed: int | None = None
    """How many entries there were when all had been asked."""

    def __post_init__(self) -> None:
        if not (self.path and self.path.exists()):
            return
        written = self.path.read_bytes()
        whole = written[: written.rfind(b"\n") + 1]  # without the last line of a run that was killed
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                entry = json.loads(line)
                if "event" in entry:
                    self._happened(entry["event"], entry["answer"])
                else:
                    self.entries.append(entry)
            except (LookupError, TypeError, ValueError):
                self.damage = f"{self.path} is damaged in line {number}: it can't be resumed"
                return
        if whole != written:
            os.truncate(self.path, len(whole))

    @property
    def replays(self) -> bool:
        """There are answers of then to be used up."""
        return self._replayed < len(self.entries)

    def once(self, asked: list[Any], do: Callable[[], Any]) -> Any:
        """What was answered to *asked* then, or what *do* returns now."""
        asked = self._masked(asked)
        if self.replays:
            entry = self.entries[self._replayed]
            if entry["asked"] != asked:
                raise Stop(f"the journal has {entry['asked']}, this version asks {asked}: start a new run")
            self._replayed += 1
            return entry["answer"]
        self.entries.append({"asked": asked, "answer": self._masked(do())})
        self._replayed += 1
        self._write(self.entries[-1])
        return self.entries[-1]["answer"]

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """In the block no other process goes on with this run: `Stop` if one does already."""
        if not self.path:
            yield
            return
        with self.path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Stop(f"nothing was changed: another process works on the run of {self.path}") from None
            yield

    def record(self, event: str, answer: Any = None) -> None:
        """The run has this behind it."""
        self._happened(event, self._masked(answer))
        self._write({"event": event, "answer": self.events[event]})

    def _happened(self, event: str, answer: Any) -> None:
        if event == "probed":
            self._probed = len(self.entries)
        elif event == "cleaning" and self._probed is not None:
            del self.entries[self._probed :]  # what was asked again, of identities that are deleted now
        elif event == "reopened":
            self.events = {name: told for name, told in self.events.items() if name not in ENDS}
        self.events[event] = answer

    def _masked(self, value: Any) -> Any:
        return _each_text(json.loads(json.dumps(value, default=datetime.timestamp)), self.mask)

    def _write(self, entry: dict[str, Any]) -> None:
        if self.path:
            with self.path.open("a") as file:
                file.write(json.dumps(entry) + "\n")


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each_text(one, change) for one in value]
    return {k: _each_text(one, change) for k, one in value.items()} if isinstance(value, dict) else value
