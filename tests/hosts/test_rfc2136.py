"""If this fails, a forged answer is believed, or an update changes somebody else's record."""

import re
import time

import dns.message
import dns.renderer
import dns.update
import pytest
from dns.rcode import Rcode

from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from tests.dns.name_server import free_port
from tests.hosts import name_servers
from tests.hosts.backends import VALUE, hasty, published, withdraw
from tests.hosts.name_servers import ZONE
from tests.hosts.proxy import proxied
from tests.support.cases import cases


@pytest.fixture(scope="module", params=name_servers.SERVERS)
def server(request, tmp_path_factory):
    with name_servers.running(request.param, tmp_path_factory.mktemp(request.param)) as server:
        yield server


@pytest.fixture(scope="module")
def bind(tmp_path_factory):
    """BIND, which takes records of all types."""
    policy = f"grant {name_servers.KEY} zonesub ANY;"
    with name_servers.running("BIND", tmp_path_factory.mktemp("any"), policy=policy) as server:
        yield server


def change(server, action, name, *record):
    """Somebody else adds or deletes a record."""
    update = dns.update.UpdateMessage(server.zone)
    getattr(update, action)(f"{name}.", *record)
    server.host()._exchange(update)


def put(server, name, kind, text):
    change(server, "add", name, 300, kind, text)


def refused(host, name, existing="same key"):
    with pytest.raises(DnsRefused) as caught:
        published(host, name, existing=existing)
    return caught.value


def test_atomic(server):
    """
    A value that comes between the lookup and the update is seen by the server: ours is never beside
    it.
    """
    name = f"race._domainkey.{ZONE}"
    host = server.host()
    add = host.add

    def somebody_was_faster(*arguments):
        put(server, name, "TXT", '"theirs"')
        add(*arguments)

    host.add = somebody_was_faster
    assert "another value is there already" in refused(host, name).text
    assert server.wire(name) == [(b"theirs",)]


@cases(
    "changes",
    {
        "unknown key": {"key_name": "unknown"},
        "wrong secret": {"secret": "d3Jvbmc="},
        "wrong algorithm": {"key_algorithm": "hmac-sha512"},
        "no base64": {"secret": "no base64!"},
    },
)
def test_refused(server, changes):
    """What will never work is an error at once, and its hint names the settings, not the secret."""
    host = server.host(**changes)
    name = f"s1._domainkey.{host.label.rpartition(':')[2]}"
    text = str(refused(host, name))
    assert text.startswith(f"{host.label}: {name}: ")
    assert "RFC2136_TSIG_SECRET" in text
    assert "d3Jvbmc=" not in text
    assert "no base64!" not in text


@pytest.mark.parametrize("when", ["before", "at the update"])
def test_away_after_the_read(server, when):
    """
    A server that goes away says nothing of an update that was sent; if none was, nothing is so.
    """
    name = f"goes._domainkey.{ZONE}"
    with proxied(server.port) as proxy:
        host = server.host(port=proxy.port)
        if when == "before":
            host.add = lambda *_: server.host(port=free_port())._exchange(_QUERY)
        else:
            proxy.troubles += ["lost before"] * 99
        with pytest.raises(DnsUnconfirmed) as given_up:
            published(host, name, **hasty())
    expected = "nothing was changed" if when == "before" else "the record may have been"
    assert given_up.value.hint.startswith(expected)
    assert server.wire(name) == []


_QUERY = dns.message.make_query(ZONE, "TXT")


def test_clocks_differ(server, monkeypatch):
    """A signature of another hour is refused by the server, until the clocks are set right."""
    name = f"clocks._domainkey.{ZONE}"
    with monkeypatch.context() as an_hour_ago:
        an_hour_ago.setattr(dns.renderer, "time", _AnHourAgo)
        an_hour_ago.setattr(dns.message, "time", _AnHourAgo)
        error = refused(server.host(), name)
    assert re.search("clocks .* differ by minutes|or another time", error.text)
    assert published(server.host(), name) == VALUE
    withdraw(server.host(), name)


class _AnHourAgo:
    """In the place of the module `time`."""

    @staticmethod
    def time() -> float:
        return time.time() - 3600


def test_in_the_way(bind):
    """Beside a CNAME nothing can stand: BIND would say NOERROR and do nothing."""
    name = f"alias._domainkey.{ZONE}"
    put(bind, name, "CNAME", "elsewhere.example.net.")
    assert "a CNAME record is there" in refused(bind.host(), name, "replace").text
    change(bind, "delete", name, "CNAME")
    assert published(bind.host(), name, existing="replace") == VALUE
    withdraw(bind.host(), name)


@pytest.mark.parametrize("kind", name_servers.SERVERS)
def test_zone_cut(tmp_path, kind):
    """
    A name that the server has in a zone of its own below is refused: an update would never be
    served.
    """
    name = f"s1._domainkey.mail.{ZONE}"
    with name_servers.running(kind, tmp_path, below=f"mail.{ZONE}") as server:
        error = refused(server.host(), name)
        assert f"the server has the name in the zone 'mail.{ZONE}'" in error.text
        assert error.hint == f"nothing was changed in DNS; set `zone`, which is '{ZONE}' now"
        assert published(server.host(zone=f"mail.{ZONE}"), name) == VALUE


def test_delegated_away(bind):
    """
    A referral is an empty answer, and no word on whether the record stands in the zone below it.
    """
    name = f"s1._domainkey.below.{ZONE}"
    put(bind, name, "TXT", "p=MIIB")
    put(bind, f"below.{ZONE}", "NS", "ns.elsewhere.example.net.")
    with pytest.raises(DnsRefused, match="the server is not authoritative for the name"):
        withdraw(bind.host(), name, "p=MIIB")
    change(bind, "delete", f"below.{ZONE}", "NS")
    withdraw(bind.host(), name, "p=MIIB")
    assert bind.wire(name) == []


def test_not_allowed(tmp_path):
    """A key that may not write this name is refused, and what it may is left to the server."""
    policy = f"grant {name_servers.KEY} name only.{ZONE} TXT;"
    with name_servers.running("BIND", tmp_path, policy=policy) as server:
        error = refused(server.host(), f"s1._domainkey.{ZONE}")
        assert "the server answers REFUSED" in error.text
        published(server.host(), f"only.{ZONE}")


def test_unsigned_answer(server):
    """
    An answer without a signature says nothing was done: else anybody on the way could say "done".
    """
    name = f"unsigned._domainkey.{ZONE}"
    with proxied(server.port) as proxy:
        passed_on = proxy._passed_on
        # No additional records: the signature is one.
        proxy._passed_on = lambda octets: (
            (12).to_bytes(2, "big") + passed_on(octets)[2:6] + bytes(8)
        )
        with pytest.raises(DnsUnconfirmed, match="the answer is not signed with the key"):
            published(server.host(port=proxy.port), name, **hasty())
    assert server.wire(name) == []


@pytest.mark.parametrize("rcode", [Rcode.REFUSED, Rcode.YXRRSET])
def test_unsigned_refusal(server, rcode):
    """A refusal without a signature proves nothing of an update, which the server may have done."""
    name = f"unsigned-{rcode}._domainkey.{ZONE}"
    with proxied(server.port) as proxy:
        passed_on = proxy._passed_on

        def refuse(octets):
            answer, was_updated = passed_on(octets), proxy.updates
            if not was_updated:
                return answer
            proxy._passed_on = passed_on
            header = bytes([*answer[2:5], answer[5] & 0xF0 | rcode])
            return (12).to_bytes(2, "big") + header + bytes(8)

        proxy._passed_on = refuse
        assert published(server.host(port=proxy.port), name) == VALUE
    withdraw(server.host(), name)
