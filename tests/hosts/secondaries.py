"""The sandbox's name servers as secondaries of a real one. No assertion here."""

import dns.query
import dns.rdatatype
import dns.zone

from sandbox.dns.hosting import NAME_SERVERS, HostedZone
from sandbox.dns.zone import RecordSet
from tests.hosts.name_servers import ADDRESS


class Secondaries:
    """The zone's name servers, which have it from BIND by zone transfer."""

    def __init__(self, server):
        self._server = server

    def zones(self):
        xfr = dns.query.xfr(
            ADDRESS, self._server.zone, port=self._server.port, relativize=False, timeout=5
        )
        zone = dns.zone.from_xfr(xfr, relativize=False)
        sets = []
        for name, found in zone.iterate_rdatasets():
            values = tuple(rdata.to_text() for rdata in found)
            sets.append(
                RecordSet(name.to_text(), dns.rdatatype.to_text(found.rdtype), found.ttl, values)
            )
        return [HostedZone(self._server.zone, NAME_SERVERS, tuple(sets))]
