"""
Runs the fault matrix, all of it or a sample, and prints it; the exit status says whether all is
sound.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.faults.matrix import cells, judged, summary


def main() -> int:
    """The number of unsound cells, at most 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--sample", type=int, metavar="N", help="N cells only")
    parser.add_argument("--seed", type=int, help="which ones")
    parser.add_argument(
        "--match", default="", metavar="TEXT", help="only cells whose name has TEXT in it"
    )
    options = parser.parse_args()
    began = time.monotonic()
    grid = [cell for cell in cells() if options.match in str(cell)]
    seed = random.randrange(2**32) if options.seed is None else options.seed
    if options.sample:
        grid = random.Random(seed).sample(grid, options.sample)
        print(f"{len(grid)} cells, --seed {seed}")
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork")) as workers:
        results = []
        for result in workers.map(judged, grid, chunksize=50):
            results.append(result)
            if result.problems:
                print(f"{result.cell}", *result.problems, sep="\n  ", flush=True)
    print(summary(results))
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if any(result.problems for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
