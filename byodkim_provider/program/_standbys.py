"""With `dns: manual`: prints the records of the next rotation when people are adding records anyway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from textwrap import indent
from typing import Any, Final, TypedDict

import pulumi

from byodkim_provider.dkim import generations
from byodkim_provider.dns import panels
from byodkim_provider.hosts.registry import PANELS
from byodkim_provider.identity.state import AWAITING_DNS, CREATED
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.program.dns_provider import HostedZone
from byodkim_provider.property_types import moment
from byodkim_provider.resources.declared import ByodkimIdentity

CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""Largest difference between SES's clock and ours: AWS refuses requests with a larger one."""


class PublishedRecord(TypedDict):
    """The TXT record of one generation of a domain's key."""

    generation: int
    role: generations.Role
    name: pulumi.Input[str]
    """`<selector>._domainkey.<domain>`."""
    value: pulumi.Input[str]
    """`p=…`, in one piece."""


def show_standbys(
    domain: str,
    identities: Sequence[ByodkimIdentity],
    published: Sequence[PublishedRecord],
    made_at: Mapping[str, pulumi.Input[str | None]],
    *,
    hosted_zone: HostedZone,
    began: datetime,
) -> None:
    """
    Print the records that the next rotation needs, if people are adding a record anyway.

    People add a record while the signing record is awaited, and in the run that rotated or made the
    standby's key. *began* is when the run began, *made_at* when each generation's key was made. After the
    first Create nothing is printed, since that run has printed both records.
    """

    def show(values: Mapping[str, Any]) -> None:
        is_pasting = any(_is_pasting(*identity, began=began) for identity in values["identities"])
        for record in values["standbys"]:
            made = values["made_at"].get(str(record["generation"]))
            # To the second, as it is stored.
            is_new = made is not None and moment(made) >= began.replace(microsecond=0)
            if not is_pasting and not is_new:
                continue
            text = panels.instructions(
                PANELS[hosted_zone.panel] if hosted_zone.panel else None,
                record_name=record["name"],
                record_value=record["value"],
                zone=hosted_zone.panel_zone or domain,
            )
            pulumi.log.info(
                str(
                    ProgramMessages.STANDBY(
                        domain=domain, generation=record["generation"], record=indent(text, "  ")
                    )
                ),
                identities[0],  # shown below the identity's message about its own record
            )

    pulumi.Output.all(
        identities=[[one.status, one.key_set_by, one.signing_since] for one in identities],
        standbys=[record for record in published if record["role"] == "standby"],
        made_at=made_at,
    ).apply(show)


def _is_pasting(status: str, key_set_by: str | None, signing_since: str | None, *, began: datetime) -> bool:
    """Whether an identity awaits its record, or was switched to another key in the run that *began* then."""
    if status == AWAITING_DNS or signing_since is None:
        return status == AWAITING_DNS
    return key_set_by != CREATED and moment(signing_since) >= began - CLOCKS_DIFFER
