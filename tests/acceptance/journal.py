"""
What was asked and answered, as a file that grows: the transcript, and what a run is resumed from.

Answers are in the order of the calls. Events (`product`, `cleaned` …) stand beside them, each once: what a
run has behind it. Nothing secret and nothing of other people gets in: every text is masked before it is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tests.acceptance.errors import Stop

PRINCIPAL: Final = re.compile(r"arn:aws[\w-]*:(iam|sts)::[^\s\"\\,]+")
ACCOUNT_IN_ARN: Final = re.compile(r"(arn:aws[\w-]*:[\w-]*:[\w-]*:)\d{12}\b")
ADDRESS: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def masking(account: str, zone: str, others: Iterable[str] = ()) -> Callable[[str], str]:
    """
    What makes a text fit to be published: no account, no IAM principal, no name outside *zone*.

    *others* are the identities of other people, which SES's texts may name.
    """
    names = sorted({re.escape(name) for name in others}, key=len, reverse=True)
    any_of = "|".join(names) or r"(?!)"
    theirs = re.compile(rf"(?<![\w-])(?:[\w-]+\.)*(?:{any_of})(?![\w-])", re.IGNORECASE)

    def mask(text: str) -> str:
        text = PRINCIPAL.sub("(a principal)", text)
        text = ACCOUNT_IN_ARN.sub(r"\1(account)", text)
        text = re.sub(rf"\b{re.escape(account)}\b", "(account)", text)
        text = theirs.sub("(a name)", text)
        return ADDRESS.sub(
            lambda found: found[0] if found[0].lower().endswith(f".{zone}") else "(an address)", text
        )

    return mask


@dataclass
class Journal:
    """What was asked and answered, oldest first. *path* is written as it grows; what it has is replayed."""

    path: Path | None = None
    mask: Callable[[str], str] = lambda text: text
    entries: list[dict[str, Any]] = field(default_factory=list)
    events: dict[str, Any] = field(default_factory=dict)
    """What the run has behind it, by name."""
    _replayed: int = 0

    def __post_init__(self) -> None:
        if not (self.path and self.path.exists()):
            return
        lines = self.path.read_text().splitlines()
        for number, line in enumerate(lines, start=1):
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                if number < len(lines):
                    raise Stop(f"{self.path} is damaged in line {number}: it can't be resumed") from None
                break  # the last line of a run that was killed
            if "event" in entry:
                self.events[entry["event"]] = entry["answer"]
            else:
                self.entries.append(entry)
        if len(lines) > len(self.entries) + len(self.events):
            self.path.write_text("".join(f"{line}\n" for line in lines[:-1]))

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

    def record(self, event: str, answer: Any = None) -> None:
        """The run has this behind it."""
        self.events[event] = self._masked(answer)
        self._write({"event": event, "answer": self.events[event]})

    def _masked(self, value: Any) -> Any:
        return json.loads(self.mask(json.dumps(value, default=datetime.timestamp)))

    def _write(self, entry: dict[str, Any]) -> None:
        if self.path:
            with self.path.open("a") as file:
                file.write(json.dumps(entry) + "\n")
