"""
The two records of a custom MAIL FROM domain: what they have to be, and what is wrong with those in DNS.

Values in, values out: no lookup here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

RecordType = Literal["MX", "TXT"]

TYPES: Final[tuple[RecordType, ...]] = ("MX", "TXT")

SPF: Final = re.compile("v=spf1( |$)", re.IGNORECASE)
"""What a record that is SPF begins with (RFC 7208 section 4.5)."""


def values(region: str) -> Mapping[RecordType, str]:
    """
    What SES in *region* asks for, by type.

    >>> values("eu-west-1")
    {'MX': '10 feedback-smtp.eu-west-1.amazonses.com', 'TXT': 'v=spf1 include:amazonses.com ~all'}
    """
    return {"MX": f"10 feedback-smtp.{region}.amazonses.com", "TXT": "v=spf1 include:amazonses.com ~all"}


def fits(kind: RecordType, found: Sequence[str], region: str) -> bool:
    """
    Whether SES in *region* is content with the values *found*, which may be written in another way.

    >>> fits("TXT", ["v=spf1 include:amazonses.com -all", "google-site-verification=1"], "eu-west-1")
    True
    """
    if kind == "MX":
        hosts = [value.split()[-1].rstrip(".").lower() for value in found if value.split()]
        return hosts == [f"feedback-smtp.{region}.amazonses.com"]
    spf = [value for value in found if SPF.match(value)]
    return len(spf) == 1 and "include:amazonses.com" in spf[0].lower().split()
