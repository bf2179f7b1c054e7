"""
One stack of the bench: a project folder, and runs of the real CLI in it, each of them measured.

The CLI is the sandbox's, the language host a process of its own (`language_host`), the backend a
folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from sandbox.pulumi.engine import find_pulumi
from sandbox.pulumi.plugins import ROOT, install_plugins, write_script
from tests.bench.processes import Sampler

STACK = "bench"

COMMANDS = {
    "preview": ("preview",),
    "up": ("up", "--yes", "--skip-preview"),
    "destroy": ("destroy", "--yes", "--skip-preview"),
}


class RunFailed(Exception):
    """A run failed: there is nothing to measure. The text is what it printed."""


class BenchStack:
    """A stack that runs *program*, a `__main__.py`, with `variables` beside the sandbox's."""

    def __init__(
        self, servers: Any, directory: Path, *, program: Path, options: Sequence[str] = ()
    ) -> None:
        self._servers = servers
        self._options = options
        self._work = directory / "work"
        self._state = directory / "state"
        (self._work / "stacks").mkdir(parents=True)
        self._state.mkdir()
        plugin = f'exec "{sys.executable}" -u "{ROOT / "plugin"}" "$@"\n'
        write_script(directory / "plugin" / "pulumi-resource-byodkim", plugin)
        settings = yaml.safe_load((ROOT / "Pulumi.yaml").read_text()) | {"runtime": "python"}
        settings["plugins"] = {
            "providers": [{"name": "byodkim", "path": str(directory / "plugin")}]
        }
        (self._work / "Pulumi.yaml").write_text(yaml.safe_dump(settings))
        (self._work / "__main__.py").write_text(program.read_text())
        pulumi = find_pulumi()
        self._command = pulumi.command
        theirs = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "PULUMI_"))
        }
        self.variables: dict[str, str] = {}
        self._environment = {
            **theirs,
            **servers.environment(),
            "PULUMI_BACKEND_URL": self._state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "bench",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(install_plugins(pulumi, directory / "pulumi-home")),
            "PULUMI_PYTHON_CMD": sys.executable,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PYTHONPATH": str(ROOT),
        }
        self._cli("stack", "init", STACK)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Make *config* the stack file."""
        path = self._work / "stacks" / f"Pulumi.{STACK}.yaml"
        settings = yaml.safe_load(path.read_text())  # with the salt of the secrets
        path.write_text(yaml.safe_dump(settings | {"config": dict(config)}))

    def run(self, command: str) -> dict[str, Any]:
        """What a run of *command*, a word of `COMMANDS`, took and asked for; raises `RunFailed`."""
        self._servers.begin()
        began = time.monotonic()
        with (
            self._language_host() as (host, languages),
            subprocess.Popen(
                [
                    self._command,
                    *COMMANDS[command],
                    *self._options,
                    "--non-interactive",
                    "--stack",
                    STACK,
                ],
                cwd=self._work,
                env=self._all_variables | {"PULUMI_DEBUG_LANGUAGES": languages},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ) as cli,
        ):
            known = {"sandbox": self._servers.pid(), "program": host}
            with Sampler(known, engine=cli.pid) as sampler:
                shown, _ = cli.communicate()
                seconds = time.monotonic() - began
        if cli.returncode:
            raise RunFailed(shown)
        return {
            "wall_seconds": round(seconds, 2),
            "cpu_seconds": sampler.cpu_seconds(),
            "peak_mib": sampler.peak_mib(),
            "requests": self._servers.requests(),
        }

    def export(self, *options: str) -> list[dict[str, Any]]:
        """The resources in the state, secrets encrypted unless *options* say otherwise."""
        state = json.loads(self._cli("stack", "export", *options, "--stack", STACK))
        found: list[dict[str, Any]] = state["deployment"]["resources"]
        return found

    @property
    def _all_variables(self) -> dict[str, str]:
        return self._environment | self.variables

    def _cli(self, *arguments: str) -> str:
        command = [self._command, *arguments, "--non-interactive"]
        done = subprocess.run(
            command, cwd=self._work, env=self._all_variables, capture_output=True, text=True
        )
        if done.returncode:
            raise RunFailed(done.stdout + done.stderr)
        return done.stdout

    @contextmanager
    def _language_host(self) -> Iterator[tuple[int, str]]:
        """Process number of a new language host, and where the engine finds it."""
        command = [sys.executable, "-m", "tests.bench.language_host"]
        with subprocess.Popen(
            command,
            cwd=self._work,
            env=self._all_variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as host:
            assert host.stdout
            try:
                yield host.pid, host.stdout.readline().strip()
            finally:
                host.kill()
