"""The id of a stack as a Pulumi resource: how it is made."""

from __future__ import annotations

import secrets
from typing import Any

from pulumi.dynamic import CreateResult, DiffResult

from byodkim_provider.dkim.key_secret import STACK_ID_LENGTH
from byodkim_provider.resources._provider import DynamicProvider


class StackIdProvider(DynamicProvider):
    """Makes the id: the resource's own, and no output. No AWS, no network."""

    def create(self, _props: dict[str, Any]) -> CreateResult:
        return CreateResult(secrets.token_hex(STACK_ID_LENGTH // 2), {})

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=False)
