"""
Answers that others have had from the real hosts, and what our code makes of each.

A row is in our own words: the host's statuses, field names and codes, and no sentence, name or
account of anybody. If a row fails, a user reads the wrong advice, or a run repeats what will never
work.
"""

from __future__ import annotations

from base64 import b64encode
from contextlib import nullcontext

import pytest

from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.interface import Busy
from byodkim_provider.messages.hosts import HostMessages
from sandbox.hosts.api import Response
from tests.hosts.backends import VALUE, by_http
from tests.hosts.name_servers import ZONE

NAME = f"s1._domainkey.{ZONE}"
SHORT = "p=MIIB"

THERE = (SHORT,)


def cf(code, message, *chain):
    """An error of Cloudflare."""
    errors = [{"code": code, "message": message}]
    if chain:
        errors[0]["error_chain"] = [{"code": number, "message": text} for number, text in chain]
    return {"success": False, "errors": errors, "messages": [], "result": None}


def cf_list(*contents):
    """A list of TXT records of Cloudflare."""
    common = {"type": "TXT", "name": NAME, "ttl": 300, "proxied": False}
    records = [{"id": "1", "content": content, **common} for content in contents]
    info = {"page": 1, "per_page": 100, "count": len(records), "total_pages": 1}
    return {"success": True, "errors": [], "messages": [], "result": records, "result_info": info}


def dreamhost(result, data):
    """An answer of DreamHost."""
    return {"result": result, "data": data}


def godaddy(name, message, *details):
    """An error of GoDaddy's version 3; a detail is an issue and its description."""
    listed = [{"issue": issue, "description": text} for issue, text in details]
    return {"name": name, "message": message, "correlationId": "1", "details": listed}


def uapi(status, data=None, *errors):
    """An answer of cPanel's UAPI."""
    listed = list(errors) or None
    return {"status": status, "data": data, "errors": listed, "warnings": None, "messages": None}


def line(number, kind, name, *data):
    """A line of a zone as cPanel lists it."""
    encoded = [b64encode(part.encode()).decode() for part in data]
    name = b64encode(name.encode()).decode()
    common = {"type": "record", "ttl": 14400, "dname_raw": "", "dname_b64": name}
    return {"line_index": number, "record_type": kind, "data_b64": encoded, **common}


def wix(code, description):
    """An error of Wix."""
    error = {"code": code, "description": description}
    return {"message": description, "details": {"applicationError": error}}


def wix_zone(*values):
    """A zone of Wix with one record set."""
    record = {"type": "TXT", "hostName": NAME, "ttl": 3600, "values": list(values)}
    return {"dnsZone": {"domainName": ZONE, "records": [record] if values else []}}


GODADDY_RECORD = {"recordId": "TXT/1[0]", "type": "TXT", "name": "s1._domainkey", "data": SHORT}
SOA = line(2, "SOA", f"{ZONE}.", "ns1.panel.example.", f"root.{ZONE}.", "2026010101", *"1234")
DENIED = {"apiversion": "2", "error": "denied", "data": {"reason": "denied", "result": "0"}}

REFUSED, NEW_KEY, BUSY, AGAIN = "refused", "refused, new key", "busy", "read again"

ROWS = [
    # host, request, status, body, our class, our words (or what was read); above it who has seen it
    # documents, 2026-12-01
    ("cloudflare", "list", 200, cf_list('"p=" "MIIB"'), THERE, ""),
    # certbot, 2026-12-01
    ("cloudflare", "remove", 404, cf(81044, "gone"), REFUSED, "404 gone"),
    # ZE3kr/Cloudflare-CNAME-Setup#16, 2018-08-24
    ("cloudflare", "add", 400, cf(1004, "invalid", (9021, "TTL")), REFUSED, "400 invalid: TTL"),
    # certbot-dns-cloudflare, 2026-12-01
    (
        "cloudflare",
        "list",
        400,
        cf(6003, "headers", (6111, "form of a token")),
        NEW_KEY,
        "400 headers: form of a token",
    ),
    # lablabs/cloudflare-exporter#74, 2022-09-05
    ("cloudflare", "list", 429, cf(971, "1200 in 300 s"), BUSY, "asked too often: 429 1200 in"),
    # DreamHost, DNS API overview, 2026-12-01
    (
        "dreamhost",
        "add",
        200,
        dreamhost("error", "internal_error_could_not_load_zone"),
        AGAIN,
        "internal_error_could_not_load_zone",
    ),
    # clients in Python and C++, 2026-12-01
    (
        "dreamhost",
        "list",
        200,
        dreamhost("error", "this_key_cannot_access_this_cmd"),
        NEW_KEY,
        "this_key_cannot_access_this_cmd",
    ),
    # several clients, 2021
    (
        "dreamhost",
        "add",
        200,
        dreamhost("error", "slow_down_bucko\tper minute"),
        BUSY,
        "asked too often: slow_down_bucko per minute",
    ),
    # Nobody has seen it: a word with "key" or "auth" in it is no word about our key.
    (
        "dreamhost",
        "add",
        200,
        dreamhost("error", "author_of_zone_file_is_busy"),
        REFUSED,
        "DreamHost answers: author_of_zone_file_is_busy",
    ),
    # godaddy/cli and its OpenAPI, 2026-12-01
    ("godaddy", "list", 200, {"items": [GODADDY_RECORD], "links": []}, THERE, ""),
    (
        "godaddy",
        "add",
        422,
        godaddy("INVALID", "validation", ("TTL", "600 or more")),
        REFUSED,
        "422 validation: 600 or more",
    ),
    # rmbolger/Posh-ACME#655, 2026-01-09
    (
        "godaddy",
        "list",
        403,
        {"code": "ACCESS_DENIED", "message": "not allowed"},
        NEW_KEY,
        "403 not allowed",
    ),
    # a client's notes on a live account, 2026-09-17
    ("cpanel", "list", 200, uapi(1, [SOA, line(3, "TXT", f"{NAME}.", "p=", "MIIB")]), THERE, ""),
    (
        "cpanel",
        "list",
        200,
        uapi(0, None, "no such feature"),
        REFUSED,
        "cPanel answers: no such feature",
    ),
    # clients of eight projects, 2026-12-01
    ("cpanel", "list", 403, {"cpanelresult": DENIED}, NEW_KEY, "403 denied"),
    # Wix, recipes of the Domain DNS API, 2026-12-01
    ("wix", "list", 200, wix_zone(), (), ""),
    ("wix", "list", 200, wix_zone(SHORT), THERE, ""),
    # Wix, errors of connected domains, 2026-12-01
    (
        "wix",
        "list",
        403,
        wix("DOMAINS_PERMISSION_DENIED", "no permission"),
        NEW_KEY,
        "403 no permission",
    ),
    # Wix, recipes of the Domain DNS API, 2026-12-01
    (
        "wix",
        "add long",
        500,
        wix("INTERNAL", "Google says no"),
        AGAIN,
        "trouble at the host: 500 Google says no",
    ),
]

CLASSES = {REFUSED: DnsRefused, NEW_KEY: DnsRefused, BUSY: Busy, AGAIN: DnsUnconfirmed}


@pytest.mark.parametrize(
    ("host", "request_", "status", "body", "outcome", "words"),
    ROWS,
    ids=lambda value: value if isinstance(value, str | int) else "",
)
def test_seen(host, request_, status, body, outcome, words):
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
            assert requests[request_]() == outcome
    if expected:
        error = caught.value
        assert words in error.text
        assert isinstance(error, Busy) == (outcome == BUSY)
        assert (error.message.code == HostMessages.FORBIDDEN) == (outcome == NEW_KEY)
        assert getattr(error, "retry_after", 60) == 60
