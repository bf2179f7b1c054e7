"""Reads the configuration of the running stack: everything under the project's name, and the Region."""

from __future__ import annotations

from typing import Final

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

OBJECTS: Final = ("defaults", "dnsCredentials", "domains", "verification")
"""Valid keys. Pulumi returns only keys that a program names, so a misspelt key would go unnoticed."""


def written() -> dict[str, object]:
    """All configured keys, decrypted: valid keys as plain values, any other as a string."""
    project = pulumi.get_project()
    config, prefix = pulumi.Config(project), f"{project}:"
    # The language host passes the configuration in the environment, the Automation API does not.
    everything = sorted({*get_config_env(), *CONFIG.get()})
    names = [name.removeprefix(prefix) for name in everything if name.startswith(prefix)]
    return {name: config.get_object(name) if name in OBJECTS else config.get(name) for name in names}


def region() -> str | None:
    """`aws:region`."""
    return pulumi.Config("aws").get("region")
