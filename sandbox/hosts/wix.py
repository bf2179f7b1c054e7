"""Wix's DNS API for one account: https://dev.wix.com/docs/rest/account-level/domains/domain-dns."""

import re
from typing import Any, ClassVar, Final, Literal

from sandbox.dns.zone import quoted, strings_of
from sandbox.hosts.api import ApiStandIn, Request, Response


class Wix(ApiStandIn):
    """An account with one zone: one record set for each type and name."""

    api_key: Final = "IST.eyJraWQiOiJQb3pIX2FDMiIsImFsZyI6IlJTMjU2In0.c2FuZGJveA"
    account_id: Final = "5c1e0f5a-31e4-4e0d-9d57-a3f1f3ddc0a9"
    secrets: ClassVar = {"accountId": account_id, "apiKey": api_key}

    long_values: Literal["one piece", "quoted strings"] = "one piece"
    """How a value of more than 255 characters has to come."""
    kept: Literal["as it came", "quoted strings"] = "as it came"
    """How values are listed."""
    conflict = 428
    """Status of the answer when a set is not as the request has it."""
    wrong_form = 428
    """Status of the answer to a value in the wrong form: Google's DNS behind it says no."""
    empty_lists: Literal["refused", "taken"] = "refused"
    """What happens to a request with an empty list of additions or deletions."""
    may_manage = True

    def answer(self, request: Request) -> Response:
        if request.headers.get("Authorization") != self.api_key:
            return _error(401, "UNAUTHENTICATED", f"not {request.headers.get('Authorization')}")
        if request.headers.get("wix-account-id") != self.account_id or not self.may_manage:
            return _error(403, "PERMISSION_DENIED", "Manage Domains")
        if request.path != f"/domains/v1/dns-zones/{self.zone}":
            return _error(404, "DNS_ZONE_NOT_FOUND", "No dns zone found for domain name")
        match request.method:
            case "GET":
                return Response(
                    200, {"dnsZone": {"domainName": self.zone, "records": self._sets()}}
                )
            case "PATCH":
                return self._patch(request.body)
        return _error(405, "UNIMPLEMENTED", "")

    def trouble(self, status: int) -> Response:
        return Response(status, {"message": f"not now, {self.api_key}", "details": {}})

    def _sets(self) -> list[dict[str, Any]]:
        sets: dict[str, dict[str, Any]] = {}
        for one in self.records:
            known = sets.setdefault(
                one.name, {"type": "TXT", "hostName": one.name, "ttl": one.ttl, "values": []}
            )
            known["values"].append(
                quoted(one.strings) if self.kept == "quoted strings" else one.text
            )
        return list(sets.values())

    def _patch(self, body: dict[str, Any]) -> Response:
        deletions, additions = body.get("deletions"), body.get("additions")
        if self.empty_lists == "refused" and [] in (deletions, additions):
            return _error(428, "DOMAIN_DNS_EMPTY_LIST", "omit a list that is empty")
        deletions, additions = deletions or [], additions or []
        sets = {one["hostName"]: one for one in self._sets()}
        for gone in deletions:
            if sets.get(gone["hostName"], {}).get("values") != gone["values"]:
                return _error(self.conflict, "DOMAIN_DNS_CONFLICT", "the record set is another one")
            del sets[gone["hostName"]]
        for new in additions:
            if new["hostName"] in sets:
                return _error(self.conflict, "DOMAIN_DNS_CONFLICT", "one record a type and name")
            sets[new["hostName"]] = new
            for value in new["values"]:
                is_quoted = _unquoted(value) != value
                if len(value) > 255 and is_quoted != (self.long_values == "quoted strings"):
                    return _error(self.wrong_form, "DOMAIN_DNS_VALUE", "the value is too long")
        for gone in deletions:
            self._drop(*(one for one in self.records if one.name == gone["hostName"]))
        for new in additions:
            for value in new["values"]:
                strings = strings_of(_unquoted(value))
                self._keep(new["hostName"], value, ttl=new["ttl"], strings=strings)
        return Response(200, {"dnsZone": {"domainName": self.zone, "records": self._sets()}})


def _unquoted(value: str) -> str:
    """The value, if it came in quoted strings."""
    is_quoted = re.fullmatch(r'"[^"]*"( "[^"]*")*', value)
    return "".join(re.findall(r'"([^"]*)"', value)) if is_quoted else value


def _error(status: int, code: str, message: str) -> Response:
    application_error = {"code": code, "description": message}
    return Response(
        status, {"message": message, "details": {"applicationError": application_error}}
    )
