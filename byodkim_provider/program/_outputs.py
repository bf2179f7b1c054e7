"""
Stack outputs about identities: the verdict of the verification, or a difference that a refresh found.

Outputs in, outputs out: this module declares no resource.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from byodkim_provider.resources.declared import ByodkimIdentity, DkimVerification
from byodkim_provider.resources.sdk import has_unknown

Verdicts = Mapping[tuple[str, str, str | None], str]
"""Statuses that a verification found, by domain, Region and time of the key."""


def merged(pending: Sequence[str] | None, *others: str | None) -> list[str]:
    """*pending*, and those of the *others* that are about other identities."""
    subjects = {line.partition(":")[0] for line in pending or ()}
    return [*(pending or ()), *(line for line in others if line and line.partition(":")[0] not in subjects)]


def counted(names: Sequence[str], pending: Sequence[str]) -> str:
    """How many of *names* have nothing *pending*: "99 of 100 domains"."""
    left = {line.partition(" ")[0] for line in pending}
    return f"{sum(name not in left for name in names)} of {len(names)} domains"


def made(value: Any) -> Any:
    """
    *value*, with None for each output that is unknown after an update, because of `--target`.

    Otherwise the engine stores its placeholder for unknown values, a UUID, as the output.
    """
    match value:
        case pulumi.Output() if not pulumi.runtime.is_dry_run():
            return value.apply(lambda one: None if has_unknown(one) else one, run_with_unknowns=True)
        case Mapping():
            return {name: made(one) for name, one in value.items()}
        case list() | tuple():
            return [made(one) for one in value]
    return value


def verdicts_of(verification: DkimVerification) -> pulumi.Output[Verdicts]:
    """The statuses that the verification found; none if `--target` left it out of the update."""

    def verdicts(results: Sequence[Mapping[str, Any]] | None) -> Verdicts:
        return {(one["domain"], one["region"], one.get("key_set_at")): one["status"] for one in results or ()}

    result: pulumi.Output[Verdicts] = made(verification.results).apply(verdicts)
    return result


def known_of(identity: ByodkimIdentity, verdicts: pulumi.Output[Verdicts]) -> pulumi.Output[Sequence[Any]]:
    """
    The status of an identity, the differences that a refresh found, and the verification's verdict.

    The verdict is None if there is none of this key.
    """

    def known(given: Verdicts) -> pulumi.Output[Sequence[Any]]:
        def of_this_key(found: Sequence[Any]) -> Sequence[Any]:
            domain, region, key_set_at, status, drift = found
            return status, drift, given.get((domain, region, key_set_at))

        found = (identity.domain, identity.region, identity.key_set_at, identity.status, identity.drift)
        return pulumi.Output.all(*found).apply(of_this_key)

    # `Output.all` makes an Output of each part of each argument. If the verdicts were an argument, each
    # identity would have an Output for each verdict of all identities.
    return verdicts.apply(known)


def status_in(known: Sequence[Any]) -> str:
    """The verdict, or the identity's status if a refresh found a difference since."""
    status, drift, verdict = known
    return str(status if drift or verdict is None else verdict)


def line_about(subject: str, known: Sequence[Any]) -> str:
    """A line about an identity that differs from its declaration, or has no verdict; else ""."""
    status, drift, verdict = known
    if drift:
        return f"{subject}: {', '.join(drift)}"
    return f"{subject}: {status}, not checked: run `pulumi up` without `--target`" if verdict is None else ""
