"""
Whose program declares: one in Python, or one in another language, for which this process is the plugin.

A dynamic resource runs in the Python of the program that declares it. So the plugin declares the same
resources with types of its own, which it serves itself.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pulumi
from pulumi.dynamic import Resource
from pulumi.dynamic.dynamic import PROVIDER_KEY, serialize_provider
from pulumi.runtime import is_config_secret

from byodkim_provider import __version__
from byodkim_provider.resources.sdk import InPluginProcess, PerProgram, configured_names, one_program

PACKAGE: Final = "byodkim"
"""Name of the plugin, and of the module of its types."""

DYNAMIC: Final = f"pulumi-python:dynamic/{PACKAGE}:"
"""How the types of our dynamic resources begin."""

_this_process: Final[set[str]] = set()
"""`plugin` in the plugin."""

_providers: PerProgram[pulumi.ProviderResource] = PerProgram()


def declare_own_types() -> None:
    """From now on this process is the plugin, and declares for one program."""
    _this_process.add("plugin")
    one_program()


def is_plugin() -> bool:
    """Whether this process is the plugin."""
    return bool(_this_process)


@functools.cache
def outputs_of_python(resource: str) -> Mapping[str, str]:
    """The outputs that only dynamic resources have."""
    return {PROVIDER_KEY: serialize_provider(InPluginProcess(resource))}


class OurResource(Resource):
    """A resource of this package: its provider runs in a process of its own, as does all that it needs."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__(module=PACKAGE, name=cls.__name__)

    def __init__(
        self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """*name* is unique in the stack. The outputs are those that a subclass annotates."""
        kind, props = type(self).__name__, {**dict.fromkeys(type(self).__annotations__), **inputs}
        if not is_plugin():
            super().__init__(InPluginProcess(kind), name, props, opts)
            return
        before = pulumi.Alias(type_=f"{DYNAMIC}{kind}")  # of a stack that Python has made
        ours = pulumi.ResourceOptions(provider=_providers.get(None, _provider), aliases=[before])
        token = f"{PACKAGE}:index:{kind}"
        pulumi.CustomResource.__init__(self, token, name, props, pulumi.ResourceOptions.merge(ours, opts))


def _provider() -> pulumi.ProviderResource:
    """
    The provider of all that the running program declares here.

    The engine hands a plugin the configuration under the plugin's own name only. So this provider gets the
    settings of AWS and the credentials of DNS hosts as its inputs, and has them in the state for `destroy`.
    """
    credentials = f"{pulumi.get_project()}:dnsCredentials"
    config: dict[str, pulumi.Input[str]] = {"project": pulumi.get_project()}
    for name in configured_names():
        if name.startswith("aws:") or name == credentials:
            space, _, key = name.partition(":")
            value = pulumi.Config(space).require(key)
            config[name] = pulumi.Output.secret(value) if is_config_secret(name) else value
    # Without a version, the engine adds that of the program's SDK, from the second run on: an update.
    options = fetched() or pulumi.ResourceOptions(version=__version__)
    return pulumi.ProviderResource(PACKAGE, PACKAGE, {"config": config}, options)


def fetched() -> pulumi.ResourceOptions | None:
    """Where the engine has this plugin from, without credentials, if it keeps a Git clone."""
    folder = Path(str(sys.modules["__main__"].__file__)).resolve().parent
    installed, _, version = folder.parent.name.partition("-v")
    clone = folder.parent / ".git" / "config"
    if not installed.startswith("resource-") or not clone.exists():
        return None
    found = re.search(r"url = https://(\S+)", clone.read_text())
    url = f"git://{found[1].rpartition('@')[2]}/{folder.name}" if found else None
    return pulumi.ResourceOptions(version=version, plugin_download_url=url)
