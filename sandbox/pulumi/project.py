"""Runs the project's Pulumi program under the real engine, against a sandbox."""

import copy
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial, partialmethod
from pathlib import Path
from typing import Any, Final, Self

import pulumi.automation as auto
import yaml
from pulumi.automation._stack import StackInitMode

from sandbox.pulumi.engine import find_pulumi
from sandbox.pulumi.language_host import LanguageHost, run_main, served
from sandbox.pulumi.plugins import ROOT, install_plugins, pulumi_environment, write_script
from sandbox.world import Sandbox

_found_pulumi: Final = cache(find_pulumi)
"""To know its version, the CLI has to be run."""


@dataclass(frozen=True)
class Result:
    failed: bool
    stdout: str
    stderr: str
    events: list[auto.EngineEvent] = field(repr=False)
    outputs: dict[str, Any] = field(repr=False)
    """Stack outputs after an `up` that succeeded, in plain Python; a secret is `[secret]`."""

    @property
    def ok(self) -> bool:
        return not self.failed

    @property
    def errors(self) -> str:
        """The diagnostics that are errors; all that was shown if there is none."""
        diagnostics = [event.diagnostic_event for event in self.events if event.diagnostic_event]
        return "".join(d.message for d in diagnostics if d.severity == "error") or self.stdout

    @property
    def changes(self) -> dict[str, int]:
        """
        Number of resources by operation ("create", "same", …); empty if the engine did not count.
        """
        summaries = [event.summary_event for event in self.events if event.summary_event]
        return {
            str(op): count
            for summary in summaries
            for op, count in summary.resource_changes.items()
        }

    @property
    def steps(self) -> list[tuple[str, str, str]]:
        """
        The steps of the engine, in order: operation, resource name, resource type. Without "same".
        """
        planned = [
            event.resource_pre_event.metadata for event in self.events if event.resource_pre_event
        ]
        steps = [(each.op.value, each.urn.split("::")[-1], each.type) for each in planned]
        return [step for step in steps if step[0] != "same"]


class _Stack(auto.Stack):
    """Does not read outputs and summary after each run, two commands: the events have both."""

    def outputs(self) -> auto.OutputMap:
        return {}

    def info(self, show_secrets: bool = True) -> auto.UpdateSummary:
        return auto.UpdateSummary("", datetime.min, "", {}, {}, result="not read")


class _Workspace(auto.LocalWorkspace):
    """Does not select its stack: each command names it."""

    def select_stack(self, stack_name: str) -> None:
        pass


class Project:
    """
    One stack of the project in *folder*, a context manager. A failed run is a result, not an
    exception.

    *config* is what a stack file has under `config:`. *program* replaces the project's own
    `__main__.py`.
    *without* names variables of the sandbox's environment that are not set. *made* is what `made`
    returned for another stack of the same name: without it the CLI makes the stack.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        *,
        config: Mapping[str, Any],
        program: Callable[[], object] | None = None,
        folder: Path = ROOT,
        stack: str = "dev",
        without: Collection[str] = (),
        secrets_provider: str = "passphrase",
        passphrase: str = "sandbox",
        made: Mapping[Path, bytes] | None = None,
    ) -> None:
        self._without = frozenset(without)
        self._running = False
        with ExitStack() as opened:
            temporary = tempfile.TemporaryDirectory(prefix="byodkim-project-")
            self._directory = Path(opened.enter_context(temporary))
            self._process_file = self._directory / "cli-process"
            self._state = self._directory / "state"
            self._work = self._directory / "work"
            self._settings = self._work / "stacks" / f"Pulumi.{stack}.yaml"
            self._state.mkdir()
            self._settings.parent.mkdir(parents=True)
            project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
            project |= {
                "runtime": "python",
                "stackConfigDir": "stacks",
            }  # without the user's Python
            (self._work / "Pulumi.yaml").write_text(yaml.safe_dump(project, sort_keys=False))
            for path, content in (made or {}).items():
                (self._directory / path).parent.mkdir(parents=True, exist_ok=True)
                (self._directory / path).write_bytes(content)
            self._pulumi = self._wrapped(copy.copy(_found_pulumi()), sandbox, passphrase)
            run = program or partial(run_main, folder)
            host = LanguageHost(self._environment, self._without, run)
            self._environment["PULUMI_DEBUG_LANGUAGES"] = opened.enter_context(
                served("python", host)
            )
            workspace = _Workspace(
                work_dir=str(self._work),
                pulumi_command=self._pulumi,
                secrets_provider=secrets_provider,
                env_vars=self._environment,
            )
            self._stack = _Stack(
                stack, workspace, StackInitMode.SELECT if made else StackInitMode.CREATE
            )
            self.configure(config)
            self._open = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End processes and remove files; resources stay unless they were destroyed."""
        self._signal(signal.SIGKILL)
        self._open.close()

    def configure(self, config: Mapping[str, Any]) -> None:
        """Make *config* the stack's whole configuration. Secrets have to be set again."""
        settings = yaml.safe_load(self._settings.read_text())  # with the salt of the secrets
        settings["config"] = dict(config)
        self._settings.write_text(yaml.safe_dump(settings, sort_keys=False))

    def set_config(self, path: str, value: str, *, secret: bool = False) -> None:
        """`pulumi config set --path`, as `ses-byodkim:privateKeys.mail2026`."""
        self._stack.set_config(path, auto.ConfigValue(value, secret=secret), path=True)

    def interrupt(self) -> None:
        self._signal(signal.SIGINT)

    def made(self) -> dict[Path, bytes]:
        """
        State and stack file by their place. Right after the CLI has made a stack, those of any new
        one.
        """
        files = [path for path in self._state.rglob("*") if path.is_file()]
        return {
            path.relative_to(self._directory): path.read_bytes()
            for path in [*files, self._settings]
        }

    def _wrapped(
        self, pulumi: auto.PulumiCommand, sandbox: Sandbox, passphrase: str
    ) -> auto.PulumiCommand:
        """
        *pulumi*, so that it ends with this process, and knows the sandbox instead of the user's
        AWS.
        """
        home = install_plugins(pulumi, sandbox.directory / "pulumi-home")
        variables = {
            "PULUMI_PYTHON_CMD": str(self._directory / "bin" / "plugin-python"),
            "PYTHONPATH": str(ROOT),
            **pulumi_environment(sandbox, state=self._state, home=home, passphrase=passphrase),
        }
        self._environment = {
            name: one for name, one in variables.items() if name not in self._without
        }
        theirs = {name for name in os.environ if name.startswith(("AWS_", "PULUMI_"))}
        forget = "".join(f"unset {name}\n" for name in sorted(theirs - self._environment.keys()))
        write_script(self._directory / "bin" / "plugin-python", f'exec "{sys.executable}" "$@"\n')
        # A closed terminal ends this process first, which has the engine end in order.
        command = (
            f'{forget}trap "" HUP\necho $$ > "{self._process_file}"\nexec "{pulumi.command}" "$@"\n'
        )
        pulumi.command = str(write_script(self._directory / "bin" / "pulumi", command))
        return pulumi

    def _run(
        self, command: str, *, on_output: Callable[[str], object] = lambda _: None, **options: Any
    ) -> Result:
        stdout: list[str] = []
        stderr: list[str] = []
        events: list[auto.EngineEvent] = []

        def collect(lines: list[str], line: str) -> None:
            lines.append(line)
            on_output(line)

        options |= {"on_output": partial(collect, stdout), "on_error": partial(collect, stderr)}
        outputs: dict[str, Any] = {}
        failed = False
        with _interrupts_left_to_the_engine():
            self._process_file.unlink(missing_ok=True)
            self._running = True
            try:
                getattr(self._stack, command)(color="never", on_event=events.append, **options)
                if command == "up":
                    outputs = _stack_outputs(events)
            except auto.CommandError:  # its message is the output that was collected
                failed = True
            finally:
                self._running = False
                LanguageHost.wait()
        return Result(failed, "\n".join(stdout), "\n".join(stderr), events, outputs)

    # Runs of the CLI; their options are those of `auto.Stack`.
    preview = partialmethod(_run, "preview")
    up = partialmethod(_run, "up")
    refresh = partialmethod(_run, "refresh")
    destroy = partialmethod(_run, "destroy")

    def _signal(self, number: int) -> None:
        """Send a signal to the CLI, if it runs: its process number is soon another process's."""
        if self._running:
            with suppress(FileNotFoundError, ValueError, ProcessLookupError):
                os.kill(int(self._process_file.read_text()), number)


def _stack_outputs(events: Iterable[auto.EngineEvent]) -> dict[str, Any]:
    """The outputs that the stack had at the end of a run; a secret is `[secret]`."""
    ended = [event.res_outputs_event.metadata for event in events if event.res_outputs_event]
    stack = [each.new.outputs for each in ended if each.type == "pulumi:pulumi:Stack" and each.new]
    return dict(stack[-1] or {}) if stack else {}


@contextmanager
def _interrupts_left_to_the_engine() -> Iterator[None]:
    """
    Let Ctrl-C reach the CLI, which is in our process group, and raise only after it has ended in
    order.
    """
    # Else its plugins go on and the stack stays locked:
    # https://github.com/pulumi/pulumi/issues/9103
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt
