"""
Verification of identities, as a Pulumi resource.

Translates between the engine's plain dicts and `identity.verification`, which polls and decides.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Final

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, UpdateResult
from pydantic import AwareDatetime, Field, Strict

from byodkim_provider import property_types, times
from byodkim_provider.identity import verdicts, verification
from byodkim_provider.identity.run import Identity
from byodkim_provider.identity.state import TIMEOUT_MINUTES
from byodkim_provider.identity.verdicts import SEARCH, Entry, Verdict
from byodkim_provider.identity.verification import OnTimeout
from byodkim_provider.messages.identity import IdentityMessages
from byodkim_provider.resources._provider import DynamicProvider, check_result
from byodkim_provider.resources.sdk import has_unknown, is_unknown, split

MAX_TIMEOUT_MINUTES = SEARCH // timedelta(minutes=1)

_INPUTS: Final = property_types.model_of(
    {
        "identities": tuple[Mapping[str, Any], ...],
        "account_id": property_types.Line,
        "timeout_minutes": Annotated[float, Strict(), Field(ge=0, le=MAX_TIMEOUT_MINUTES)],
        "on_timeout": OnTimeout,
        "retired": tuple[str, ...],
    }
)
"""Types of the inputs."""

_ENTRY: Final = property_types.model_of(
    {
        **property_types.hints_of(Entry),
        **property_types.hints_of(Verdict),
        "signed_until": Mapping[int, AwareDatetime],
    }
)
"""Types of an identity's properties, in the inputs and in the state."""

_RESULTS: Final = property_types.model_of({"results": tuple[Mapping[str, Any], ...]})

_REQUIRED: Final = ("domain", "region", "selector")


class DkimVerificationProvider(DynamicProvider):
    """Translates between the engine and the verification."""

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        (known, _), given = split(news), news.get("identities")
        identities = [_known(one) for one in given] if isinstance(given, list | tuple) else []
        required = _REQUIRED if "identities" in known else ()
        problems = property_types.problems(known, _INPUTS) or _problems(
            "identities", identities, *required
        )
        if not problems and not is_unknown(given):
            problems += _existing(identities, self._run.in_the_way)
            # A preview calls no provider for a deletion.
            for one in _leaving(olds.get("identities"), identities):
                if one.get("adopted"):
                    name = f"{one['domain']} {one['region']}"
                    self._run.progress().info(IdentityMessages.LEAVES_ADOPTED(name=name))
        return check_result(news, problems)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        identities, before = news.get("identities", ()), _verdicts(olds)
        if is_unknown(identities):
            return DiffResult(changes=True)
        known = [_known(one) for one in identities]
        if all(one.keys() >= {"domain", "region"} for one in known):
            # An unknown selector does not matter here: only Regions are compared.
            verdicts.refuse_exchange(
                [Entry.from_properties({"selector": "", **one}) for one in known], before
            )
        # Time limits are not compared: they apply to the next wait.
        changed = has_unknown(identities) or verdicts.needs_poll(_entries(news), before)
        return DiffResult(
            changes=changed or {*news.get("retired", ())} != {*olds.get("retired_at", ())}
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult("verification", self._verify(props, {}))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(self._verify(news, olds))

    def _verify(self, inputs: Mapping[str, Any], olds: Mapping[str, Any]) -> dict[str, Any]:
        began = times.timestamp(self._run.clock.now())
        retired_before = olds.get("retired_at", {})
        retired_at = {name: retired_before.get(name, began) for name in inputs.get("retired", ())}
        found = verification.verify(
            _entries(inputs),
            _verdicts(olds),
            self._services(inputs.get("account_id")),
            timeout_minutes=inputs.get("timeout_minutes", TIMEOUT_MINUTES),
            on_timeout=inputs.get("on_timeout", "warn"),
        )
        return {
            "results": [verdict.to_properties() for verdict in found],
            "pending": verdicts.pending_lines(found),
            "retired_at": retired_at,
        }


def _existing(
    identities: Sequence[Mapping[str, Any]], in_the_way: Collection[Identity]
) -> list[str]:
    """
    One problem for all identities in SES that are not this stack's, as their own checks found.

    Each has its warning, which also stands where there is no verification; so this only names them.
    """
    found = [
        f"{one['domain']} {one['region']}"
        for one in identities
        if (one.get("region", ""), one.get("domain", "")) in in_the_way
    ]
    return [IdentityMessages.SEVERAL(names=", ".join(found)).with_hint()] if found else []


def _leaving(before: Any, identities: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Identities that were declared *before* and no longer are, sorted."""
    if not isinstance(before, list) or not all(
        one.keys() >= {"domain", "region"} for one in identities
    ):
        return []
    declared = {(one["domain"], one["region"]) for one in identities}
    known = {(one.get("domain"), one.get("region")): one for one in map(_known, before)}
    return [known[each] for each in sorted(known.keys() - declared)]


def _known(identity: Any) -> dict[str, Any]:
    """The properties of an identity that are known in a preview."""
    if not isinstance(identity, Mapping):
        return {}
    return split(identity)[0]


def _entries(properties: Mapping[str, Any]) -> list[Entry]:
    return [Entry.from_properties(one) for one in properties.get("identities", ())]


def _problems(name: str, identities: Sequence[Mapping[str, Any]], *required: str) -> list[str]:
    """Problems with the types of the *identities* under *name*."""
    return [
        f"{name}[{number}].{problem}"
        for number, one in enumerate(identities)
        for problem in property_types.problems(one, _ENTRY, required=required)
    ]


def _verdicts(outputs: Mapping[str, Any]) -> list[Verdict]:
    results = outputs.get("results", ())
    wrong = property_types.problems(outputs, _RESULTS)
    property_types.refuse_state(
        wrong or _problems("results", results, *_REQUIRED, "status", "verified")
    )
    return [Verdict.from_properties(one) for one in results]
