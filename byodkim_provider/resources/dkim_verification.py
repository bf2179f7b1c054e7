"""Verification of identities, as a Pulumi resource: what a program declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi.dynamic import Resource, ResourceProvider

from byodkim_provider.identity.state import TIMEOUT_MINUTES
from byodkim_provider.resources._in_plugin import InPluginProcess
from byodkim_provider.resources.dkim_identity import ByodkimIdentity

if TYPE_CHECKING:
    from byodkim_provider.identity.verification import OnTimeout

_OF_AN_IDENTITY: Final = (
    *("domain", "region", "selector", "key_set_at", "key_set_by", "published", "signed_until"),
    *("adopted", "record_value", "dns_check", "dns_resolvers"),
)
"""Outputs of an identity that are inputs of its verification."""


def load_v1() -> ResourceProvider:
    """What users' state names. Never moved, never renamed (tests/contract)."""
    from byodkim_provider.resources.dkim_verification_provider import DkimVerificationProvider

    return DkimVerificationProvider()


@dataclass(kw_only=True)
class DkimVerificationArgs:
    """Inputs of a `DkimVerification`."""

    identities: Sequence[ByodkimIdentity]
    timeout_minutes: float = TIMEOUT_MINUTES
    """How long a run waits for new and changed identities. A change of this input alone is no change."""
    on_timeout: OnTimeout = "warn"
    """`warn`: the run succeeds, and the next one checks pending identities once. `fail`: the run fails."""
    retired: Sequence[str] = ()
    """Domains whose identities leave the stack while their records stay; when they left is an output."""


class DkimVerification(Resource, module="byodkim", name="DkimVerification"):
    """
    Waits until SES has verified identities, and reports why one is not verified.

    When all are verified it makes no call. `get` and `pulumi import` don't work, as with any
    dynamic resource; `custom_timeouts` has no effect, *timeout_minutes* is the time limit.
    """

    results: pulumi.Output[Sequence[Mapping[str, Any]]]
    """For each identity: domain, region, selector, status, verified and reason."""
    pending: pulumi.Output[Sequence[str]]
    """One line for each identity that is not verified: domain, Region, status and reason."""

    retired_at: pulumi.Output[Mapping[str, str]]
    """By domain, when a run first had it as retired: from then on nothing signs."""

    def __init__(
        self, name: str, args: DkimVerificationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """*name* is unique in its stack."""
        inputs = {
            "identities": [{name: getattr(one, name) for name in _OF_AN_IDENTITY} for one in args.identities],
            "account_id": args.identities[0].account_id if args.identities else None,
            "timeout_minutes": args.timeout_minutes,
            "on_timeout": args.on_timeout,
            "retired": sorted(args.retired) or None,
            # A preview calls no provider for a deletion: this resource says which adopted identities stay.
            "adopted": pulumi.Output.all(
                *[pulumi.Output.all(one.domain, one.region, one.adopted) for one in args.identities]
            ).apply(_adopted),
        }
        outputs = {"results": None, "pending": None, "retired_at": None}
        super().__init__(InPluginProcess(load_v1), name, {**inputs, **outputs}, opts)


def _adopted(identities: Sequence[tuple[str, str, bool]]) -> list[str]:
    return sorted(f"{domain} {region}" for domain, region, adopted in identities if adopted)
