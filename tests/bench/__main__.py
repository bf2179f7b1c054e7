"""
Measures, keeps the raw results and writes the page: `python -m tests.bench --sizes 1,10`.

Progress goes to standard error. The programs of a case run one after the other, of one commit, and all
cases of a page on one machine: a run replaces what the one before it measured. `--rest` keeps that, and
measures only the cases that are not whole, since all of them take longer than a night. `--page-only`
writes the page from the kept results.
"""

from __future__ import annotations

import argparse
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
from tests.bench.page import RESULTS, load_results, store_results, write_page
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
    parser.add_argument("--sizes", default="1,10,50,100,300", help="numbers of domains, with commas")
    parser.add_argument("--rest", action="store_true", help="measure what is not measured yet")
    parser.add_argument("--page-only", action="store_true", help="measure nothing")
    arguments = parser.parse_args()
    if not arguments.page_only:
        results: dict[str, Any] = {"machine": machine(), "starts": measured_starts(), "programs": []}
        if arguments.rest:
            kept = load_results()
            if kept["machine"] != results["machine"]:
                parser.error(f"{RESULTS} is of another machine or version: measure all of it")
            results = kept | {"starts": results["starts"]}
        for case in cases([int(size) for size in arguments.sizes.split(",")]):
            there, others = case.of(results["programs"])
            if len(there) == len(case.programs):
                continue
            results["programs"] = others  # half a case: its programs are compared in one run
            when = {
                "measured": time.strftime("%Y-%m-%d", time.gmtime()),
                "load_before": round(os.getloadavg()[0], 1),
                "commit": commit(),
            }
            for one in measured(case, say):
                results["programs"].append(when | one)
                results["programs"].sort(key=lambda one: one["domains"])  # as the page lists them
                store_results(results)  # of hours, only the case that is stopped is lost
        say(f"raw results: {RESULTS}")
    write_page(load_results())


if __name__ == "__main__":
    main()
