"""
Measures, and prints the tables: `python -m tests.bench --sizes 1,10`.

Progress goes to standard error, the raw results into `--results`, so that of hours only the case that is
stopped is lost. The programs of a case run one after the other, of one commit and on one machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from byodkim_provider import __version__
from sandbox.pulumi.engine import find_pulumi
from tests.bench.cases import cases, measured
from tests.bench.report import report
from tests.bench.starts import measured_starts


def machine() -> dict[str, str]:
    """What the figures hold for."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{round(psutil.virtual_memory().total / 2**30)} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "Pulumi CLI": str(find_pulumi().version),
        "Pulumi SDK": version("pulumi"),
        "byodkim-provider": __version__,
    }


def commit() -> str:
    """Of the checkout that is measured."""
    found = subprocess.run(
        ["git", "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--sizes", default="1,10,100", help="numbers of domains, with commas")
    parser.add_argument("--results", type=Path, default=Path("build/bench.json"), help="the raw results")
    arguments = parser.parse_args()
    results: dict[str, Any] = {"machine": machine(), "starts": measured_starts(), "programs": []}
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    for case in cases([int(size) for size in arguments.sizes.split(",")]):
        when = {
            "measured": time.strftime("%Y-%m-%d", time.gmtime()),
            "load_before": round(os.getloadavg()[0], 1),
            "commit": commit(),
        }
        for one in measured(case, say):
            results["programs"].append(when | one)
            arguments.results.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(report(results))


if __name__ == "__main__":
    main()
