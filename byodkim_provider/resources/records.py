"""
A record never overwrites what somebody else has written: rule 5 of `identity.rules`.

Before a record is made or changed, its name is read anew. What this stack has written, or writes
now, is no obstacle; anything else is. Nobody else has the selector of a generated key: what stands
there is replaced.
"""

from collections.abc import Callable, Collection, Sequence

from byodkim_provider.dkim.records import mark, unquoted
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.hosts.interface import Existing
from byodkim_provider.messages import Message
from byodkim_provider.messages.dkim import DkimMessages
from byodkim_provider.quoting import first_few, in_dns


def refuse_others(
    problem: Callable[..., Message], name: str, standing: Sequence[str], ours: Collection[str]
) -> None:
    """
    Raise `InvalidSettings` if a value *standing* at *name* has a mark that is none of *ours*.

    *problem* says it, by `name` and `found`.
    """
    others = [value for value in standing if mark(value) not in ours]
    if others:
        raise InvalidSettings(problem(name=name, found=in_message(others)))


def problem_of(existing: Existing) -> DkimMessages:
    """What is said where another value is in the way of a key's record."""
    return DkimMessages.OTHER_VALUE if existing == "same key" else DkimMessages.OTHER_KEY


def in_message(values: Sequence[str]) -> str:
    """The *values* of somebody else's record, as a message may show them."""
    return in_dns(first_few(list(map(unquoted, values))))
