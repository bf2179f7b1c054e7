"""What is secret because a setting of the stack is. Pulumi decrypts settings and marks none of them."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.runtime.config import is_config_secret

__all__ = ["as_secret_as"]


def as_secret_as(setting: str, value: Any) -> Any:
    """*value*, as a secret if anything in the *setting* is encrypted: an external id in `aws:assumeRoles`."""
    return pulumi.Output.secret(value) if is_config_secret(setting) else value
