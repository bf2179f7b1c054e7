"""If this fails, the plugin process does not make, change or delete a record at a host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import grpc
import pytest

from tests.contract.conftest import StartPlugin
from tests.contract.plugin import Plugin
from tests.hosts import name_servers
from tests.hosts.name_servers import ADDRESS, KEY, SECRET, ZONE, Server
from tests.hosts.proxy import Proxy, proxied

KIND = "DnsRecord"
VALUE = "p=" + "A" * 392

_numbers = count(1)


@pytest.fixture(scope="module")
def bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with name_servers.running("BIND", tmp_path_factory.mktemp("bind")) as server:
        yield server


def configured_with(start_plugin: StartPlugin, credentials: object) -> Plugin:
    """A process that has *credentials* from the stack's configuration."""
    plugin = start_plugin(PULUMI_PROJECT="ses-byodkim")  # as the engine starts it
    plugin.configure({"ses-byodkim:dnsCredentials": json.dumps(credentials)})
    return plugin


@pytest.fixture
def configured(start_plugin: StartPlugin) -> Plugin:
    return configured_with(start_plugin, {"office": {"secret": SECRET}})


def inputs(bind: Server, **changes: Any) -> dict[str, Any]:
    written = {
        "provider": "rfc2136",
        "server": ADDRESS,
        "port": bind.port,
        "zone": ZONE,
        "key_name": KEY,
        "name": f"r{next(_numbers)}._domainkey.{ZONE}",
        "value": VALUE,
        "existing": "same key",
        "domain": ZONE,
        "regions": [],
        "credentials": "office",
        **changes,
    }
    return {name: value for name, value in written.items() if value is not None}


def test_cancel(configured: Plugin, bind: Server) -> None:
    """Ctrl-C ends a request that hangs; the next run finds what was done."""
    with proxied(bind.port) as proxy, ThreadPoolExecutor() as threads:
        proxy.troubles += ["hang"]
        call = configured.start_create(KIND, inputs(bind, port=proxy.port))
        threads.submit(_cancel_once_asked, configured, proxy, call)
        with pytest.raises(grpc.RpcError) as ended:
            call.result()
    assert "Stopped: " in ended.value.details()
    assert "the same command checks, and goes on from there" in ended.value.details()


def _cancel_once_asked(plugin: Plugin, proxy: Proxy, call: Any) -> None:
    while proxy.troubles and not call.done():
        proxy.released.wait(0.02)
    plugin.cancel()
