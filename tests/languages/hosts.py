"""
Hosts for YAML, Go and Python, where the Pulumi CLI comes without them.

The host for YAML is a Go module and is built; the others start programs as the sandbox's host for
TypeScript does.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pulumi.automation as auto

from sandbox.pulumi.engine import (
    GO_MODULE,
    build,
    cache_directory,
    find_pulumi,
    once,
    pinned_version,
)
from sandbox.pulumi.program_host import NodeHost, ProgramHost, checked, missing_hosts

YAML_MODULE: Final = Path(__file__).parent / "yaml_host"
"""A Go module that pins the host for YAML and all it is built from."""

PYTHON_EXEC: Final = "pulumi-language-python-exec"
"""
What runs a program in Python. Official packages of the CLI contain it, and so does the SDK's Go
module.
"""


@contextmanager
def serving_programs(pulumi: auto.PulumiCommand) -> Iterator[tuple[str, Path]]:
    """
    What PULUMI_DEBUG_LANGUAGES needs for *pulumi* to run TypeScript and Go, and a folder for PATH,
    for YAML.

    Empty for languages whose hosts *pulumi* has.
    """
    beside = Path(pulumi.command).parent
    yaml = beside if (beside / "pulumi-language-yaml").exists() else _yaml_host()
    with missing_hosts(pulumi, NodeHost(), GoHost()) as addresses:
        yield addresses, yaml


def _yaml_host() -> Path:
    """The folder of the host for YAML, which is built once a machine."""
    version = pinned_version(YAML_MODULE, "github.com/pulumi/pulumi-yaml")
    folder = cache_directory() / f"yaml-{version}"
    announced = f"building Pulumi's host for YAML {version} to {folder}: once a machine"
    wanted: dict[str, Any] = {"module": YAML_MODULE, "stamp": "-s -w", "announced": announced}
    package = "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"
    return once(folder, lambda new: build(package, new / "pulumi-language-yaml", **wanted))


class PythonHost(ProgramHost):
    """Runs a program in Python by Pulumi's own `pulumi-language-python-exec`."""

    language = "python"

    def _command(
        self, request: Any, told: dict[str, str], built: Path
    ) -> tuple[list[str], dict[str, str]]:
        given = [text for name, value in told.items() for text in (f"--{name}", value)]
        own = Path(request.info.program_directory, "venv", "bin", "python")
        python = str(own) if own.exists() else sys.executable
        return [python, "-u", str(_python_exec()), *given, request.info.entry_point or "."], {}


def _python_exec() -> Path:
    beside = Path(find_pulumi().command).with_name(PYTHON_EXEC)
    if beside.exists():
        return beside
    command = ["go", "list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi/sdk/v3"]
    module = subprocess.run(
        command, cwd=GO_MODULE, capture_output=True, text=True, check=True
    ).stdout.strip()
    return Path(module, "python", "cmd", PYTHON_EXEC)


class GoHost(ProgramHost):
    """Compiles a program in Go and runs it."""

    language = "go"

    def _install(self, folder: Path) -> None:
        checked(["go", "mod", "download"], folder)

    def _link(self, folder: Path, sdk: str) -> None:
        _, module, *_ = (folder / sdk / "go.mod").read_text().split()
        edits = (f"-replace={module}={sdk}", f"-require={module}@v0.0.0")
        checked(["go", "mod", "edit", *edits], folder)

    def _command(
        self, request: Any, told: dict[str, str], built: Path
    ) -> tuple[list[str], dict[str, str]]:
        checked(["go", "build", "-o", str(built / "program"), "."], request.info.program_directory)
        variables = {f"PULUMI_{name.upper()}": value for name, value in told.items()}
        return [str(built / "program")], variables
