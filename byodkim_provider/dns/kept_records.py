"""
Records of other senders that a delegated zone must keep, in the form of `aws.route53.Record`.

Pure values: a record comes from a value under `keep` in the configuration, or from a lookup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from byodkim_provider.dkim import records
from byodkim_provider.quoting import shown

Record = dict[str, Any]
"""*type*, TXT or CNAME, and *values*, as `aws.route53.Record` takes them."""

_HOST_NAME: Final = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}")
"""The target of a CNAME. Underscores are common in it: `s1._domainkey.example.net`."""


def from_value(value: str) -> Record:
    """
    The record that *value* describes: a key is a TXT record, a host name the target of a CNAME.

    Raises ValueError with what is wrong with it.

    >>> from_value("k1.dkim.example.net.")
    {'type': 'CNAME', 'values': ['k1.dkim.example.net']}
    """
    target = value.lower().removesuffix(".")
    if _HOST_NAME.fullmatch(target):
        return as_cname([target])
    if not re.search(r"(^|;)\s*p\s*=", value):
        raise ValueError(
            f"must be a key like 'v=DKIM1; k=rsa; p=…', or the target of a CNAME, not {shown(value)}"
        )
    return as_txt([value])


def as_txt(values: Iterable[str]) -> Record:
    """A TXT record; raises ValueError for values that Route 53 would not store unchanged."""
    listed = list(values)
    if any(re.search(r'["\\]|[^ -~]', value) for value in listed):
        raise ValueError("its value has quotes, backslashes or characters beyond ASCII")
    return {"type": "TXT", "values": [records.route53_value(value) for value in listed]}


def as_cname(targets: Iterable[str]) -> Record:
    """A CNAME record."""
    return {"type": "CNAME", "values": sorted(targets)}


def as_written(keep: Mapping[str, str | None]) -> str:
    """
    `keep` as YAML; given values are abbreviated.

    >>> as_written({"google": None, "newsvc": "v=DKIM1; p=AAAA"})
    '[google, {newsvc: …}]'
    """
    listed = (selector if value is None else f"{{{selector}: …}}" for selector, value in keep.items())
    return f"[{', '.join(listed)}]"
