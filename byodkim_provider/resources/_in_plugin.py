"""A provider as a program has it: a name only, since its code runs in the plugin process."""

from __future__ import annotations

from collections.abc import Callable

from pulumi.dynamic import ResourceProvider


class InPluginProcess(ResourceProvider):
    """
    Names the function that makes the provider. The state holds this name and nothing else.

    So a program needs neither AWS nor DNS to declare a resource, and no client, credential or test value of a
    provider gets into the state.
    """

    serialize_as_secret_always = False  # nothing secret is captured, so `__provider` stays readable

    def __init__(self, load: Callable[[], ResourceProvider]) -> None:
        """*load* is the `load_v1` of a resource."""
        super().__init__()
        self._load = load

    def __reduce__(self) -> tuple[Callable[[], ResourceProvider], tuple[()]]:
        return self._load, ()
