"""
What a DNS provider is to a domain: where its records go, and how one gets there.

Two methods, and nothing of any one DNS: a rule that holds for a single provider is in its file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import pulumi

__all__ = ["DnsProvider", "Existing", "Place"]

Existing = Literal["same key", "replace"]
"""A record that exists already: taken over if it holds this key, else an error; or replaced."""


@dataclass(frozen=True)
class Place:
    """Where a provider puts the records of one domain."""

    label: str
    """
    Names the place for ever, such as `route53:Z0123456789ABC`.

    It is part of the records' resource names and stands in the state of the identities: the
    same label is the same place, however it is written in the settings. `manual` means that
    people put the records there, so that none ever leaves by itself.
    """
    name_servers: pulumi.Input[Sequence[str]] = ()
    """Of the zone, without final dots; empty if they are not known, so that no move is checked by them."""
    panel: str | None = None
    """For `manual`: the panel that people type into, a name from `panels.PANELS`."""
    panel_zone: str | None = None
    """For `manual`: the zone that this panel shows."""


class DnsProvider(Protocol):
    """Publishes records. One object may serve many domains."""

    def place(self, domain: str, *, parent: pulumi.Resource) -> Place:
        """
        Where the records of *domain* go. Called before anything is published there.

        *parent* is the component of the domain, for resources and for `pulumi.InvokeOptions`.
        Raises `InvalidSettings` if there is no such zone.
        """
        ...

    def publish(
        self,
        name: str,
        *,
        domain: str,
        record_name: pulumi.Input[str],
        record_value: pulumi.Input[str],
        existing: Existing,
        opts: pulumi.ResourceOptions,
    ) -> pulumi.Resource | None:
        """
        Declare the TXT record *record_name*, called *name* in the stack.

        *record_value* is one piece, without quotes, and may be longer than a string of 255
        octets: splitting is this DNS's matter. *existing* says what becomes of a record of
        that name. *opts* are to be passed on. What comes back is there when the record is;
        None if that is somebody else's work.
        """
        ...
