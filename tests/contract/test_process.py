"""If this fails, Ctrl-C loses work that was done, or the engine's log misses what is waited for."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from pulumi.runtime.proto import engine_pb2

from sandbox.world import Sandbox
from tests.contract.conftest import REGION, Domain
from tests.contract.plugin import Engine, Plugin, error_of, plain, urn

AT_ONCE = 8
"""Calls of one test, twice the threads that the process has by itself."""

TEN_MINUTES = 600
"""
Seconds of a wait that something else has to end: every call here has a deadline far below that.
"""


@pytest.fixture
def own_plugin(engine: Engine, sandbox: Sandbox) -> Iterator[Plugin]:
    """
    A process that is cancelled: it does not come back from that. It starts as the engine starts it.
    """
    with Plugin(engine.address, sandbox.environment) as started:
        yield started


def start_waiting(plugin: Plugin, engine: Engine, domains: Sequence[Domain]) -> list[Any]:
    """One create for each of *domains*; all of them wait for DNS, none has ended."""
    calls = [
        plugin.start_create(
            "ByodkimIdentity", one.inputs(dns_wait_seconds=TEN_MINUTES), name=one.name
        )
        for one in domains
    ]
    engine.wait_until_heard_of([urn("ByodkimIdentity", one.name) for one in domains])
    assert not any(call.done() for call in calls)
    return calls


# Calls at once


def test_calls_side_by_side(own_plugin: Plugin, engine: Engine, domain: Domain) -> None:
    """
    Eight creates wait for DNS at the same time, other calls go on, and one Cancel ends them all.
    """
    domains = [Domain(domain.sandbox) for _ in range(AT_ONCE)]
    calls = start_waiting(own_plugin, engine, domains)
    domain.publish()
    assert own_plugin.create("ByodkimIdentity", domain.inputs())["key_set_at"]
    assert not any(call.done() for call in calls)
    own_plugin.cancel()
    statuses = [plain(call.result().properties)["status"] for call in calls]
    assert ["AWAITING_DNS"] * AT_ONCE == statuses
    assert [[]] * AT_ONCE == [one.calls() for one in domains]


# Cancel


def test_nothing_begins_after_cancel(own_plugin: Plugin, engine: Engine, domain: Domain) -> None:
    """A call that comes after Cancel says so and asks SES for nothing."""
    start_waiting(own_plugin, engine, [Domain(domain.sandbox)])
    own_plugin.cancel()
    text = error_of(own_plugin.create, "ByodkimIdentity", domain.inputs(dns_check="off"))
    assert text.startswith("Stopped: interrupted before AWS answered\n  hint: ")
    assert [] == domain.calls()


def test_second_interrupt(own_plugin: Plugin, engine: Engine, domain: Domain) -> None:
    """A wait ends in order, and the process with it, when the process itself is interrupted."""
    start_waiting(own_plugin, engine, [domain])
    own_plugin.interrupt()
    assert ends_in_order(engine, domain)


def ends_in_order(engine: Engine, domain: Domain) -> bool:
    """Whether what ends a wait for DNS was said at the end."""
    [_, last] = engine.lines(urn("ByodkimIdentity", domain.name))
    return (
        f"{domain.name} {REGION}: waiting for DNS, the key is not sent to SES yet" in last.message
    )


# Progress


def test_progress(plugin: Plugin, engine: Engine, domain: Domain) -> None:
    """
    What a create waits for is said in the resource's own row: live, and in the end as a warning.
    """
    pasted = domain.inputs(zones=[{"provider": "manual"}])
    plugin.create("ByodkimIdentity", pasted, name=domain.name)
    [warning] = engine.lines(urn("ByodkimIdentity", domain.name))
    assert (engine_pb2.WARNING, False) == (warning.severity, warning.ephemeral)
    assert f"name:  s1._domainkey.{domain.name}\n" in warning.message
    assert not domain.leaks_key(warning.message)
