"""What was aimed at for 100 domains, and what was measured: the first table."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

DOMAINS: Final = 100

OF_PRICE: Final = {"preview": 1.5, "first up": 1.25, "unchanged up": 1.3}
"""How many times as long as the engine's price each run may take, SES's limit off."""

FASTER_THAN_PLAIN: Final = 1.5

CALL_SECONDS: Final = 1.05
START_SECONDS: Final = 15
"""A run that SES's limit bounds may take this, and `CALL_SECONDS` for each call."""

CALLS_OF_ROTATION: Final = 3
"""Calls to SES an identity."""

STATE_BYTES: Final = 24_500
"""A domain with two keys and one Region, without `stackTrace`."""

START_CPU_SECONDS: Final = {"--help": 0.3, "imports": 0.35}
START_WORDS: Final = {"--help": "`byodkim --help`", "imports": "what the program imports"}

Row = tuple[str, str, str, bool]
"""Of what, the target, what was measured, and whether that reaches it."""


def targets(results: Mapping[str, Any]) -> list[Row]:
    """The rows that the *results* have measurements for."""
    cases: dict[tuple[bool, bool], dict[str, Any]] = {}
    for one in results["programs"]:
        if one["domains"] == DOMAINS and not one["record_waits"]:
            cases.setdefault((one["ses_limit"], one["zone_each"]), {})[one["program"]] = one
    rows: list[Row] = []
    if free := cases.get((False, False)):
        rows += _against_price(free)
    rows += _of_unchanged([case["ours"] for (limit, _), case in cases.items() if not limit])
    if limited := cases.get((True, False)):
        rows += _with_limit(limited)
    if free:
        rows.append(_of_state(free["ours"]))
    rows += _of_starts(results.get("starts", {}))
    return rows


def _against_price(case: Mapping[str, Any]) -> Iterator[Row]:
    for run, most in OF_PRICE.items():
        ours, price = _seconds(case["ours"], run), _seconds(case["price"], run)
        shown = f"{ours:.1f} s, {ours / price:.2f} ×"
        yield f"{run}, limit off", f"{most} × the engine's price", shown, ours <= most * price


def _of_unchanged(found: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """One row for each case of ours, in one zone and with a zone each."""
    for ours in found:
        where = "a zone each" if ours["zone_each"] else "one zone"
        pages = 5 if ours["zone_each"] else 1  # a hundred of the account's zones on each
        requests = ours["runs"]["unchanged up"]["requests"]
        most = {"ses": 0, "dns": 0, "route53": pages, "sts": 4}
        made = {
            service: sum(number for name, number in requests.items() if name.startswith(service))
            for service in most
        }
        yield (
            f"unchanged up, {where}",
            f"requests: none to SES and DNS, {pages} to Route 53, 4 to STS",
            ", ".join(map(str, made.values())),
            all(made[service] <= most[service] for service in most),
        )


def _with_limit(case: Mapping[str, Any]) -> Iterator[Row]:
    name, ours, plain = "first up, limit on", case["ours"], case["plain"]
    yield name, *_of_time(ours, "first up", DOMAINS)
    refused = _refused(ours)
    yield name, "no call refused (429)", f"{refused} of {_ses_calls(ours, 'first up')}", not refused
    seconds = _seconds(plain, "first up")
    ratio = seconds / _seconds(ours, "first up")
    yield (
        name,
        f"{FASTER_THAN_PLAIN} × as fast as the plain program",
        f"{ratio:.1f} × ({seconds:.1f} s, {_refused(plain):,} × 429)",
        ratio >= FASTER_THAN_PLAIN,
    )
    name, calls = "rotation, limit on", _ses_calls(ours, "rotation")
    yield (
        name,
        f"{CALLS_OF_ROTATION} calls to SES an identity, polls included",
        f"{calls / DOMAINS:g}",
        calls <= CALLS_OF_ROTATION * DOMAINS,
    )
    yield name, *_of_time(ours, "rotation", calls)


def _of_time(one: Mapping[str, Any], run: str, calls: int) -> tuple[str, str, bool]:
    """Target, time and whether it is reached, for a *run* that SES's limit bounds."""
    most, seconds = CALL_SECONDS * calls + START_SECONDS, _seconds(one, run)
    return (
        f"{most:.0f} s: {CALL_SECONDS} s × {calls}, and {START_SECONDS} s",
        f"{seconds:.1f} s",
        seconds <= most,
    )


def _of_state(ours: Mapping[str, Any]) -> Row:
    size = (sum(ours["state_bytes"].values()) - ours["state_bytes"]["stackTrace"]) / DOMAINS
    target = f"{STATE_BYTES / 1000:g} KB a domain, without `stackTrace`"
    return "state", target, f"{size / 1000:.1f} KB", size <= STATE_BYTES


def _of_starts(starts: Mapping[str, Sequence[float]]) -> Iterator[Row]:
    for name, seconds in starts.items():
        most, median = START_CPU_SECONDS[name], statistics.median(seconds)
        over = "" if name == "--help" else " over `pulumi` and `pulumi_aws`"
        shown = f"{median:.2f} s, {min(seconds):.2f} to {max(seconds):.2f}"
        yield START_WORDS[name], f"{most} s of CPU{over}", shown, median <= most


def _seconds(one: Mapping[str, Any], run: str) -> float:
    seconds: float = one["runs"][run]["wall_seconds"]
    return seconds


def _ses_calls(one: Mapping[str, Any], run: str) -> int:
    return sum(number for name, number in one["runs"][run]["requests"].items() if name.startswith("ses "))


def _refused(one: Mapping[str, Any]) -> int:
    return sum(
        number for name, number in one["runs"]["first up"]["requests"].items() if name.endswith(" 429")
    )
