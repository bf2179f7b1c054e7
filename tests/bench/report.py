"""What was measured, as tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tests.bench.cases import described
from tests.bench.targets import targets

KINDS: Final = ("engine", "program", "plugin", "pulumi-aws stand-in", "sandbox")

PARTS: Final = (
    "keys",
    "records",
    "identities",
    "component",
    "verification",
    "stack outputs",
    "replayed",
    "providers",
    "stackTrace",
)

Measured = Mapping[str, Any]
"""Of one program in one case, as `cases.measured` yields it."""


def report(results: Mapping[str, Any]) -> str:
    """The *results* as tables in Markdown, what was aimed at first."""
    return "\n\n".join([_targets(results), *_sections(results)])


def _targets(results: Mapping[str, Any]) -> str:
    head = ["100 domains", "to be reached", "measured", "reached"]
    return _table(
        head, [(*row, "yes" if reached else "**no**") for *row, reached in targets(results)], words=4
    )


def _sections(results: Mapping[str, Any]) -> Iterator[str]:
    programs = results["programs"]
    machine = ", ".join(f"{name}: {value}" for name, value in results["machine"].items())
    days = ", ".join(sorted({one["measured"] for one in programs}))
    loads = sorted({one["load_before"] for one in programs})
    between = " to ".join(map(str, loads[:: max(1, len(loads) - 1)]))
    commits = ", ".join(sorted({one["commit"] for one in programs}))
    yield f"Measured on {days} at commit {commits}, load average before a case {between}. {machine}."
    yield "### Wall time"
    yield _times(programs)
    yield "### CPU by process, and peak memory"
    yield _processes(programs)
    yield "### From record to verdict"
    yield _delays(programs)
    yield "### State"
    yield _state(programs)
    yield "### Requests"
    yield _requests(programs)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]], *, words: int) -> str:
    """The first *words* columns hold words, the others figures."""
    lines = [head, ["---"] * words + ["--:"] * (len(head) - words), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _by_case(programs: Sequence[Measured]) -> dict[str, dict[str, Measured]]:
    """By conditions, then by program."""
    found: dict[str, dict[str, Measured]] = {}
    for one in programs:
        found.setdefault(described(one), {})[one["program"]] = one
    return found


def _times(programs: Sequence[Measured]) -> str:
    def cell(case: Mapping[str, Measured], program: str, run: str) -> str:
        if program not in case:
            return "–"
        seconds, ours = (case[name]["runs"][run]["wall_seconds"] for name in (program, "ours"))
        return f"{seconds:.1f} s" + (f" ({ours / seconds:.2f} ×)" if program != "ours" else "")

    return _table(
        ["domains", "run", "ours", "plain (ours is)", "engine's price (ours is)"],
        [
            [conditions, run, *(cell(case, program, run) for program in ("ours", "plain", "price"))]
            for conditions, case in _by_case(programs).items()
            for run in case["ours"]["runs"]
        ],
        words=2,
    )


def _processes(programs: Sequence[Measured]) -> str:
    def cell(run: Measured, kind: str) -> str:
        if kind not in run["cpu_seconds"]:
            return "–"
        return f"{run['cpu_seconds'][kind]:.1f} s, {run['peak_mib'][kind]} MiB"

    return _table(
        ["domains", "program", "run", *KINDS],
        [
            [one["domains"], one["program"], name, *(cell(run, kind) for kind in KINDS)]
            for one in programs
            if not one["zone_each"] and not one["ses_limit"]
            for name, run in one["runs"].items()
        ],
        words=3,
    )


def _delays(programs: Sequence[Measured]) -> str:
    names = [
        f"{step}, {which}" for step in ("record to key", "key to verdict") for which in ("median", "longest")
    ]
    return _table(
        ["domains", "run", *names],
        [
            [described(one), run, *(f"{delays[name]} s" if name in delays else "–" for name in names)]
            for one in programs
            if one["program"] == "ours"
            for run in ("first up", "rotation")
            for delays in [one["runs"][run]["delays"]]
        ],
        words=2,
    )


def _state(programs: Sequence[Measured]) -> str:
    chosen = [one for one in programs if not one["zone_each"] and not one["ses_limit"]]
    return _table(
        ["domains", "program", "resources", "bytes a domain, no `stackTrace`", *PARTS],
        [
            [
                one["domains"],
                one["program"],
                sum(one["resources"].values()),
                round((sum(one["state_bytes"].values()) - one["state_bytes"]["stackTrace"]) / one["domains"]),
                *(round(one["state_bytes"].get(part, 0) / one["domains"]) or "–" for part in PARTS),
            ]
            for one in chosen
        ],
        words=2,
    )


def _requests(programs: Sequence[Measured]) -> str:
    """Of ours and of the plain program, at the largest size of each condition."""
    largest = {(one["program"], described(one | {"domains": 0})): one for one in programs}
    rows = [
        [
            described(one),
            one["program"],
            action,
            *(run["requests"].get(action, "–") for run in one["runs"].values()),
        ]
        for one in largest.values()
        if one["program"] != "price"
        for action in sorted({action for run in one["runs"].values() for action in run["requests"]})
    ]
    return _table(["domains", "program", "action", *programs[0]["runs"]], rows, words=3)
