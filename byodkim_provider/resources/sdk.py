"""
Every use of what is not public API of Pulumi's SDK, but for the additions to its plugin process (`_plugin`).

Each has a way on where a later SDK has changed, and a contract test.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pulumi
from pulumi.runtime import get_config_env

_SECRET: Final = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
"""How a secret is marked on its way to the engine, which is part of the protocol."""


def secret(value: Any) -> dict[str, Any]:
    """*value* as a secret among the outputs of a provider."""
    return {**_SECRET, "value": value}


def only_waited_for(output: pulumi.Output[Any]) -> pulumi.Output[Any]:
    """
    *output* without the resources that it comes from: they are waited for, and are no dependencies.

    So the state never says that two resources depend on each other after a run with `--target`.
    """
    return pulumi.Output.from_input(output.future(with_unknowns=True))


def is_unknown(value: Any) -> bool:
    """Whether a preview can't know *value*. The SDK has no public name for the class."""
    return type(value).__name__ == "Unknown"


def configured_names() -> Iterable[str]:
    """Full names of all configuration keys. `pulumi.Config` only returns keys that a program names."""
    # The language host passes the configuration in the environment, the Automation API does not.
    names = {*get_config_env()}
    try:
        from pulumi.runtime.config import CONFIG

        names |= {*CONFIG.get()}
    except (ImportError, AttributeError, TypeError):
        pass  # a misspelt key goes unnoticed under the Automation API, as in other programs
    return sorted(names)


def parallel() -> int:
    """How many steps the engine runs at a time; 0 if that is not known, or there is no limit."""
    try:
        from pulumi.runtime.settings import SETTINGS

        return int(SETTINGS.parallel or 0)
    except (ImportError, AttributeError, TypeError, ValueError):
        return 0
