"""`byodkim`, the group of commands: how every command reports errors and interruptions."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

import click

from byodkim_provider import __version__
from byodkim_provider.cli.messages import CannotRead, say
from byodkim_provider.cli.streams import repaired
from byodkim_provider.errors import ByodkimError

__all__ = ["main"]

COMMANDS: Final = {
    "doctor": "Say whether the DNS records are right, and if not, what is wrong and how to fix it.",
    "iam-policy": "Print the smallest IAM policy for a stack.",
    "records": "Print the DNS records to publish.",
    "rotate": "Let the next key of a domain sign.",
    "status": "Show what signs, and what is wrong or due.",
}
"""What each command does, as its own help begins: none is imported before it is called."""

INTERRUPTED: Final = 128 + 2
"""Exit code after Ctrl-C, as a shell reports it for SIGINT."""


class _Commands(click.Group):
    """A group of commands, each in a module of its name, whose errors are lines for people."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = name.replace("-", "_")
        command: click.Command = getattr(import_module(f"byodkim_provider.cli.{module}"), module)
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items()])

    def main(self, *arguments: Any, **options: Any) -> Any:
        with repaired():
            return super().main(*arguments, **options)

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except ByodkimError as error:
            raise CannotRead(str(error)) from None
        except KeyboardInterrupt as interrupt:
            say(", ".join(["interrupted", *map(str, interrupt.args)]))
            with suppress(OSError):
                sys.stdout.flush()
            # Not `sys.exit`: Python would wait for the threads that wait for SES and DNS.
            os._exit(INTERRUPTED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="byodkim")
def main() -> None:
    """
    DKIM keys of your own in Amazon SES: what signs now, and the next key.

    Run it in the Pulumi project or below. Every command works on one stack; `records`,
    `doctor` and `iam-policy` work without one too, anywhere.
    """
