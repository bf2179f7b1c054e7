"""Runs the tests of this folder; it ends at once if a compiler is missing, and names it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest


def main() -> int:
    """The exit status of pytest, or 2."""
    if missing := [tool for tool in ("node", "npm", "go") if shutil.which(tool) is None]:
        print(f"make languages: not on PATH: {', '.join(missing)}", file=sys.stderr)
        return 2
    return pytest.main([str(Path(__file__).parent), *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
