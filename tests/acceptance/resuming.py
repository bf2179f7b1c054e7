"""
Which runs RESUME goes on with. What it refuses stays as it is: nothing is opened before that.
"""

from __future__ import annotations

import hashlib
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.acceptance.errors import Stop
from tests.acceptance.journal import Journal
from tests.acceptance.safety import clean_up_command


def sources() -> dict[str, str]:
    """What asks the questions of a run: another version may ask others, so that no run goes on with it."""
    here, digest, commit = Path(__file__).parent, hashlib.sha256(), ""
    for path in sorted(here.glob("*.py")):
        digest.update(b"" if path.name.startswith("test_") else path.read_bytes())
    with suppress(OSError):
        command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--exclude=*"]
        commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return {"sources": digest.hexdigest()[:16], "commit": commit or "unknown"}


def check_resumed(journal: Journal, settings: dict[str, Any], run: str) -> None:
    """Refuse to go on with a run that can't be, or not with these *settings*."""
    if journal.damage or not journal.events:
        why = journal.damage or f"there is no transcript {journal.path} in this folder to go on with"
        raise Stop(f"nothing was changed: {why}")
    begun_with = journal.events.get("run", {})
    if not settings.items() <= begun_with.items():
        raise Stop(f"nothing was changed: that run has the settings {begun_with}")
    way_out = clean_up_command(run, settings["zone"], settings["region"])
    if begun_with.get("sources") != sources()["sources"]:
        raise Stop(
            f"nothing was changed: that run began with commit {begun_with.get('commit')}, and the modules in "
            f"tests/acceptance are others now; check that commit out, or delete what is left: {way_out}"
        )
    if "cleaned" in journal.events and "probed" not in journal.events:
        raise Stop("nothing was changed: that run was cleaned up before it had ended; start a new one")
    if "cleaning" in journal.events and "probed" not in journal.events:
        raise Stop(f"nothing was changed: that run was cleaned up in part; delete the rest of it: {way_out}")
