"""Pulumi's mocks for programs that declare domains."""

from typing import Any

import pulumi

from byodkim_provider.dkim import records
from tests.support.testdata import key

DOMAIN = "mail.example.com"


KEY = key("rsa2048.pkcs8")


VALUE = records.record_value(KEY.public_key_der)


NAME = f"s1._domainkey.{DOMAIN}"


class Cloud(pulumi.runtime.Mocks):
    """What AWS has, and what a program asked it for."""

    def __init__(self) -> None:
        self.route53_zones: dict[str, tuple[str, bool, tuple[str, ...]]] = {}
        """By id: name, whether it is private, and name servers."""
        self.roles: list[str | None] = []
        """Who signed in to Route 53."""
        self.asked: list[pulumi.runtime.MockResourceArgs] = []
        self.providers: list[str] = []
        self.identity: dict[str, Any] = {"status": "SUCCESS"}
        """Outputs of every identity."""
        self.elsewhere: dict[str, Any] = {}
        """What is other in us-east-1."""
        self.key_made_at: dict[int, str] = {}

    def add_zone(self, zone_id, name, *name_servers, is_private=False):
        servers = name_servers or ("ns-1.example.net", "ns-2.example.net")
        self.route53_zones[zone_id] = (name, is_private, servers)

    def route53(self, region, role, external_id):
        """Route 53, as its own connections give it."""
        self.roles.append(role)
        return self

    def check_account(self, service, region, expected):
        """Whatever is expected."""

    def zones(self):
        return {one: name for one, (name, private, _) in self.route53_zones.items() if not private}

    def name_servers(self, zone_id):
        return self.route53_zones[zone_id][2]

    def new_resource(self, args):
        self.asked.append(args)
        made = {}
        if args.typ.endswith("DkimKey"):
            made = {"selector": "s1", "private_key": "", "record_name": NAME, "record_value": VALUE}
            made["created_at"] = self.key_made_at.get(int(args.name.rpartition("/")[2]))
        if args.typ.endswith("ByodkimIdentity"):
            made = self.identity | (self.elsewhere if args.inputs["region"] == "us-east-1" else {})
        return args.name, {**args.inputs, **made}

    def call(self, args):
        self.providers.append(args.provider)
        assert args.token.endswith(":getCallerIdentity")
        return {"accountId": "123456789012"}


SET_AT = "2026-11-25T12:00:00Z"


class Engine(pulumi.runtime.Mocks):
    """Makes all that is declared, and verifies all identities; knows of the stack's outputs."""

    def new_resource(self, args):
        made = {}
        domain, _, last = args.name.partition("/")
        if args.typ.endswith("DkimKey"):
            name = f"s{last}._domainkey.{domain}"
            made = {
                "selector": f"s{last}",
                "private_key": "",
                "record_name": name,
                "record_value": "p=",
            }
        if args.typ.endswith("ByodkimIdentity"):
            made = {"key_set_at": SET_AT, "key_set_by": "", "status": "PENDING", "adopted": False}
            made |= {"signing_since": SET_AT, "drift": [], "signed_until": {}}
        if args.typ.endswith("DkimVerification"):
            of = ("domain", "region", "selector", "key_set_at")
            results = [{name: one[name] for name in of} for one in args.inputs["identities"]]
            made = {"results": [one | {"status": "SUCCESS", "verified": True} for one in results]}
            made["pending"] = []
        return args.name, {**args.inputs, **made}

    def call(self, args):
        assert args.token.endswith("getCallerIdentity")
        return {"accountId": "123456789012"}
