"""`python -m tests.fuzz --cases N`: N inputs in all, and how many each target got."""

from __future__ import annotations

import argparse
import random
import sys
import time

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
    parser.add_argument("--only", help="the one target of this name, which gets all the inputs")
    arguments = parser.parse_args()
    targets = [one for one in TARGETS if arguments.only in (None, one.name)]
    if not targets:
        parser.error(f"--only is one of {', '.join(one.name for one in TARGETS)}")
    weights = sum(one.weight for one in targets)
    print(
        (
            f"seed {arguments.seed}, python -m tests.fuzz --cases {arguments.cases} --seed "
            f"{arguments.seed}"
        ),
        flush=True,
    )
    total, began = 0, time.monotonic()
    for target in targets:
        started = time.monotonic()
        # Rounded up, so that together they are no fewer than asked for.
        count = put_cases(target, -(-arguments.cases * target.weight // weights), arguments.seed)
        total += count
        print(f"{target.name:28} {count:8,} inputs {time.monotonic() - started:7.1f} s", flush=True)
    print(
        f"{'all':28} {total:8,} inputs {time.monotonic() - began:7.1f} s, each a value or a "
        "clear error"
    )
    if total < arguments.cases:
        sys.exit(f"only {total} of {arguments.cases}: a target has no more different inputs")


if __name__ == "__main__":
    main()
