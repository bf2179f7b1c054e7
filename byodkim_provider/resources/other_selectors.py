"""The selectors of others that a delegated `_domainkey` would hide, and what carries them on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.dynamic import Resource, ResourceProvider

from byodkim_provider.resources._in_plugin import InPluginProcess


def load_v1() -> ResourceProvider:
    """What users' state names. Never moved, never renamed (tests/contract)."""
    from byodkim_provider.resources.other_selectors_provider import ForeignSelectorsProvider

    return ForeignSelectorsProvider()


@dataclass(kw_only=True)
class ForeignSelectorsArgs:
    """Inputs of `ForeignSelectors`."""

    domain: str
    keep: Sequence[str] = ()
    """Selectors of others to carry over."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Values of some of them, by selector: a key or the target of a CNAME. The others are looked up."""
    own: Sequence[str] = ()
    """Selectors that the zone will hold anyway. Read when the delegation is new, never compared."""
    regions: Sequence[str] = ()
    """Where SES may sign for the domain with Easy DKIM, whose selectors are in use then."""
    dns_check: str = "authoritative"
    """`off` delegates without a lookup, so `keep` needs values."""
    dns_resolvers: Sequence[str] = ()
    release: bool = False
    """The zone is about to go: refused while the parent zone still delegates to it."""


class ForeignSelectors(Resource, module="byodkim", name="ForeignSelectors"):
    """
    The other selectors of a domain whose `_domainkey` is about to be delegated.

    Refuses, in a preview, to hide one that is known and not in *keep*. `get` and `pulumi import`
    don't work, as with any dynamic resource.
    """

    carried: pulumi.Output[Mapping[str, Mapping[str, Any]]]
    """By selector: *type*, TXT or CNAME, and *values* as `aws.route53.Record` takes them."""

    def __init__(
        self, name: str, args: ForeignSelectorsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """*name* is unique in its stack."""
        super().__init__(InPluginProcess(load_v1), name, {**vars(args), "carried": None}, opts)
