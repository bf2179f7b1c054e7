"""
Measures, and prints what it finds: `python -m tests.bench --sizes 1,10`.

Our program and that of the engine's price make each run in turn, on one machine at one time: the
ratio of their seconds is what counts. What is to be reached is in docs/reference/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from byodkim_provider.dkim import keys, records
from sandbox.pulumi.engine import find_pulumi
from sandbox.pulumi.plugins import ROOT
from sandbox.ses.emulator import Switches
from sandbox.world import Sandbox
from tests.bench.stack import seconds
from tests.engine.stack import Stack

PRICE: Final = Path(__file__).with_name("price.py")

OURS, OF_PRICE = "ours.example", "price.example"
"""Zones: SES has one identity of a name."""

RUNS: Final = {"preview": "preview", "first up": "up", "unchanged up": "up"}


def measured(domains: int) -> Iterator[str]:
    """A row of each run, with seconds of both programs."""
    names = [f"d{number}.{OURS}" for number in range(domains)]
    switches = Switches(requests_per_second=None, first_check_seconds=0)
    with (
        Sandbox(switches=switches) as sandbox,
        Stack(sandbox, has_passphrase=True) as ours,
        Stack(sandbox, has_passphrase=True) as price,
    ):
        sandbox.add_zone(OURS)
        sandbox.add_zone(OF_PRICE)
        del ours._shared["ses-byodkim:defaults"]["keyBits"]  # as users have it
        ours.declare({name: {"generation": 1} for name in names})
        for stack, program in ((ours, ROOT / "__main__.py"), (price, PRICE)):
            (stack._work / "__main__.py").write_text(program.read_text())
        given = json.dumps(_of_price(domains))
        for name, run in RUNS.items():
            of_ours, of_price = seconds(ours, run), seconds(price, run, BENCH_DOMAINS=given)
            row = f"{of_ours:.1f} | {of_price:.1f} | {of_ours / of_price:.2f}"
            yield f"| {domains} | {name} | {row} |"


def _of_price(domains: int) -> dict[str, Any]:
    """
    What the program of the price declares: each domain with the same two keys, which stand here
    once, because one variable of the environment holds it all.
    """
    signing_keys = []
    for selector in ("s1", "s2"):
        key = keys.generate(2048)
        record = records.route53_value(records.record_value(key.public_key_der))
        signing_keys.append(
            {"selector": selector, "private_key": key.pkcs1_base64(), "record": record}
        )
    names = [f"d{number}.{OF_PRICE}" for number in range(domains)]
    return {"zone": OF_PRICE, "domains": names, "keys": signing_keys}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--sizes", default="1,10,100", help="numbers of domains, with commas")
    sizes = parser.parse_args().sizes.split(",")
    versions = f"Pulumi CLI {find_pulumi().version}, SDK {version('pulumi')}"
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {versions}")
    print("| domains | run | ours, s | price, s | ratio |\n| --: | --- | --: | --: | --: |")
    for size in sizes:
        for line in measured(int(size)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
