"""
DNS servers on loopback that say what a test wants them to say, over UDP and TCP.

They speak real DNS messages and keep a log of what they were asked; what they answer
comes from a zone file in the test, and misbehaviour is a function over the honest answer.
"""

import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.name
import dns.node
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone
from dns.message import Message
from dns.rdatatype import RdataType

ADDRESSES = {**{number: f"127.0.0.{number}" for number in range(1, 6)}, 6: "::1"}
"""Where the servers are, by the number that tests call them by."""


def has_ipv6() -> bool:
    """Whether this machine has IPv6 at all; without it nobody listens at "::1"."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


Sent = "Message | bytes | tuple[bytes, ...] | None"
"""None is nothing; several are datagrams."""

Behaviour = Callable[[Message, bool], Sent]
"""From the honest answer, and whether it goes over TCP, to what is sent."""


def honest(answer: Message, over_tcp: bool) -> Sent:
    return answer


def silent(answer: Message, over_tcp: bool) -> Sent:
    return None


def garbage(answer: Message, over_tcp: bool) -> Sent:
    return answer.to_wire()[:14]


def foreign(answer: Message, over_tcp: bool) -> Sent:
    """A well-formed answer to another question."""
    answer.id ^= 1
    return answer


def forged_first(answer: Message, over_tcp: bool) -> Sent:
    """
    Answers that somebody else sent from the server's address, and the server's own behind them.
    """
    own, noise = answer.to_wire(), answer.to_wire()[:14]
    return own if over_tcp else (noise, bytes([own[0] ^ 1]) + own[1:], own)


def truncated(answer: Message, over_tcp: bool) -> Sent:
    if not over_tcp:
        answer.flags |= dns.flags.TC
        answer.answer.clear()
    return answer


def lame(answer: Message, over_tcp: bool) -> Sent:
    """What a server says that was never told of the zone: it refers to the root."""
    answer.flags &= ~dns.flags.AA
    answer.answer.clear()
    answer.authority = [dns.rrset.from_text(".", 60, "IN", "NS", "a.root-servers.net.")]
    return answer


def failing(rcode: str) -> Behaviour:
    def behave(answer: Message, over_tcp: bool) -> Sent:
        answer.answer.clear()
        answer.set_rcode(dns.rcode.from_text(rcode))
        return answer

    return behave


class DnsServer:
    """
    One server. Silent until a test lets it `serve` zones, or know things as a recursive resolver.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.zones: list[dns.zone.Zone] = []
        self.behave = honest
        self.recursive = False
        self.queries: list[tuple[str, str, str]] = []
        """Name, type and transport of each question."""

    def serve(self, origin: str, text: str, behave: Behaviour = honest) -> None:
        """Be an authoritative server of the zone *origin*; a SOA record is added."""
        soa = (
            f"{origin}. 300 IN SOA ns.invalid. root.invalid. 1 2 3 4 900\n{origin}. 300 IN NS "
            "ns.invalid.\n"
        )
        zone = dns.zone.from_text(
            f"$TTL 300\n{soa}{text}", origin=f"{origin}.", relativize=False, check_origin=False
        )
        self.zones.append(zone)
        self.behave = behave

    def knows(self, text: str, behave: Behaviour = honest) -> None:
        """Be the recursive resolver; *text* is all there is to know."""
        self.zones = [
            dns.zone.from_text(
                f"$TTL 300\n{text}", origin=".", relativize=False, check_origin=False
            )
        ]
        self.behave = behave
        self.recursive = True

    def names(self) -> set[str]:
        """Every name that was asked for."""
        return {name for name, _, _ in self.queries}

    def respond(self, wire: bytes, *, over_tcp: bool) -> bytes | tuple[bytes, ...] | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True)
        self.queries.append((name, question.rdtype.name, "tcp" if over_tcp else "udp"))
        if not self.zones:
            return None
        assert bool(query.flags & dns.flags.RD) == self.recursive, (
            "recursion desired of the wrong server"
        )
        answer = self.behave(self._honest(query, question.name, question.rdtype), over_tcp)
        return (
            answer.to_wire(max_size=65535, want_shuffle=False)
            if isinstance(answer, Message)
            else answer
        )

    def _honest(self, query: Message, name: dns.name.Name, kind: RdataType) -> Message:
        answer = dns.message.make_response(query)
        holding = [zone for zone in self.zones if name.is_subdomain(zone.origin)]
        if not holding:
            answer.set_rcode(dns.rcode.REFUSED)
            return answer
        zone = max(holding, key=lambda zone: len(zone.origin))
        if not self.recursive:
            for cut in (
                name.split(labels)[1] for labels in range(len(zone.origin) + 1, len(name) + 1)
            ):
                servers = zone.get_rrset(cut, RdataType.NS)
                if servers:
                    answer.authority.append(servers)
                    answer.additional += [
                        glue
                        for server in servers
                        for address in (RdataType.A, RdataType.AAAA)
                        if server.target.is_subdomain(zone.origin)
                        and (glue := zone.get_rrset(server.target, address))
                    ]
                    return answer
            answer.flags |= dns.flags.AA
        if zone.get_rrset(zone.origin, RdataType.SOA):  # beside "no such name" and "no such type"
            answer.authority.append(zone.get_rrset(zone.origin, RdataType.SOA))
        node = zone.get_node(name) or zone.get_node(dns.name.Name((b"*", *name.parent().labels)))
        if node is None:
            if not any(known.is_subdomain(name) for known in zone.nodes):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            return answer
        rdataset = node.get_rdataset(dns.rdataclass.IN, kind) or node.get_rdataset(
            dns.rdataclass.IN, RdataType.CNAME
        )
        if rdataset:
            answer.authority.clear()
            answer.answer.append(dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset)))
        return answer


class Network:
    """A server at each of `ADDRESSES`, all on one port."""

    def __init__(self, port: int, servers: dict[int, DnsServer]) -> None:
        self.port = port
        self._servers = servers

    def __getitem__(self, number: int) -> DnsServer:
        return self._servers[number]

    def reset(self) -> None:
        for server in self._servers.values():
            server.reset()

    def counts(self) -> dict[int, int]:
        """How many questions each server that was asked anything was asked."""
        return {
            number: len(server.queries)
            for number, server in self._servers.items()
            if server.queries
        }


@contextmanager
def running() -> Iterator[Network]:
    """Servers at all of `ADDRESSES`, stopped at the end."""
    servers = {number: DnsServer() for number in ADDRESSES}
    port, listeners = _listen(servers)
    for listener in listeners:
        threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield Network(port, servers)
    finally:
        for listener in listeners:
            listener.shutdown()
            listener.server_close()


class _Udp(socketserver.ThreadingUDPServer):
    def __init__(self, address: str, port: int, server: DnsServer) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.dns = server
        super().__init__((address, port), _UdpHandler)


class _Tcp(socketserver.ThreadingTCPServer):
    def __init__(self, address: str, port: int, server: DnsServer) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.dns = server
        super().__init__((address, port), _TcpHandler)


class _UdpHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        wire, listener = self.request
        answer = self.server.dns.respond(wire, over_tcp=False)
        for one in answer if isinstance(answer, tuple) else filter(None, (answer,)):
            listener.sendto(one, self.client_address)


class _TcpHandler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        (length,) = struct.unpack("!H", self.rfile.read(2))
        answer = self.server.dns.respond(self.rfile.read(length), over_tcp=True)
        if answer is not None:
            self.wfile.write(struct.pack("!H", len(answer)) + answer)


def _listen(servers: dict[int, DnsServer]) -> tuple[int, list[_Udp | _Tcp]]:
    """A port that is free at every address, and a listener on it for each address and transport."""
    addresses = {
        number: address for number, address in ADDRESSES.items() if address != "::1" or has_ipv6()
    }
    while True:
        listeners: list[_Udp | _Tcp] = []
        port = 0
        try:
            for number, address in addresses.items():
                for kind in (_Tcp, _Udp):
                    listeners.append(kind(address, port, servers[number]))
                    port = listeners[0].server_address[1]
        except OSError:  # taken at one of the addresses: try another
            for listener in listeners:
                listener.server_close()
        else:
            return port, listeners
