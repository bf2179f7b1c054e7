"""
Runs the fault matrix, all of it or a sample, and prints its unsound cells; the exit status says
whether all is sound.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
from concurrent.futures import ProcessPoolExecutor

from tests.faults.matrix import cells, problems


def main() -> int:
    """The number of unsound cells, at most 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--sample", type=int, metavar="N", help="N cells only")
    parser.add_argument(
        "--match", default="", metavar="TEXT", help="only cells whose name has TEXT in it"
    )
    options = parser.parse_args()
    grid = [cell for cell in cells() if options.match in str(cell)]
    if options.sample:
        grid = random.sample(grid, options.sample)
    unsound = 0
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork")) as workers:
        for cell, found in zip(grid, workers.map(problems, grid, chunksize=50), strict=True):
            if found:
                unsound += 1
                print(f"{cell}", *found, sep="\n  ", flush=True)
    print(f"{len(grid)} cells, {unsound} unsound")
    return min(unsound, 1)


if __name__ == "__main__":
    sys.exit(main())
