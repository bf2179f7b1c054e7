"""
`byodkim`, the command: each of its commands is a file, and here is how every one reports errors.

Standard output has the result, everything else goes to standard error and begins with `byodkim:`.
An error is one line and a hint, never a traceback.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

import click

from byodkim_provider import __version__
from byodkim_provider.cli.terminal import (
    CANNOT_WRITE,
    CannotRead,
    Refused,
    repaired,
    say,
    say_as_json,
    wants_json,
)
from byodkim_provider.errors import ByodkimError
from byodkim_provider.quoting import hidden, may_be_a_key

COMMANDS: Final = {
    "doctor": "Say whether the DNS records are right, and if not, what is wrong and how to fix it.",
    "iam-policy": "Print the smallest IAM policy for a stack.",
    "records": "Print the DNS records to publish.",
    "rotate": "Let the next key of a domain sign.",
    "scan": "Read which identities an account has, and print a stack file that adopts them.",
    "status": "Show what signs, and what is wrong or due.",
}
"""What each command does, as its own help begins: none is imported before it is called."""

MONITORS: Final = ("doctor", "status")
"""Commands that exit as monitoring expects: 0 well, 1 warning, 2 critical, 3 unknown."""

UNKNOWN: Final = 3
"""Exit code of `MONITORS` for an error: nothing is known of the domains then."""

INTERRUPTED: Final = 128 + 2
"""Exit code after Ctrl-C, as a shell reports it for SIGINT."""

AS_JSON: Final = "byodkim_provider.as_json"
KEYS: Final = "byodkim_provider.keys"
"""What a context remembers: whether errors are JSON too; arguments that may be keys, never to be quoted."""


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
        given = options.get("args") or (arguments[0] if arguments else None) or sys.argv[1:]
        with repaired(UNKNOWN if given and given[0] in MONITORS else CANNOT_WRITE):
            return super().main(*arguments, **options)

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        context.meta[AS_JSON] = wants_json(arguments)
        # A key may also be the value in `--option=VALUE` or `-oVALUE`.
        context.meta[KEYS] = [
            part for one in arguments for part in (one, *one.split("=", 1), one[2:]) if may_be_a_key(part)
        ]
        try:
            return super().parse_args(context, arguments)
        except click.UsageError as error:
            raise _without_keys(error, context) from None

    def invoke(self, context: click.Context) -> object:
        as_json = context.meta[AS_JSON]
        refused: click.ClickException
        try:
            return super().invoke(context)
        except ByodkimError as error:
            refused, kind = CannotRead(str(error)), type(error).__name__
        except click.ClickException as error:
            # click has many classes for a wrong command line, and other ones with each version.
            refused = error
            kind = "UsageError" if isinstance(error, click.UsageError) else type(error).__name__
        except KeyboardInterrupt as interrupt:
            text = ", ".join(["interrupted", *map(str, interrupt.args)])
            say(text)
            with suppress(OSError):
                if as_json:
                    say_as_json("Interrupted", text, INTERRUPTED)
                sys.stdout.flush()
            # Not `sys.exit`: Python would wait for the threads that wait for SES and DNS.
            os._exit(INTERRUPTED)
        # Before `_without_keys`, which returns an error of another class.
        exit_code = UNKNOWN if context.invoked_subcommand in MONITORS else refused.exit_code
        refused = _without_keys(refused, context)
        if as_json:
            say_as_json(kind, refused.format_message(), exit_code)
        refused.show()
        raise click.exceptions.Exit(exit_code)


def _without_keys(error: click.ClickException, context: click.Context) -> click.ClickException:
    """*error*, or another with its text without what may be a private key: click quotes arguments."""
    keys = context.meta[KEYS]
    if not keys:
        return error
    text = hidden(error.format_message(), keys)
    return (
        Refused(text) if isinstance(error, Refused) else click.UsageError(text, getattr(error, "ctx", None))
    )


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="byodkim")
def main() -> None:
    """
    DKIM keys of your own in Amazon SES: what signs now, and the next key.

    Run it in the Pulumi project or below. Every command works on one stack; `records`,
    `doctor`, `iam-policy` and `scan` work without one too, anywhere.
    """
