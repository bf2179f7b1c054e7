"""
One stack of the bench: a project folder, and runs of the real CLI in it.

The CLI is the sandbox's, the language host a process of its own for each run, the backend a folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from sandbox.pulumi.engine import find_pulumi
from sandbox.pulumi.plugins import ROOT, install_plugins
from sandbox.world import Sandbox

STACK = "bench"


class RunFailed(Exception):
    """A run failed: there is nothing to measure. The text is what it printed."""


class BenchStack:
    """A stack that runs *program*, a `__main__.py`, with *config* as its stack file."""

    def __init__(
        self, sandbox: Sandbox, directory: Path, program: Path, config: Mapping[str, Any]
    ) -> None:
        self._work = directory / "work"
        (self._work / "stacks").mkdir(parents=True)
        (directory / "state").mkdir()
        settings = yaml.safe_load((ROOT / "Pulumi.yaml").read_text()) | {"runtime": "python"}
        (self._work / "Pulumi.yaml").write_text(yaml.safe_dump(settings))
        (self._work / "__main__.py").write_text(program.read_text())
        pulumi = find_pulumi()
        self._command = pulumi.command
        outside = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "PULUMI_"))
        }
        self._environment = {
            **outside,
            **sandbox.environment,
            "BENCH_DOMAINS": str(directory.parent / "domains.json"),
            "PULUMI_BACKEND_URL": (directory / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "bench",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(install_plugins(pulumi, directory / "pulumi-home")),
            "PULUMI_PYTHON_CMD": sys.executable,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PYTHONPATH": str(ROOT),
        }
        self._cli("stack", "init", STACK)
        stack_file = self._work / "stacks" / f"Pulumi.{STACK}.yaml"
        settings = yaml.safe_load(stack_file.read_text())  # with the salt of the secrets
        stack_file.write_text(yaml.safe_dump(settings | {"config": dict(config)}))

    def run(self, *command: str) -> float:
        """Seconds that a run of *command* takes; raises `RunFailed`."""
        began = time.monotonic()
        with self._language_host() as languages:
            self._cli(*command, "--stack", STACK, PULUMI_DEBUG_LANGUAGES=languages)
        return time.monotonic() - began

    def export(self) -> list[dict[str, Any]]:
        """The resources in the state, secrets encrypted."""
        state = json.loads(self._cli("stack", "export", "--stack", STACK))
        resources: list[dict[str, Any]] = state["deployment"]["resources"]
        return resources

    def _cli(self, *arguments: str, **variables: str) -> str:
        done = subprocess.run(
            [self._command, *arguments, "--non-interactive"],
            cwd=self._work,
            env=self._environment | variables,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RunFailed(done.stdout + done.stderr)
        return done.stdout

    @contextmanager
    def _language_host(self) -> Iterator[str]:
        """Where the engine finds a new language host."""
        command = [sys.executable, "-m", "tests.bench.language_host"]
        with subprocess.Popen(
            command,
            cwd=self._work,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as host:
            assert host.stdout
            try:
                yield host.stdout.readline().strip()
            finally:
                host.kill()
