"""
Reads the configuration of the running stack: all under the project's name, the Region, the credentials.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import pulumi
from pulumi.runtime import is_config_secret

from byodkim_provider.config.problems import SECRET_MAPS, line
from byodkim_provider.config.settings import plain_secrets
from byodkim_provider.messages.program import ProgramProblem
from byodkim_provider.resources.sdk import configured_names

OBJECTS: Final = ("defaults", "dnsCredentials", "domains", "privateKeys", "verification")
"""Valid keys. Pulumi returns only keys that a program names, so a misspelt key would go unnoticed."""


def written() -> dict[str, object]:
    """All configured keys, decrypted: valid keys as plain values, any other, or a blank one, as a string."""
    project = pulumi.get_project()
    config, prefix = pulumi.Config(project), f"{project}:"
    names = [name.removeprefix(prefix) for name in configured_names() if name.startswith(prefix)]
    values: dict[str, object] = {name: config.get(name) for name in names}
    # A key with nothing below it is blank, which is no JSON.
    return values | {name: config.get_object(name) for name in OBJECTS if values.get(name)}


def not_kept_secret(written: Mapping[str, object]) -> Iterator[str]:
    """
    A problem for each secret that is not encrypted, and for what is encrypted and would not stay it.

    Pulumi says of each setting whether something in it is encrypted, and no more. The commands, which see
    the values as the file has them, also find one that is plain beside others.
    """
    project = pulumi.get_project()
    yield from plain_secrets(written, lambda name, _: not is_config_secret(f"{project}:{name}"))
    for name in written:
        if name not in SECRET_MAPS and is_config_secret(f"{project}:{name}"):
            yield line((name,), ProgramProblem.NOT_PLAIN())


def others() -> list[str]:
    """The full names of all keys that are not the project's, such as `aws:region`."""
    return [name for name in configured_names() if not name.startswith(f"{pulumi.get_project()}:")]


def region() -> str | None:
    """`aws:region`."""
    return pulumi.Config("aws").get("region")


def sign_in(region: str) -> None:
    """Ask STS in *region* for the account, as pulumi-aws will; raises `InvalidSettings` if that fails."""
    from byodkim_provider.aws import session  # and botocore

    config = pulumi.Config("aws")
    session.sign_in(
        session.read_settings(lambda name: config.get(name.removeprefix("aws:"))),
        region=config.get("region") or region,
    )
