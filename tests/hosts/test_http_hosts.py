"""
If this fails, a host's API gets a secret it must not have, or its answer is read wrongly.

What is not known of a host is tried both ways.
"""

import base64
import json
import logging
import ssl
import subprocess
import traceback
from urllib.parse import quote, unquote

import pytest

from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.interface import Busy, Credentials, HostSettings, NotDone
from byodkim_provider.hosts.registry import SPECS, credentials, open_host
from sandbox.hosts.api import Response
from tests.hosts.backends import HTTP, VALUE, by_http, hasty, lookup, published, withdraw
from tests.hosts.name_servers import ZONE
from tests.support.cases import cases
from tests.support.fakes import FakeClock
from tests.support.http_answer import Answering
from tests.support.http_api import Api

NAME = f"s1._domainkey.{ZONE}"
NEIGHBOUR = "v=spf1 -all"


@pytest.fixture(params=HTTP)
def backend(request):
    with by_http(request.param) as backend:
        yield backend


def one_host(provider):
    """The fixture *provider*."""

    @pytest.fixture(name=provider)
    def backend():
        with by_http(provider) as backend:
            yield backend

    return backend


cloudflare = one_host("cloudflare")
godaddy = one_host("godaddy")
cpanel = one_host("cpanel")
wix = one_host("wix")


def refused(host, name=NAME, value=VALUE, **options):
    """The error of a host that does not publish the record."""
    with pytest.raises(DnsRefused) as caught:
        published(host, name, value, **options)
    return caught.value


def between(backend, happens):
    """Somebody else is faster: *happens* before each request that would change something."""
    answer = backend.stand_in.answer

    def slower(request):
        if backend.stand_in.changes(request):
            happens()
        return answer(request)

    backend.stand_in.answer = slower


@pytest.mark.parametrize("trouble", ["429", "503", "500", "sign-in"])
@pytest.mark.parametrize("hits", ["trouble", "trouble_on_reads"])
def test_passing_trouble(backend, trouble, hits):
    """What passes is waited for, at a change or at reads; what was to be done is done once."""
    cause = getattr(backend, hits)
    cause(trouble, trouble)
    assert published(backend.host(), NAME, **hasty()) == VALUE
    cause(trouble)
    withdraw(backend.host(), NAME, **hasty())
    assert (backend.stored(NAME), backend.written()) == ([], 2)


def test_removed_meanwhile(backend):
    """
    A record that somebody else removes between the read and the removal is gone, as it should be.
    """
    backend.put(NAME, VALUE)
    between(backend, backend.stand_in.records.clear)
    withdraw(backend.host(), NAME, **hasty())
    assert backend.stored(NAME) == []


def test_nothing_is_shown(backend, caplog):
    """
    With every log on, no secret is in one, a key in a query neither; nor in what is printed of a
    host.
    """
    with caplog.at_level(logging.DEBUG):
        published(backend.host(), NAME)
        backend.trouble("lost after")
        withdraw(backend.host(), NAME)
    shown = caplog.text + repr(vars(backend.host()))
    assert [secret for secret in backend.stand_in.secrets.values() if secret in shown] == []
    assert (
        repr(Credentials("of-test", backend.stand_in.secrets, {}, {})) == "Credentials('of-test')"
    )


# The client itself


FAR_BEYOND = "Wed, 21 Oct 99999999999999 07:28:00 GMT"  # for which no integer of C is enough
REDIRECT = Response(302, None, {"Location": "http://127.0.0.1:1/"})


@cases(
    ("answer", "error", "said"),
    {
        # Nothing was done if the host says when to ask again.
        "when": (
            Response(503, None, {"Retry-After": "7"}),
            Busy,
            "asked too often: 503 (wait 7 s)",
        ),
        "no year": (
            Response(503, None, {"Retry-After": FAR_BEYOND}),
            DnsUnconfirmed,
            "trouble at the host: 503",
        ),
        "redirect": (REDIRECT, DnsRefused, "302, a redirect, which is not followed"),
        "long": (Response(400, {"message": "no\n" * 1000}), DnsRefused, "400" + " no" * 100),
    },
)
def test_words(godaddy, answer, error, said):
    """What a host says in an error is shown, in one line that ends; no token follows a redirect."""
    godaddy.stand_in.answer = lambda request: answer
    with pytest.raises(error) as caught:
        Api(godaddy.stand_in.url)._call("GET", "/")
    assert caught.value.text == said
    assert getattr(caught.value, "retry_after", 7) == 7


def test_plain_http():
    """A secret goes to no other machine in plain."""
    with pytest.raises(DnsRefused, match="only https keeps the secret on its way"):
        Api("http://192.0.2.1")._call("GET", "/")


def over_tls(stand_in, directory):
    """The URL of *stand_in*, which has from now on a certificate that nobody knows."""
    certificate, key = directory / "certificate", directory / "key"
    made = ["openssl", "req", "-x509", "-noenc", "-subj", "/CN=localhost", "-newkey", "ec"]
    made += ["-pkeyopt", "ec_paramgen_curve:prime256v1"]
    made += ["-keyout", key, "-out", certificate]
    subprocess.run(made, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = stand_in._server
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return stand_in.url.replace("http://", "https://")


def test_wrong_certificate(godaddy, tmp_path):
    """Who can't prove to be the host never will, and gets no secret."""
    url = over_tls(godaddy.stand_in, tmp_path)
    with pytest.raises(DnsRefused, match="the host does not prove who it is"):
        Api(url)._call("GET", "/")
    assert godaddy.stand_in.requests == []


def test_secret_in_an_error(godaddy):
    """A library that quotes a header in its error is not passed on, as text or as cause."""
    api = Api(godaddy.stand_in.url)
    api._headers = lambda: {"Authorization": "Bearer gd_pat\nwith a line break"}
    with pytest.raises(DnsRefused) as refused:
        api._call("GET", "/")
    assert "line break" not in "".join(traceback.format_exception(refused.value))


@pytest.fixture
def proxies(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_proxy_that_is_none(proxies):
    """A proxy's address may hold a password, and is not quoted."""
    proxies.setenv("https_proxy", "socks9://joe:password@proxy.example:1")
    with pytest.raises(DnsRefused, match="or a proxy's") as refused:
        Api("https://api.example")._call("GET", "/")
    assert "password" not in "".join(traceback.format_exception(refused.value))


def test_proxy(godaddy, proxies):
    """The way out of a company's network is the one that the environment names, as for AWS."""
    proxies.setenv("http_proxy", godaddy.stand_in.url)
    godaddy.stand_in.answer = lambda request: Response(200, {"path": request.path})
    assert Api("http://127.0.0.1:9")._call("GET", "/v3") == {"path": "/v3"}
    proxies.setenv("http_proxy", godaddy.stand_in.url.replace("http://", "joe:p%40ss@"))
    header = "Proxy-Authorization"
    godaddy.stand_in.answer = lambda request: Response(200, {header: request.headers[header]})
    sent = Api("http://127.0.0.1:9")._call("GET", "/v3")[header]
    assert base64.b64decode(sent.removeprefix("Basic ")) == b"joe:p@ss"
    proxies.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(DnsUnconfirmed, match="no answer"):
        Api("http://127.0.0.1:9")._call("GET", "/v3")


def test_refused_by_the_proxy(proxies):
    """A proxy that lets nobody through is named, and nothing was changed."""
    with Answering(Response(407)) as proxy:
        proxies.setenv("https_proxy", proxy.url)
        with pytest.raises(NotDone, match="no answer: ProxyError"):
            Api("https://api.example")._call("GET", "/")


# What a host may do, or not


@pytest.mark.parametrize(
    ("provider", "switches"),
    [
        ("cloudflare", {"in_unicode": True}),
        ("cloudflare", {"kept": "quoted strings"}),
        ("godaddy", {}),
        ("dreamhost", {"final_dot": True}),
        *(("cpanel", {"relative_names": one}) for one in (True, False)),
        ("wix", {"long_values": "one piece", "kept": "quoted strings"}),
        ("wix", {"long_values": "quoted strings", "kept": "as it came"}),
    ],
    ids=repr,
)
def test_kept_and_listed(provider, switches):
    """
    However a host keeps and lists records, ours are found among many, and changed alone.
    """
    zone = "xn--bcher-kva.example"
    name = f"s1._domainkey.{zone}"
    with by_http(provider, zone) as backend:
        vars(backend.stand_in).update(switches)
        for number in range(230):
            backend.put(f"n{number}.{zone}", NEIGHBOUR)
        assert published(backend.host(), name) == VALUE
        assert lookup(backend.host(), name) == (VALUE,)
        assert lookup(backend.host(), f"n7.{zone}") == (NEIGHBOUR,)
        assert backend.stored(name) == [VALUE]
        withdraw(backend.host(), name)
        assert [one.value for one in backend.stand_in.records] == [NEIGHBOUR] * 230


# What one host alone does


def test_cloudflare_two_zones(cloudflare):
    """Of two zones of one name the id has to be given, and then no list of zones is needed."""
    more = {"id": "0b" * 16, "name": ZONE, "name_servers": ["eve.ns.cloudflare.com"]}
    cloudflare.stand_in.more_zones = (more,)
    assert "the token may read 2 zones" in refused(cloudflare.host()).text
    cloudflare.stand_in.may_read_zone = False
    error = refused(cloudflare.host())
    assert "the token may read 0 zones" in error.text
    assert "the token needs Zone › Zone › Read" in error.hint
    host = cloudflare.host(zone_id=cloudflare.stand_in.zone_id)
    assert host.label == cloudflare.host().label, "the same zone, however it is found"
    assert published(host, NAME) == VALUE


@pytest.mark.parametrize("status", [400, 500])
def test_wix_second_form(wix, status):
    """
    A long value that is refused in one piece, or at which Google's DNS fails, is sent in quoted
    strings.
    """
    wix.stand_in.long_values, wix.stand_in.wrong_form = "quoted strings", status
    clock = FakeClock()
    assert published(wix.host(), NAME, clock=clock) == VALUE
    assert (wix.stored(NAME), clock.monotonic()) == ([VALUE], 0)


@pytest.mark.parametrize("conflict", [400, 409])
def test_wix_races(wix, conflict):
    """Somebody who is faster is seen: his value stays, at an addition and at a removal."""
    wix.stand_in.conflict = conflict
    between(wix, lambda: NEIGHBOUR in wix.stored(NAME) or wix.put(NAME, NEIGHBOUR))
    assert "another value is there already" in refused(wix.host()).text
    assert wix.stored(NAME) == [NEIGHBOUR]
    wix.stand_in.records.clear()
    wix.put(NAME, VALUE)
    withdraw(wix.host(), NAME)
    assert wix.stored(NAME) == [NEIGHBOUR]


def test_wix_ttl(wix):
    """The values that stay in a set keep its TTL."""
    for value in (VALUE, NEIGHBOUR):
        wix.stand_in._keep(NAME, value, ttl=60)
    withdraw(wix.host(), NAME)
    assert [(one.text, one.ttl) for one in wix.stand_in.records] == [(NEIGHBOUR, 60)]


@pytest.mark.parametrize(
    "url",
    [
        *("gator1.example", "https://joe@gator1.example"),
        *(f"https://joe:SECRETTOKEN@{end}" for end in ("", "gator1.example:port")),
        *(f"https://joe:SECRETTOKEN@gator1.example{end}" for end in ("/cpsess", "?session=1")),
    ],
)
def test_cpanel_url(cpanel, url):
    """What is no account's address is said in its form, and is not quoted."""
    error = refused(cpanel.host(secrets={"url": url}))
    assert "the url is not of the form 'https://USER:TOKEN@SERVER:2083'" in str(error)
    assert "set it by the environment variable VARIABLE, which wins, or by" in error.hint
    assert "SECRETTOKEN" not in str(error)
    assert cpanel.stand_in.requests == []


@pytest.mark.parametrize("provider", sorted(HTTP.keys() - {"cpanel"}))
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
    """
    An edit of somebody else in between is seen by the serial, and our line is not another one's.
    """
    cpanel.put(NAME, VALUE)
    others = iter((f"a.{ZONE}", f"b.{ZONE}"))

    def edit():
        if other := next(others, None):
            cpanel.put(other, NEIGHBOUR)
            cpanel.stand_in.records.insert(0, cpanel.stand_in.records.pop())

    between(cpanel, edit)
    withdraw(cpanel.host(), NAME, **hasty())
    there = [cpanel.stored(one) for one in (NAME, f"a.{ZONE}", f"b.{ZONE}")]
    assert there == [[], [NEIGHBOUR], [NEIGHBOUR]]


def test_cpanel_secondary(cpanel):
    """A zone without its SOA record is not edited."""
    cpanel.stand_in._lines = list
    error = refused(cpanel.host())
    assert "the panel shows no SOA record of the zone" in error.text
    assert error.hint == "nothing was changed in DNS; is it the zone's primary server?"


# Credentials


def of(given, variable=None):
    """Credentials with one token."""
    environment = {} if variable is None else {"VARIABLE": variable}
    return Credentials("x", {"token": given}, {"token": "VARIABLE"}, environment)


@pytest.mark.parametrize("written", ["tok%2FenABCDEF", "to@kenABCDEF", "tok:enABCDEF"])
def test_token_within_a_url(written):
    """A token that stands within a secret URL is hidden as it is sent."""
    credentials = Credentials(
        "x", {"url": f"https://user:{written}@panel.example:2083"}, {"url": "V"}, {}
    )
    assert credentials.said(f"no right for {unquote(written)}") == "no right for [secret]"


@pytest.mark.parametrize("given", ["pat_a+b/C=9", " pat_a+b/C=9\r\n"])
@pytest.mark.parametrize("source", ["stack file", "variable"])
def test_secret_in_the_words_of_a_host(given, source):
    """A secret is taken without white space, and not shown in whatever form a host quotes it."""
    credentials = of(given) if source == "stack file" else of("", given)
    sent = credentials["token"]
    assert sent == "pat_a+b/C=9"
    for one in (sent, quote(sent, safe=""), quote(sent, safe="").lower(), sent.upper()):
        answer = json.dumps(f"token {one} lacks a scope").encode()
        with pytest.raises(DnsRefused, match=r"^403 token \[secret\] lacks a scope"):
            Api("", credentials)._judged(403, None, answer)


@cases(
    ("given", "missing", "reason"),
    {
        "empty": ("", ["token"], "no token is given"),
        "two lines": ("to\nken", [], "the token has characters outside printable ASCII"),
        "umlaut": ("tök", [], "the token has characters outside printable ASCII"),
    },
)
def test_no_secret(given, missing, reason):
    """
    What is none, or can't stand in a header, is refused before a library quotes it in an error.
    """
    assert of(given).missing() == missing
    with pytest.raises(DnsRefused, match=reason) as refused:
        of(given)["token"]
    assert not given.strip() or given not in str(refused.value)
