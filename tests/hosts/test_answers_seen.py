"""
Answers that others have had from the real hosts, and what our code makes of each.

A row is in our own words: the host's statuses, field names and codes, and no sentence, name or
account of anybody. If a row fails, a user reads the wrong advice, or a run repeats what will never
work.
"""

from contextlib import nullcontext

import pytest
import yaml

from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.interface import Busy
from byodkim_provider.messages.hosts import HostMessages
from sandbox.hosts.api import Response
from tests.hosts.backends import VALUE, by_http
from tests.hosts.name_servers import ZONE

NAME = f"s1._domainkey.{ZONE}"
SHORT = "p=MIIB"
REFUSED, NEW_KEY, BUSY, AGAIN = "refused", "refused, new key", "busy", "read again"

ROWS = yaml.safe_load(r"""
# documents, 2026-12-01
- [cloudflare, list, 200, [p=MIIB], "", {success: true, errors: [], messages: [], result: [{id: "1",
    type: TXT, name: s1._domainkey.example.com, content: '"p=" "MIIB"', ttl: 300, proxied: false}],
    result_info: {page: 1, per_page: 100, count: 1, total_pages: 1}}]
# certbot, 2026-12-01
- [cloudflare, remove, 404, refused, 404 gone,
    {success: false, errors: [{code: 81044, message: gone}], messages: [], result: null}]
# ZE3kr/Cloudflare-CNAME-Setup#16, 2018-08-24
- [cloudflare, add, 400, refused, "400 invalid: TTL", {success: false, messages: [], result: null,
    errors: [{code: 1004, message: invalid, error_chain: [{code: 9021, message: TTL}]}]}]
# certbot-dns-cloudflare, 2026-12-01
- [cloudflare, list, 400, "refused, new key", "400 headers: form of a token",
    {success: false, messages: [], result: null, errors: [{code: 6003, message: headers,
    error_chain: [{code: 6111, message: form of a token}]}]}]
# lablabs/cloudflare-exporter#74, 2022-09-05
- [cloudflare, list, 429, busy, "asked too often: 429 1200 in",
    {success: false, errors: [{code: 971, message: 1200 in 300 s}], messages: [], result: null}]
# DreamHost, DNS API overview, 2026-12-01
- [dreamhost, add, 200, read again, internal_error_could_not_load_zone,
    {result: error, data: internal_error_could_not_load_zone}]
# clients in Python and C++, 2026-12-01
- [dreamhost, list, 200, "refused, new key", this_key_cannot_access_this_cmd,
    {result: error, data: this_key_cannot_access_this_cmd}]
# several clients, 2021
- [dreamhost, add, 200, busy, "asked too often: slow_down_bucko per minute",
    {result: error, data: "slow_down_bucko\tper minute"}]
# Nobody has seen it: a word with "key" or "auth" in it is no word about our key.
- [dreamhost, add, 200, refused, "DreamHost answers: author_of_zone_file_is_busy",
    {result: error, data: author_of_zone_file_is_busy}]
# godaddy/cli and its OpenAPI, 2026-12-01
- [godaddy, list, 200, [p=MIIB], "", {links: [],
    items: [{recordId: "TXT/1[0]", type: TXT, name: s1._domainkey, data: p=MIIB}]}]
- [godaddy, add, 422, refused, "422 validation: 600 or more", {name: INVALID, message: validation,
    correlationId: "1", details: [{issue: TTL, description: 600 or more}]}]
# rmbolger/Posh-ACME#655, 2026-01-09
- [godaddy, list, 403, "refused, new key", 403 not allowed,
    {code: ACCESS_DENIED, message: not allowed}]
# a client's notes on a live account, 2026-09-17; in base64 are names and data, first of the SOA
- [cpanel, list, 200, [p=MIIB], "", {status: 1, errors: null, warnings: null, messages: null,
    data: [{line_index: 2, type: record, record_type: SOA, ttl: 14400, dname_raw: "",
    dname_b64: ZXhhbXBsZS5jb20u, data_b64: [bnMxLnBhbmVsLmV4YW1wbGUu, cm9vdC5leGFtcGxlLmNvbS4=,
    MjAyNjAxMDEwMQ==, MQ==, Mg==, Mw==, NA==]},
    {line_index: 3, type: record, record_type: TXT, ttl: 14400, dname_raw: "",
    dname_b64: czEuX2RvbWFpbmtleS5leGFtcGxlLmNvbS4=, data_b64: [cD0=, TUlJQg==]}]}]
- [cpanel, list, 200, refused, "cPanel answers: no such feature",
    {status: 0, data: null, errors: [no such feature], warnings: null, messages: null}]
# clients of eight projects, 2026-12-01
- [cpanel, list, 403, "refused, new key", 403 denied, {cpanelresult:
    {apiversion: "2", error: denied, data: {reason: denied, result: "0"}}}]
# Wix, recipes of the Domain DNS API, 2026-12-01
- [wix, list, 200, [], "", {dnsZone: {domainName: example.com, records: []}}]
- [wix, list, 200, [p=MIIB], "", {dnsZone: {domainName: example.com, records: [
    {type: TXT, hostName: s1._domainkey.example.com, ttl: 3600, values: [p=MIIB]}]}}]
# Wix, errors of connected domains, 2026-12-01
- [wix, list, 403, "refused, new key", 403 no permission, {message: no permission,
    details: {applicationError: {code: DOMAINS_PERMISSION_DENIED, description: no permission}}}]
# Wix, recipes of the Domain DNS API, 2026-12-01
- [wix, add long, 500, read again, "trouble at the host: 500 Google says no",
    {message: Google says no,
    details: {applicationError: {code: INTERNAL, description: Google says no}}}]
""")
"""
Host, request, status, our class or else what was read, our words, and the body; above it who has
seen it.
"""

CLASSES = {REFUSED: DnsRefused, NEW_KEY: DnsRefused, BUSY: Busy, AGAIN: DnsUnconfirmed}


@pytest.mark.parametrize(
    ("host", "request_", "status", "outcome", "words", "body"),
    ROWS,
    ids=lambda value: value if isinstance(value, str | int) else "",
)
def test_seen(host, request_, status, outcome, words, body):
    """What a host says leads to our class and our words."""
    with by_http(host) as backend:
        client = backend.host(zone_id="1") if host == "cloudflare" else backend.host()
        stand_in = backend.stand_in
        stand_in.zone_id = "1"
        if request_ == "remove":
            backend.put(NAME, SHORT)
        answer = stand_in.answer
        is_meant = {"list": lambda request: not stand_in.changes(request)}
        meant = is_meant.get(request_, stand_in.changes)
        stand_in.answer = lambda request: (
            Response(status, body) if meant(request) else answer(request)
        )
        requests = {
            "list": lambda: client.values(NAME),
            "add": lambda: client.add(NAME, SHORT),
            "add long": lambda: client.add(NAME, VALUE),
            "remove": lambda: client.remove(NAME, SHORT),
        }
        expected = CLASSES.get(outcome) if isinstance(outcome, str) else None
        with pytest.raises(expected) if expected else nullcontext() as caught:
            assert requests[request_]() == tuple(outcome)
    if expected:
        error = caught.value
        assert words in error.text
        assert isinstance(error, Busy) == (outcome == BUSY)
        assert (error.message.code == HostMessages.FORBIDDEN) == (outcome == NEW_KEY)
        assert getattr(error, "retry_after", 60) == 60
