"""
The guard of a key's records in Route 53: translates between the engine, Route 53 and `identity.signers`.

Before a supplied key's record is seen in Route 53, each `check` reads its name there, so that a preview
refuses to overwrite what somebody else has there. From then on a record costs no call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, UpdateResult

from byodkim_provider import property_types
from byodkim_provider.aws.route53 import Route53Client, fingerprint_in
from byodkim_provider.identity.run import Run
from byodkim_provider.identity.signers import SesSources, goes_on, holder, with_earlier
from byodkim_provider.resources._provider import AwsProvider, check_result
from byodkim_provider.resources.unknowns import has_unknown, split

_STORED: Final[property_types.Kinds] = {
    **dict.fromkeys(("domain", "account_id", "record_name", "fingerprint"), property_types.LINE),
    "regions": property_types.list_of(property_types.LINE),
    "zones": property_types.map_of(property_types.map_of(property_types.LINE)),
    "standing": property_types.list_of(property_types.LINE),
    "found": property_types.list_of(property_types.LINE),
}
"""Types of the outputs in the state."""


class RecordGuardProvider(AwsProvider):
    """Reads Route 53 before a supplied key's record is made, and deletes records when nobody needs them."""

    def __init__(
        self,
        route53: Callable[[str | None, str | None], Route53Client] | None = None,
        sources: Callable[[str | None], SesSources] | None = None,
        *,
        run: Run | None = None,
    ) -> None:
        """Tests pass what it asks."""
        super().__init__(run)
        self._route53 = route53 or self._connect_to_route53
        self._sources = sources or (lambda account_id: SesSources.of(self._connections, account_id))

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        news = {**news, "regions": with_earlier(olds, news)}
        if not news.get("supplied") or has_unknown([news["record_name"], news["fingerprint"]]):
            return check_result(news, [])
        name, fingerprint = news["record_name"], news["fingerprint"]
        if olds.get("record_name") == name and olds["fingerprint"] != fingerprint:
            problem = (
                f"{name!r}: a selector never gets a second key\n"
                "  hint: nothing was changed in DNS; a new key needs a new selector and a new generation, "
                "since resolvers keep the old record"
            )
            return check_result(news, [problem])
        # A zone that has left may get somebody's value: it is read again when it comes back.
        known = olds.get("standing", ()) if olds.get("record_name") == name else ()
        standing = [zone_id for zone_id in known if zone_id in news["zones"]]
        problems = []
        for zone_id, role in news["zones"].items():
            if zone_id in standing:
                continue
            values = self._in_zone(role).standing(zone_id, name)
            if values and {fingerprint_in(value) for value in values} == {fingerprint}:
                standing.append(zone_id)
            elif values:
                problems.append(
                    f"{name!r} is in Route 53 already, with another value, and a selector never gets a "
                    "second key\n  hint: nothing was changed in DNS; give the key another selector, since "
                    "mail may be signed with the one that stands there"
                )
        return check_result({**news, "standing": sorted(standing)}, problems)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        replaces = ["record_name"] if olds.get("record_name") != news.get("record_name") else []
        compared = ("domain", "regions", "account_id", "fingerprint", "zones")
        known, _ = split({name: news.get(name) for name in compared})
        changed = any(olds.get(name) != value for name, value in known.items())
        return DiffResult(changes=bool(replaces) or changed, replaces=replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        self._run.guarded.add(props["record_name"])
        # What stands before the first run of this resource is somebody's own, and stays.
        return CreateResult(props["record_name"], {**props, "found": props.get("standing", [])})

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        new_zones = news["zones"].keys() - olds["zones"].keys()
        found = {*olds.get("found", ()), *(new_zones & {*news.get("standing", ())})}
        return UpdateResult({**news, "found": sorted(found)})

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        property_types.refuse_state(
            props, _STORED, required=("domain", "regions", "record_name", "fingerprint", "zones")
        )
        name, progress = props["record_name"], self._run.progress()
        if name in self._run.guarded:  # it is replaced, and its successor guards the same record
            return
        theirs = {*props.get("found", ())}
        if goes_on(props["domain"], props["regions"], self._run):
            theirs = set()  # a generation leaves, perhaps because its key has leaked
        if theirs:
            progress.warn(f"{name}: left in Route 53, it was there before this stack")
        if not props["zones"].keys() - theirs:
            return
        selector, sources = name.partition(".")[0], self._sources(props.get("account_id"))
        if signs := holder(props["domain"], props["regions"], selector, sources, self._run):
            progress.warn(f"{name}: left in Route 53, {signs} signs with it")
            return
        for zone_id in sorted(props["zones"].keys() - theirs):
            self._in_zone(props["zones"][zone_id]).withdraw(zone_id, name, props["fingerprint"])

    def _in_zone(self, role: Mapping[str, str]) -> Route53Client:
        return self._route53(role.get("role_arn"), role.get("external_id"))
