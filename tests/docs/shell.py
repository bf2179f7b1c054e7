"""
The shell of somebody who follows a page: a copy of the project, `pulumi`, `byodkim`, `aws` and
`dig`.

What surrounds a command is the sandbox's, the command is the page's: AWS by the SDK's own
variables, the resolver by a line in the stack file, and whoever is asked says yes.
"""

import functools
import os
import pty
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from byodkim_provider.times import moment, timestamp
from sandbox.pulumi.engine import find_pulumi
from sandbox.pulumi.plugins import install_plugins, write_script
from sandbox.shell import environment
from sandbox.world import Sandbox
from tests.docs.pages import ROOT
from tests.engine.state import MOMENT
from tests.support.quick_runs import quick_python

PROJECT = (
    "Pulumi.yaml",
    "__main__.py",
    "byodkim_provider",
    "pyproject.toml",
    "requirements.txt",
    "README.md",
)

_found_pulumi = functools.cache(find_pulumi)
"""To know its version, the CLI has to be run."""

STACK = "prod"
"""As the pages call it."""


@dataclass(frozen=True)
class Done:
    """What came of one block."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def shown(self) -> str:
        return self.stdout + self.stderr


def typed(commands: str, *, cwd: Path, env: dict[str, str]) -> Done:
    """*commands* as if they were pasted into a terminal; the first that fails is the last."""
    keyboard, terminal = pty.openpty()
    os.write(keyboard, b"y\n" * 4)
    try:
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", commands],
            cwd=cwd,
            env=env,
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=900,  # the first run of a program in another language compiles its SDK
        )
    finally:
        os.close(terminal)
        os.close(keyboard)
    return Done(done.returncode, done.stdout, done.stderr)


class Shell:
    """One project folder, and what is on PATH there."""

    def __init__(
        self,
        sandbox: Sandbox,
        directory: Path,
        *,
        pulumi_home: Path,
        language_host: str,
        more_programs: Path | None = None,
    ) -> None:
        self.sandbox = sandbox
        self.installed = ""
        """The script that has installed the project."""
        self.project = directory / "project"
        (self.project / "stacks").mkdir(parents=True)
        for name in PROJECT:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, self.project / name)
        self._state = directory / "state"
        self._state.mkdir()
        pulumi = _found_pulumi()
        programs = directory / "bin"
        # Each run shows its changes; a second time, as a preview before it, they are looked at
        # elsewhere. So is how Pulumi says which stack is selected (engine/test_cli.py): `byodkim`
        # asks that first, which takes as long as to ask for the state.
        write_script(
            programs / "pulumi",
            'case "$*" in\n'
            'up* | destroy*) set -- "$@" --skip-preview ;;\n'
            f'"stack --show-name") [ -e stacks/Pulumi.{STACK}.yaml ] && echo {STACK} && exit ;;\n'
            f'esac\nexec "{pulumi.command}" "$@"\n',
        )
        # Outside of a project nothing but this option says where the sandbox's DNS is.
        write_script(
            programs / "byodkim",
            f'server="--nameserver {sandbox.dns_resolver}"\n'
            'case "$*" in doctor*--selector*) set -- "$@" $server ;; esac\n'
            f'exec {quick_python()} -u -m byodkim_provider "$@"\n',
        )
        for name in ("aws", "dig"):
            write_script(programs / name, f'exec {quick_python()} -u -m tests.docs.{name} "$@"\n')
        write_script(programs / "pip", f'exec "{sys.executable}" -m pip "$@"\n')
        write_script(programs / "python", f'PYTHONPATH="{ROOT}" exec "{sys.executable}" "$@"\n')
        theirs = {
            name: one
            for name, one in os.environ.items()
            if not name.startswith(("AWS_", "PULUMI_"))
        }
        self.environment = {
            **theirs,
            **environment(
                sandbox,
                state=self._state,
                pulumi_home=install_plugins(pulumi, pulumi_home),
                language_host=language_host,
            ),
            "PATH": os.pathsep.join(
                map(str, filter(None, (programs, more_programs, os.environ["PATH"])))
            ),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            # means that there is none: what builds is installed already
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_NO_INDEX": "1",
            "PULUMI_SKIP_CONFIRMATIONS": "true",
        }
        self.environment.pop("PYTHONPATH", None)

    @property
    def stack_file(self) -> Path:
        return self.project / "stacks" / f"Pulumi.{STACK}.yaml"

    def run(self, commands: str, **variables: str) -> Done:
        return typed(commands, cwd=self.project, env=self.environment | variables)

    def well(self, commands: str, **variables: str) -> Done:
        """The same, where each of them has to end well."""
        done = self.run(commands, **variables)
        assert done.exit_code == 0, done.shown
        return done

    def paste(self, pasted: str) -> None:
        """
        Put a stack file of a page below what `pulumi stack init` left; add where the sandbox's DNS
        is.
        """
        left = (
            self.stack_file.read_text().partition("config:")[0] if self.stack_file.exists() else ""
        )
        defaults = "  ses-byodkim:defaults:\n"
        if defaults not in pasted:
            pasted = pasted.replace("config:\n", f"config:\n{defaults}", 1)
        resolver = f"    dnsResolvers: ['{self.sandbox.dns_resolver}']\n"
        self.stack_file.write_text(left + pasted.replace(defaults, defaults + resolver))

    def days_pass(self, days: int) -> None:
        """All that the stack remembers was so many days earlier."""
        (state,) = self._state.glob(f".pulumi/stacks/*/{STACK}.json")

        def earlier(found: re.Match[str]) -> str:
            return timestamp(moment(found[0]) - timedelta(days=days))

        state.write_text(MOMENT.sub(earlier, state.read_text()))
