"""
The messages of RFC 2136 and their signatures (TSIG, RFC 8945), over TCP.

Prerequisites make the rule about other people's values atomic: the server itself refuses the update
if the name was changed meanwhile.
"""

from __future__ import annotations

import binascii
import io
import socket
import struct
from collections.abc import Mapping
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.tsig
import dns.update
from dns.message import Message
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.TXT import TXT

from byodkim_provider.dkim import records
from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.interface import Credentials, DnsHost, HostSettings, NotDone
from byodkim_provider.hosts.reading import LimitedReader
from byodkim_provider.hosts.rfc2136 import ALGORITHMS, SPEC
from byodkim_provider.messages.hosts import HostMessages
from byodkim_provider.progress import stopping

PORT: Final = 53

ALGORITHM: Final = "hmac-sha256"

_CHANGED: Final = frozenset({dns.rcode.YXDOMAIN, dns.rcode.YXRRSET, dns.rcode.NXRRSET})

_TSIG_ERRORS: Final[Mapping[object, HostMessages]] = {
    dns.tsig.PeerBadKey: HostMessages.UNKNOWN_KEY,
    dns.tsig.PeerBadSignature: HostMessages.OTHER_SECRET,
    dns.tsig.PeerBadTruncation: HostMessages.OTHER_SECRET,
    dns.tsig.PeerBadTime: HostMessages.CLOCKS,
    dns.tsig.BadTime: HostMessages.CLOCKS,
}

_MEANINGS: Final = {
    dns.rcode.NOTAUTH: HostMessages.NOTAUTH,
    dns.rcode.NOTZONE: HostMessages.NOTZONE,
    dns.rcode.REFUSED: HostMessages.REFUSED,
    dns.rcode.NOTIMP: HostMessages.NOTIMP,
    dns.rcode.FORMERR: HostMessages.FORMERR,
}


class Host(DnsHost):
    """One zone at its primary server; `credentials["secret"]` is the TSIG key's, in base64."""

    spec = SPEC
    timeout_seconds = 5.0
    """
    For a connection, and then for the answer. Servers answer an update within milliseconds, once it
    is in the journal.
    """

    def __init__(self, settings: HostSettings, credentials: Credentials) -> None:
        super().__init__(settings, credentials)
        self._server = settings.server
        self._port = settings.port or PORT
        self._key_name = settings.key_name
        self._key_algorithm = settings.key_algorithm or ALGORITHM

    @property
    def _where(self) -> str:
        return self._server if self._port == PORT else f"{self._server} port {self._port}"

    def values(self, name: str) -> tuple[str, ...]:
        return tuple(map(_joined, self._rdatas(name)))

    def add(self, name: str, value: str) -> None:
        update = dns.update.UpdateMessage(self._zone)
        # Beside a CNAME, BIND would ignore the update and say NOERROR.
        update.absent(name + ".", RdataType.CNAME)
        update.absent(name + ".", RdataType.TXT)
        strings = [string.encode() for string in records.strings(value)]
        update.add(name + ".", self._ttl, TXT(RdataClass.IN, RdataType.TXT, strings))
        self._update(update)

    def remove(self, name: str, value: str) -> None:
        update = dns.update.UpdateMessage(self._zone)
        for rdata in self._rdatas(name):
            if _joined(rdata) == value:
                update.delete(name + ".", rdata)
        if update.update:
            self._update(update)

    def _rdatas(self, name: str) -> tuple[TXT, ...]:
        """The TXT records at *name* at the primary server itself; secondaries may be behind."""
        query = dns.message.make_query(name, RdataType.TXT, flags=0)
        answer = self._exchange(query)
        if not answer.flags & dns.flags.AA:
            # A referral is an empty answer too, and says nothing of what stands here.
            raise DnsRefused(HostMessages.NOT_AUTHORITATIVE())
        zones = [rrset.name for rrset in answer.authority if rrset.rdtype == RdataType.SOA]
        if not answer.answer and zones and zones[0] != dns.name.from_text(self._zone):
            zone = zones[0].to_text(omit_final_dot=True)
            raise DnsRefused(HostMessages.OTHER_ZONE(there=zone, zone=self._zone))
        kinds = {rrset.rdtype for rrset in answer.answer}
        if RdataType.DNAME in kinds:
            raise DnsRefused(HostMessages.DNAME())
        if not kinds or self._is_free(name):
            return ()
        if RdataType.CNAME in kinds:
            raise DnsRefused(HostMessages.CNAME(said=""))
        return tuple(rdata for rrset in answer.answer for rdata in rrset if isinstance(rdata, TXT))

    def _is_free(self, name: str) -> bool:
        """Whether no record has this *name*, so that what a query finds there is a wildcard's."""
        # An update with prerequisites alone changes nothing, and they know no wildcards.
        update = dns.update.UpdateMessage(self._zone)
        update.absent(name + ".")
        return self._exchange(update).rcode() == dns.rcode.NOERROR

    def _update(self, update: dns.update.UpdateMessage) -> None:
        if self._exchange(update).rcode() in _CHANGED:
            raise DnsUnconfirmed(HostMessages.NAME_CHANGED())

    def _exchange(self, request: Message) -> Message:
        """The signed answer to *request*."""
        if stopping.is_set():
            raise DnsUnconfirmed(HostMessages.INTERRUPTED())
        key = self._key()
        request.use_tsig(key)
        try:
            wire = self._send(request.to_wire())
        except TimeoutError:
            slow = HostMessages.TOO_SLOW_FROM(where=self._where, seconds=self.timeout_seconds)
            raise DnsUnconfirmed(slow) from None
        except UnicodeError:
            raise DnsRefused(HostMessages.NO_NAME(server=self._server)) from None
        except (OSError, struct.error) as error:
            reason = getattr(error, "strerror", None) or "the connection was closed"
            raise DnsUnconfirmed(
                HostMessages.NO_ANSWER_FROM(where=self._where, reason=reason)
            ) from None
        try:
            answer = dns.message.from_wire(wire, keyring={key.name: key}, request_mac=request.mac)
        except dns.exception.DNSException as error:
            raise self._unsigned(request, wire, error) from None
        if not answer.had_tsig:
            raise self._unsigned(request, wire, None)
        if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, *_CHANGED):
            raise self._refusal(answer.rcode())
        return answer

    def _send(self, wire: bytes) -> bytes:
        where = (self._server, self._port)
        try:
            connection = socket.create_connection(where, self.timeout_seconds)
        except OSError as error:  # nobody listens, or the name has no address
            reason = error.strerror or "no connection in time"
            raise NotDone(HostMessages.NO_ANSWER_FROM(where=self._where, reason=reason)) from None
        with connection:
            connection.sendall(struct.pack("!H", len(wire)) + wire)
            stream = io.BufferedReader(LimitedReader(connection, self.timeout_seconds))
            (length,) = struct.unpack("!H", stream.read(2))
            answer = stream.read(length)
        if len(answer) < length or length < HEADER_OCTETS:
            raise ConnectionError
        return answer

    def _key(self) -> dns.tsig.Key:
        if self._key_algorithm not in ALGORITHMS:
            raise DnsRefused(HostMessages.ALGORITHM(algorithms=", ".join(ALGORITHMS)))
        secret = self._credentials["secret"]
        try:
            return dns.tsig.Key(self._key_name, secret, self._key_algorithm)
        except dns.exception.DNSException:
            raise DnsRefused(HostMessages.KEY_NAME(name=self._key_name)) from None
        except (binascii.Error, ValueError):
            setting = self._credentials.hint("secret")
            raise DnsRefused(HostMessages.NOT_BASE64(setting=setting)) from None

    def _refusal(self, rcode: dns.rcode.Rcode) -> DnsRefused | DnsUnconfirmed:
        text = dns.rcode.to_text(rcode)
        if rcode == dns.rcode.SERVFAIL:
            return DnsUnconfirmed(HostMessages.FAILED(rcode=text))
        return self._compare(_MEANINGS.get(rcode, HostMessages.OTHER_RCODE), rcode=text)

    def _unsigned(
        self, request: Message, wire: bytes, error: dns.exception.DNSException | None
    ) -> DnsRefused | DnsUnconfirmed:
        """
        The error for a response without a valid signature.

        Servers don't sign responses to keys they don't know, so it may be a refusal; the rest of
        the response is not trusted. After an update a refusal is not trusted either: whoever is on
        the way may send it when the server has done the update. A query comes first, and shows a
        real refusal.
        """
        refusal = self._claimed(wire, error)
        changes = isinstance(request, dns.update.UpdateMessage) and bool(request.update)
        if changes and isinstance(refusal, DnsRefused):
            return DnsUnconfirmed(HostMessages.UNSIGNED_REFUSAL(said=refusal.message))
        return refusal

    def _claimed(
        self, wire: bytes, error: dns.exception.DNSException | None
    ) -> DnsRefused | DnsUnconfirmed:
        """What a response without a valid signature says."""
        problem = _TSIG_ERRORS.get(type(error))
        if problem:
            return self._compare(problem, name=self._key_name)
        rcode = dns.rcode.Rcode(wire[3] & 0x0F)
        if rcode in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            return DnsUnconfirmed(HostMessages.NOT_SIGNED())
        return self._refusal(rcode)

    def _compare(self, problem: HostMessages, **fields: str) -> DnsRefused:
        """The refusal *problem*, with advice to compare the settings with the server's."""
        setting = self._credentials.hint("secret")
        return DnsRefused(problem(zone=self._zone, where=self._where, setting=setting, **fields))


HEADER_OCTETS: Final = 12
"""Octets of a DNS message's header (RFC 1035 section 4.1.1)."""


def _joined(rdata: TXT) -> str:
    """*rdata* as one string. Octets that are not UTF-8 are kept (`surrogateescape`)."""
    return b"".join(rdata.strings).decode(errors="surrogateescape")
