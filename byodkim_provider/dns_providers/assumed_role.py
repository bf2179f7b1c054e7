"""
Route 53 in another AWS account: the pulumi-aws provider that has assumed a role there.

One for each role in a program: every provider is a separate process with its own sign-in.
"""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from byodkim_provider.errors import InvalidSettings
from byodkim_provider.resources.per_program import PerProgram
from byodkim_provider.resources.secret_settings import as_secret_as

_providers: PerProgram[tuple[aws.Provider, str | None]] = PerProgram()


def provider_with(role_arn: str | None, external_id: str | None) -> aws.Provider | None:
    """
    The provider that signs in as the stack does (`aws:` configuration) and then assumes *role_arn*.

    Raises `InvalidSettings` if the role was given with another *external_id* before.

    None without a role: the stack's own provider is used.

    Named after the role, `123456789012:role/dns`, so that every Region uses the same provider.
    """
    if role_arn is None:
        return None
    provider, its_id = _providers.get(role_arn, lambda: (_provider(role_arn, external_id), external_id))
    if its_id != external_id:
        raise InvalidSettings([f"dns: {role_arn!r} has one external ID, not {its_id!r} and {external_id!r}"])
    return provider


def _provider(role_arn: str, external_id: str | None) -> aws.Provider:
    config = pulumi.Config("aws")
    stack_roles = config.get_object("assumeRoles") or []
    role = {"roleArn": role_arn} | ({"externalId": external_id} if external_id else {})
    # An explicit provider does not read the stack's configuration.
    return aws.Provider(
        role_arn.split(":", 4)[-1],
        region=config.get("region"),
        profile=as_secret_as("aws:profile", config.get("profile")),
        access_key=config.get_secret("accessKey"),
        secret_key=config.get_secret("secretKey"),
        token=config.get_secret("token"),
        endpoints=as_secret_as("aws:endpoints", config.get_object("endpoints")),
        default_tags=as_secret_as("aws:defaultTags", config.get_object("defaultTags")),
        assume_roles=as_secret_as("aws:assumeRoles", [*stack_roles, role]),
    )
