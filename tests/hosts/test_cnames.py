"""
A CNAME in one zone, the key in another, at real name servers: everybody who asks finds the key, or
nobody.

The product's lookup, its diagnosis, and a receiver of mail, who asks a resolver: Unbound's library.
"""

from contextlib import ExitStack

import pytest

from byodkim_provider.dkim import keys, records
from byodkim_provider.dns import diagnosis, visibility
from byodkim_provider.dns.diagnosis import ExpectedRecord
from byodkim_provider.dns.resolver import DnsResolver
from tests.dns import name_server
from tests.hosts import name_servers
from tests.hosts.backends import published, withdraw
from tests.support.testdata import TESTDATA

DOMAIN = "shop.example"
KEYS_ZONE = "keys.example.net"
NAME = records.record_name("ses1", DOMAIN)
TARGET = f"{NAME}.{KEYS_ZONE}"

PRIVATE_KEY = TESTDATA / "rsa2048.pkcs8.pem"
KEY = keys.load(PRIVATE_KEY.read_text())

ELSEWHERE = {"BIND": "Knot", "Knot": "PowerDNS", "PowerDNS": "BIND"}
"""For each server another one, for the keys' zone."""


@pytest.fixture(
    scope="module",
    params=[(kind, other) for kind in name_servers.SERVERS for other in ("", ELSEWHERE[kind])],
    ids=lambda pair: " to ".join(filter(None, pair)),
)
def servers(request, tmp_path_factory):
    """Those of the domain's zone and of the keys' zone, which may be one."""
    kind, other = request.param
    port = name_server.free_port()
    records = f"ses1._domainkey IN CNAME {TARGET}.\n"
    with ExitStack() as running:

        def run(kind, zone, **options):
            directory = tmp_path_factory.mktemp(kind)
            return running.enter_context(
                name_servers.running(kind, directory, zone, port=port, **options)
            )

        if other:
            # BIND listens at no address that no network interface has.
            second, first = sorted([name_server.BIND, name_server.NSD], reverse=other != "BIND")
            holds_the_cname = run(kind, DOMAIN, records=records, address=first)
            yield [holds_the_cname, run(other, KEYS_ZONE, address=second)]
        else:
            yield [run(kind, DOMAIN, records=records, below=KEYS_ZONE)]


def seen(servers, tmp_path):
    """What the product's lookup, its diagnosis, and a receiver of mail say of the key."""
    resolver = DnsResolver(resolvers=[f"{one.address}:{one.port}" for one in servers])
    answers = resolver.txt(NAME, DOMAIN)
    assert {answer.target for answer in answers} == {TARGET}
    found = diagnosis.examine(
        resolver, ExpectedRecord(selector="ses1", domain=DOMAIN, public_key_der=KEY.public_key_der)
    )
    return (
        visibility.judge(answers, KEY.public_key_der).visible,
        (found.verdict, found.code),
        receiver_finds_the_key(servers, tmp_path),
    )


def receiver_finds_the_key(servers, tmp_path):
    """What OpenDKIM says, which follows the CNAME by Unbound's library."""
    zones = "".join(
        f'stub-zone:\n name: "{zone}"\n stub-addr: {server.address}@{server.port}\n'
        for zone, server in ((DOMAIN, servers[0]), (KEYS_ZONE, servers[-1]))
    )
    return name_server.opendkim_says(tmp_path, PRIVATE_KEY, DOMAIN, "ses1", zones)[0]


def test_all_agree(servers, tmp_path):
    """
    The key is there for all once it stands at the target, and for nobody before and after that.
    """
    host = servers[-1].host(zone=KEYS_ZONE)
    assert seen(servers, tmp_path) == (False, ("wrong", "cname"), False)
    published(host, TARGET, existing="slot")
    assert seen(servers, tmp_path) == (True, ("right", ""), True)
    withdraw(host, TARGET)
    assert seen(servers, tmp_path) == (False, ("wrong", "cname"), False)
