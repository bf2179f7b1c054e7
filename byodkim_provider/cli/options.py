"""
Options that several commands have, so that they are spelled and completed the same way everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem


class StackName(click.ParamType[str]):
    """The name of a stack; a shell completes it from the stack files of the project."""

    name = "stack"

    def convert(self, value: Any, _param: click.Parameter | None, _context: click.Context | None) -> str:
        return str(value)

    def shell_complete(
        self, _context: click.Context, _param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        # Here, since the help of a command must not wait for boto3.
        from byodkim_provider.cli.environment import current_directory
        from byodkim_provider.cli.messages import CannotRead
        from byodkim_provider.cli.stack import stack_names

        try:
            names = stack_names(current_directory())
        except (
            CannotRead,
            OSError,
            ValueError,
        ):  # there is nobody to tell; a folder's name may be impossible
            return []
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def checked(read: Callable[[str], str]) -> Callable[[str], str]:
    """The type of an option or argument whose value *read* returns in its normal form, or refuses."""

    def value(text: str) -> str:
        try:
            return read(text)
        except ValueError as error:  # click would quote the value, and not say what is wrong with it
            raise click.BadParameter(str(error)) from None

    return value


stack_option = click.option(
    "-s",
    "--stack",
    "name",
    type=StackName(),
    metavar="STACK",
    help="The stack; by default the selected one.",
)

stacks_option = click.option(
    "-s",
    "--stack",
    "names",
    type=StackName(),
    metavar="STACK",
    multiple=True,
    help="The stack; by default the selected one. Can be given several times.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, errors too.")
