"""
The domains that a program has declared so far, and what the next one must know of them: which
identities they have, and whose records come before its own.
"""

from collections.abc import Sequence
from contextlib import suppress

import pulumi

from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.resources.sdk import PerProgram, parallel

_components: PerProgram[dict[tuple[str, str], str]] = PerProgram()
"""The name of the component of each identity, by domain and Region."""

_records: PerProgram[list[Sequence[pulumi.Resource]]] = PerProgram()
"""The records that sign of each domain that others wait for, in the order of the domains."""


def claim(component: str, settings: DomainSettings) -> None:
    """
    Note that the component of that name declares the identities of its *settings*.

    Raises `InvalidSettings`, and notes none, if another component declares one of them: SES would
    show it as this stack's to both.
    """
    components = _components.get(None, dict)
    for region in settings.regions:
        first = components.get((settings.name, region))
        if first is not None:
            raise InvalidSettings(
                ProgramMessages.DECLARED(domain=settings.name, region=region, first=first)
            )
    for region in settings.regions:
        components[settings.name, region] = component


def add_records(records: Sequence[pulumi.Resource]) -> None:
    """Let later domains wait for a domain's *records* that sign."""
    _records.get(None, list).append(records)


def turn() -> pulumi.ResourceOptions | None:
    """
    Options by which the next domain waits for its turn: as many domains are made at a time as the
    engine runs steps.

    The engine takes steps first come, first served. Were all domains declared at once, it would
    make all keys and all records before SES, which takes one call a second, gets the first of them.
    """
    at_once, records = parallel(), _records.get(None, list)
    if not at_once or len(records) < at_once:  # without a number there is no limit
        return None
    ahead = records[-at_once]

    async def wait() -> list[pulumi.Resource]:
        """
        Return once the records *ahead* are made, or have failed.

        The list is empty: the engine would store a dependency on them, and obey it in a destroy.
        """
        for record in ahead:
            with suppress(Exception):  # the engine says why, and ends the run
                await record.urn.future()
        return []

    return pulumi.ResourceOptions(depends_on=pulumi.Output.from_input(wait()))
