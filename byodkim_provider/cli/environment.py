"""
What a command asks of the Pulumi CLI, SES, DNS, the clock and the person at the keyboard.

It is one value, so that a test can replace it. Commands go past it for files, for variables of the
environment (`AWS_REGION`, `NO_COLOR`), and to ask whether standard output is a terminal; what they
say while they wait (`ask_all`) goes by a clock of its own.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import click

from byodkim_provider.aws.connections import Connections, connections
from byodkim_provider.aws.regions import partition_of
from byodkim_provider.aws.settings import AwsSettings
from byodkim_provider.cli.terminal import Failed
from byodkim_provider.dns.resolver import DnsResolver, resolver_for
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.progress import Clock
from byodkim_provider.quoting import hidden


def ask_pulumi(arguments: Sequence[str], directory: Path) -> str:
    """The output of `pulumi` with *arguments* in *directory*; raises `Failed` with its error."""
    shown = " ".join(["pulumi", *arguments])
    try:
        # "pulumi" from PATH, as the user runs it. Its output is UTF-8, on Windows too.
        done = subprocess.run(  # noqa: S603
            ["pulumi", *arguments],  # noqa: S607
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
    except FileNotFoundError:
        raise Failed(CliMessages.NO_PULUMI(command=shown)) from None
    if done.returncode != 0:
        error = hidden(done.stderr.strip().removeprefix("error: "))
        raise Failed(CliMessages.PULUMI(command=shown, error=error))
    return done.stdout


def run_pulumi(arguments: Sequence[str], directory: Path) -> int:
    """
    Run `pulumi` in the terminal, and return its exit code; negative if a signal killed it.

    Pulumi ends in order at its first signal, and at once at the second. If this process ended
    first, its plugins would go on, and the stack would stay locked. So this process waits, and
    Pulumi gets each signal once: from the terminal, or else from here.
    """
    in_terminal = any(os.isatty(stream) for stream in range(3))
    # Without a terminal in a group of its own: a CI may send a signal to the whole group.
    group = None if in_terminal else 0
    with subprocess.Popen(["pulumi", *arguments], cwd=directory, process_group=group) as pulumi:  # noqa: S603, S607

        def pass_on(number: int, _: object) -> None:
            # A terminal sends Ctrl-C to both processes.
            if not (in_terminal and number == signal.SIGINT):
                pulumi.send_signal(signal.SIGTERM)  # SIGHUP would kill Pulumi

        hangup = getattr(signal, "SIGHUP", signal.SIGTERM)  # Windows has none
        for number in (signal.SIGINT, signal.SIGTERM, hangup):
            signal.signal(number, pass_on)
        return pulumi.wait()


def partition_here(region: str | None) -> str:
    """The second part of ARNs in *region*, or in that of the environment."""
    return partition_of(
        region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    )


@dataclass(frozen=True)
class Environment:
    """What decides the answers of a command, apart from its files. Tests pass their own."""

    directory: Path = field(default_factory=Path.cwd)
    """Where the command was started: in the Pulumi project or below it."""
    ask_pulumi: Callable[[Sequence[str], Path], str] = ask_pulumi
    run_pulumi: Callable[[Sequence[str], Path], int] = run_pulumi
    resolver: Callable[[str, Sequence[str]], DnsResolver | None] = field(
        # One set for one run: a server that did not answer is not queried again.
        default_factory=lambda: partial(resolver_for, silent=set())
    )
    account: Callable[[AwsSettings], Connections] = connections
    """The account that the settings sign in to."""
    clock: Clock = field(default_factory=Clock)
    at_terminal: Callable[[], bool] = lambda: sys.stdin is not None and sys.stdin.isatty()
    """Whether a person can answer a question."""


pass_environment: Final = click.make_pass_decorator(Environment, ensure=True)
"""Gives a command the environment; a test may have passed one."""
