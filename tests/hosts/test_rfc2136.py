"""What only a server of dynamic updates can say, at real ones; and what must not be believed of an answer."""

from __future__ import annotations

import re
import socket
import threading
import time

import dns.message
import dns.renderer
import dns.update
import pytest
from dns.rcode import Rcode

from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.publish import Record, lookup, publish, withdraw
from tests.hosts import name_servers
from tests.hosts.name_servers import ZONE
from tests.hosts.proxy import proxied
from tests.hosts.test_contract import CALM, OTHER, VALUE, hasty
from tests.support.cases import cases


@pytest.fixture(scope="module", params=name_servers.SERVERS)
def server(request, tmp_path_factory):
    with name_servers.running(request.param, tmp_path_factory.mktemp(request.param)) as server:
        yield server


def put(server, name, kind, text):
    update = dns.update.UpdateMessage(server.zone)
    update.add(f"{name}.", 300, kind, text)
    server.host()._exchange(update)


def remove(server, name, kind):
    update = dns.update.UpdateMessage(server.zone)
    update.delete(f"{name}.", kind)
    server.host()._exchange(update)


def test_atomic(server):
    """A value that comes between the lookup and the update is seen by the server: ours is never beside it."""
    name = f"race._domainkey.{ZONE}"
    host = server.host()
    add = host.add

    def somebody_was_faster(*arguments):
        put(server, name, "TXT", '"theirs"')
        add(*arguments)

    host.add = somebody_was_faster
    with pytest.raises(DnsRefused, match="another value is there already"):
        publish(host, Record(name, VALUE, "same key"), **CALM)
    assert [(b"theirs",)] == server.wire(name)


@cases(
    "changes",
    {
        "unknown key": {"key_name": "unknown"},
        "wrong secret": {"secret": "d3Jvbmc="},
        "wrong algorithm": {"key_algorithm": "hmac-sha512"},
        "foreign zone": {"zone": "example.net"},
        "no base64": {"secret": "no base64!"},
        "no secret": {"secret": ""},
    },
)
def test_refused(server, changes):
    """What will never work is an error at once, and its hint names the settings, not the secret."""
    host = server.host(**changes)
    name = f"s1._domainkey.{host.label.rpartition(':')[2]}"
    with pytest.raises(DnsRefused) as refused:
        publish(host, Record(name, VALUE, "same key"), **CALM)
    text = str(refused.value)
    assert text.startswith(f"{host.label}: {name}: ")
    assert "RFC2136_TSIG_SECRET" in text
    assert "d3Jvbmc=" not in text
    assert "no base64!" not in text


@cases(
    ("changes", "reason"),
    {
        "empty label": ({"key_name": "a..b"}, "'a..b' is no TSIG key's name"),
        "long label": ({"key_name": "a" * 64}, "is no TSIG key's name"),
        "algorithm": (
            {"key_algorithm": "hmac-md4"},
            "the algorithm of the TSIG key must be one of hmac-sha224, ",
        ),
        "server": ({"server": "a..b"}, "'a..b' is no host's name"),
    },
)
def test_settings_that_are_none(server, changes, reason):
    """What can't be sent is refused in words, not with a library's error; corrected, it goes on."""
    record = Record(f"corrected._domainkey.{ZONE}", VALUE, "same key")
    with pytest.raises(DnsRefused, match=reason):
        publish(server.host(**changes), record, **CALM)
    assert VALUE == publish(server.host(), record, **CALM)[0]
    withdraw(server.host(), record.name, VALUE, **CALM)


def test_clocks_differ(server, monkeypatch):
    """A signature of another hour is refused by the server, until the clocks are set right."""
    record = Record(f"clocks._domainkey.{ZONE}", VALUE, "same key")
    with monkeypatch.context() as an_hour_ago:
        an_hour_ago.setattr(dns.renderer, "time", _AnHourAgo)
        an_hour_ago.setattr(dns.message, "time", _AnHourAgo)
        with pytest.raises(DnsRefused) as refused:
            publish(server.host(), record, **CALM)
    assert re.search("clocks .* differ by minutes|another time of day", refused.value.text)
    assert VALUE == publish(server.host(), record, **CALM)[0]
    withdraw(server.host(), record.name, VALUE, **CALM)


class _AnHourAgo:
    """In the place of the module `time`."""

    @staticmethod
    def time() -> float:
        return time.time() - 3600


def test_name_outside_of_the_zone(server):
    """A name that is not in the zone is refused."""
    with pytest.raises(DnsRefused, match=r"the server answers (NOTZONE|REFUSED)"):
        publish(server.host(), Record("s1._domainkey.example.net", VALUE, "same key"), **CALM)


def test_away_for_a_while(server):
    """A server that can't be reached is tried again, and the record is there once it can."""
    name = f"away._domainkey.{ZONE}"
    with proxied(server.port) as proxy:
        target, proxy.target = proxy.target, name_servers.free_port()
        threading.Timer(1.0, setattr, (proxy, "target", target)).start()
        assert VALUE == publish(server.host(port=proxy.port), Record(name, VALUE, "same key"), **CALM)[0]
    withdraw(server.host(), name, VALUE, **CALM)


def test_away_for_good():
    """After a minute it is given up, and nobody says that nothing was changed."""
    host = name_servers.Server(name_servers.free_port()).host()
    with pytest.raises(DnsUnconfirmed) as given_up:
        publish(host, Record(f"s1._domainkey.{ZONE}", VALUE, "same key"), **hasty())
    assert str(given_up.value).splitlines() == [
        f"rfc2136:{ZONE}: s1._domainkey.{ZONE}: no answer from {name_servers.ADDRESS} port {host._port}: "
        "Connection refused",
        "  hint: it is not known whether the record was changed; `pulumi up` checks, and goes on from there",
    ]


def test_no_such_server(monkeypatch):
    """A name that no address is known of is tried again, and named at last."""

    def getaddrinfo(*_):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    host = name_servers.Server(5353).host(server="ns1.invalid")
    with pytest.raises(
        DnsUnconfirmed,
        match=r"rfc2136:example\.com: .*no answer from ns1\.invalid port 5353: Temporary failure",
    ):
        publish(host, Record(f"s1._domainkey.{ZONE}", VALUE, "same key"), **hasty())


def test_cname_in_the_way(tmp_path):
    """Beside a CNAME nothing can stand: BIND would say NOERROR and do nothing."""
    name = f"alias._domainkey.{ZONE}"
    policy = f"grant {name_servers.KEY} zonesub ANY;"
    with name_servers.running("BIND", tmp_path, policy=policy) as server:
        put(server, name, "CNAME", "elsewhere.example.net.")
        with pytest.raises(DnsRefused, match="a CNAME record is there"):
            publish(server.host(), Record(name, VALUE, "replace"), **CALM)
        remove(server, name, "CNAME")
        assert VALUE == publish(server.host(), Record(name, VALUE, "replace"), **CALM)[0]


@pytest.mark.parametrize(
    ("kind", "target"), [("CNAME", "elsewhere.example.net."), ("TXT", '"p="')], ids=["CNAME", "TXT"]
)
def test_wildcard_is_no_record(tmp_path, kind, target):
    """Beside a wildcard of any type the record stands, and goes."""
    name = f"s1._domainkey.{ZONE}"
    policy = f"grant {name_servers.KEY} zonesub ANY;"
    with name_servers.running("BIND", tmp_path, policy=policy) as server:
        put(server, f"*._domainkey.{ZONE}", kind, target)
        publish(server.host(), Record(name, VALUE, "same key"), **CALM)
        assert VALUE == b"".join(server.wire(name)[0]).decode()
        withdraw(server.host(), name, VALUE, **CALM)
        assert () == lookup(server.host(), name, **CALM)


@pytest.mark.parametrize("kind", name_servers.SERVERS)
def test_zone_cut(tmp_path, kind):
    """A name that the server has in a zone of its own below is refused: an update would never be served."""
    with name_servers.running(kind, tmp_path, below=f"mail.{ZONE}") as server:
        with pytest.raises(DnsRefused, match=f"the server has the name in the zone 'mail.{ZONE}'") as refused:
            publish(server.host(), Record(f"s1._domainkey.mail.{ZONE}", VALUE, "same key"), **CALM)
        assert f"nothing was changed in DNS; set `zone`, which is '{ZONE}' now" == refused.value.hint
        below = server.host(zone=f"mail.{ZONE}")
        assert VALUE == publish(below, Record(f"s1._domainkey.mail.{ZONE}", VALUE, "same key"), **CALM)[0]


def test_renamed_above(tmp_path):
    """Below a DNAME nothing can stand either."""
    policy = f"grant {name_servers.KEY} zonesub ANY;"
    with name_servers.running("BIND", tmp_path, policy=policy) as server:
        put(server, f"_domainkey.{ZONE}", "DNAME", "keys.example.net.")
        with pytest.raises(DnsRefused, match="a DNAME record"):
            publish(server.host(), Record(f"s1._domainkey.{ZONE}", VALUE, "same key"), **CALM)
        remove(server, f"_domainkey.{ZONE}", "DNAME")
        there, _ = publish(server.host(), Record(f"s1._domainkey.{ZONE}", VALUE, "same key"), **CALM)
        assert VALUE == there


def test_delegated_away(tmp_path):
    """A referral is an empty answer, and no word on whether the record stands in the zone below it."""
    policy = f"grant {name_servers.KEY} zonesub ANY;"
    name = f"s1._domainkey.below.{ZONE}"
    with name_servers.running("BIND", tmp_path, policy=policy) as server:
        put(server, name, "TXT", "p=MIIB")
        put(server, f"below.{ZONE}", "NS", "ns.elsewhere.example.net.")
        with pytest.raises(DnsRefused, match="the server is not authoritative for the name"):
            withdraw(server.host(), name, "p=MIIB", **CALM)
        remove(server, f"below.{ZONE}", "NS")
        withdraw(server.host(), name, "p=MIIB", **CALM)
        assert [] == server.wire(name)


def test_not_allowed(tmp_path):
    """A key that may not write this name is refused, and what it may is left to the server."""
    policy = f"grant {name_servers.KEY} name only.{ZONE} TXT;"
    with name_servers.running("BIND", tmp_path, policy=policy) as server:
        with pytest.raises(
            DnsRefused, match="the server answers REFUSED, the server does not allow it with this key"
        ):
            publish(server.host(), Record(f"s1._domainkey.{ZONE}", VALUE, "same key"), **CALM)
        publish(server.host(), Record(f"only.{ZONE}", VALUE, "same key"), **CALM)


def test_unsigned_answer(server):
    """An answer without a signature says nothing was done: else anybody on the way could say "done"."""
    name = f"unsigned._domainkey.{ZONE}"
    with proxied(server.port) as proxy:
        passed_on = proxy._passed_on

        def unsigned(octets):
            answer = passed_on(octets)
            header = bytes([*answer[2:12], 0, 0])  # no additional records: the signature is one
            return (12).to_bytes(2, "big") + header[:4] + bytes(8)

        proxy._passed_on = unsigned
        with pytest.raises(DnsUnconfirmed, match="the answer is not signed with the key"):
            publish(server.host(port=proxy.port), Record(name, VALUE, "same key"), **hasty())
    assert [] == server.wire(name)


@pytest.mark.parametrize("rcode", [Rcode.REFUSED, Rcode.NOTAUTH, Rcode.YXRRSET, Rcode.NOTIMP])
def test_unsigned_refusal(server, rcode):
    """A refusal without a signature proves nothing of an update, which the server may have done."""
    name = f"unsigned-{rcode}._domainkey.{ZONE}"
    with proxied(server.port) as proxy:
        passed_on = proxy._passed_on

        def refused(octets):
            answer, was_updated = passed_on(octets), proxy.updates
            if not was_updated:
                return answer
            proxy._passed_on = passed_on
            header = bytes([*answer[2:5], answer[5] & 0xF0 | rcode])
            return (12).to_bytes(2, "big") + header + bytes(8)

        proxy._passed_on = refused
        published = publish(server.host(port=proxy.port), Record(name, VALUE, "same key"), **CALM)
    assert (VALUE, False) == published
    withdraw(server.host(), name, VALUE, **CALM)


def test_other_values_stay(server):
    """A removal is of one value, in one message, however many there are."""
    name = f"two._domainkey.{ZONE}"
    put(server, name, "TXT", " ".join(f'"{OTHER[at : at + 200]}"' for at in (0, 200)))
    put(server, name, "TXT", '"v=spf1 -all"')
    withdraw(server.host(), name, OTHER, **CALM)
    assert [(b"v=spf1 -all",)] == server.wire(name)
