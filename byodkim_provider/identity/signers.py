"""
The one rule for whether a record of ours may leave DNS, for the records of Route 53 and of hosts
alike.

`stays` decides, from what this run has declared and from what SES answers:

    a resource of this run publishes the same record      stays
    its zone has left a domain that stays                 goes, unless it was there before the stack
    its generation has left a domain that stays           goes, unless an identity signs with
                                                          its key, or has been replaced in this run
    its domain has left the stack                         as the line above, and a record that was
                                                          there before the stack stays

A supplied key may also be in another stack. Then every Region is asked, and an identity of another
stack keeps the record: it may have signed until yesterday.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from byodkim_provider.aws.errors import NOT_ALLOWED
from byodkim_provider.aws.ses import OWNER_TAG, STACK_TAG
from byodkim_provider.aws.settings import partition_of, regions_with_ses
from byodkim_provider.dkim import records
from byodkim_provider.errors import AwsRefused, InvalidSettings
from byodkim_provider.identity.judgement import has_key
from byodkim_provider.identity.run import Run, Services
from byodkim_provider.identity.state import place, zone_of
from byodkim_provider.messages.hosts import RecordMessages
from byodkim_provider.quoting import first_few


@dataclass(frozen=True)
class Ours:
    """A record that the stack has published."""

    domain: str
    regions: Sequence[str]
    """Where identities of the domain may sign with its key; SES has to answer in each."""
    earlier: Sequence[str]
    """
    Regions that the domain has left. The record stays if SES refuses to answer in one that is
    enabled.
    """
    label: str
    """Of its zone."""
    name: str
    key: str
    """What tells its key from others: a fingerprint, or the value."""
    is_supplied: bool
    was_there: bool
    """Before the stack."""

    def declare(self, run: Run) -> None:
        """A resource of this *run* publishes it."""
        run.records.add((self.label, self.name, self.key))

    def stays(self, services: Services) -> bool:
        """
        Whether it has to stay in DNS. A line says why, unless another resource of the stack has it.

        Raises `AwsRefused` if SES does not answer in a Region that the domain has.
        """
        if (self.label, self.name, self.key) in services.run.records:
            return True
        if why := self.reason(services):
            services.run.progress().warn(
                RecordMessages.LEFT(name=self.name, label=self.label, why=why)
            )
        return bool(why)

    def reason(self, services: Services) -> str:
        """Why it has to stay, "" if it may go, whatever this run declares."""
        run = services.run
        zones = run.zones.get(self.domain, ())
        has_left = place(self.label, zone_of(self.name, self.domain)) not in zones
        if self.was_there and has_left:
            return str(RecordMessages.WAS_THERE())
        if zones and has_left:
            return ""
        if self.domain in run.replaced:
            return str(RecordMessages.REPLACED())
        return self._ses_reason(services, is_leaving=not zones)

    def _ses_reason(self, services: Services, *, is_leaving: bool) -> str:
        """Which identity needs it, or may need it; "" if none does."""
        run = services.run

        def reason(region: str) -> str:
            signs = run.signs.get((region, self.domain))
            name = f"{self.domain} {region}"
            may_be_shared = self.is_supplied and (is_leaving or region not in self.regions)
            if signs is None and (seen := services.ses(region).get_email_identity(self.domain)):
                if has_key(self._selector, seen):
                    signs = self._selector
                elif may_be_shared and OWNER_TAG in seen.tags:
                    # It may have signed with this key until yesterday; nothing in SES shows that.
                    stack = seen.tags.get(STACK_TAG)
                    return str(RecordMessages.MAY_HAVE_SIGNED(name=name, stack=stack))
            return str(RecordMessages.SIGNS(name=name)) if signs == self._selector else ""

        every = [*self.regions, *self.earlier]
        known = {one for one in every if (one, self.domain) in run.signs}
        for region in sorted(known.union(self.regions)):
            has_it = region in known or may_exist(self.domain, partial(services.names, region))
            if has_it and (why := reason(region)):
                return why
        others = set(regions_with_ses(partition_of(every[0])) if self.is_supplied and every else ())
        others = others.union(self.earlier) - known.union(self.regions)
        silent = []
        for region, names in services.elsewhere(every[0], sorted(others)).items() if others else ():
            try:
                if names is None and region not in self.earlier:
                    silent.append(region)
                elif (names is None or self.domain in names) and (why := reason(region)):
                    return why
            except (AwsRefused, InvalidSettings):
                silent.append(region)
        return str(RecordMessages.SILENT(regions=first_few(silent))) if silent else ""

    @property
    def _selector(self) -> str:
        return records.split_name(self.name)[0]


def with_earlier(olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """
    *news*, with the Regions that the domain has left: an adopted identity stays there, and still
    signs.
    """
    earlier = sorted({*olds.get("regions", ()), *olds.get("earlier", ())} - {*news["regions"]})
    return {**news, **({"earlier": earlier} if earlier else {})}


def may_exist(domain: str, names: Callable[[], Collection[str]]) -> bool:
    """
    Whether SES has the identity, by the *names* that it lists, or can't be asked for the list.
    """
    try:
        return domain in names()
    except AwsRefused as refused:
        if refused.code not in NOT_ALLOWED:
            raise
        return True
