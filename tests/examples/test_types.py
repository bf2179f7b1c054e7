"""Each example passes a strict type checker, as a program of a user would."""

import subprocess
import sys

import pytest

from tests.docs.pages import ROOT

PROGRAMS = sorted(path.relative_to(ROOT) for path in ROOT.glob("examples/**/__main__.py"))


# `make check` checks the one for Namecheap, which needs a module that Pulumi writes.
@pytest.mark.parametrize(
    "program", [one for one in PROGRAMS if one.parts[1] != "namecheap"], ids=str
)
def test_types(program):
    """The types of arguments and outputs fit."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", program], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
