"""
What a program says of one domain: the keys of a stack file, as arguments.

Keys, defaults and checks are those of `config.schema`, from which the class here is derived;
only what a file can't say is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import PlainValidator

from byodkim_provider.config import settings
from byodkim_provider.config.schema import WrittenDomain
from byodkim_provider.config.values import Flag
from byodkim_provider.dns_providers.interface import DnsProvider
from byodkim_provider.program import stack_config
from byodkim_provider.quoting import shown

__all__ = ["ByodkimDomainArgs"]


def _providers(given: object) -> tuple[object, ...]:
    if not isinstance(given, list | tuple):
        raise ValueError(f"must be a list, not {shown(given)}")
    for one in given:
        if not (callable(getattr(one, "hosted_zone", None)) and callable(getattr(one, "publish", None))):
            raise ValueError(f"must be objects with the methods hosted_zone and publish, not {shown(one)}")
    return tuple(given)


class ByodkimDomainArgs(WrittenDomain):
    """
    Inputs of a `ByodkimDomain`: plain values, known before anything is made.

    They have the names and meanings of the stack file, in snake_case, and are checked when this is
    made: raises `InvalidSettings` with one line for each problem. A key under *keys* is the
    decrypted text, as `pulumi.Config().require("key")` gives it, not an Output.
    """

    domain: str
    """The sending domain. Written in any form: upper case, U-labels or a final dot are normalised."""
    dns_providers: Annotated[Sequence[DnsProvider], PlainValidator(_providers)] = ()
    """Providers of your own that publish the records, instead of those that *dns* names."""
    wait: Annotated[bool, Flag()] = False
    """Make a `DkimVerification` for this domain alone; what depends on that, depends on a verified domain."""

    def settings(self) -> settings.DomainSettings:
        """The same with what follows from it; without *regions* in that of the stack that runs."""
        return settings.domain(self.domain, self, default_region=stack_config.region())
