"""
BIND, Knot and PowerDNS on loopback, each the primary server of a zone that takes signed updates.

They are started from Debian's packages, with a configuration as their manuals have it. No assertion
here.
"""

import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final

import dns.message
import dns.query
import pytest

from byodkim_provider.hosts._dns_update import Host
from byodkim_provider.hosts.interface import Credentials, HostSettings
from tests.dns.name_server import await_zones, bind_command, free_port, program

ADDRESS: Final = "127.0.0.1"
ZONE: Final = "example.com"
KEY: Final = "byodkim"
ALGORITHM: Final = "hmac-sha256"
SECRET: Final = "c2VjcmV0IG9mIGEgdGVzdCwgbm90IG9mIGFueWJvZHk="

START_SECONDS: Final = 60

ZONE_TEXT: Final = f"""$ORIGIN {ZONE}.
$TTL 300
@ IN SOA ns1.{ZONE}. hostmaster.{ZONE}. 1 3600 600 86400 60
@ IN NS ns1.{ZONE}.
ns1 IN A {ADDRESS}
@ IN TXT "v=spf1 -all"
"""


@dataclass(frozen=True)
class Server:
    """One that runs."""

    port: int
    zone: str = ZONE
    address: str = ADDRESS

    def host(self, *, secret: str = SECRET, timeout_seconds: float = 5, **changes: object) -> Host:
        """The zone, as the product reaches it; *changes* to what is right."""
        at = {"provider": "rfc2136", "server": self.address, "port": self.port, "zone": self.zone}
        changed = HostSettings(**{**at, "key_name": KEY, "key_algorithm": ALGORITHM, **changes})
        host = Host(changed, credentials(secret))
        host.timeout_seconds = timeout_seconds
        return host

    def wire(self, name: str, kind: str = "TXT") -> list[tuple[bytes, ...]]:
        """The records at *name* as anybody sees them, each as its strings."""
        return sorted(rdata.strings for rrset in self._answer(name, kind) for rdata in rrset)

    def wire_soa(self, name: str) -> str:
        """The zone's SOA record, which tells of every change."""
        return str(self._answer(name, "SOA")[0][0].to_text())

    def _answer(self, name: str, kind: str) -> Any:
        query = dns.message.make_query(name, kind, flags=0)
        return dns.query.tcp(query, ADDRESS, timeout=5, port=self.port).answer


def credentials(secret: str = SECRET, name: str = "rfc2136") -> Credentials:
    return Credentials(name, {"secret": secret}, {"secret": "RFC2136_TSIG_SECRET"}, {})


@contextmanager
def running(kind: str, directory: Path, zone: str = ZONE, **options: object) -> Iterator[Server]:
    """
    The server *kind*, one of `SERVERS`, with *zone*; again with what it had, in the same
    *directory*.

    *options*: `records` are further lines of the zone, `below` is another zone that it serves too.
    """
    port = int(str(options.get("port", 0))) or free_port()
    address = str(options.setdefault("address", ADDRESS))
    log = directory / "log"
    text = ZONE_TEXT.replace(ZONE, zone).replace(ADDRESS, address) + str(options.get("records", ""))
    commands = SERVERS[kind](directory, port, zone, text, options)
    with (
        log.open("w") as output,
        subprocess.Popen(commands, stdout=output, stderr=output) as process,
    ):
        try:
            await_zones(address, port, [zone], monotonic() + START_SECONDS, log)
            yield Server(port, zone, address)
        finally:
            process.terminate()


def bind(
    directory: Path, port: int, zone: str, text: str, options: Mapping[str, object]
) -> list[str]:
    """https://bind9.readthedocs.io/en/v9.18.0/reference.html: update-policy"""
    policy = options.get("policy", f"grant {KEY} zonesub TXT;")
    files = _files(directory, zone, text, options)
    zones = {name: f'file "{file}"; update-policy {{ {policy} }};' for name, file in files.items()}
    keys = f'key "{KEY}" {{ algorithm {ALGORITHM}; secret "{SECRET}"; }};\n'
    return bind_command(directory, port, str(options["address"]), zones, keys=keys)


def knot(
    directory: Path, port: int, zone: str, text: str, options: Mapping[str, object]
) -> list[str]:
    """https://www.knot-dns.cz/docs/3.2/html/configuration.html#dynamic-updates"""
    (directory / "db").mkdir()
    (directory / "knot.conf").write_text(
        f"server:\n  rundir: {directory}\n  listen: {options['address']}@{port}\n"
        "  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"
        f"log:\n  - target: stderr\n    any: info\ndatabase:\n  storage: {directory}/db\n"
        f"key:\n  - id: {KEY}\n    algorithm: {ALGORITHM}\n    secret: {SECRET}\n"
        f"acl:\n  - id: byodkim\n    key: {KEY}\n    action: update\n    update-type: TXT\n"
        "zone:\n"
        + "".join(
            f"  - domain: {name}\n    storage: {directory}\n    file: {file}\n    acl: byodkim\n"
            "    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: changes\n"
            for name, file in _files(directory, zone, text, options).items()
        )
    )
    return [program("knotd", "knot"), "-c", str(directory / "knot.conf")]


def powerdns(
    directory: Path, port: int, zone: str, text: str, options: Mapping[str, object]
) -> list[str]:
    """https://doc.powerdns.com/authoritative/dnsupdate.html"""
    (directory / "pdns.conf").write_text(
        f"launch=gsqlite3\ngsqlite3-database={directory}/pdns.sqlite3\nsocket-dir={directory}\n"
        f"local-address={options['address']}\nlocal-port={port}\ndnsupdate=yes\nallow-dnsupdate-from={ADDRESS}/32\n"
        "guardian=no\ndaemon=no\nsetuid=\nsetgid=\nreceiver-threads=1\nzone-cache-refresh-interval=0\n"
        "disable-syslog=yes\nwrite-pid=no\nversion-string=anonymous\n"
    )
    schema = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
    if not schema.exists():
        pytest.skip("PowerDNS has no SQLite backend (Debian's package pdns-backend-sqlite3)")
    util = program("pdnsutil", "pdns-server")
    database = directory / "pdns.sqlite3"
    _sqlite(database, schema.read_text())
    commands = [("import-tsig-key", KEY, ALGORITHM, SECRET)]
    for name, file in _files(directory, zone, text, options).items():
        commands += [
            ("load-zone", name, str(directory / file)),
            ("set-kind", name, "primary"),
            ("set-meta", name, "TSIG-ALLOW-DNSUPDATE", KEY),
        ]
    for arguments in commands:
        done = subprocess.run(
            [util, f"--config-dir={directory}", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr + done.stdout
    return [program("pdns_server", "pdns-server"), f"--config-dir={directory}"]


SERVERS: Final[Mapping[str, Callable[..., list[str]]]] = {
    "BIND": bind,
    "Knot": knot,
    "PowerDNS": powerdns,
}


def _files(directory: Path, zone: str, text: str, options: Mapping[str, object]) -> dict[str, str]:
    """The zones and their files, which are written unless a server has run with them already."""
    texts = {zone: text}
    if below := str(options.get("below", "")):
        texts[below] = ZONE_TEXT.replace(ZONE, below)
    for number, written in enumerate(texts.values()):
        if not (directory / f"zone{number}").exists():
            (directory / f"zone{number}").write_text(written)
    return {name: f"zone{number}" for number, name in enumerate(texts)}


def _sqlite(database: Path, script: str) -> None:
    with sqlite3.connect(database) as connection:
        connection.executescript(script)
    connection.close()
