"""
Language hosts that start programs as processes, where the Pulumi CLI comes without them.

A CLI that was built from source has none. A small stand-in for each installs the dependencies,
starts the program with what its SDK reads, and generates and links the SDK of a plugin.
Generators, SDKs, compilers and engine are the real ones.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pulumi.automation as auto
from pulumi.runtime.proto import language_pb2

from sandbox.pulumi.engine import GO_MODULE, GO_OPTIONS
from sandbox.pulumi.language_host import LanguageHost, answered, end_with, served

OF_A_RUN = ("project", "stack", "organization", "parallel")
"""Fields of the engine's request, which are options of each SDK by the same names."""


class ProgramHost(LanguageHost):
    """Starts a program as a process of its own, with *environment* in its environment."""

    language: ClassVar[str]
    """As the engine calls it."""

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        folder = request.info.program_directory
        options = {name: str(getattr(request, name)) for name in OF_A_RUN}
        options["monitor"] = request.monitor_address
        options["engine"] = self._engines[context.peer()]
        options["pwd"] = folder
        options["root_directory"] = request.info.root_directory
        options["dry_run"] = str(request.dryRun).lower()
        given = {name: value for name, value in options.items() if value}
        with tempfile.TemporaryDirectory() as built:
            command, variables = self._command(request, given, Path(built))
            variables["PULUMI_CONFIG"] = json.dumps(dict(request.config))
            variables["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(list(request.configSecretKeys))
            exit_code, shown = _run(command, folder, {**self._environment, **variables}, context)
        answer = answered(exit_code)
        if answer.error and shown:
            answer.error += f": {shown}"
        return answer

    def GeneratePackage(self, request: Any, context: Any) -> Any:  # noqa: N802
        with tempfile.TemporaryDirectory() as folder:
            schema = Path(folder, "schema.json")
            schema.write_text(request.schema)
            generator = ["go", "run", *GO_OPTIONS, "./sdk"]
            checked([*generator, self.language, str(schema), request.directory], GO_MODULE)
        return language_pb2.GeneratePackageResponse()

    def Link(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Have the program depend on SDKs in its folder."""
        for package in request.packages:
            self._link(Path(request.info.program_directory), f"./{package.path}")
        return language_pb2.LinkResponse()

    def _link(self, folder: Path, sdk: str) -> None:
        """Have the program in *folder* depend on the SDK at the path *sdk* in there."""
        raise NotImplementedError

    def _command(
        self, request: Any, options: dict[str, str], built: Path
    ) -> tuple[list[str], dict[str, str]]:
        """The command of the program, and its variables; *built* is for what is compiled."""
        raise NotImplementedError


class NodeHost(ProgramHost):
    """Runs a program in TypeScript by `run` of the SDK, which compiles it and checks its types."""

    language = "nodejs"

    def _install(self, folder: Path) -> None:
        """Install the dependencies, if possible from npm's own cache, and compile linked SDKs."""
        options = ("--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund")
        checked(["npm", "install", *options], folder)
        wanted = json.loads((folder / "package.json").read_text()).get("dependencies", {})
        for path in wanted.values():
            if path.startswith("file:"):
                sdk = folder / path.removeprefix("file:")
                checked([str(folder / "node_modules" / ".bin" / "tsc"), "--types", "node"], sdk)
                shutil.copy(sdk / "package.json", sdk / "bin")

    def _link(self, folder: Path, sdk: str) -> None:
        name = json.loads((folder / sdk / "package.json").read_text())["name"]
        checked(["npm", "pkg", "set", f"dependencies.{name}=file:{sdk}"], folder)

    def _command(
        self, request: Any, options: dict[str, str], built: Path
    ) -> tuple[list[str], dict[str, str]]:
        modules = Path(request.info.program_directory, "node_modules")
        run = modules / "@pulumi" / "pulumi" / "cmd" / "run"
        flags = ["--dry-run"] if options.pop("dry_run") == "true" else []
        given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        return ["node", str(run), *given, *flags, "."], {"PULUMI_NODEJS_TYPESCRIPT": "true"}


@contextmanager
def missing_hosts(pulumi: auto.PulumiCommand, *hosts: ProgramHost) -> Iterator[str]:
    """What PULUMI_DEBUG_LANGUAGES needs for those *hosts* that do not lie beside *pulumi*."""
    with ExitStack() as servers:
        yield ",".join(
            servers.enter_context(served(host.language, host))
            for host in hosts
            if not Path(pulumi.command).with_name(f"pulumi-language-{host.language}").exists()
        )


def checked(command: list[str], folder: Path | str) -> None:
    """Run *command*; its end with an error is a `RuntimeError` with what it printed last."""
    exit_code, shown = _run(command, folder)
    if exit_code:
        raise RuntimeError(f"`{' '.join(command)}` failed: {shown}")


def _run(
    command: list[str],
    folder: Path | str,
    variables: Mapping[str, str] | None = None,
    context: Any = None,
) -> tuple[int, str]:
    """
    Exit code of *command*, and what it printed last. It ends with the call of the engine that
    *context* is of; *variables* are for AWS and Pulumi, whose own ones it does not get.
    """
    foreign = ("AWS_", "PULUMI_")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**ours, **(variables or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        if context:
            end_with(context, process)
        shown, _ = process.communicate()
    return process.returncode, shown[-2000:]
