"""
Route 53 in another AWS account: the pulumi-aws provider that has assumed a role there.

One for each role in a program: every provider is a process of its own that signs in anew.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import pulumi
import pulumi_aws as aws
from pulumi.runtime.settings import get_root_resource

from byodkim_provider.resources.secret_settings import as_secret_as

__all__ = ["provider_with"]

_providers: WeakKeyDictionary[pulumi.Resource, dict[str, aws.Provider]] = WeakKeyDictionary()
"""Keyed by the running program's stack resource: one process may run several programs in turn."""


def provider_with(role_arn: str | None) -> aws.Provider | None:
    """
    The provider that signs in as the stack does (`aws:` configuration) and then assumes *role_arn*.

    None without a role: the stack's own provider is used.

    Named after the role, `123456789012:role/dns`, so that every Region uses the same provider.
    """
    if role_arn is None:
        return None
    stack = get_root_resource()
    made = _providers.setdefault(stack, {}) if stack else {}
    if role_arn not in made:
        config = pulumi.Config("aws")
        stack_roles = config.get_object("assumeRoles") or []
        # An explicit provider does not read the stack's configuration.
        made[role_arn] = aws.Provider(
            role_arn.split(":", 4)[-1],
            region=config.get("region"),
            profile=as_secret_as("aws:profile", config.get("profile")),
            access_key=config.get_secret("accessKey"),
            secret_key=config.get_secret("secretKey"),
            token=config.get_secret("token"),
            endpoints=as_secret_as("aws:endpoints", config.get_object("endpoints")),
            default_tags=as_secret_as("aws:defaultTags", config.get_object("defaultTags")),
            assume_roles=as_secret_as("aws:assumeRoles", [*stack_roles, {"roleArn": role_arn}]),
        )
    return made[role_arn]
