"""
The TXT record in a DNS that only people can edit: no resource is declared.

The identity that awaits the record prints what to type into which field, and so does
`byodkim records`.
"""

from __future__ import annotations

import pulumi

from byodkim_provider.dns_providers.interface import HostedZone, KeyRecord
from byodkim_provider.identity.state import MANUAL


class Manual:
    """
    Records that people add in a DNS panel.

    *panel* is a name from `panels.PANELS`, None for any other; *zone* is the zone in the panel, by
    default the domain itself.
    """

    def __init__(self, *, panel: str | None = None, zone: str | None = None) -> None:
        self._panel = panel
        self._zone = zone

    def hosted_zone(self, domain: str, *, parent: pulumi.Resource) -> HostedZone:
        return HostedZone(MANUAL, panel=self._panel, panel_zone=self._zone or domain)

    def publish(self, name: str, record: KeyRecord, opts: pulumi.ResourceOptions) -> None:
        return None
