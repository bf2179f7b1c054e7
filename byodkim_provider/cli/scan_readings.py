"""
What a scan has read of each identity, and the file that keeps it, so that an interrupted scan goes on.

One JSON object a line, added as it is read: whatever ends a scan, at most the last line is incomplete.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal, Self

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.aws.tags import OWNER_TAG, STACK_TAG, TAGS
from byodkim_provider.cli.messages import CannotRead
from byodkim_provider.property_types import moment, timestamp

KEPT: Final = timedelta(hours=24)
"""How long a reading counts. `pulumi up` reads each identity again before it changes anything."""

EASY: Final = "AWS_SES"
"""Beginning of the origin of Easy DKIM; a replica's goes on with the Region that it is a replica of."""

Signing = Literal["byodkim", "easy", "none"]
"""With what SES signs mail of a domain now, apart from its own domain's key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What GetEmailIdentity said of one domain in one Region."""

    domain: str
    region: str
    read_at: datetime
    origin: str
    status: str
    signing_enabled: bool
    selector: str | None = None
    configuration_set: str | None = None
    tags: Mapping[str, str]

    @classmethod
    def of(cls, identity: SesIdentity, domain: str, region: str, *, read_at: datetime) -> Self:
        return cls(
            domain=domain,
            region=region,
            read_at=read_at,
            origin=identity.origin,
            status=identity.dkim_status,
            signing_enabled=identity.signing_enabled,
            selector=identity.selector,
            configuration_set=identity.configuration_set,
            tags=dict(identity.tags),
        )

    @property
    def signing(self) -> Signing:
        # TEMPORARY_FAILURE: SES does not find the record any more, and signs for some days yet.
        if not self.signing_enabled or self.status not in ("SUCCESS", "TEMPORARY_FAILURE"):
            return "none"
        return "easy" if self.easy else "byodkim"

    @property
    def easy(self) -> bool:
        """Whether the key is Easy DKIM's, signing or not."""
        return self.origin.startswith(EASY)

    @property
    def owner(self) -> str | None:
        """The Pulumi stack that the identity belongs to, by its tags."""
        return self.tags.get(STACK_TAG) or self.tags.get(OWNER_TAG)

    @property
    def own_tags(self) -> dict[str, str]:
        """The tags that are not this project's."""
        return {key: value for key, value in self.tags.items() if key not in TAGS}

    def written(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "read_at": timestamp(self.read_at)}


class Readings:
    """The readings of one account. A class because threads add to its file while it is read."""

    def __init__(self, file: Path, *, since: datetime) -> None:
        """With those in *file* that are not older than *since*; raises `CannotRead`."""
        self.file = file
        self._lock = Lock()
        self._kept = {
            (one.region, one.domain): one for one in _read(file) if one.read_at >= since
        }  # the last one of each counts

    def get(self, region: str, domain: str) -> Reading | None:
        return self._kept.get((region, domain))

    def keep(self, reading: Reading) -> None:
        """Add *reading* to the file, at once."""
        with self._lock:
            try:
                _append(self.file, json.dumps(reading.written()))
            except OSError as error:
                raise _unusable(self.file, error) from None
            self._kept[reading.region, reading.domain] = reading

    def forget(self) -> None:
        """Read everything again from now on."""
        self._kept.clear()
        try:
            self.file.unlink(missing_ok=True)
        except OSError as error:
            raise _unusable(self.file, error) from None


def _read(file: Path) -> list[Reading]:
    """The readings in *file*. A line that is incomplete or of another version is left out."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unusable(file, error) from None
    found = []
    for line in lines:
        try:
            written = json.loads(line)
            found.append(Reading(**{**written, "read_at": moment(written["read_at"])}))
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
    return found


def _append(file: Path, line: str) -> None:
    """Add *line* to *file*, which nobody else can read: it names all domains of an account."""
    file.parent.mkdir(parents=True, exist_ok=True)
    number = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(number, "a", encoding="utf-8") as opened:
        opened.write(f"\n{line}")  # a killed process may have left its last line incomplete


def _unusable(file: Path, error: OSError) -> CannotRead:
    return CannotRead(
        f"{file}: what is read can't be kept there: {error.strerror}\n"
        "  hint: `--readings FILE` names another file"
    )
