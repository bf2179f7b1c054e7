"""
Looks up every locked package in OSV's database of known vulnerabilities; `make check` runs it.

A vulnerability fails the check. A database that can't be reached does not, and is said: a
build must not depend on somebody else's server.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

SECONDS = 60
"""For all packages together; one connection that hangs is given up after `--timeout`."""

COMMAND = (
    *(sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip"),
    *("--vulnerability-service", "osv", "--timeout", "5", "--progress-spinner", "off"),
    *("--format", "json", "--requirement", "requirements-dev.lock"),
)

UNREACHABLE = ("ConnectionError", "Timeout", "ProxyError", "SSLError", "HTTPError", "ServiceError")
"""In the last line of pip-audit's complaint, if nothing or nobody useful answered."""


def audit(command: Sequence[str] = COMMAND, *, seconds: float = SECONDS) -> tuple[int, str]:
    """Exit code and the text that goes with it."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)  # noqa: S603
    except subprocess.TimeoutExpired:
        return (
            0,
            f"vulnerabilities: not looked up, the database did not answer within {seconds:g} s",
        )
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        complaint = (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
        if any(name in complaint for name in UNREACHABLE):
            why = complaint.partition(":")[0]
            return 0, f"vulnerabilities: not looked up, the database can't be reached ({why})"
        return 1, f"vulnerabilities: pip-audit failed: {complaint}"
    found = [
        f"{package['name']} {package['version']}: {one['id']}, "
        f"fixed in {', '.join(one['fix_versions']) or 'no version'}"
        for package in packages
        for one in package.get("vulns", ())
    ]
    if found:
        return 1, "\n".join(["vulnerabilities:", *found, "`make lock` takes newer versions"])
    return 0, f"vulnerabilities: none known in {len(packages)} packages"


if __name__ == "__main__":
    code, text = audit()
    sys.stdout.write(f"{text}\n")
    sys.exit(code)
