"""
The messages of RFC 2136 and their signatures (TSIG, RFC 8945), over TCP.

Prerequisites make the rule about other people's values atomic: the server itself refuses the update
if the name was changed meanwhile.
"""

import socket
from typing import Any, Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.update
from dns.message import Message
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.TXT import TXT

from byodkim_provider.dkim import records
from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.interface import DnsHost, NotDone
from byodkim_provider.hosts.rfc2136 import SPEC
from byodkim_provider.messages import Message as ErrorMessage
from byodkim_provider.messages.hosts import HostMessages
from byodkim_provider.progress import Clock

_CHANGED: Final = (dns.rcode.YXDOMAIN, dns.rcode.YXRRSET, dns.rcode.NXRRSET)

_DONE: Final = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)


class Host(DnsHost):
    """One zone at its primary server; `credentials["secret"]` is the TSIG key's, in base64."""

    spec = SPEC
    timeout_seconds = 5.0
    """
    For a connection, and then for the answer. Servers answer an update within milliseconds, once it
    is in the journal.
    """

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
        if not kinds or self._is_free(name):
            return ()
        if RdataType.CNAME in kinds:
            raise DnsRefused(HostMessages.CNAME())
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
        """
        The signed answer to *request*. Raises `DnsRefused` or `DnsUnconfirmed`.

        Servers don't sign answers to keys they don't know, so to a query an answer without a valid
        signature may be a refusal; the rest of it is not trusted. After an update it is not trusted
        at all: whoever is on the way may send it when the server has done the update. A query comes
        first, and shows a real refusal.
        """
        try:
            key = dns.tsig.Key(
                self._settings.key_name,
                self._credentials["secret"],
                self._settings.key_algorithm or "hmac-sha256",
            )
        except ValueError:  # `binascii.Error` is one
            raise self._compare(HostMessages.NOT_BASE64) from None
        request.use_tsig(key)
        unproved = self._answer(request)
        rcode = unproved.rcode()
        try:
            answer = dns.message.from_wire(
                unproved.wire or b"", keyring=request.keyring, request_mac=request.mac
            )
        except dns.exception.DNSException as error:
            is_update = isinstance(request, dns.update.UpdateMessage) and request.update
            if is_update or rcode in (*_DONE, dns.rcode.SERVFAIL):
                raise DnsUnconfirmed(HostMessages.NOT_SIGNED()) from None
            if isinstance(error, dns.tsig.PeerBadTime | dns.tsig.BadTime):
                raise DnsRefused(HostMessages.CLOCKS()) from None
            raise self._compare(HostMessages.KEY, name=self._settings.key_name) from None
        if rcode == dns.rcode.SERVFAIL:
            raise DnsUnconfirmed(HostMessages.FAILED(rcode=dns.rcode.to_text(rcode)))
        if rcode not in (*_DONE, *_CHANGED):
            raise self._compare(HostMessages.RCODE, rcode=dns.rcode.to_text(rcode))
        return answer

    def _answer(self, request: Message) -> Message:
        """What comes back by TCP, whatever its signature. The time limit is for all of it."""
        try:
            connection = socket.create_connection(self._address, self.timeout_seconds)
        except (OSError, UnicodeError) as error:  # nobody listens, or the name has no address
            raise NotDone(self._no_answer(error)) from None
        end = Clock().now().timestamp() + self.timeout_seconds
        # False: dnspython checks no signature here, which its type hints don't know. `_exchange`
        # checks it, and says what a missing or wrong one means.
        unchecked: Any = False
        try:
            with connection:
                connection.setblocking(False)
                dns.query.send_tcp(connection, request, end)
                answer, _ = dns.query.receive_tcp(connection, end, keyring=unchecked)
                return answer
        except (dns.exception.Timeout, OSError, EOFError) as error:
            raise DnsUnconfirmed(self._no_answer(error)) from None
        except dns.exception.DNSException:
            raise DnsUnconfirmed(HostMessages.NOT_SIGNED()) from None

    def _no_answer(self, error: Exception) -> ErrorMessage:
        reason = getattr(error, "strerror", None) or type(error).__name__
        return HostMessages.NO_ANSWER_FROM(where=self._where, reason=reason)

    @property
    def _address(self) -> tuple[str, int]:
        return self._settings.server, self._settings.port or 53

    @property
    def _where(self) -> str:
        server, port = self._address
        return f"{server} port {port}"

    def _compare(self, problem: HostMessages, **fields: str) -> DnsRefused:
        """The refusal *problem*, with advice about the key's settings."""
        setting = self._credentials.hint("secret")
        return DnsRefused(problem(zone=self._zone, where=self._where, setting=setting, **fields))


def _joined(rdata: TXT) -> str:
    """*rdata* as one string. Octets that are not UTF-8 are kept (`surrogateescape`)."""
    return b"".join(rdata.strings).decode(errors="surrogateescape")
