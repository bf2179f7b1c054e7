"""
BIND and NSD on loopback, one beside the other: name servers that are not ours.

Each zone is served by both, as a zone has two servers in the world, and they read its zone file
independently. BIND is the resolver too: it knows who serves what because it serves everything.
"""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import randrange
from time import monotonic

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest

BIND, NSD = "127.0.0.1", "127.0.0.2"
START_SECONDS = 60
PROVIDER = "domaincontrol.com"
"""Whose name servers serve the zones: GoDaddy's, by their names."""


def program(name: str, package: str) -> str:
    """Path of a program of Debian's; skips the test where its package is not installed."""
    # Some are where only root's PATH leads.
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        pytest.skip(f"{name} is not installed (Debian's package {package})")
    return path


def zone_text(records: str = "", *, provider: str = PROVIDER) -> str:
    """A zone file that is served by both under names of *provider*."""
    return (
        "$TTL 300\n"
        f"@ IN SOA ns1.{provider}. hostmaster.{provider}. 1 3600 600 86400 900\n"
        f"@ IN NS ns1.{provider}.\n@ IN NS ns2.{provider}.\n{records}\n"
    )


@contextmanager
def running(directory: Path, bind: Mapping[str, str], nsd: Mapping[str, str]) -> Iterator[int]:
    """Serve zone files, by zone; gives the port, which is the same for both."""
    files = [_written(directory / name, zones) for name, zones in (("bind", bind), ("nsd", nsd))]
    port, log = free_port(), directory / "log"
    of_bind = {name: f'file "{file}";' for name, file in files[0].items()}
    lenient = "check-names primary ignore;"
    commands = [
        bind_command(directory / "bind", port, BIND, of_bind, options=lenient),
        _nsd_command(directory / "nsd", port, files[1]),
    ]
    with ExitStack() as running, log.open("w") as output:
        for command in commands:
            process = running.enter_context(subprocess.Popen(command, stdout=output, stderr=output))
            running.callback(process.terminate)
        deadline = monotonic() + START_SECONDS
        for address, zones in ((BIND, bind), (NSD, nsd)):
            await_zones(address, port, list(zones), deadline, log)
        yield port


def _written(directory: Path, zones: Mapping[str, str]) -> dict[str, Path]:
    directory.mkdir()
    files = {name: directory / f"{name}.zone" for name in zones}
    for name, text in zones.items():
        files[name].write_text(text)
    return files


def bind_command(
    directory: Path,
    port: int,
    address: str,
    zones: Mapping[str, str],
    *,
    options: str = "",
    keys: str = "",
) -> list[str]:
    """What runs BIND; *zones* are the options of each, beside that it is a primary server."""
    written = (f'zone "{name}" {{ type primary; {zone} }};\n' for name, zone in zones.items())
    (directory / "named.conf").write_text(
        f'{keys}options {{ directory "{directory}"; pid-file none; lock-file none; notify no; '
        f"{options}"
        f' session-keyfile "{directory}/session.key"; listen-on port {port} {{ {address}; }};'
        " listen-on-v6 { none; }; recursion no; dnssec-validation no; empty-zones-enable no; };\n"
        f"controls {{ }};\n{''.join(written)}"
    )
    return [program("named", "bind9"), "-g", "-n", "1", "-c", str(directory / "named.conf")]


def _nsd_command(directory: Path, port: int, zones: Mapping[str, Path]) -> list[str]:
    configuration = directory / "nsd.conf"
    configuration.write_text(
        f'server:\n ip-address: {NSD}@{port}\n username: ""\n chroot: ""\n pidfile: ""\n '
        "server-count: 1\n"
        f' zonesdir: "{directory}"\n xfrdfile: "{directory}/xfrd.state"\n xfrdir: "{directory}"\n'
        f' zonelistfile: "{directory}/zone.list"\nremote-control:\n control-enable: no\n'
        + "".join(f'zone:\n name: "{name}"\n zonefile: "{file}"\n' for name, file in zones.items())
    )
    return [program("nsd", "nsd"), "-d", "-c", str(configuration)]


def free_port() -> int:
    """
    A port that is free at both addresses, by UDP and TCP.

    It is below those that the kernel gives to who asks: a client that asks a server that is not up
    yet could get the server's own port, and hear itself.
    """
    while True:
        port = randrange(10_000, 32_768)
        with ExitStack() as bound:
            try:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    for address in (BIND, NSD):
                        bound.enter_context(socket.socket(type=kind)).bind((address, port))
            except OSError:
                continue
            return port


def await_zones(address: str, port: int, zones: Sequence[str], deadline: float, log: Path) -> None:
    """Return once the server at *address* serves all *zones*; fails with its log if it does not."""
    for zone in zones:
        query = dns.message.make_query(zone, "SOA", flags=0)
        while True:
            try:
                reply = dns.query.udp(query, address, timeout=0.1, port=port)
                if reply.rcode() == dns.rcode.NOERROR and reply.answer:
                    break
            except (dns.exception.DNSException, OSError):
                pass
            if monotonic() > deadline:
                pytest.fail(f"{address} does not serve {zone}: {log.read_text()}")


def opendkim_says(
    directory: Path, key: Path, domain: str, selector: str, zones: str
) -> tuple[bool, str]:
    """
    Whether OpenDKIM finds the public half of *key*, and what it says; *zones* are lines for
    Unbound.
    """
    resolver, configuration, own_key = (
        directory / name for name in ("unbound.conf", "opendkim.conf", "key.pem")
    )
    resolver.write_text(
        f'server:\n do-not-query-localhost: no\n module-config: "iterator"\n{zones}'
    )
    configuration.write_text(f"ResolverConfiguration {resolver}\n")
    own_key.write_bytes(key.read_bytes())
    own_key.chmod(0o600)
    testkey = program("opendkim-testkey", "opendkim-tools")
    command = [
        testkey,
        "-x",
        str(configuration),
        "-d",
        domain,
        "-s",
        selector,
        "-k",
        str(own_key),
        "-vvv",
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    said = result.stdout + result.stderr
    return (result.returncode, "opendkim-testkey: key OK" in said) == (0, True), said
