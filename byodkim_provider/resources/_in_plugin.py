"""What stands in a program for the provider of its resources: a program runs none of its code."""

from __future__ import annotations

from collections.abc import Callable

from pulumi.dynamic import ResourceProvider


class InPluginProcess(ResourceProvider):
    """
    A provider by the path of its loader, which is all that the state says of it.

    So a program imports neither AWS nor DNS for it. No attribute of a provider gets into the
    state: clients, credentials, values that a test has passed.
    """

    serialize_as_secret_always = False  # nothing secret is captured, so `__provider` stays readable

    def __init__(self, load: Callable[[], ResourceProvider]) -> None:
        """*load* is the `load_v1` of a resource."""
        super().__init__()
        self._load = load

    def __reduce__(self) -> tuple[Callable[[], ResourceProvider], tuple[()]]:
        return self._load, ()
