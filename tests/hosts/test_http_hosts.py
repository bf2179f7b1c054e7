"""
What the APIs over HTTP say beside yes: statuses, limits, what an account may not.

What is not known of a host is tried both ways.
"""

from __future__ import annotations

import base64
import logging
import re
import ssl
import subprocess
import traceback
from contextlib import suppress
from datetime import timedelta
from typing import Final
from urllib.parse import quote, unquote

import pytest

from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.http_host import HttpHost
from byodkim_provider.hosts.interface import Busy, Credentials, HostSettings, Refused, Unknown
from byodkim_provider.hosts.publish import Record, lookup, publish, withdraw
from byodkim_provider.hosts.registry import SPECS, credentials, open_host
from byodkim_provider.progress import stopping
from sandbox.hosts.api import Response
from tests.hosts.backends import HTTP, by_http
from tests.hosts.name_servers import ZONE
from tests.hosts.test_contract import CALM, OTHER, VALUE, hasty
from tests.support.fakes import FakeClock, FakeProgress

NAME = f"s1._domainkey.{ZONE}"
NEIGHBOUR = "v=spf1 -all"


def started(backend):
    backend.stand_in.start()
    yield backend
    backend.stand_in.stop()


@pytest.fixture(params=HTTP)
def backend(request):
    yield from started(by_http(request.param))


@pytest.fixture
def cloudflare():
    yield from started(by_http("cloudflare"))


@pytest.fixture
def godaddy():
    yield from started(by_http("godaddy"))


@pytest.fixture
def dreamhost():
    yield from started(by_http("dreamhost"))


@pytest.fixture
def wix():
    yield from started(by_http("wix"))


@pytest.fixture
def cpanel():
    yield from started(by_http("cpanel"))


def refused(host, **options):
    with pytest.raises(DnsRefused) as caught:
        publish(host, Record(NAME, VALUE, "same key"), **{**CALM, **options})
    return caught.value


@pytest.mark.parametrize("trouble", ["429", "503", "500", "sign-in"])
def test_passing_trouble(backend, trouble):
    """What passes is waited for, and what was to be done is done once."""
    backend.trouble(trouble, trouble)
    assert VALUE == publish(backend.host(), Record(NAME, VALUE, "same key"), **hasty())[0]
    backend.trouble(trouble)
    withdraw(backend.host(), NAME, VALUE, **hasty())
    assert [] == backend.stored(NAME)
    assert 2 == backend.written()


@pytest.mark.parametrize("trouble", ["429", "503", "500", "sign-in"])
def test_passing_trouble_with_reads(backend, trouble):
    """The same if it hits the reads, before the change and after it."""
    backend.trouble_on_reads(trouble, trouble)
    assert VALUE == publish(backend.host(), Record(NAME, VALUE, "same key"), **hasty())[0]
    backend.trouble_on_reads(trouble)
    withdraw(backend.host(), NAME, VALUE, **hasty())
    assert [] == backend.stored(NAME)
    assert 2 == backend.written()


def test_removed_meanwhile(backend):
    """A record that somebody else removes between the read and the removal is gone, as it should be."""
    backend.put(NAME, VALUE)
    answer = backend.stand_in.answer

    def slower(request):
        if backend.stand_in.changes(request):
            backend.stand_in.records.clear()
        return answer(request)

    backend.stand_in.answer = slower
    withdraw(backend.host(), NAME, VALUE, **hasty())
    assert [] == backend.stored(NAME)


def test_refused_before_the_change(backend):
    """A secret that opens nothing is seen by the first read: nothing was changed."""
    backend.trouble_on_reads("401")
    assert refused(backend.host()).hint.startswith("nothing was changed in DNS; ")
    assert [] == backend.stored(NAME)


ODD: Final = (
    *(None, [], {}, "text", 5, [5], {"items": 5}, {"items": [5]}, {"items": [{"type": "TXT"}]}),
    {"items": [{"type": "TXT", "name": NAME.removesuffix(f".{ZONE}")}]},
    *({"result": "success", "data": data} for data in (None, 5, [5], [{"type": "TXT", "record": NAME}])),
    *({"dnsZone": zone} for zone in (None, {"records": 5}, {"records": [5]})),
    *({"dnsZone": {"records": [{"type": "TXT", "hostName": NAME, **more}]}} for more in ({}, {"values": 5})),
    *({"status": 1, "data": data} for data in (None, [5], [{"type": "record"}])),
    {"status": 1, "data": [{"type": "record", "record_type": "SOA", "data_b64": ["é"] * 3}]},
    {"status": 0, "errors": 5},
    *({"success": True, "result": result} for result in (None, 5, [5], [{}], [{"id": 1, "name": ZONE}])),
    {"success": False, "errors": [{"code": 1}], "result": []},
    {"success": True, "result": [{"id": "1", "name": ZONE, "type": "TXT", "content": 5}]},
)
"""What no host's documents have."""


@pytest.mark.parametrize("answer", ODD, ids=repr)
def test_odd_response(backend, answer):
    """A response of another shape is no answer: nobody reads a traceback."""
    backend.stand_in.answer = lambda request: Response(200, answer)
    with suppress(DnsRefused, DnsUnconfirmed):
        assert () == lookup(backend.host(), NAME, **hasty(least=25))


def test_lasting_trouble(backend):
    """A host that is busy for more than ten minutes is left alone, and the next run goes on."""
    backend.stand_in.retry_after = 60
    backend.trouble(*["429"] * 100)
    with pytest.raises(DnsUnconfirmed, match="asked too often") as given_up:
        publish(backend.host(), Record(NAME, VALUE, "same key"), **hasty())
    assert "`pulumi up` again to go on" in given_up.value.hint
    assert 0 == backend.written()


def test_progress(backend):
    """Who waits for a host reads what for."""
    progress = FakeProgress()
    backend.trouble("500")
    publish(backend.host(), Record(NAME, VALUE, "same key"), clock=hasty()["clock"], progress=progress)
    [line] = progress.updates
    assert line.startswith(f"{backend.host().label}: {NAME}: trouble at the host: 500")
    assert line.endswith(", again in 0.2 s")


def test_expired(backend):
    """A secret that ended says where to put the new one, and quotes none, though the host does."""
    publish(backend.host(), Record(NAME, VALUE, "same key"), **CALM)
    backend.trouble("401")
    with pytest.raises(DnsRefused) as caught:
        withdraw(backend.host(), NAME, VALUE, **CALM)
    assert [VALUE] == backend.stored(NAME)
    assert "pulumi config set --secret --path 'dnsCredentials.of-test." in caught.value.hint
    assert "run the same command again" in caught.value.hint
    assert not [
        secret
        for secret in backend.stand_in.secrets.values()
        if len(secret) > 10 and secret in str(caught.value)
    ]
    withdraw(backend.host(), NAME, VALUE, **CALM)
    assert [] == backend.stored(NAME)


def test_foreign_zone(backend):
    """A zone that is not the account's is refused."""
    host = type(backend.host())
    other = backend.host_with(zone="example.net")
    assert isinstance(other, host)
    with pytest.raises(DnsRefused):
        publish(other, Record("s1._domainkey.example.net", VALUE, "same key"), **CALM)
    assert [] == backend.stand_in.records


def test_nothing_is_logged(backend, caplog):
    """With every log on, no secret is in one: a key in a query neither."""
    with caplog.at_level(logging.DEBUG):
        publish(backend.host(), Record(NAME, VALUE, "same key"), **CALM)
        backend.trouble("lost after")
        withdraw(backend.host(), NAME, VALUE, **CALM)
    assert "urllib3.connectionpool" in {record.name for record in caplog.records}
    assert not [
        secret for secret in backend.stand_in.secrets.values() if len(secret) > 10 and secret in caplog.text
    ]


def test_repr(backend):
    """Whoever prints a host or its credentials sees no secret."""
    credentials = Credentials("of-test", backend.stand_in.secrets, {}, {})
    assert repr(credentials) == "Credentials('of-test')"
    assert not [
        secret
        for secret in backend.stand_in.secrets.values()
        if len(secret) > 10 and secret in repr(vars(backend.host()))
    ]


# The client itself


class Api(HttpHost):
    """An API at a URL."""

    spec = SPECS["godaddy"]
    key = "token"
    key_refused = ""

    def __init__(self, url, credentials=Credentials("x", {}, {"token": "TOKEN"}, {})):  # noqa: B008
        super().__init__(HostSettings(provider="godaddy", zone=ZONE), credentials, timeout_seconds=5)
        self._url = url

    def _address(self):
        return self._url


def answering(stand_in, answer):
    stand_in.answer = lambda request: answer
    return Api(stand_in.url)


def test_unavailable(godaddy):
    """503 means that nothing was done if the host says when to ask again."""
    with pytest.raises(Busy) as busy:
        answering(godaddy.stand_in, Response(503, None, {"Retry-After": "7"}))._call("GET", "/")
    assert 7 == busy.value.retry_after
    with pytest.raises(Unknown, match="trouble at the host: 503"):
        answering(godaddy.stand_in, Response(503, None))._call("GET", "/")


def test_redirect(godaddy):
    """No token follows a redirect."""
    elsewhere = Response(302, None, {"Location": "http://127.0.0.1:1/"})
    with pytest.raises(Refused, match="302, a redirect, which is not followed"):
        answering(godaddy.stand_in, elsewhere)._call("GET", "/")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"message": "no"}, "400 no"),
        ({"errors": [{"message": "no"}, {"code": "X1"}]}, "400 no, X1"),
        ({"error": {"details": "why"}}, "400 why"),
        ("plain", "400 plain"),
        ({"message": "a\nb\tc"}, "400 a b c"),
        ({"message": "no " * 1000}, "400" + " no" * 100),
        (None, "400"),
        (5, "400"),
    ],
)
def test_words(godaddy, body, said):
    """What a host says in an error is shown, in one line that ends."""
    with pytest.raises(Refused) as caught:
        answering(godaddy.stand_in, Response(400, body))._call("GET", "/")
    assert said == caught.value.text


def test_plain_http():
    """A secret goes to no other machine in plain."""
    with pytest.raises(Refused, match="only https keeps the secret on its way"):
        Api("http://192.0.2.1")._call("GET", "/")


def test_no_tls(godaddy):
    """What does not speak TLS may do so the next time: a balancer that starts, a connection that broke."""
    with pytest.raises(Unknown, match="the TLS connection failed"):
        Api(godaddy.stand_in.url.replace("http://", "https://"))._call("GET", "/")
    assert [] == godaddy.stand_in.requests


def test_wrong_certificate(godaddy, tmp_path):
    """Who can't prove to be the host never will, and gets no secret."""
    certificate, key = tmp_path / "certificate", tmp_path / "key"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-subj", "/CN=localhost"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = godaddy.stand_in._server
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with pytest.raises(Refused, match="the host does not prove who it is"):
        Api(godaddy.stand_in.url.replace("http://", "https://"))._call("GET", "/")
    assert [] == godaddy.stand_in.requests


@pytest.mark.parametrize("url", ["https://[::1", "https://a..b", "https://example.com:99999"])
def test_no_address(godaddy, url):
    """An address that is none is refused in our words; with the right one it goes on."""
    with pytest.raises(Refused, match="the address of the API is invalid") as refused:
        Api(url)._call("GET", "/")
    assert refused.value.hint.startswith("correct the host's address or the proxy's (HTTPS_PROXY)")
    godaddy.stand_in.answer = lambda request: Response(200, {"path": request.path})
    assert {"path": "/v3"} == Api(godaddy.stand_in.url)._call("GET", "/v3")


def test_secret_in_an_error(godaddy):
    """A library that quotes a header in its error is not passed on, as text or as cause."""
    secret = "gd_pat\nwith a line break"
    api = Api(godaddy.stand_in.url)
    api._headers = lambda: {"Authorization": f"Bearer {secret}"}
    with pytest.raises(Refused) as refused:
        api._call("GET", "/")
    assert "line break" not in "".join(traceback.format_exception(refused.value))


def test_proxy_that_is_none(monkeypatch):
    """A proxy's address may hold a password, and is not quoted."""
    monkeypatch.setenv("https_proxy", "socks9://joe:password@proxy.example:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(Refused, match="or a proxy's") as refused:
        Api("https://api.example")._call("GET", "/")
    assert "password" not in "".join(traceback.format_exception(refused.value))


def test_nothing_begins_once_interrupted(backend):
    """A method of several requests makes no more of them after Ctrl-C."""
    host = backend.host()
    host.add(NAME, VALUE)
    before = len(backend.stand_in.requests)
    stopping.set()
    with pytest.raises(Unknown, match="interrupted"):
        host.remove(NAME, VALUE)
    assert before == len(backend.stand_in.requests)


@pytest.mark.parametrize("bypassed", [False, True])
def test_proxy(godaddy, monkeypatch, bypassed):
    """The way out of a company's network is the one that the environment names, as for AWS."""
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", godaddy.stand_in.url)
    if bypassed:
        monkeypatch.setenv("no_proxy", "127.0.0.1")
    godaddy.stand_in.answer = lambda request: Response(200, {"path": request.path})
    api = Api("http://127.0.0.1:9")
    if bypassed:
        with pytest.raises(Unknown, match="no answer"):
            api._call("GET", "/v3")
    else:
        assert api._call("GET", "/v3") == {"path": "/v3"}


# GoDaddy


def test_godaddy_token(godaddy):
    """Its year over, the token is refused; so is one that lacks a scope, or an account that may not."""
    stand_in = godaddy.stand_in
    stand_in.expires = godaddy.stand_in.clock.now() + timedelta(days=365)
    publish(godaddy.host(), Record(NAME, VALUE, "same key"), **CALM)
    godaddy.stand_in.clock.advance(timedelta(days=366))
    expired = refused(godaddy.host())
    assert "401 Unauthorized" in expired.text
    assert "may have expired" in expired.hint
    stand_in.expires = None
    stand_in.scopes = frozenset({"domains.domain:read"})
    lacking = Record(f"s2._domainkey.{ZONE}", VALUE, "same key")
    with pytest.raises(DnsRefused, match="403 The token lacks a scope"):
        publish(godaddy.host(), lacking, **CALM)
    stand_in.may_use = False
    assert "403 Authenticated user is not allowed access" in refused(godaddy.host()).text


def test_godaddy_rate(godaddy):
    """Sixty requests a minute: who comes too often waits as long as GoDaddy says."""
    godaddy.stand_in.limited, godaddy.stand_in.requests_per_minute = True, 5
    clock = FakeClock()
    godaddy.stand_in.clock = clock
    for number in range(8):
        record = Record(f"s{number}._domainkey.{ZONE}", VALUE, "same key")
        assert VALUE == publish(godaddy.host(), record, clock=clock, progress=FakeProgress())[0]
    assert 8 == len(godaddy.stand_in.records)
    assert clock.monotonic() > 60


@pytest.mark.parametrize("doubles", ["refused", "kept"])
def test_godaddy_doubles(godaddy, doubles):
    """A record that is there twice is seen once, and goes whole."""
    godaddy.stand_in.doubles = doubles
    publish(godaddy.host(), Record(NAME, VALUE, "same key"), **CALM)
    godaddy.put(NAME, VALUE)
    assert (VALUE,) == lookup(godaddy.host(), NAME, **CALM)
    withdraw(godaddy.host(), NAME, VALUE, **CALM)
    assert [] == godaddy.stored(NAME)


@pytest.mark.parametrize("filters", [True, False])
def test_godaddy_pages(godaddy, filters):
    """A zone of many records is read whole, and a name is found whether or not GoDaddy filters."""
    godaddy.stand_in.filters = filters
    for number in range(230):
        godaddy.put(f"n{number}.{ZONE}", NEIGHBOUR)
    godaddy.put(NAME, OTHER)
    assert (OTHER,) == lookup(godaddy.host(), NAME, **CALM)
    assert (NEIGHBOUR,) == lookup(godaddy.host(), f"n7.{ZONE}", **CALM)


def test_godaddy_limits(godaddy):
    """A TTL or a value that GoDaddy does not take is an error, not a record."""
    assert "422 ttl must be between 600 and 86400" in refused(godaddy.host_with(ttl=60)).text
    with pytest.raises(DnsRefused, match="has 600 characters, at most 512 fit"):
        publish(godaddy.host(), Record(NAME, "p=" + "A" * 598, "same key"), **CALM)
    assert [] == godaddy.stand_in.records
    assert VALUE == publish(godaddy.host(), Record(NAME, VALUE, "same key"), **CALM)[0]


# Cloudflare


@pytest.mark.parametrize(
    "switches",
    [
        {"kept": "quoted strings"},
        {"filters": False},
        {"in_unicode": True},
        {"kept": "quoted strings", "filters": False},
    ],
    ids=repr,
)
def test_cloudflare_lists(switches):
    """However records and names are listed, ours are found, changed alone and removed."""
    zone = "xn--bcher-kva.example"
    name = f"s1._domainkey.{zone}"
    for backend in started(by_http("cloudflare", zone)):
        for switch, value in switches.items():
            setattr(backend.stand_in, switch, value)
        for number in range(150):
            backend.put(f"n{number}._domainkey.{zone}", NEIGHBOUR)
        assert VALUE == publish(backend.host(), Record(name, VALUE, "same key"), **CALM)[0]
        assert (VALUE,) == lookup(backend.host(), name, **CALM)
        withdraw(backend.host(), name, VALUE, **CALM)
        assert [NEIGHBOUR] * 150 == [one.value for one in backend.stand_in.records]


def test_cloudflare_content(cloudflare):
    """A value is sent in quoted strings of at most 255 octets; 1 leaves the TTL to Cloudflare."""
    publish(cloudflare.host_with(ttl=1), Record(NAME, VALUE, "same key"), **CALM)
    (sent,) = [one.body for one in cloudflare.stand_in.requests if one.method == "POST"]
    assert sent == {"type": "TXT", "name": NAME, "content": f'"{VALUE[:255]}" "{VALUE[255:]}"', "ttl": 1}


def test_cloudflare_two_zones(cloudflare):
    """Of two zones of one name the id has to be given, and then no list of zones is needed."""
    more = {"id": "0b" * 16, "name": ZONE, "name_servers": ["eve.ns.cloudflare.com"]}
    cloudflare.stand_in.more_zones = (more,)
    error = refused(cloudflare.host())
    assert error.text.endswith(
        f"several zones are called {ZONE!r}: {'0a' * 16} (ada.ns.cloudflare.com, bob.ns.cloudflare.com), "
        f"{'0b' * 16} (eve.ns.cloudflare.com)"
    )
    assert "set `zoneId` to the one whose name servers the registrar names" in error.hint
    cloudflare.stand_in.may_read_zone = False
    host = cloudflare.host_with(zone_id=cloudflare.stand_in.zone_id)
    assert cloudflare.host().label == host.label, "the same zone, however it is found"
    assert VALUE == publish(host, Record(NAME, VALUE, "same key"), **CALM)[0]


@pytest.mark.parametrize("zone", ["", f"mail.{ZONE}"], ids=["not readable", "another zone"])
def test_cloudflare_no_zone(cloudflare, zone):
    """A zone that is not there, or may not be read, is said with what to do; then it works."""
    cloudflare.stand_in.may_read_zone = bool(zone)
    error = refused(cloudflare.host_with(zone=zone))
    assert f"there is no zone {zone or ZONE!r}, or the token may not read it" in error.text
    assert "set `zone` to the zone that holds the domain, or give the token Zone › Zone › Read" in error.hint
    cloudflare.stand_in.may_read_zone = True
    assert VALUE == publish(cloudflare.host(), Record(NAME, VALUE, "same key"), **CALM)[0]


@pytest.mark.parametrize(
    ("token", "reason"), [("short", "400 Invalid request headers"), ("x" * 40, "403 Invalid access token")]
)
def test_cloudflare_token(cloudflare, token, reason):
    """A token of another form, or of nobody, is the token's fault, and the hint says how to make one."""
    error = refused(cloudflare.host(token=token))
    assert error.text.endswith(reason)
    assert "make a new one (My Profile › API Tokens), and set it by" in error.hint


def test_cloudflare_may_only_read(cloudflare):
    """A token that may read alone is refused, and nothing is changed."""
    cloudflare.stand_in.may_edit = False
    assert "Zone › DNS › Edit" in refused(cloudflare.host()).hint
    assert [] == cloudflare.stored(NAME)


def test_cloudflare_limits(cloudflare):
    """After too many requests in five minutes one waits until there may be more."""
    cloudflare.stand_in.limited, cloudflare.stand_in.requests_in_five_minutes = True, 3
    clock = cloudflare.stand_in.clock = FakeClock()
    publish(cloudflare.host(), Record(NAME, VALUE, "same key"), clock=clock, progress=FakeProgress())
    assert [VALUE] == cloudflare.stored(NAME)
    assert 300 <= clock.monotonic() < 310


def test_cloudflare_changed_meanwhile(cloudflare):
    """What somebody else adds between the read and the change is seen: nothing is doubled, nothing fails."""
    answer = cloudflare.stand_in.answer

    def slower(request):
        if request.method == "POST":
            cloudflare.put(NAME, VALUE)
        return answer(request)

    cloudflare.stand_in.answer = slower
    assert VALUE == publish(cloudflare.host(), Record(NAME, VALUE, "same key"), **hasty())[0]
    assert [VALUE] == cloudflare.stored(NAME)


# DreamHost


def test_dreamhost_limits(dreamhost):
    """Ten additions in five minutes: the eleventh is not lost, it is said, and comes in a later run."""
    dreamhost.stand_in.limited = True
    records = [Record(f"s{number}._domainkey.{ZONE}", VALUE, "same key") for number in range(11)]
    for record in records[:10]:
        publish(dreamhost.host(), record, **CALM)
    with pytest.raises(DnsUnconfirmed, match="asked too often: slow_down_bucko 10 times in 0:05:00"):
        publish(dreamhost.host(), records[10], **hasty())
    dreamhost.stand_in.clock.advance(timedelta(minutes=5))
    assert VALUE == publish(dreamhost.host(), records[10], **CALM)[0]


@pytest.mark.parametrize("final_dot", [True, False])
def test_dreamhost_names(dreamhost, final_dot):
    """A record is found and removed, whether or not its name is listed with a dot."""
    dreamhost.stand_in.final_dot = final_dot
    publish(dreamhost.host(), Record(NAME, VALUE, "same key"), **CALM)
    assert (VALUE,) == lookup(dreamhost.host(), NAME, **CALM)
    withdraw(dreamhost.host(), NAME, VALUE, **CALM)
    assert [] == dreamhost.stored(NAME)


def test_dreamhost_functions(dreamhost):
    """A key that may not do this is refused, with what it needs."""
    dreamhost.stand_in.all_functions = False
    error = refused(dreamhost.host())
    assert "this_key_cannot_access_this_cmd" in error.text
    assert "All dns functions" in error.hint


def test_dreamhost_is_slow(dreamhost):
    """What the API has is there for us at once, and for the world hours later."""
    publish(dreamhost.host(), Record(NAME, VALUE, "same key"), **CALM)
    [zone] = dreamhost.stand_in.zones()
    assert NAME not in {one.name for one in zone.record_sets}
    dreamhost.stand_in.clock.advance(timedelta(hours=6))
    [zone] = dreamhost.stand_in.zones()
    assert NAME in {one.name for one in zone.record_sets}


# Wix


@pytest.mark.parametrize("long_values", ["one piece", "quoted strings"])
@pytest.mark.parametrize("kept", ["as it came", "quoted strings"])
def test_wix_long_values(wix, long_values, kept):
    """A long value arrives whole, however Wix wants and keeps it."""
    wix.stand_in.long_values, wix.stand_in.kept = long_values, kept
    assert VALUE == publish(wix.host(), Record(NAME, VALUE, "same key"), **CALM)[0]
    assert [VALUE] == wix.stored(NAME)
    withdraw(wix.host(), NAME, VALUE, **CALM)
    assert [] == wix.stored(NAME)


@pytest.mark.parametrize("conflict", [400, 409])
def test_wix_races(wix, conflict):
    """Somebody who is faster is seen: his value stays, at an addition and at a removal."""
    wix.stand_in.conflict = conflict
    answer = wix.stand_in.answer

    def faster(request):
        if request.method == "PATCH" and NEIGHBOUR not in wix.stored(NAME):
            wix.put(NAME, NEIGHBOUR)
        return answer(request)

    wix.stand_in.answer = faster
    assert "another value is there already" in refused(wix.host()).text
    assert [NEIGHBOUR] == wix.stored(NAME)
    wix.stand_in.records.clear()
    wix.put(NAME, VALUE)
    withdraw(wix.host(), NAME, VALUE, **CALM)
    assert [NEIGHBOUR] == wix.stored(NAME)


def test_wix_ttl(wix):
    """The values that stay in a set keep its TTL."""
    for value in (VALUE, NEIGHBOUR):
        wix.stand_in._keep(NAME, value, ttl=60)
    withdraw(wix.host(), NAME, VALUE, **CALM)
    assert [(NEIGHBOUR, 60)] == [(one.text, one.ttl) for one in wix.stand_in.records]


def test_wix_permission(wix):
    """A key that may not manage domains is refused, with what it needs."""
    wix.stand_in.may_manage = False
    error = refused(wix.host())
    assert "403 Manage Domains" in error.text
    assert "lack the permission Manage Domains" in error.hint


# cPanel


@pytest.mark.parametrize(
    "url",
    [
        "gator1.example",
        "https://gator1.example:2083",
        "https://joe@gator1.example",
        "https://joe:SECRETTOKEN@",
        "https://joe:SECRETTOKEN@gator1.example:port",
        "https://joe:SECRETTOKEN@gator1.example/cpsess",
        "https://joe:SECRETTOKEN@gator1.example?session=1",
        "https://joe:SECRETTOKEN@gator1.example#top",
        "https://joe:SECRETTOKEN@[gator1",
    ],
)
def test_cpanel_url(cpanel, url):
    """What is no account's address is said in its form, and is not quoted."""
    error = refused(cpanel.host(url=url))
    assert "the url is not of the form 'https://USER:TOKEN@SERVER:2083'" in str(error)
    assert "set it by the environment variable VARIABLE and" in error.hint
    assert "SECRETTOKEN" not in str(error)
    assert cpanel.stand_in.requests == []


@pytest.mark.parametrize("provider", ["cloudflare", "godaddy", "dreamhost", "wix"])
@pytest.mark.parametrize("url", ["https://attacker.example", r"http://192.0.2.1\@127.0.0.1"])
def test_stand_in_elsewhere(provider, url):
    """The variable for a stand-in takes no token off this computer."""
    variable = f"{provider.upper()}_BASE_URL"
    environment = {variable: url, **dict.fromkeys(SPECS[provider].secrets.values(), "token")}
    secrets = credentials(provider, None, None, environment)
    error = refused(open_host(HostSettings(provider=provider, zone=ZONE), secrets))
    assert f"{variable} is for a stand-in on this computer alone" in str(error)
    assert error.hint == "nothing was changed in DNS; unset it"


def test_cpanel_serial(cpanel):
    """An edit of somebody else in between is seen by the serial, and our line is not another one's."""
    cpanel.put(NAME, VALUE)
    answer = cpanel.stand_in.answer
    others = iter((f"a.{ZONE}", f"b.{ZONE}"))

    def faster(request):
        if request.path.endswith("mass_edit_zone") and (other := next(others, None)):
            cpanel.put(other, NEIGHBOUR)
            cpanel.stand_in.records.insert(0, cpanel.stand_in.records.pop())
        return answer(request)

    cpanel.stand_in.answer = faster
    withdraw(cpanel.host(), NAME, VALUE, **hasty())
    assert [[], [NEIGHBOUR], [NEIGHBOUR]] == [cpanel.stored(one) for one in (NAME, f"a.{ZONE}", f"b.{ZONE}")]


@pytest.mark.parametrize("relative_names", [True, False])
def test_cpanel_names(cpanel, relative_names):
    """Names in the zone's file are found with and without the zone."""
    cpanel.stand_in.relative_names = relative_names
    publish(cpanel.host(), Record(NAME, VALUE, "same key"), **CALM)
    assert (VALUE,) == lookup(cpanel.host(), NAME, **CALM)


@pytest.mark.parametrize(("switch", "reason"), [("tokens", "401 Access denied"), ("zone_editor", "feature")])
def test_cpanel_switched_off(cpanel, switch, reason):
    """What a host has switched off is said."""
    setattr(cpanel.stand_in, switch, False)
    error = refused(cpanel.host())
    assert reason in error.text
    assert "the host has switched tokens or the zone editor off" in error.hint


def test_cpanel_secondary(cpanel):
    """A zone without its SOA record is not edited; where the panel has it, it is."""
    lines = cpanel.stand_in._lines
    cpanel.stand_in._lines = lambda: [one for one in lines() if one.get("record_type") != "SOA"]
    error = refused(cpanel.host())
    assert "the panel shows no SOA record of the zone" in error.text
    assert "nothing was changed in DNS; is it the zone's primary server?" == error.hint
    cpanel.stand_in._lines = lines
    assert VALUE == publish(cpanel.host(), Record(NAME, VALUE, "same key"), **CALM)[0]


@pytest.mark.parametrize("written", ["tok%2FenABCDEF", "to@kenABCDEF", "tok:enABCDEF"])
def test_token_within_a_url(written):
    """A token that stands within a secret URL is hidden as it is sent."""
    credentials = Credentials("x", {"url": f"https://user:{written}@panel.example:2083"}, {"url": "V"}, {})
    assert credentials.said(f"no right for {unquote(written)}") == "no right for [secret]"


@pytest.mark.parametrize("given", ["token\n", " token "])
def test_line_break_after_a_secret(given):
    """A secret from a file is taken without the white space around it."""
    credentials = Credentials("x", {"token": given}, {"token": "VARIABLE"}, {})
    assert credentials["token"] == "token"


@pytest.mark.parametrize("given", ["pat_a+b/C=9", "pat_a+b/C=9\n", " pat_a+b/C=9\r\n"])
@pytest.mark.parametrize("source", ["stack file", "variable"])
def test_secret_in_the_words_of_a_host(given, source):
    """A host that quotes a secret, in whatever form it came, does not get it shown."""
    in_file, in_environment = ({"token": given}, {}) if source == "stack file" else ({}, {"VARIABLE": given})
    credentials = Credentials("x", in_file, {"token": "VARIABLE"}, in_environment)
    sent = credentials["token"]
    quoted = (
        *(sent, quote(sent, safe=""), quote(sent, safe="").lower(), sent.upper()),
        *(base64.b64encode(f"{user}{sent}".encode()).decode() for user in ("", "jo:", "joe:", "root:")),
        base64.urlsafe_b64encode(sent.encode()).decode(),
    )
    for one in quoted:
        shown = Api("", credentials)._failure(403, f"token {one} lacks a scope")
        assert re.fullmatch(r"403 token \S{0,8}\[secret\]\S{0,3} lacks a scope", shown.text), one


@pytest.mark.parametrize("given", ["", " \n"])
def test_blank_secret(given):
    """A secret of white space alone is missing, for a preview as for a request."""
    credentials = Credentials("x", {"token": given}, {"token": "VARIABLE"}, {})
    assert credentials.missing() == ["token"]
    with pytest.raises(Refused, match="no token is given"):
        credentials["token"]


@pytest.mark.parametrize("given", ["to\nken", "tök"])
def test_no_secret(given):
    """What can't stand in a header is refused before a library quotes it in an error."""
    credentials = Credentials("x", {"token": given}, {"token": "VARIABLE"}, {})
    with pytest.raises(Refused, match="the token has characters outside printable ASCII") as refused:
        credentials["token"]
    assert given not in str(refused.value)
