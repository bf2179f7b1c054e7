"""
Checks, before the record of a supplied key is created, whether another key is at its name.

It reads Route 53 only for a new record: a record in the state costs no call. It does so in
`check`, so that a preview refuses to overwrite another key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, UpdateResult

from byodkim_provider.aws.route53 import Route53Client
from byodkim_provider.dkim import records
from byodkim_provider.resources._provider import AwsProvider, check_result
from byodkim_provider.resources.unknowns import has_unknown


class RecordCheckProvider(AwsProvider):
    """Reads Route 53 for new records."""

    def __init__(self, connect: Callable[[str | None, str | None], Route53Client] | None = None) -> None:
        super().__init__()
        self._connect = connect or self._connect_to_aws

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        if has_unknown(news):
            return check_result(news, [])
        name, key = news["record_name"], records.public_key(news["record_value"])
        problem = ""
        if _where(olds) != _where(news):
            standing = self._connect(news.get("assume_role"), news.get("external_id")).txt(
                news["zone_id"], name
            )
            if standing and [_key_in(value) for value in standing] != [key]:
                problem = (
                    f"{name!r} is in Route 53 already, with another value, and a selector never gets a "
                    "second key\n  hint: nothing was changed in DNS; "
                    "give the key another selector, since mail may "
                    "be signed with the one that stands there"
                )
        elif records.public_key(olds["record_value"]) != key:
            problem = (
                f"{name!r}: a selector never gets a second key\n"
                "  hint: nothing was changed in DNS; "
                "a new key needs a new selector and a new generation, since "
                "resolvers keep the old record"
            )
        return check_result(news, [problem] if problem else [])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        replaces = [name for name in ("zone_id", "record_name") if olds.get(name) != news.get(name)]
        # A record that was checked is ours, whatever role reads it and however its value is written.
        return DiffResult(changes=bool(replaces), replaces=replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(f"{props['zone_id']}/{props['record_name']}", props)

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(news)

    def _connect_to_aws(self, role_arn: str | None, external_id: str | None) -> Route53Client:
        return self._connections.route53(self._config("aws:region"), role_arn, external_id)


def _where(properties: dict[str, Any]) -> tuple[Any, Any]:
    return properties.get("zone_id"), properties.get("record_name")


def _key_in(value: str) -> bytes | None:
    try:
        return records.public_key(records.parse_quoted(value))
    except ValueError:
        return None
