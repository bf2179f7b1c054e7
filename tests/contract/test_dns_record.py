"""A record at a name server, as the engine asks for it through the real plugin process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import dns.message
import dns.query
import grpc
import pytest

from tests.contract.conftest import StartPlugin
from tests.contract.plugin import UNKNOWN, Plugin, error_of
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


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (False, [])),
        ({"credentials": "other"}, (True, [])),
        ({"key_name": "other", "key_algorithm": "hmac-sha512"}, (True, [])),
        ({"zone_id": "0a"}, (True, [])),
        ({"ttl": 60}, (False, [])),
        ({"existing": "replace"}, (False, [])),
        ({"value": "p=BBBB"}, (True, ["value"])),
        ({"value": UNKNOWN}, (True, ["value"])),
        ({"name": f"other._domainkey.{ZONE}"}, (True, ["name"])),
        ({"server": "127.0.0.2", "zone": "example.net"}, (True, ["zone"])),
        ({"server": "ns1.example.com", "port": 5353}, (True, [])),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_diff(configured: Plugin, bind: Server, changes: dict[str, Any], expected: Any) -> None:
    """
    Another name, value or place is another record; how the host is reached is no change of the
    record.
    """
    olds = inputs(bind, present_value=VALUE)
    news = {**olds, **changes}
    del news["present_value"]
    assert expected == configured.diff(KIND, olds, news)


def test_new_way(configured: Plugin, start_plugin: StartPlugin, bind: Server) -> None:
    """What is stored after an update is how the record is deleted."""
    wanted = inputs(bind)
    outputs = configured.create(KIND, wanted)
    serial = bind.wire_soa(ZONE)
    later = configured_with(start_plugin, {"new": {"secret": SECRET}})
    outputs = later.update(KIND, outputs, {**wanted, "credentials": "new"})
    assert "new" == outputs["credentials"]
    assert serial == bind.wire_soa(ZONE)
    later.delete(KIND, outputs)
    assert [] == bind.wire(wanted["name"])


def test_environment(start_plugin: StartPlugin, bind: Server) -> None:
    """Without a configuration the host's usual variable opens it."""
    plugin = start_plugin(RFC2136_TSIG_SECRET=SECRET)
    checked, failures = plugin.check(KIND, inputs(bind, credentials=None))
    assert [] == failures
    assert VALUE == plugin.create(KIND, checked)["present_value"]


def test_no_secret(start_plugin: StartPlugin, bind: Server) -> None:
    """
    A preview says where the secret of a new record belongs; of one that is there, nothing is said.
    """
    plugin = start_plugin()
    wanted = inputs(bind)
    _, [failure] = plugin.check(KIND, wanted)
    assert failure.property == ""
    assert failure.reason == (
        "office: no secret is given: `pulumi config set --secret --path "
        "'dnsCredentials.office.secret'`, "
        "or the environment variable RFC2136_TSIG_SECRET"
    )


@pytest.mark.parametrize(
    "written", ["{", "[]", '"text"', '{"office": "text"}', '{"office": {"secret": 5}}']
)
def test_odd_credentials(start_plugin: StartPlugin, bind: Server, written: str) -> None:
    """A configuration of another shape holds no secret."""
    plugin = start_plugin(PULUMI_PROJECT="ses-byodkim")
    plugin.configure({"ses-byodkim:dnsCredentials": written})
    _, [failure] = plugin.check(KIND, inputs(bind))
    assert "office: no secret is given" in failure.reason


def test_unknown(configured: Plugin, bind: Server) -> None:
    """A preview may not know a new key's name and value yet."""
    assert [] == configured.check(KIND, inputs(bind, name=UNKNOWN, value=UNKNOWN))[1]


def test_ttl(configured: Plugin, bind: Server) -> None:
    """The TTL is the one that is declared, 0 too; a change of it is the next record's."""
    wanted = inputs(bind, ttl=0)
    outputs = configured.create(KIND, wanted)
    query = dns.message.make_query(wanted["name"], "TXT", flags=0)
    reply = dns.query.tcp(query, ADDRESS, timeout=5, port=bind.port)
    assert [0] == [rrset.ttl for rrset in reply.answer]
    configured.delete(KIND, outputs)


def test_stored_beyond_limits(configured: Plugin, bind: Server) -> None:
    """What a host took once can be removed, whatever its limits are today."""
    outputs = configured.create(KIND, inputs(bind))
    configured.delete(KIND, {**outputs, "ttl": 2**31})
    assert [] == bind.wire(outputs["name"])


def test_errors(start_plugin: StartPlugin, bind: Server) -> None:
    """An error is its text and a hint, without a traceback and without the secret."""
    plugin = configured_with(start_plugin, {"office": {"secret": "d3Jvbmc="}})
    wanted = inputs(bind)
    assert error_of(plugin.create, KIND, wanted) == (
        f"DnsRefused: rfc2136:{ZONE}: {wanted['name']}: "
        f"the secret of the TSIG key '{KEY}' is another one there\n"
        f"  hint: nothing was changed in DNS; compare `zone` '{ZONE}', `keyName` and "
        "`keyAlgorithm` with the "
        f"configuration of {ADDRESS} port {bind.port}; set the secret by the environment variable "
        "RFC2136_TSIG_SECRET and run the same command again, or by `pulumi config set "
        "--secret --path "
        "'dnsCredentials.office.secret'` and run `pulumi up`, or `pulumi refresh` or `pulumi "
        "destroy` with "
        "`--run-program`, which without it use the secret of the last `pulumi up`\n"
    )


@pytest.mark.parametrize(
    "damage",
    [
        {"present_value": None},
        {"port": "x"},
        {"name": None},
        {"provider": "bind"},
        {"server": None},
    ],
)
def test_edited_state(configured: Plugin, bind: Server, damage: dict[str, Any]) -> None:
    """A state that was never written here is refused, and nothing is deleted by it."""
    olds = {**inputs(bind), "present_value": VALUE, **damage}
    stored = {name: value for name, value in olds.items() if value is not None}
    assert error_of(configured.delete, KIND, stored).startswith("in the state, ")


def test_cancel(configured: Plugin, bind: Server) -> None:
    """Ctrl-C ends a request that hangs; the next run finds what was done."""
    with proxied(bind.port) as proxy, ThreadPoolExecutor() as threads:
        proxy.troubles += ["hang"]
        call = configured.start_create(KIND, inputs(bind, port=proxy.port))
        threads.submit(_cancel_once_asked, configured, proxy, call)
        with pytest.raises(grpc.RpcError) as ended:
            call.result()
    assert "Stopped: " in ended.value.details()
    assert "`pulumi up` checks, and goes on from there" in ended.value.details()


def _cancel_once_asked(plugin: Plugin, proxy: Proxy, call: Any) -> None:
    while proxy.troubles and not call.done():
        proxy.released.wait(0.02)
    plugin.cancel()
