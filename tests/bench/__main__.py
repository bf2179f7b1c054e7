"""
Measures, and prints what it finds: `python -m tests.bench --sizes 1,10`.

The programs of a case run one after the other, of one commit and on one machine. What is to be
reached is in docs/reference/performance.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from sandbox.pulumi.engine import find_pulumi
from tests.bench.cases import cases, described, measured
from tests.bench.starts import measured_starts


def say(text: str) -> None:
    print(text, flush=True)


def shown(one: Mapping[str, Any]) -> str:
    """All that was measured of one program."""
    lines = []
    for name, run in one["runs"].items():
        processes = ", ".join(
            f"{kind} {seconds:.1f} s {run['peak_mib'][kind]} MiB"
            for kind, seconds in run["cpu_seconds"].items()
        )
        requests = ", ".join(f"{action} {number}" for action, number in run["requests"].items())
        lines += [f"  {name}: {run['wall_seconds']:.1f} s", f"    CPU, memory: {processes}"]
        lines += [f"    requests: {requests or 'none'}"]
    sizes = {part: round(size / one["domains"]) for part, size in one["state_bytes"].items()}
    total = sum(sizes.values()) - sizes["stackTrace"]
    parts = ", ".join(f"{part} {size}" for part, size in sizes.items())
    lines.append(f"  state: {total} bytes a domain without stackTrace ({parts})")
    return "\n".join([*lines, f"  resources: {sum(one['resources'].values())}"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--sizes", default="1,10,100", help="numbers of domains, with commas")
    arguments = parser.parse_args()
    versions = f"Pulumi CLI {find_pulumi().version}, SDK {version('pulumi')}"
    say(f"{os.cpu_count()} cores, Python {platform.python_version()}, {versions}")
    for name, seconds in measured_starts().items():
        say(f"{name}: {statistics.median(seconds):.2f} s of CPU")
    for case in cases([int(size) for size in arguments.sizes.split(",")]):
        for one in measured(case):
            say(f"{one['program']}, {described(case.conditions)}")
            say(shown(one))


if __name__ == "__main__":
    main()
