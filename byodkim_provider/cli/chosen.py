"""
Options and arguments that several commands have. Errors name the option.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import click

from byodkim_provider.dkim.records import normalise_domain
from byodkim_provider.errors import InvalidKey
from byodkim_provider.hosts.registry import PANELS

T = TypeVar("T")

Decorator = Callable[[Callable[..., None]], Callable[..., None]]


def checked(read: Callable[[str], T]) -> Callable[[str], T]:
    """
    The type of an option or argument whose value *read* returns in its normal form, or refuses.
    """

    def value(text: str) -> T:
        try:
            return read(text)
        except (ValueError, OSError, InvalidKey) as error:  # click would not say what is wrong
            raise click.BadParameter(str(error)) from None

    return value


def stack_option(help: str = "The stack; by default the selected one.") -> Decorator:
    """The option `--stack`, whose value the command gets as *name*."""
    return click.option("-s", "--stack", "name", metavar="STACK", help=help)


domains_argument: Final[Decorator] = click.argument(
    "domains", nargs=-1, type=checked(normalise_domain), metavar="[DOMAIN]..."
)

json_option: Final[Decorator] = click.option(
    "--json", "wants_json", is_flag=True, help="Print JSON."
)

panel_option: Final[Decorator] = click.option(
    "--panel",
    type=click.Choice(list(PANELS)),
    callback=lambda *given: PANELS.get(given[-1]),
    help="The DNS panel, for its fields.",
)
