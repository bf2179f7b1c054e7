"""If this fails, `make check` is silent about a vulnerability, or about not having looked."""

import json
import runpy
import sys
from pathlib import Path

import pytest

AUDIT = runpy.run_path(str(Path(__file__).parents[2] / ".ci" / "audit.py"))["audit"]


def saying(stdout="", stderr="", code=0):
    """A command that says this."""
    text = (
        f"import sys; sys.stdout.write({stdout!r}); sys.stderr.write({stderr!r}); sys.exit({code})"
    )
    return [sys.executable, "-c", text]


CLEAN = {"name": "click", "version": "8.2", "vulns": []}
HOLED = {"name": "idna", "version": "3.6", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.7"]}]}
RESOLVE = "Traceback (most recent call last):\nrequests.exceptions.ConnectionError: can't resolve"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (
            saying(json.dumps({"dependencies": [CLEAN]})),
            (0, "vulnerabilities: none known in 1 packages"),
        ),
        (
            saying(json.dumps({"dependencies": [CLEAN, HOLED]}), code=1),
            (
                1,
                (
                    "vulnerabilities:\nidna 3.6: PYSEC-1, fixed in 3.7\n`make lock` takes newer "
                    "versions"
                ),
            ),
        ),
        (
            saying(stderr=RESOLVE, code=1),
            (
                0,
                "vulnerabilities: not looked up, the database can't be reached "
                "(requests.exceptions.ConnectionError)",
            ),
        ),
        (
            saying(stderr="No module named pip_audit", code=1),
            (1, "vulnerabilities: pip-audit failed: No module named pip_audit"),
        ),
    ],
    ids=["none", "one", "not reached", "broken"],
)
def test_audit(command, expected):
    """
    A vulnerability fails the check; a database that can't be reached is said, and fails nothing.
    """
    assert AUDIT(command) == expected
