"""
What holds for every test: no network but loopback, and in unit tests no real sleep.

A test that breaks the rule fails where it does, and not as the network error it would have got.
"""

from __future__ import annotations

import inspect
import ipaddress
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from moto.core.responses import BaseResponse

from byodkim_provider import keys
from byodkim_provider.keys import SigningKey
from byodkim_provider.progress import stopping
from sandbox.ses_model import SesModel
from tests.world import World

REAL_PROCESSES: Final = {"contract", "engine", "sandbox"}
"""Folders whose tests wait for real processes and servers, which may take real time."""


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, _checked(getattr(socket.socket, name)))


@pytest.fixture(autouse=True)
def _no_sleep(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.path.parent.name in REAL_PROCESSES or request.node.get_closest_marker("engine"):
        return

    def sleep(seconds: float) -> None:
        pytest.fail(f"a unit test sleeps for {seconds} s")

    monkeypatch.setattr(time, "sleep", sleep)


@pytest.fixture(autouse=True)
def _not_stopping() -> Iterator[None]:
    """An interrupted run is over when its test is."""
    yield
    stopping.clear()


@pytest.fixture(scope="session")
def signing_keys() -> tuple[SigningKey, ...]:
    """Keys of generation 1, 2 …, short because the tests make several."""
    return tuple(keys.generate(keys.MIN_BITS) for _ in range(4))


@pytest.fixture
def world(signing_keys: tuple[SigningKey, ...]) -> World:
    return World(signing_keys)


def _checked(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of a socket whose last argument is the address it goes to."""

    def checked(self: socket.socket, *arguments: Any) -> Any:
        address = arguments[-1]
        if isinstance(address, tuple) and not _stays_here(address[0]):
            pytest.fail(f"a test connects to {address[0]}")
        return method(self, *arguments)

    return checked


def _stays_here(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    address = getattr(address, "ipv4_mapped", None) or address
    # The kernel sends nothing to the broadcast address: a test's stand-in for one without a route.
    return address.is_loopback or str(address) == "255.255.255.255"


@pytest.fixture(scope="session", autouse=True)
def recorded_calls() -> Iterator[set[str]]:
    """
    What was called of AWS so far, as IAM names it. A test that asks for it comes last.

    Emulator and fakes are recorded alike. Not what only tests do, mail and configuration sets among
    it, nor Route 53, whose zones and records tests make as well.
    """
    recorded: set[str] = set()
    call, call_action = SesModel.call, BaseResponse.call_action

    def record_ses(self: SesModel, operation: str, *arguments: Any, **options: Any) -> dict[str, Any]:
        if operation not in ("CreateConfigurationSet", "SendEmail"):
            recorded.add(f"ses:{operation}")
        return call(self, operation, *arguments, **options)

    def record_moto(self: BaseResponse) -> Any:
        if self.service_name != "route53":
            recorded.add(f"{self.service_name}:{self._get_action()}")
        return call_action(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SesModel, "call", record_ses)
        patch.setattr(BaseResponse, "call_action", record_moto)
        yield recorded


@pytest.fixture(autouse=True)
def _tests_of_the_sandbox_are_not_recorded(
    request: pytest.FixtureRequest, recorded_calls: set[str]
) -> Iterator[None]:
    before = set(recorded_calls)
    yield
    if request.path.parent.name == "sandbox":
        recorded_calls.intersection_update(before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that ask for what was recorded come last."""
    items.sort(key=lambda item: "recorded_calls" in inspect.signature(item.function).parameters)  # type: ignore[attr-defined]
