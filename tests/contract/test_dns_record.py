"""A record at a name server, as the engine asks for it through the real plugin process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import grpc
import pytest

from tests.contract.conftest import StartPlugin
from tests.contract.plugin import UNKNOWN, Engine, Plugin, error_of, urn
from tests.dns_hosts import name_servers
from tests.dns_hosts.name_servers import ADDRESS, KEY, SECRET, ZONE, Server
from tests.dns_hosts.proxy import Proxy, proxied

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
        "credentials": "office",
        **changes,
    }
    return {name: value for name, value in written.items() if value is not None}


def test_life(configured: Plugin, bind: Server) -> None:
    """Made, read, made again once it is gone, and removed; no secret is among the outputs."""
    wanted = inputs(bind)
    checked, failures = configured.check(KIND, wanted)
    assert [] == failures
    outputs = configured.create(KIND, checked)
    assert [(VALUE[:255].encode(), VALUE[255:].encode())] == bind.wire(wanted["name"])
    assert VALUE == outputs["present_value"]
    assert SECRET not in json.dumps(outputs)
    assert (False, []) == configured.diff(KIND, outputs, checked)
    assert ("id", outputs) == configured.read(KIND, outputs)
    configured.delete(KIND, outputs)
    assert [] == bind.wire(wanted["name"])
    assert "" == configured.read(KIND, outputs)[0]
    configured.delete(KIND, outputs)
    assert outputs == configured.create(KIND, checked)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (False, [])),
        ({"credentials": "other"}, (True, [])),
        ({"key_name": "other", "key_algorithm": "hmac-sha512"}, (True, [])),
        ({"ttl": 60}, (False, [])),
        ({"existing": "replace"}, (False, [])),
        ({"value": "p=BBBB"}, (True, ["value"])),
        ({"value": UNKNOWN}, (True, ["value"])),
        ({"name": f"other._domainkey.{ZONE}"}, (True, ["name"])),
        ({"server": "127.0.0.2", "zone": "example.net"}, (True, ["zone", "server"])),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_diff(configured: Plugin, bind: Server, changes: dict[str, Any], expected: Any) -> None:
    """Another name, value or place is another record; how the host is reached is no change of the record."""
    olds = inputs(bind, present_value=VALUE)
    news = {**olds, **changes}
    del news["present_value"]
    assert expected == configured.diff(KIND, olds, news)


def test_new_way(configured: Plugin, start_plugin: StartPlugin, bind: Server) -> None:
    """What is stored after an update is how the record is deleted."""
    wanted = inputs(bind)
    outputs = configured.create(KIND, wanted)
    serial = bind.wire_soa(ZONE)
    outputs = configured.update(KIND, outputs, {**wanted, "credentials": "new"})
    assert "new" == outputs["credentials"]
    assert serial == bind.wire_soa(ZONE)
    later = configured_with(start_plugin, {"new": {"secret": SECRET}})
    later.delete(KIND, outputs)
    assert [] == bind.wire(wanted["name"])


def test_environment(start_plugin: StartPlugin, bind: Server) -> None:
    """Without a configuration the host's usual variable opens it."""
    plugin = start_plugin(RFC2136_TSIG_SECRET=SECRET)
    checked, failures = plugin.check(KIND, inputs(bind, credentials=None))
    assert [] == failures
    assert VALUE == plugin.create(KIND, checked)["present_value"]


def test_no_secret(start_plugin: StartPlugin, bind: Server) -> None:
    """A preview says where the secret of a new record belongs; of one that is there, nothing is said."""
    plugin = start_plugin()
    wanted = inputs(bind)
    _, [failure] = plugin.check(KIND, wanted)
    assert failure.property == ""
    assert failure.reason == (
        "office: no secret is given: `pulumi config set --secret --path 'dnsCredentials.office.secret'`, "
        "or the environment variable RFC2136_TSIG_SECRET"
    )


@pytest.mark.parametrize("written", ["{", "[]", '"text"', '{"office": "text"}', '{"office": {"secret": 5}}'])
def test_odd_credentials(start_plugin: StartPlugin, bind: Server, written: str) -> None:
    """A configuration of another shape holds no secret."""
    plugin = start_plugin(PULUMI_PROJECT="ses-byodkim")
    plugin.configure({"ses-byodkim:dnsCredentials": written})
    _, [failure] = plugin.check(KIND, inputs(bind))
    assert "office: no secret is given" in failure.reason


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        (
            {"provider": "bind"},
            ["provider: must be one of rfc2136, godaddy, dreamhost, cpanel, wix, not 'bind'"],
        ),
        ({"provider": None, "value": None}, ["provider: required", "value: required"]),
        ({"server": None, "key_name": None}, ["server: required", "key_name: required"]),
        ({"port": "53"}, ["port: must be a whole number, not '53'"]),
        ({"value": "p=ä"}, ["value: must be printable ASCII characters"]),
        ({"value": ""}, ["value: must be printable ASCII characters"]),
        (
            {"name": "s1._domainkey.example.net"},
            [f"name: 's1._domainkey.example.net' is not in the zone '{ZONE}'"],
        ),
        ({"existing": "merge"}, ["existing: must be 'same key' or 'replace', not 'merge'"]),
        ({"secret": "c2VjcmV0"}, ["secret: unknown property"]),
        ({"name": UNKNOWN, "value": UNKNOWN}, []),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_check(configured: Plugin, bind: Server, changes: dict[str, Any], problems: list[str]) -> None:
    """All that is wrong with the inputs is said at once, in a preview."""
    _, failures = configured.check(KIND, inputs(bind, **changes))
    assert problems == [failure.reason for failure in failures]


def test_errors(start_plugin: StartPlugin, bind: Server) -> None:
    """An error is its text and a hint, without a traceback and without the secret."""
    plugin = configured_with(start_plugin, {"office": {"secret": "d3Jvbmc="}})
    wanted = inputs(bind)
    label = f"rfc2136:{ADDRESS}:{bind.port}:{ZONE}"
    assert error_of(plugin.create, KIND, wanted) == (
        f"DnsRefused: {label}: {wanted['name']}: the secret of the TSIG key '{KEY}' is another one there\n"
        f"  hint: nothing was changed; compare `zone` '{ZONE}', `keyName` and `keyAlgorithm` with the "
        "server's configuration; the secret comes from `pulumi config set --secret --path "
        "'dnsCredentials.office.secret'`, or the environment variable RFC2136_TSIG_SECRET\n"
    )


@pytest.mark.parametrize(
    "damage", [{"present_value": None}, {"port": "x"}, {"name": None}, {"provider": "bind"}, {"server": None}]
)
def test_edited_state(configured: Plugin, bind: Server, damage: dict[str, Any]) -> None:
    """A state that was never written here is refused, and nothing is deleted by it."""
    olds = {**inputs(bind), "present_value": VALUE, **damage}
    stored = {name: value for name, value in olds.items() if value is not None}
    assert error_of(configured.delete, KIND, stored).startswith("InvalidSettings: in the state, ")


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


def test_untried(start_plugin: StartPlugin, engine: Engine) -> None:
    """The first preview says which host nobody has tried, once for all its records."""
    plugin = start_plugin(GODADDY_PAT="gd_pat")
    written = {"provider": "godaddy", "zone": ZONE, "name": f"s1._domainkey.{ZONE}", "value": VALUE}
    before = len(engine.lines(urn(KIND)))
    for _ in range(2):
        assert [] == plugin.check(KIND, written)[1]
    [line] = engine.lines(urn(KIND))[before:]
    assert line.message == (
        "dns: godaddy is written from its documents and not yet run against the real service: "
        "check the record in its panel, and report how it went"
    )
