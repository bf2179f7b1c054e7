"""
Where the records of a domain's keys stand: zones at DNS providers.

A zone is an input of an identity and is kept in its state.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from byodkim_provider.dkim import generations, records
from byodkim_provider.dkim.generations import T
from byodkim_provider.dns.panels import Panel
from byodkim_provider.hosts.registry import SPECS

MANUAL: Final = "manual"
"""The provider of a zone for which people publish the records."""

ROUTE53: Final = "route53"


def by_hand(zones: Iterable[T]) -> T | None:
    """The first of *zones* into whose panel people type the records; None if there is none."""
    return next((zone for zone in zones if zone.provider == MANUAL), None)


@dataclass(frozen=True, kw_only=True)
class Zone:
    """The zone in which a provider publishes the records of one domain."""

    provider: str
    """
    `route53`, a host, `manual` for people, who publish the records, so that none is ever removed
    automatically, or the name of a program's own provider.
    """
    id: str = ""
    """The zone's permanent id, such as `Z0123456789ABC`; "" where its name is its id."""
    name: str = ""
    """The zone's name, with `manual` as the panel has it; "" if *id* says enough."""
    cname: str | None = None
    """
    The domain's CNAMEs lead to this zone, to selectors of this prefix and 1, 2 or 3: the slots.
    """
    from_generation: int = 1
    """The first generation whose record stands there."""
    name_servers: tuple[str, ...] = ()
    """
    Without final dots; empty if not known: then moves are not checked. Those of Route 53 are looked
    up.
    """
    role: str | None = None
    """ARN of the role that reads a Route 53 zone in another AWS account."""
    external_id: str | None = None
    """The external ID that this role asks for."""
    panel: str | None = None
    """With `manual`: the panel that people use, a name from `hosts.registry.PANELS`."""

    @property
    def label(self) -> str:
        """
        What people read, such as `route53:Z0123456789ABC`; part of the names of resources.

        The same label means the same zone, however the settings name it.
        """
        return MANUAL if self.provider == MANUAL else f"{self.provider}:{self.id or self.name}"

    @property
    def path(self) -> str:
        """The *label*; with slots behind the zone's name, as another name is another record."""
        return f"{self.name}/{self.label}" if self.cname else self.label

    def slot_name(self, generation: int, domain: str) -> str | None:
        """The name of the record in a generation's slot; None without *cname*."""
        selector = generations.selector([self], generation)
        return f"{records.record_name(selector, domain)}.{self.name}" if selector else None

    @property
    def hours_to_show(self) -> int:
        """How long its name servers may take to show a record; 0: minutes at most."""
        spec = SPECS.get(self.provider)
        return spec.hours_to_show if spec else 0

    @property
    def is_shown_late(self) -> bool:
        """Whether a record is perhaps not there by the end of the run that publishes it."""
        return self.provider == MANUAL or self.hours_to_show > 0

    @property
    def host_panel(self) -> Panel | None:
        """
        The panel of its host, that of the host's own name.

        None without a host, and for cPanel, which many hosts have.
        """
        spec = SPECS.get(self.provider)
        return spec.panels.get(self.provider) if spec else None
