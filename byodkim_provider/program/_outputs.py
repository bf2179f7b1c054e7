"""
What a program shows of identities: stack outputs, and records of the next rotation for people to
add.

An output is the verdict of the verification, or a difference that a refresh found. Nothing is
declared here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

import pulumi

from byodkim_provider.dkim import generations
from byodkim_provider.hosts.registry import to_paste
from byodkim_provider.hosts.zones import MANUAL, Zone
from byodkim_provider.identity.state import AWAITING_DNS, UNCONFIRMED
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.resources.declared import ByodkimIdentity, DkimVerification
from byodkim_provider.resources.sdk import has_unknown
from byodkim_provider.times import moment

Verdicts = Mapping[tuple[str, str, str | None], Mapping[str, Any]]
"""Results of a verification, by domain, Region and time of the key."""


def counted(names: Sequence[str], left: Collection[str]) -> str:
    """How many of *names* are not *left*: "99 of 100 domains"."""
    return f"{sum(name not in left for name in names)} of {len(names)} domains"


def made(value: Any) -> Any:
    """
    *value*, with None for each output that is unknown after an update, because of `--target`.

    Otherwise the engine stores its placeholder for unknown values, a UUID, as the output.
    """
    match value:
        case pulumi.Output() if not pulumi.runtime.is_dry_run():
            return value.apply(
                lambda one: None if has_unknown(one) else one, run_with_unknowns=True
            )
        case Mapping():
            return {name: made(one) for name, one in value.items()}
        case list() | tuple():
            return [made(one) for one in value]
    return value


def verdicts_of(verification: DkimVerification) -> pulumi.Output[Verdicts]:
    """What the verification found; nothing if `--target` left it out of the update."""

    def verdicts(results: Sequence[Mapping[str, Any]] | None) -> Verdicts:
        return {
            (result["domain"], result["region"], result.get("key_set_at")): result
            for result in results or ()
        }

    result: pulumi.Output[Verdicts] = made(verification.results).apply(verdicts)
    return result


def known_of(
    identity: ByodkimIdentity, verdicts: pulumi.Output[Verdicts]
) -> pulumi.Output[Sequence[Any]]:
    """
    The status of an identity, the differences that a refresh found, and the verification's verdict.

    The verdict is None if there is none of this key.
    """

    def known(given: Verdicts) -> pulumi.Output[Sequence[Any]]:
        def of_this_key(found: Sequence[Any]) -> Sequence[Any]:
            domain, region, key_set_at, status, drift = found
            return status, drift, given.get((domain, region, key_set_at))

        found = (
            identity.domain,
            identity.region,
            identity.key_set_at,
            identity.status,
            identity.drift,
        )
        return pulumi.Output.all(*found).apply(of_this_key)

    # `Output.all` makes an Output of each part of each argument. If the verdicts were an argument,
    # each identity would have an Output for each verdict of all identities.
    return verdicts.apply(known)


def status_in(known: Sequence[Any]) -> str:
    """The verdict's status, or the identity's if a refresh found a difference since."""
    status, drift, verdict = known
    return str(status if drift or verdict is None else verdict["status"])


def line_about(subject: str, known: Sequence[Any]) -> str:
    """A line about an identity that is not verified, or differs from its declaration; else ""."""
    status, drift, verdict = known
    is_settled = verdict is None or verdict["verified"] or verdict["status"] == UNCONFIRMED
    if not is_settled:
        return f"{subject}: {verdict['status']}, {verdict['reason']}"
    if drift:
        return f"{subject}: {', '.join(drift)}"
    if verdict is None:
        return f"{subject}: {status}, not checked: run `pulumi up` without `--target`"
    return ""


# --- records of the next rotation


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
    zones: Sequence[Zone],
    began: datetime,
) -> None:
    """
    Print the records that the next rotation needs and people paste, if they are adding a record
    anyway.

    People add a record while the signing record is awaited, and in the run that made the standby's
    key. *began* is when the run began, *made_at* when each generation's key was made.
    """
    standbys = [record["generation"] for record in published if record["role"] == "standby"]
    held = ((one, zone) for one in standbys for zone in generations.holding(zones, one))
    by_hand = {one: zone for one, zone in held if zone.provider == MANUAL}
    if not by_hand:
        return

    def show(values: Mapping[str, Any]) -> None:
        is_pasting = AWAITING_DNS in values["statuses"]
        for record in values["standbys"]:
            made = values["made_at"].get(str(record["generation"]))
            # To the second, as it is stored.
            is_new = made is not None and moment(made) >= began.replace(microsecond=0)
            if not is_pasting and not is_new:
                continue
            at = by_hand[record["generation"]]
            text = to_paste(at.panel, name=record["name"], value=record["value"], zone=at.name)
            line = ProgramMessages.STANDBY(
                domain=domain, generation=record["generation"], record=text
            )
            pulumi.log.info(
                str(line), identities[0]
            )  # below the identity's message about its own record

    pulumi.Output.all(
        statuses=[one.status for one in identities],
        standbys=[record for record in published if record["generation"] in by_hand],
        made_at=made_at,
    ).apply(show)
