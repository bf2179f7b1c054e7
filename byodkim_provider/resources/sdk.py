"""
What a program and the plugin process need beside Pulumi's SDK, and every use of what is not its
public API.

The additions to the process of dynamic providers are in `_plugin`; what a server for other
languages needs is in `plugin.servicer`. Each use of what is not public has a way on where a later
SDK has changed, and a contract test.
"""

import functools
from collections.abc import Callable, Hashable, Iterable, Mapping
from threading import Event
from typing import Any, Final, Generic, NoReturn, TypeVar
from weakref import WeakKeyDictionary

import pulumi
from pulumi.dynamic import ResourceProvider
from pulumi.dynamic.dynamic import PROVIDER_KEY, serialize_provider
from pulumi.runtime import get_config_env, get_root_resource, is_config_secret

from byodkim_provider.errors import ByodkimError
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.resources import load_v1

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
"""The key by which the engine's protocol tells a value with marks from a map."""

_MARK: Final = "1b47061264138c4ac30d75fd1eb44270"
"""The mark of a secret."""


def secret(value: Any) -> dict[str, Any]:
    """*value* as a secret among the outputs of a provider."""
    return {SIGNATURE: _MARK, "value": value}


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
    """
    Full names of all configuration keys. `pulumi.Config` only returns keys that a program names.
    """
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


def has_unknown(value: Any) -> bool:
    """Whether *value*, as the engine hands it over, or a part of it is unknown in a preview."""
    if isinstance(value, (dict, list, tuple)):
        return any(map(has_unknown, value.values() if isinstance(value, dict) else value))
    return is_unknown(value)


def split(inputs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The known inputs, and the unknown ones."""
    unknown = {name: value for name, value in inputs.items() if has_unknown(value)}
    return {name: value for name, value in inputs.items() if name not in unknown}, unknown


def as_secret_as(setting: str, value: Any) -> Any:
    """
    *value*, as a secret if any part of *setting* is encrypted, such as an external id of a role.
    """
    return pulumi.Output.secret(value) if is_config_secret(setting) else value


ERROR_SHOWN: Final = 32
"""Exit code for which the language host says nothing more (pulumi-language-python-exec)."""


def end_program(last_error: str) -> NoReturn:
    """
    End the program with *last_error*; without a text, the engine has ended the run and said why.
    """
    if pulumi.get_root_directory() is None:
        # Only a language host says where the project is. The Automation API runs the program in a
        # process that goes on, and shows the traceback of any other exception.
        raise pulumi.RunError(last_error or str(ProgramMessages.ENDED()))
    if last_error:
        pulumi.log.error(last_error)
    raise SystemExit(ERROR_SHOWN)


def without_traceback(error: ByodkimError) -> ByodkimError:
    """*error*, which the language host then shows by its words alone: it is a `RunError` too."""
    kind = type(error)
    error.__class__ = type(kind.__name__, (kind, pulumi.RunError), {})
    return error


T = TypeVar("T")


_plugin: Final = Event()
"""
Set in the plugin, where it stands for the one program, whose stack resource this process does not
have.
"""

declare_own_types: Final = _plugin.set
"""From now on this process is the plugin."""

is_plugin: Final = _plugin.is_set
"""Whether this process is the plugin."""


class PerProgram(Generic[T]):
    """Values by key. They live as long as the program's stack resource."""

    def __init__(self) -> None:
        self._values: WeakKeyDictionary[object, dict[Hashable, T]] = WeakKeyDictionary()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of *key*, which *make* returned when it was first asked for."""
        program = get_root_resource() or (_plugin if is_plugin() else None)
        values = self._values.setdefault(program, {}) if program else {}
        if key not in values:
            values[key] = make()
        return values[key]


class InPluginProcess(ResourceProvider):
    """
    Names the provider of a resource, as `load_v1` takes it. The state holds this name and nothing
    else.

    So a program needs neither AWS nor DNS to declare a resource, and no client, credential or test
    value of a provider gets into the state.
    """

    serialize_as_secret_always = False  # nothing secret is captured, so `__provider` stays readable

    def __init__(self, resource: str) -> None:
        super().__init__()
        self._resource = resource

    def __reduce__(self) -> tuple[Callable[[str], ResourceProvider], tuple[str]]:
        return load_v1, (self._resource,)


@functools.cache
def outputs_of_python(resource: str) -> Mapping[str, str]:
    """The outputs that only dynamic resources have."""
    return {PROVIDER_KEY: serialize_provider(InPluginProcess(resource))}
