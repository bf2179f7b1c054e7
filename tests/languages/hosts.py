"""
Language hosts that start programs as processes, where the Pulumi CLI comes without them.

A CLI that was built from source has none. The host for YAML is a Go module and is built, too. The
others can't be fetched: a small stand-in for each installs the dependencies, starts the program
with what its SDK reads, and generates and links the SDK of a plugin. Generators, SDKs, compilers
and engine are the real ones.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

import pulumi.automation as auto
from pulumi.runtime.proto import language_pb2

from sandbox.pulumi.engine import (
    GO_MODULE,
    build,
    cache_directory,
    find_pulumi,
    once,
    pinned_version,
)
from sandbox.pulumi.language_host import LanguageHost, answered, end_with, served

YAML_MODULE: Final = Path(__file__).parent / "yaml_host"
"""A Go module that pins the host for YAML and all it is built from."""

PYTHON_EXEC: Final = "pulumi-language-python-exec"
"""
What runs a program in Python. Official packages of the CLI contain it, and so does the SDK's Go
module.
"""


BOTH: Final[Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}


@contextmanager
def serving_programs(pulumi: auto.PulumiCommand) -> Iterator[tuple[str, Path]]:
    """
    What PULUMI_DEBUG_LANGUAGES needs for *pulumi* to run TypeScript and Go, and a folder for PATH,
    for YAML.

    Empty for languages whose hosts *pulumi* has.
    """
    beside = Path(pulumi.command).parent
    with ExitStack() as servers:
        addresses = [
            servers.enter_context(served(name, host))
            for name, host in (("nodejs", NodeHost()), ("go", GoHost()))
            if not (beside / f"pulumi-language-{name}").exists()
        ]
        yield (
            ",".join(addresses),
            beside if (beside / "pulumi-language-yaml").exists() else _yaml_host(),
        )


def _yaml_host() -> Path:
    """The folder of the host for YAML, which is built once a machine."""
    version = pinned_version(YAML_MODULE, "github.com/pulumi/pulumi-yaml")
    folder = cache_directory() / f"yaml-{version}"
    announced = f"building Pulumi's host for YAML {version} to {folder}: once a machine"
    wanted: dict[str, Any] = {"module": YAML_MODULE, "stamp": "-s -w", "announced": announced}
    package = "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"
    return once(folder, lambda new: build(package, new / "pulumi-language-yaml", **wanted))


class _ProgramHost(LanguageHost):
    """Starts a program as a process of its own, with *environment* in its environment."""

    language: ClassVar[str]
    """As the engine calls it."""

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        with tempfile.TemporaryDirectory() as built:
            told = self._told(request, self._engines[context.peer()])
            command, variables = self._command(request, told, Path(built))
            variables["PULUMI_CONFIG"] = json.dumps(dict(request.config))
            variables["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(list(request.configSecretKeys))
            environment = {**_ours(), **self._environment, **variables}
            folder = request.info.program_directory
            with subprocess.Popen(
                command, cwd=folder, env=environment, text=True, **BOTH
            ) as program:
                end_with(context, program)
                shown, _ = program.communicate()
        answer = answered(program.returncode)
        if answer.error and shown:
            answer.error += f": {shown[-2000:]}"
        return answer

    def GeneratePackage(self, request: Any, context: Any) -> Any:  # noqa: N802
        with tempfile.TemporaryDirectory() as folder:
            schema = Path(folder, "schema.json")
            schema.write_text(request.schema)
            command = ["go", "run", "./sdk", self.language, str(schema), request.directory]
            _checked(command, GO_MODULE)
        return language_pb2.GeneratePackageResponse()

    def Link(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Have the program depend on SDKs in its folder."""
        for one in request.packages:
            self._link(Path(request.info.program_directory), f"./{one.path}")
        return language_pb2.LinkResponse()

    def _told(self, request: Any, engine_address: str) -> dict[str, str]:
        """What the SDK of each language is told of a run, by the names of its options."""
        told = {
            name: str(getattr(request, name))
            for name in ("project", "stack", "organization", "parallel")
        }
        told |= {"monitor": request.monitor_address, "engine": engine_address}
        told |= {
            "pwd": request.info.program_directory,
            "root_directory": request.info.root_directory,
        }
        told |= {"dry_run": str(request.dryRun).lower()}
        return {name: value for name, value in told.items() if value}

    def _link(self, folder: Path, sdk: str) -> None:
        """Have the program in *folder* depend on the SDK at the path *sdk* in there."""
        raise NotImplementedError

    def _command(
        self, request: Any, told: dict[str, str], built: Path
    ) -> tuple[list[str], dict[str, str]]:
        """
        The command that runs the program, and its variables; *built* is a folder for what is
        compiled.
        """
        raise NotImplementedError


class PythonHost(_ProgramHost):
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


class NodeHost(_ProgramHost):
    """Runs a program in TypeScript by `run` of the SDK, which compiles it and checks its types."""

    language = "nodejs"

    def _install(self, folder: Path) -> None:
        """
        Install what the lock names, from npm's own cache if it is there, and compile linked SDKs.
        """
        options = ("--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund")
        _checked(["npm", "install", *options], folder)
        wanted = json.loads((folder / "package.json").read_text()).get("dependencies", {})
        for path in wanted.values():
            if path.startswith("file:"):
                sdk = folder / path.removeprefix("file:")
                _checked([str(folder / "node_modules" / ".bin" / "tsc"), "--types", "node"], sdk)
                shutil.copy(sdk / "package.json", sdk / "bin")

    def _link(self, folder: Path, sdk: str) -> None:
        name = json.loads((folder / sdk / "package.json").read_text())["name"]
        _checked(["npm", "pkg", "set", f"dependencies.{name}=file:{sdk}"], folder)

    def _command(
        self, request: Any, told: dict[str, str], built: Path
    ) -> tuple[list[str], dict[str, str]]:
        run = Path(
            request.info.program_directory, "node_modules", "@pulumi", "pulumi", "cmd", "run"
        )
        flags = ["--dry-run"] if told.pop("dry_run") == "true" else []
        options = [f"--{name.replace('_', '-')}={value}" for name, value in told.items()]
        return ["node", str(run), *options, *flags, "."], {"PULUMI_NODEJS_TYPESCRIPT": "true"}


class GoHost(_ProgramHost):
    """Compiles a program in Go and runs it."""

    language = "go"

    def _install(self, folder: Path) -> None:
        _checked(["go", "mod", "download"], folder)

    def _link(self, folder: Path, sdk: str) -> None:
        _, module, *_ = (folder / sdk / "go.mod").read_text().split()
        edits = (f"-replace={module}={sdk}", f"-require={module}@v0.0.0")
        _checked(["go", "mod", "edit", *edits], folder)

    def _command(
        self, request: Any, told: dict[str, str], built: Path
    ) -> tuple[list[str], dict[str, str]]:
        _checked(["go", "build", "-o", str(built / "program"), "."], request.info.program_directory)
        variables = {f"PULUMI_{name.upper()}": value for name, value in told.items()}
        return [str(built / "program")], variables


def _checked(command: list[str], folder: Path | str) -> None:
    done = subprocess.run(command, cwd=folder, env=_ours(), text=True, check=False, **BOTH)
    if done.returncode:
        raise RuntimeError(f"`{' '.join(command)}` failed: {done.stdout[-2000:]}")


def _ours() -> dict[str, str]:
    """The environment of this process, without what is for AWS and Pulumi."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "PULUMI_"))
    }
