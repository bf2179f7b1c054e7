"""
Runs a workflow of GitHub Actions as its runner would, as far as the examples need it.

Steps that use an action are what the sandbox has already: a checkout, Python, the Pulumi CLI, credentials.
Every other step is run as it stands. No assertion about the outcome here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from tests.docs.pages import ROOT
from tests.docs.shell import Done, Shell

EXAMPLES: Final = ROOT / "examples" / "github-actions"

LINTER: Final = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows")

GIVEN: Final = (
    r"actions/(checkout|setup-python|upload-artifact)|aws-actions/configure-aws-credentials|pulumi/actions"
)
"""Actions whose work the sandbox has done."""


@dataclass
class Ran:
    """What came of a workflow."""

    steps: dict[str, Done] = field(default_factory=dict)
    """By name; a step whose condition did not hold is missing."""

    @property
    def failed(self) -> list[str]:
        return [name for name, done in self.steps.items() if done.exit_code]


def load(name: str) -> dict[str, Any]:
    """The workflow in the file *name*."""
    # YAML 1.1 reads the key `on` as true; only the jobs matter here.
    loaded: dict[str, Any] = yaml.safe_load((EXAMPLES / name).read_text())
    return loaded


def run_workflow(name: str, shell: Shell, directory: Path, values: Mapping[str, str]) -> Ran:
    """Run all steps of the workflow in *shell*; *values* are those of its expressions."""
    workflow = load(name)
    ran = Ran()
    outputs = directory / "outputs"
    path = directory / "path"
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            if "uses" in step:
                assert re.match(rf"({GIVEN})@", step["uses"]), step["uses"]
                continue
            if not _holds(step.get("if", ""), failed=bool(ran.failed), outputs=outputs):
                continue
            given = {**workflow["env"], **job.get("env", {}), **step.get("env", {})}
            environment = {key: _filled(str(text), values) for key, text in given.items()}
            environment = {key: text for key, text in environment.items() if not key.startswith("PULUMI_")}
            ran.steps[step["name"]] = shell.run(
                step["run"], **environment, GITHUB_OUTPUT=str(outputs), GITHUB_PATH=str(path)
            )
    return ran


def _filled(text: str, values: Mapping[str, str]) -> str:
    """*text* with the value of each expression."""
    return re.sub(r"\$\{\{ *(.+?) *\}\}", lambda found: values[found[1]], text)


def _holds(condition: str, *, failed: bool, outputs: Path) -> bool:
    """Whether a step runs; a condition that is not known here is an error."""
    if condition == "always()":
        return True
    if condition:
        found = re.fullmatch(r"steps\.\w+\.outputs\.(\w+) == '(\w+)'", condition)
        assert found, condition
        lines = outputs.read_text().splitlines() if outputs.exists() else []
        return not failed and f"{found[1]}={found[2]}" in lines
    return not failed
