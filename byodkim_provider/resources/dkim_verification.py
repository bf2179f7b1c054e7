"""Verification of identities, as a Pulumi resource: what a program declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.dynamic import ResourceProvider

from byodkim_provider.identity.state import TIMEOUT_MINUTES
from byodkim_provider.resources.dkim_identity import ByodkimIdentity
from byodkim_provider.resources.inputs import VERIFIED, of_verification
from byodkim_provider.resources.other_languages import OurResource
from byodkim_provider.resources.sdk import is_unknown

if TYPE_CHECKING:
    from byodkim_provider.identity.verification import OnTimeout


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


class DkimVerification(OurResource, module="byodkim", name="DkimVerification"):
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
        inputs = of_verification(
            [_outputs(one) for one in args.identities],
            account_id=args.identities[0].account_id if args.identities else None,
            timeout_minutes=args.timeout_minutes,
            on_timeout=args.on_timeout,
            retired=args.retired,
        )
        outputs = {"results": None, "pending": None, "retired_at": None}
        super().__init__(load_v1, name, {**inputs, **outputs}, opts)


def _outputs(identity: ByodkimIdentity) -> dict[str, pulumi.Output[Any]]:
    """The outputs that are verified."""
    given = {name: pulumi.Output.from_input(getattr(identity, name)) for name in VERIFIED}
    # Not set it is no output, which a preview takes for unknown; a setting never is.
    cname = given["cname"].apply(lambda one: None if is_unknown(one) else one, run_with_unknowns=True)
    return {**given, "cname": cname}
