"""
Runs a workflow of GitHub Actions as its runner would, as far as the examples need it.

Steps that use an action are what the sandbox has already: a checkout, Python, the Pulumi CLI,
credentials. Every other step is run as it stands.
"""

import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from tests.docs.pages import ROOT
from tests.docs.shell import Done, Shell

EXAMPLES: Final = ROOT / "examples" / "github-actions"

LINTER: Final = (
    sys.executable,
    "-m",
    "check_jsonschema",
    "--builtin-schema",
    "vendor.github-workflows",
)

GIVEN: Final = (
    "actions/(checkout|setup-python|(up|down)load-artifact)"
    "|aws-actions/configure-aws-credentials|pulumi/actions"
)
"""Actions whose work the sandbox has done."""


def load(name: str) -> dict[str, Any]:
    """The workflow in the file *name*."""
    # YAML 1.1 reads the key `on` as true; only the jobs matter here.
    loaded: dict[str, Any] = yaml.safe_load((EXAMPLES / name).read_text())
    return loaded


def run_workflow(
    name: str, shell: Shell, directory: Path, values: Mapping[str, str], *failing: str
) -> dict[str, Done]:
    """
    What came of each step of the workflow in *shell*, by name, but those whose condition did not
    hold.

    *values* are those of its expressions. The steps *failing* have to fail, and no others.
    """
    workflow = load(name)
    steps: dict[str, Done] = {}
    (outputs := directory / "outputs").touch()
    files = {"GITHUB_OUTPUT": str(outputs), "GITHUB_PATH": str(directory / "path")}
    files["RUNNER_TEMP"] = str(directory)
    uploaded: list[str] = []
    for number, job in enumerate(workflow["jobs"].values()):
        needed = re.fullmatch(r"needs\.\w+\.outputs\.(\w+) == '(\w+)'", job.get("if", ""))
        if needed and f"{needed[1]}={needed[2]}" not in outputs.read_text().splitlines():
            continue
        for step in job["steps"]:
            if "uses" in step:
                assert re.match(rf"({GIVEN})@", step["uses"]), step["uses"]
                if number and "checkout" in step["uses"]:  # on another machine, without the edits
                    assert shell.run("git checkout --quiet -- .").exit_code == 0
                elif "upload" in step["uses"]:
                    uploaded = step["with"]["path"].split()
                elif "download" in step["uses"]:
                    path = step["with"]["path"].replace("${{ runner.temp }}", str(directory))
                    Path(path).mkdir()
                    for file in uploaded:
                        shutil.move(shell.project / file, path)
            elif _holds(
                step.get("if", ""), [done.exit_code for done in steps.values()], outputs.read_text()
            ):
                given = {**workflow["env"], **job.get("env", {}), **step.get("env", {})}
                filled = {key: _filled(str(text), values) for key, text in given.items()}
                environment = {
                    key: text for key, text in filled.items() if not key.startswith("PULUMI_")
                }
                if shell.installed == step["run"]:  # by a run before, on this machine
                    continue
                steps[step["name"]] = shell.run(step["run"], **environment, **files)
                if step["name"] == "Install":
                    shell.installed = step["run"]
    failed = [name for name, done in steps.items() if done.exit_code]
    assert failed == [*failing], [done.shown for done in steps.values()]
    return steps


def _filled(text: str, values: Mapping[str, str]) -> str:
    """*text* with the value of each expression."""
    return re.sub(r"\$\{\{ *(.+?) *\}\}", lambda found: values[found[1]], text)


def _holds(condition: str, exit_codes: list[int], outputs: str) -> bool:
    """Whether a step runs; a condition that is not known here is an error."""
    if condition == "always()":
        return True
    if not condition:
        return not any(exit_codes)
    found = re.fullmatch(r"steps\.\w+\.outputs\.(\w+) == '(\w+)'", condition)
    assert found, condition
    return not any(exit_codes) and f"{found[1]}={found[2]}" in outputs.splitlines()
