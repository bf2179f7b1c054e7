"""
DNS over UDP and TCP on loopback addresses: sockets, the wire format and the log of questions.

Linux only: elsewhere not all of 127.0.0.0/8 is there.
"""

import contextlib
import selectors
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
from dns.message import Message
from dns.rdatatype import RdataType

from sandbox.dns.hosting import ADDRESSES, ANSWERED, HostedZone, Hosting
from sandbox.dns.zone import Answer

RESOLVER: Final = "127.0.0.1"
"""
Address at which queries with "recursion desired" get a resolver's answer; also the first name
server's.
"""

UDP_LIMIT: Final = 512
"""Octets of an answer over UDP without EDNS (RFC 1035 section 4.2.1)."""

EDNS_LIMIT: Final = 1232
"""Most octets of an answer over UDP (DNS Flag Day 2020)."""

TCP_IDLE_SECONDS: Final = 10.0


class Query(NamedTuple):
    server: str
    name: str
    type: str
    id: int
    """Message ID: the same when a client repeats a query because no reply came in time."""


class DnsServer(Hosting):
    """The name servers of *zones* and a resolver, all on one port, in threads."""

    def __init__(self, zones: Callable[[], Sequence[HostedZone]]) -> None:
        super().__init__(zones)
        self.port = 0
        """One free port, the same at all addresses; known once started."""
        self._queries: list[Query] = []
        self._stop = contextlib.ExitStack()

    @property
    def resolver(self) -> str:
        """`127.0.0.1:PORT`: the resolver; the name servers have the same port."""
        return f"{RESOLVER}:{self.port}"

    @property
    def queries(self) -> list[Query]:
        with self._lock:
            return list(self._queries)

    def reset(self) -> None:
        with self._lock:
            self._queries.clear()

    def txt(self, name: str, *, follows_cname: bool = True) -> tuple[str, ...] | None:
        """
        TXT values that the resolver finds for *name*, the strings of each value joined.

        Empty for "no such name", None if no server answers. Like all that follows, not among
        `queries`.
        """
        rdatas = self._found(name, RdataType.TXT, follows_cname=follows_cname)
        return rdatas and tuple(
            b"".join(rdata.strings).decode(errors="replace") for rdata in rdatas
        )

    def mx(self, name: str) -> tuple[str, ...] | None:
        """The same for MX: values like `10 mx.example.com`, without a final dot."""
        rdatas = self._found(name, RdataType.MX)
        return rdatas and tuple(
            f"{one.preference} {one.exchange.to_text(omit_final_dot=True)}" for one in rdatas
        )

    def exists(self, name: str) -> bool:
        """Whether the resolver finds *name*, with records of any type."""
        return self.resolve(dns.name.from_text(name), RdataType.TXT).rcode == dns.rcode.NOERROR

    def _found(
        self, name: str, kind: RdataType, *, follows_cname: bool = True
    ) -> tuple[Any, ...] | None:
        answer = self.resolve(dns.name.from_text(name), kind)
        if answer.rcode not in ANSWERED:
            return None
        if not follows_cname and any(rrset.rdtype == RdataType.CNAME for rrset in answer.answer):
            return ()
        return tuple(rdata for rrset in answer.answer if rrset.rdtype == kind for rdata in rrset)

    def primary_server(self, name: str) -> str:
        """Of the zone that *name* is in, as its SOA record has it; or empty."""
        answer = self.resolve(dns.name.from_text(name), RdataType.SOA)
        for rrset in (*answer.answer, *answer.authority):
            if rrset.rdtype == RdataType.SOA:
                return str(rrset[0].mname.to_text(omit_final_dot=True))
        return ""

    def start(self) -> None:
        bound = _bind(list(ADDRESSES.values()))
        self.port = bound[0].getsockname()[1]
        wake, woken = socket.socketpair()
        thread = threading.Thread(
            target=self._serve, args=[bound, woken], name="sandbox-dns", daemon=True
        )
        thread.start()
        self._stop.callback(thread.join)
        self._stop.callback(wake.close)

    def stop(self) -> None:
        self._stop.close()

    def _serve(self, bound: Sequence[socket.socket], woken: socket.socket) -> None:
        with contextlib.ExitStack() as open_sockets, selectors.DefaultSelector() as selector:
            for each in (*bound, woken):
                open_sockets.enter_context(each)
                selector.register(each, selectors.EVENT_READ, each)
            while True:
                for ready in [key.data for key, _ in selector.select()]:
                    if ready is woken:
                        return
                    if ready.type == socket.SOCK_DGRAM:
                        self._serve_datagram(ready)
                    else:
                        connection, _ = ready.accept()
                        threading.Thread(
                            target=self._serve_stream, args=[connection], daemon=True
                        ).start()

    def _serve_datagram(self, bound: socket.socket) -> None:
        wire, client = bound.recvfrom(65535)
        if reply := self._reply(wire, bound.getsockname()[0], tcp=False):
            bound.sendto(reply, client)

    def _serve_stream(self, connection: socket.socket) -> None:
        """Answer the question on one TCP connection, and end it, as RFC 7766 allows."""
        with (
            connection,
            connection.makefile("rb") as stream,
            contextlib.suppress(OSError, struct.error),
        ):
            connection.settimeout(TCP_IDLE_SECONDS)
            (length,) = struct.unpack("!H", stream.read(2))
            if reply := self._reply(stream.read(length), connection.getsockname()[0], tcp=True):
                connection.sendall(struct.pack("!H", len(reply)) + reply)
            else:
                stream.read(1)  # nothing, until the client gives up

    def _reply(self, wire: bytes, address: str, *, tcp: bool) -> bytes | None:
        try:
            query = dns.message.from_wire(wire)
            question = query.question[0]
        except (dns.exception.DNSException, IndexError):
            return None
        recursion_desired = bool(query.flags & dns.flags.RD)
        name = question.name.to_text(omit_final_dot=True)
        kind = dns.rdatatype.to_text(question.rdtype)
        with self._lock:
            self._queries.append(Query(address, name, kind, query.id))
        if recursive := recursion_desired and address == RESOLVER:
            answer: Answer | None = self.resolve(question.name, question.rdtype)
        else:
            answer = self.answer(address, question.name, question.rdtype)
        return _wire(query, answer, recursive=recursive, tcp=tcp) if answer else None


def _wire(query: Message, answer: Answer, *, recursive: bool, tcp: bool) -> bytes:
    """The answer in wire format, truncated with the TC flag if it is too long for UDP."""
    response = dns.message.make_response(
        query, recursion_available=recursive, our_payload=EDNS_LIMIT
    )
    response.set_rcode(answer.rcode)
    if answer.authoritative:
        response.flags |= dns.flags.AA
    response.answer = list(answer.answer)
    response.authority = list(answer.authority)
    if tcp:
        return response.to_wire(max_size=65535)
    limit = min(max(query.payload, UDP_LIMIT), EDNS_LIMIT) if query.edns >= 0 else UDP_LIMIT
    return response.to_wire(max_size=limit, prefer_truncation=True)


def _bind(addresses: Sequence[str]) -> list[socket.socket]:
    """UDP and TCP sockets on all *addresses*, all with one port that was free."""
    for _ in range(100):
        with contextlib.ExitStack() as bound:
            port = 0
            sockets: list[socket.socket] = []
            try:
                for address in addresses:
                    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                        sockets.append(bound.enter_context(socket.socket(socket.AF_INET, kind)))
                        sockets[-1].bind((address, port))
                        port = sockets[-1].getsockname()[1]
                    sockets[-1].listen()
            except OSError:
                continue
            bound.pop_all()
            return sockets
    raise OSError("no port is free on all of " + ", ".join(addresses))
