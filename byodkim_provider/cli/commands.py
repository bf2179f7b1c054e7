"""`byodkim`, the group of commands: how every command reports errors and interruptions."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any, Final

import click

from byodkim_provider.cli.doctor import doctor
from byodkim_provider.cli.environment import CannotRead, say
from byodkim_provider.cli.iam_policy import iam_policy
from byodkim_provider.cli.records import records
from byodkim_provider.cli.rotate import rotate
from byodkim_provider.cli.status import status
from byodkim_provider.cli.streams import repaired
from byodkim_provider.errors import ByodkimError

__all__ = ["main"]

INTERRUPTED: Final = 128 + 2
"""Exit code after Ctrl-C, as a shell reports it for SIGINT."""


class _Commands(click.Group):
    """A group of commands whose errors are lines for people."""

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
def main() -> None:
    """
    DKIM keys of your own in Amazon SES: what signs now, and the next key.

    Run it in the Pulumi project or below. Every command works on one stack; `records`,
    `doctor` and `iam-policy` work without one too, anywhere.
    """


for command in (status, rotate, records, doctor, iam_policy):
    main.add_command(command)
