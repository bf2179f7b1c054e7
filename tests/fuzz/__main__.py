"""`python -m tests.fuzz --cases N`: N inputs in all, and how many each target got."""

from __future__ import annotations

import argparse
import random
import sys

from tests.fuzz.doors import TARGETS
from tests.fuzz.target import put_cases


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "--cases", type=int, default=100_000, help="inputs, for all targets together"
    )
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="repeats an earlier run"
    )
    arguments = parser.parse_args()
    weights = sum(target.weight for target in TARGETS)
    print(f"--cases {arguments.cases} --seed {arguments.seed}", flush=True)
    total = 0
    for target in TARGETS:
        # Rounded up, so that together they are no fewer than asked for.
        count = put_cases(target, -(-arguments.cases * target.weight // weights), arguments.seed)
        total += count
        print(f"{target.name:28} {count:8,} inputs", flush=True)
    print(f"{'all':28} {total:8,} inputs, each a value or a clear error")
    if total < arguments.cases:
        sys.exit(f"only {total} of {arguments.cases}: a target has no more different inputs")


if __name__ == "__main__":
    main()
