"""
The guard of a key's record in Route 53: translates between the engine, Route 53 and
`identity.signers`.

For a supplied key, each `check` reads the name in Route 53 until it has seen this key there, and
then no more. For a slot, only the first `check` reads it, and each `read`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult

from byodkim_provider import property_types
from byodkim_provider.aws.route53 import Route53Client, fingerprint_in
from byodkim_provider.dkim import records
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.identity.signers import Ours, with_earlier
from byodkim_provider.identity.state import ROUTE53
from byodkim_provider.messages.dkim import DkimMessages
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.resources._provider import DynamicProvider, check_result
from byodkim_provider.resources.sdk import has_unknown, split

_REQUIRED: Final = ("domain", "regions", "zone_id", "record_name", "fingerprint")

_STORED: Final[property_types.Kinds] = {
    **dict.fromkeys(
        ("domain", "account_id", "zone_id", "role_arn", "external_id"), property_types.LINE
    ),
    **dict.fromkeys(("record_name", "record_value", "fingerprint", "before"), property_types.LINE),
    **dict.fromkeys(("regions", "earlier"), property_types.list_of(property_types.LINE)),
    **dict.fromkeys(("supplied", "standing", "found"), property_types.FLAG),
}
"""Types of the outputs in the state."""


class RecordGuardProvider(DynamicProvider):
    """
    Reads Route 53 before a supplied key's record is made, and deletes a record when nobody needs
    it.
    """

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        news = with_earlier(olds, news)
        if "is_standby" in news:
            return self._check_slot(olds, news)
        if has_unknown([news["record_name"], news["fingerprint"]]):
            return check_result(news, [])
        _ours(news).declare(self._run)
        if not news.get("supplied"):
            return check_result(news, [])
        name, fingerprint = news["record_name"], news["fingerprint"]
        known = olds if olds.get("record_name") == name else {}
        if known and known["fingerprint"] != fingerprint:
            return check_result(news, [ProgramMessages.SECOND_KEY(name=name).with_hint()])
        if known.get("standing"):
            return check_result({**news, "standing": True, "found": known["found"]}, [])
        values = self._in_zone(news).standing(news["zone_id"], name)
        standing = bool(values) and {fingerprint_in(value) for value in values} == {fingerprint}
        problems = (
            [ProgramMessages.OTHER_VALUE(name=name).with_hint()] if values and not standing else []
        )
        # What stands before the first run of this resource is somebody's own.
        found = known.get("found", standing)
        return check_result({**news, "standing": standing, "found": found}, problems)

    def _check_slot(self, olds: Mapping[str, Any], news: dict[str, Any]) -> CheckResult:
        """The check of a record whose key changes with each third generation."""
        is_standby, value, name = (
            news.pop("is_standby"),
            news.get("record_value"),
            news["record_name"],
        )
        known = olds if olds.get("record_name") == name else {}
        if value is None:  # an identity has failed, and the run goes on (`--continue-on-error`)
            return check_result({**known, **news}, [DkimMessages.NO_VALUE(name=name).with_hint()])
        if known and value != known["record_value"] and not is_standby:
            return check_result(news, [DkimMessages.TAKEN(name=name).with_hint()])
        # The record has that key until it gets this one.
        news["before"] = known.get(
            "before" if value == known.get("record_value") else "fingerprint"
        )
        if has_unknown(value):
            return check_result({**known, **news, "fingerprint": value}, [])
        news["fingerprint"] = fingerprint_in(records.quoted(value))
        _ours(news).declare(self._run)
        # Once only: an input that changed after each new key would make the engine store the state
        # again.
        values = () if known else self._in_zone(news).standing(news["zone_id"], name)
        is_others = bool({fingerprint_in(value) for value in values} - {news["fingerprint"]})
        return check_result(news, [DkimMessages.OTHERS(name=name).with_hint()] if is_others else [])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        replaces = ["record_name"] if olds.get("record_name") != news.get("record_name") else []
        compared = ("domain", "regions", "earlier", "account_id", "fingerprint", "record_value")
        known, unknown = split(
            {name: news.get(name) for name in (*compared, "role_arn", "external_id")}
        )
        changed = "record_value" in unknown or any(
            olds.get(name) != value for name, value in known.items()
        )
        return DiffResult(changes=bool(replaces) or changed, replaces=replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(props["record_name"], props)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """
        Refuses to refresh a slot that has got another key: the record would get the one of the
        state.
        """
        if props.get("record_value"):
            values = self._in_zone(props).standing(props["zone_id"], props["record_name"])
            ours = {None, props["fingerprint"], props.get("before")}
            if {fingerprint_in(value) for value in values} - ours:
                raise InvalidSettings(DkimMessages.OTHER_STANDS(name=props["record_name"]))
        return ReadResult(id_, props)

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        if "record_value" in news and news["fingerprint"] != olds["fingerprint"]:
            ours = _ours({**news, "fingerprint": olds["fingerprint"]})
            if why := ours.reason(self._services(news.get("account_id"))):
                raise InvalidSettings(DkimMessages.STILL_SIGNS(name=news["record_name"], why=why))
        return UpdateResult(news)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        property_types.refuse_state(property_types.problems(props, _STORED, required=_REQUIRED))
        if not _ours(props).stays(self._services(props.get("account_id"))):
            for fingerprint in {props["fingerprint"], props.get("before") or props["fingerprint"]}:
                self._in_zone(props).withdraw(props["zone_id"], props["record_name"], fingerprint)

    def _in_zone(self, props: Mapping[str, Any]) -> Route53Client:
        return self._route53(props.get("role_arn"), props.get("external_id"))


def _ours(props: Mapping[str, Any]) -> Ours:
    return Ours(
        domain=props["domain"],
        regions=props["regions"],
        earlier=props.get("earlier", ()),
        label=f"{ROUTE53}{props['zone_id']}",
        name=props["record_name"],
        key=props["fingerprint"],
        is_supplied=bool(props.get("supplied")),
        was_there=bool(props.get("found")),
    )
