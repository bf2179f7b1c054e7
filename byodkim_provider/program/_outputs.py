"""
What a program shows of identities: stack outputs, and records of the next rotation for people to
add.

An output is the verdict of the verification, or a difference that a refresh found. Nothing is
declared here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

import pulumi

from byodkim_provider.dkim import generations
from byodkim_provider.hosts.registry import to_paste
from byodkim_provider.hosts.zones import Zone
from byodkim_provider.identity.state import UNCONFIRMED
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.resources.declared import ByodkimIdentity, DkimVerification
from byodkim_provider.resources.sdk import has_unknown
from byodkim_provider.times import moment

Verdicts = Mapping[tuple[str, str, str, str | None], Mapping[str, Any]]
"""Results of a verification, by domain, Region, selector and time of the key."""


def made(value: pulumi.Output[Any]) -> pulumi.Output[Any]:
    """
    *value*, but None if it is unknown after an update, because of `--target`.

    Otherwise the engine stores its placeholder for unknown values, a UUID, as the output.
    """
    if pulumi.runtime.is_dry_run():
        return value
    return value.apply(lambda one: None if has_unknown(one) else one, run_with_unknowns=True)


def verdicts_of(verification: DkimVerification) -> pulumi.Output[Verdicts]:
    """What the verification found; nothing if `--target` left it out of the update."""

    def verdicts(results: Sequence[Mapping[str, Any]] | None) -> Verdicts:
        return {
            (
                result["domain"],
                result["region"],
                result["selector"],
                result.get("key_set_at"),
            ): result
            for result in results or ()
        }

    result: pulumi.Output[Verdicts] = made(verification.results).apply(verdicts)
    return result


def judged(
    domain: str, region: str, identity: ByodkimIdentity, verdicts: pulumi.Output[Verdicts]
) -> pulumi.Output[tuple[str, str]]:
    """
    SES's status of an identity, and a line if it is not verified or differs from its declaration.

    What a refresh has found since goes before the verdict, which is None if there is none of this
    key.
    """

    def judge(given: Verdicts) -> pulumi.Output[tuple[str, str]]:
        def of_this_key(found: Sequence[Any]) -> tuple[str, str]:
            selector, key_set_at, status, drift = found
            subject = f"{domain} {region}"
            verdict = given.get((domain, region, selector, key_set_at))
            if drift:
                return status, f"{subject}: {', '.join(drift)}"
            if verdict is None:
                line = f"{subject}: {status}, not checked: run `pulumi up` without `--target`"
                return status, line
            status = verdict["status"]
            is_settled = verdict["verified"] or status == UNCONFIRMED
            return status, "" if is_settled else f"{subject}: {status}, {verdict['reason']}"

        found = (identity.selector, identity.key_set_at, identity.status, identity.drift)
        return pulumi.Output.all(*found).apply(of_this_key)

    # `Output.all` makes an Output of each part of each argument. If the verdicts were an argument,
    # each identity would have an Output for each verdict of all identities.
    return verdicts.apply(judge)


# --- records of the next rotation


class PublishedRecord(TypedDict):
    """The TXT record of one generation of a domain's key."""

    generation: int
    role: generations.Role
    name: pulumi.Input[str]
    """`<selector>._domainkey.<domain>`."""
    value: pulumi.Input[str]
    """`p=…`, in one piece."""


def show_standby(
    domain: pulumi.Resource, subject: str, zone: Zone, key: Mapping[str, Any], began: datetime
) -> None:
    """
    Print the record of a *key* of the next rotation, in the run that made the key and *began* then.

    People paste it in the panel of *zone*. A key that they gave was not made by a run.
    """

    def show(found: Mapping[str, Any]) -> None:
        made_at = found["created_at"]
        # To the second, as it is stored.
        if made_at is None or moment(made_at) < began.replace(microsecond=0):
            return
        name, value = found["record_name"], found["record_value"]
        text = to_paste(zone.panel, name=name, value=value, zone=zone.name)
        pulumi.log.info(str(ProgramMessages.STANDBY(subject=subject, record=text)), domain)

    names = ("record_name", "record_value", "created_at")
    pulumi.Output.all(**{name: key.get(name) for name in names}).apply(show)
