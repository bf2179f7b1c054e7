"""
What is foretold of an identity before anything is made: what is said, refused and changed.

Values in, values out: the caller has read SES, says the lines and remembers the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from byodkim_provider.errors import ByodkimError
from byodkim_provider.identity import judgement
from byodkim_provider.identity.calls import Plan, Seen
from byodkim_provider.identity.ownership import will_take_over
from byodkim_provider.identity.plan import plan
from byodkim_provider.identity.state import Declared, Stored
from byodkim_provider.messages.identity import IdentityMessages


class Foretold(NamedTuple):
    """What is foretold of one identity."""

    lines: Sequence[object] = ()
    """What is said."""
    is_warning: bool = False
    """Whether the lines are warnings, and not notes."""
    is_refused: bool = False
    """Whether the identity is in the way: the verification makes one error of all of them."""
    is_unread: bool = False
    """Whether SES could not be read, and need not be asked again in this Region."""
    changes: bool = False
    """Whether the update stores or calls anything."""


def of_refused(declared: Declared, error: ByodkimError) -> Foretold:
    """
    What is foretold of a new identity after `lifecycle.foresee` has raised *error*.

    Raises it if SES was not read and somebody else may sign with a key that you gave: its record,
    once taken over, would leave DNS together with the entry.
    """
    if error.kind == "IdentityExists":
        # An error here would end the preview before it has come to the others. What is adopted may
        # get its record, and is refused then.
        is_refused = not declared.adopt or error.message.code is IdentityMessages.REPLACED
        return Foretold([error.with_kind()], is_warning=True, is_refused=is_refused)
    if declared.adopt:  # the update decides
        note = IdentityMessages.NOT_READ(region=declared.region, error=error.with_kind())
        return Foretold([note, will_take_over(declared)], is_unread=True)
    if declared.supplied_keys:
        raise error
    return Foretold()


def of_change(
    stored: Stored, declared: Declared, *, unknown: Mapping[str, object], now: datetime
) -> Foretold:
    """What is foretold of the change to *declared*, whose *unknown* inputs are not compared."""
    before = stored.declared
    lines = []
    if declared.adopt and stored.key is None:
        lines.append(will_take_over(declared))
    elif declared.adopt and not (before.adopt or judgement.differences(stored)):
        lines.append(IdentityMessages.STAYS(name=str(declared)))
    is_same = declared.mail_from_domain == before.mail_from_domain
    read = replace(
        stored,
        declared=replace(before, adopt=declared.adopt),
        mail_from_status=stored.mail_from_status if is_same else None,
    )
    lines += judgement.drift_messages(read)
    is_refused = judgement.is_refused(read)
    # As an update begins that has seen nothing yet, so that the preview says what it will do.
    planned = plan(stored, declared, Seen(), now=now, instance=stored.instance)
    changes = bool(unknown) or planned != Plan(stored)
    return Foretold(lines, is_warning=is_refused, is_refused=is_refused, changes=changes)
