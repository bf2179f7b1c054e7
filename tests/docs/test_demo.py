"""If this fails, the demo fails, or the start page shows another demo than people see."""

import re
import subprocess
import sys

import pytest

from tests.docs.pages import ROOT, block, shows

pytestmark = pytest.mark.engine

PAGE = "docs/README.md", "See it work", 2

DURING = re.compile(r"^during .*", re.MULTILINE)
"""How much mail is sent while a run lasts differs; the rest is always the same."""


def test_demo():
    """It prints what the page shows, in 80 columns."""
    command = [sys.executable, "-m", "sandbox.demo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = DURING.search(block(*PAGE))[0]
    assert shows(DURING.sub(shown, done.stdout), *PAGE)
    assert max(map(len, done.stdout.splitlines())) <= 80
