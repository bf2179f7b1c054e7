"""
The public API is typed as a user's type checker sees it, who has no plugin and no settings of ours.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

HERE = Path(__file__).parent

WRONG = {
    ("mistakes.py", number)
    for number, line in enumerate((HERE / "mistakes.py").read_text().splitlines(), 1)
    if "# ERROR" in line
}
"""The lines that a type checker refuses."""


def run(*command):
    """What a type checker prints; it ends with 1 if it found something."""
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stderr or ran.stdout
    return ran.stdout


def test_mypy(pytestconfig):
    """mypy, as strict as it gets, takes the program and refuses each mistake in its line."""
    cache = pytestconfig.cache.mkdir("mypy-of-a-user")
    options = [f"--config-file={HERE / 'mypy.ini'}", f"--cache-dir={cache}", "--no-error-summary"]
    files = [str(HERE / name) for name in ("program.py", "mistakes.py")]
    printed = run(sys.executable, "-m", "mypy", *options, *files)
    found = [line.split(":", 2) for line in printed.splitlines() if ": error: " in line]
    assert {(Path(file).name, int(number)) for file, number, _ in found} == WRONG, printed


def test_pyright(tmp_path):
    """So does pyright, here as the package that needs no download of its own."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    pyright = shutil.which("basedpyright", path=places)
    if not pyright:
        pytest.skip("basedpyright is not installed")
    project = tmp_path / "pyrightconfig.json"
    files = [str(HERE / name) for name in ("program.py", "mistakes.py")]
    project.write_text(
        json.dumps({"include": files, "extraPaths": [str(ROOT)], "typeCheckingMode": "standard"})
    )
    printed = run(pyright, "--outputjson", "--project", project, "--pythonpath", sys.executable)
    found = [one for one in json.loads(printed)["generalDiagnostics"] if one["severity"] == "error"]
    lines = {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in found}
    assert lines == WRONG, found
