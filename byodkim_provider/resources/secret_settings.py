"""Marks values as secret if their setting is encrypted: Pulumi passes settings decrypted, without a mark."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.runtime import is_config_secret


def as_secret_as(setting: str, value: Any) -> Any:
    """*value*, as a secret if any part of *setting* is encrypted, such as an external id of a role."""
    return pulumi.Output.secret(value) if is_config_secret(setting) else value
