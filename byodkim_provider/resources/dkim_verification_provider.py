"""
Verification of identities, as a Pulumi resource.

Translates between the engine's plain dicts and `identity.verification`, which polls and decides.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Final

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, UpdateResult
from pydantic import Field, Strict

from byodkim_provider import property_types, times
from byodkim_provider.identity import verdicts, verification
from byodkim_provider.identity.state import TIMEOUT_MINUTES
from byodkim_provider.identity.verdicts import SEARCH, Entry, Verdict
from byodkim_provider.identity.verification import OnTimeout
from byodkim_provider.messages.identity import IdentityMessages
from byodkim_provider.resources._provider import DynamicProvider, check_result
from byodkim_provider.resources.sdk import has_unknown, is_unknown, split

MAX_TIMEOUT_MINUTES = SEARCH // timedelta(minutes=1)

_PROPERTIES: Final = property_types.model_of(
    {
        "identities": tuple[Entry, ...],
        "account_id": property_types.Line,
        "timeout_minutes": Annotated[float, Strict(), Field(ge=0, le=MAX_TIMEOUT_MINUTES)],
        "on_timeout": OnTimeout,
        "retired": tuple[str, ...],
        "results": tuple[Mapping[str, Any], ...],
    }
)
"""Types of the inputs, and of the output that is read again."""


class DkimVerificationProvider(DynamicProvider):
    """Translates between the engine and the verification."""

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        problems = property_types.problems(split(news)[0], _PROPERTIES)
        given = news.get("identities", ())
        if not problems and not is_unknown(given):
            declared, before = _known(given), _known(olds.get("identities", ()))
            # Each has its warning, which also stands where there is no verification; so this only
            # names them.
            others = [str(entry) for entry in declared if str(entry) in self._run.in_the_way]
            if others:
                problems.append(IdentityMessages.SEVERAL(names=", ".join(others)).with_hint())
            # A preview calls no provider for a deletion.
            stay = set(map(str, declared))
            for entry in before:
                if entry.adopted and str(entry) not in stay:
                    self._run.progress().info(IdentityMessages.LEAVES_ADOPTED(name=str(entry)))
        return check_result(news, problems)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        identities, before = news.get("identities", ()), _verdicts(olds)
        if is_unknown(identities):
            return DiffResult(changes=True)
        verdicts.refuse_exchange(_known(identities), before)
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


def _known(identities: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """The *identities* as a preview knows them, perhaps without a selector."""
    known = [split(identity)[0] for identity in identities]
    return [property_types.read(Entry, {"selector": "", **properties}) for properties in known]


def _entries(properties: Mapping[str, Any]) -> Sequence[Entry]:
    return property_types.read(_PROPERTIES, properties).identities or ()


def _verdicts(outputs: Mapping[str, Any]) -> list[Verdict]:
    results = property_types.read(_PROPERTIES, outputs).results or ()
    return list(map(Verdict.from_properties, results))
