"""
`byodkim`, the command: each of its commands is a file, and here is how every one reports errors.

Standard output has the result, everything else goes to standard error and begins with `byodkim:`.
An error is one line and a hint, never a traceback.
"""

import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from byodkim_provider import __version__
from byodkim_provider.cli.terminal import Failed, Refused, say
from byodkim_provider.errors import ByodkimError
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.quoting import did_you_mean, hidden

COMMANDS: Final = {
    "doctor": "Say whether a DNS record is right, and if not, what is wrong and how to fix it.",
    "iam-policy": "Print the IAM policy for a stack.",
    "key": "Print the private key of DOMAIN, for a mail server of your own that signs with it too.",
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

CLOSED_PIPE: Final = 128 + 13
"""Exit code after `| head -1`, as a shell reports it for SIGPIPE: no verdict of `MONITORS`."""


class _Commands(click.Group):
    """A group of commands, each in a module of its name, whose errors are lines for people."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            raise click.UsageError(f"No such command {name!r}{did_you_mean(name, COMMANDS)}.")
        module = name.replace("-", "_")
        command: click.Command = getattr(import_module(f"byodkim_provider.cli.{module}"), module)
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items()])

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except BrokenPipeError:
            # click would exit with 1. Not `sys.exit`: Python would try again to write.
            os._exit(CLOSED_PIPE)

    def main(self, args: Sequence[str] | None = None, *others: Any, **options: Any) -> Any:
        given = sys.argv[1:] if args is None else args
        is_monitor = given[:1] and given[0] in MONITORS
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a terminal may lack a character
                stream.reconfigure(errors="backslashreplace")
        try:
            sys.exit(super().main(args, *others, **options | {"standalone_mode": False}))
        except click.Abort:
            say("interrupted")
            # Not `sys.exit`: Python would wait for the threads that wait for SES and DNS.
            os._exit(INTERRUPTED)
        except OSError as error:  # such as a full disk
            say(str(error))
            # Python would try again, at its end, to write what it could not.
            sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until then
            sys.exit(UNKNOWN if is_monitor else Failed.exit_code)
        except (ByodkimError, click.ClickException) as error:
            shown = _shown(error)
            with suppress(OSError):  # the exit code says it too
                shown.show()
            sys.exit(UNKNOWN if is_monitor else shown.exit_code)


def _shown(error: ByodkimError | click.ClickException) -> click.ClickException:
    """*error* without what may be a private key: click quotes arguments."""
    if isinstance(error, ByodkimError):
        return Failed(str(error))
    text = error.format_message()
    if isinstance(error, Refused) or hidden(text) == text:
        return error
    return click.UsageError(str(CliMessages.MAY_BE_A_KEY()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="byodkim")
def main() -> None:
    """
    DKIM keys of your own in Amazon SES: what signs now, and the next key.

    Run it in the Pulumi project or below. Every command works on one stack, but `doctor`,
    which works anywhere, as `scan` does.
    """
