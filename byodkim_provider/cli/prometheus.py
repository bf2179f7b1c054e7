"""
Formats the results of `byodkim status` for Prometheus, in its text format.

Values in, text out. The names of metrics and labels are an interface: dashboards use them.
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Final

from byodkim_provider.cli.now import SEVERITY, StackNow

METRICS: Final = {
    "byodkim_domain_status": "0 if a domain is well, 1 if something is due, 2 if something is wrong.",
    "byodkim_days_until_rotation": "Days until the signing key is as old as rotateAfterDays; negative after.",
    "byodkim_identity_verified": "1 if SES has verified the key of the stack in this Region, else 0.",
    "byodkim_identity_signing_age_days": "Days for which the key has signed in this Region.",
    "byodkim_record_servers_visible": "Name servers that show the key.",
    "byodkim_record_servers_asked": "Name servers that were asked for the key.",
    "byodkim_checked_timestamp_seconds": "When SES and DNS were asked, as Unix time.",
}
"""Every metric, a gauge, with its meaning."""

Sample = tuple[str, Mapping[str, str], float | None]


def as_prometheus(*stacks: StackNow) -> str:
    """The metrics of *stacks*. What is not known, as the age of a key that does not sign, is left out."""
    samples: dict[str, list[str]] = {name: [] for name in METRICS}
    for name, labels, value in chain.from_iterable(map(_samples, stacks)):
        if value is not None:
            samples[name].append(f"{name}{{{_labels(labels)}}} {value}\n")
    return "".join(_family(name, lines) for name, lines in samples.items() if lines)


def _samples(now: StackNow) -> Iterator[Sample]:
    stack = {"stack": now.stack}
    yield "byodkim_checked_timestamp_seconds", stack, int(now.checked_at.timestamp())
    for one in now.domains:
        domain = {**stack, "domain": one.domain}
        yield "byodkim_domain_status", domain, SEVERITY[one.verdict]
        yield "byodkim_days_until_rotation", domain, one.days_until_rotation
        for identity in one.identities:
            region = {**domain, "region": identity.region}
            yield "byodkim_identity_verified", region, int(identity.verified)
            yield "byodkim_identity_signing_age_days", region, identity.age_days
        for record in one.records:
            labels = {**domain, "name": record.name, "role": record.role or ""}
            yield "byodkim_record_servers_visible", labels, record.servers_visible
            yield "byodkim_record_servers_asked", labels, record.servers_asked


def _family(name: str, lines: Iterable[str]) -> str:
    return f"# HELP {name} {METRICS[name]}\n# TYPE {name} gauge\n{''.join(lines)}"


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
