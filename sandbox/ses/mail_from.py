"""
The custom MAIL FROM domain of one identity: its status, and SES's search for its MX record.

Values in, values out, as in `identity`. The status is about the MX record alone (SES v2 API,
`MailFromDomainStatus`): what SPF says is the receiver's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

SEARCH: Final = timedelta(hours=72)
"""How long SES looks for the MX record before the status is FAILED (SES developer guide, MAIL FROM)."""

LONGEST_GAP: Final = timedelta(hours=1)
"""Between two checks. Not documented; an assumption."""


@dataclass(frozen=True, slots=True)
class MailFrom:
    domain: str = ""
    """Empty: mail goes out with SES's own."""
    on_mx_failure: str = "USE_DEFAULT_VALUE"
    status: Literal["PENDING", "SUCCESS", "FAILED", "TEMPORARY_FAILURE"] = "PENDING"
    since: datetime | None = None
    """When SES began to search: at the Put, or when the record was first missed."""
    next_check: datetime | None = None
    """None: it checks no more."""
    checks: int = 0

    def checked(self, answer: Sequence[str] | None, *, region: str, at: datetime, gap: timedelta) -> MailFrom:
        """After a check: *answer* is the MX values, None for no answer; *gap* is before the second one."""
        if answer is not None and [one.lower().rstrip(".") for one in answer] == [expected(region)]:
            return replace(self, status="SUCCESS", since=None, next_check=at + LONGEST_GAP, checks=0)
        since = self.since or at
        # 2**12 seconds are over an hour already.
        following = at + min(LONGEST_GAP, gap * 2 ** min(self.checks, 12))
        missed = replace(self, since=since, checks=self.checks + 1, next_check=min(following, since + SEARCH))
        if at >= since + SEARCH:
            return replace(missed, status="FAILED", next_check=None)
        was_there = answer is None or self.status != "PENDING"
        return replace(missed, status="TEMPORARY_FAILURE" if was_there else "PENDING")

    def answer(self) -> dict[str, Any]:
        custom = {"MailFromDomain": self.domain, "MailFromDomainStatus": self.status} if self.domain else {}
        return custom | {"BehaviorOnMxFailure": self.on_mx_failure}


def expected(region: str) -> str:
    """The one MX record that the MAIL FROM domain must have."""
    return f"10 feedback-smtp.{region}.amazonses.com"
