"""
If this fails, states of users can't be read any more.

A test here that fails asks for another version beside the old one (`load_v2`), not for another pin.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import pulumi
import pytest
from pulumi.runtime.settings import reset_options

from byodkim_provider.config import settings
from byodkim_provider.config.schema import DnsSettings
from byodkim_provider.dkim import records
from byodkim_provider.resources import inputs
from byodkim_provider.resources.declared import (
    NAME,
    ByodkimIdentity,
    DkimKey,
    DkimVerification,
    DkimVerificationArgs,
    DnsRecord,
    OurResource,
    StackId,
)
from byodkim_provider.resources.inputs import TxtRecord
from tests.contract.conftest import REGION, Domain
from tests.contract.plugin import PROVIDERS, Kind, Plugin, revealed
from tests.hosts import name_servers
from tests.hosts.name_servers import ADDRESS, ZONE
from tests.support.zones import slots, zone


def words(text: str) -> set[str]:
    return set(text.split())


INPUTS: Mapping[Kind, set[str]] = {
    "DkimKey": words("domain bits"),
    "ByodkimIdentity": words("""
        domain region selector private_key record_value account_id owner stack generation regions
        published supplied_keys overlap_days configuration_set tags adopt accept_unsigned_window
        dns_check dns_resolvers dns_wait_seconds zones selectors slots
    """),
    "DkimVerification": words("identities account_id timeout_minutes on_timeout"),
    "DnsRecord": words("""
        provider zone name value existing credentials server port key_name key_algorithm ttl
    """),
    "StackId": set(),
}

OUTPUTS: Mapping[Kind, set[str]] = {
    "DkimKey": words("""
        domain bits private_key selector fingerprint record_name record_value created_at
    """),
    "ByodkimIdentity": (INPUTS["ByodkimIdentity"] - {"private_key"})
    | words("""
        cname record_name record_value fingerprint instance adopted signing_since signed_until
        slots_before status origin signing_enabled signing_selector error_type was_verified drift
        key_set_at key_set_by
    """),
    "DkimVerification": words("results pending retired_at"),
    "DnsRecord": INPUTS["DnsRecord"] | {"present_value"},
    "StackId": set(),
}

KEY_STORE = words("region account_id kms_key_id")
"""Properties of the input `key_store` of a key that is kept in Secrets Manager."""

IN_STORE = INPUTS["DkimKey"] | words("key_store secret_name owner")
"""Inputs of that key."""

KEY_IN_STORE = (OUTPUTS["DkimKey"] - {"private_key"}) | words("""
    key_store secret_name owner secret_arn secret_version_id instance
""")
"""Outputs of that key."""

ENTRY = words("""
    domain region selector key_set_at key_set_by adopted record_value dns_check dns_resolvers cname
""")
"""Properties of one of a verification's `identities`."""

RESULT = words("""
    domain region selector key_set_at status verified reason waited seen_unverified
""")
"""Properties of one of a verification's `results`."""


class Program(pulumi.runtime.Mocks):
    """A program with one resource of each kind, and what it asked the engine for."""

    def __init__(self, port: int) -> None:
        self.port = port
        """Of a name server for `DnsRecord`."""
        self.asked: dict[str, pulumi.runtime.MockResourceArgs] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        name = "StackId" if args.name == NAME else args.name
        self.asked[name] = args
        known_later = {
            "key_set_at": "2026-11-25T13:05:00Z",
            "key_set_by": "CreateEmailIdentity",
            "cname": "keys.example.net",
            "adopted": False,
            "signed_until": {"1": "2026-11-25T13:05:00Z"},
        }
        return name, {**args.inputs, **known_later, "record_value": "p=MIIB"}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"the program calls {args.token}")

    def run(self, domain: Domain) -> None:
        """Every argument is given, so that every input is sent."""
        store = {"provider": "secretsManager", "kmsKeyId": "alias/mail"}
        for name, key_store in {"DkimKey": "state", "DkimKey/in-store": store}.items():
            written = {"generation": 1, "keyBits": 1024, "keyStore": key_store}
            given = settings.domain(domain.name, written, default_region=REGION)
            DkimKey(name, inputs.of_key(given, 1, account_id=domain.sandbox.account))
        identity: dict[str, Any] = {"domain": domain.name, "region": REGION, "selector": "s1"}
        arn = f"arn:aws:secretsmanager:{REGION}:{domain.sandbox.account}:secret:s1-AbCdEf"
        value = records.record_value(domain.key.public_key_der)
        in_store = {"secret_arn": arn, "record_value": value}
        ByodkimIdentity("ByodkimIdentity/in-store", identity | in_store)
        of_domain: dict[str, Any] = {
            "private_key": domain.key.pkcs1_base64(),
            "record_value": value,
            "account_id": domain.sandbox.account,
            "regions": [REGION],
            "generation": 2,
            "published": (1, 2, 3),
            "supplied_keys": {"2": "s1"},
            "overlap_days": 10,
            "configuration_set": "newsletter",
            "tags": {"team": "mail"},
            "adopt": False,
            "accept_unsigned_window": False,
            "dns_check": "authoritative",
            "dns_resolvers": (domain.sandbox.dns_resolver,),
            "dns_wait_seconds": 0,
            "zones": [
                slots(cname="s", name_servers=("ns-1.sandbox.test",)),
                zone("manual", panel="godaddy"),
            ],
            "selectors": ["s1"],
            "slots": {"s1": "p=MIIB"},
        }
        whole = ByodkimIdentity("ByodkimIdentity", identity | of_domain)
        DkimVerification(
            "DkimVerification",
            DkimVerificationArgs(identities=[whole], timeout_minutes=0, on_timeout="warn"),
        )
        DnsRecord(
            "DnsRecord",
            inputs.of_record(
                DnsSettings(
                    provider="rfc2136",
                    zone=ZONE,
                    server=ADDRESS,
                    port=self.port,
                    key_name=name_servers.KEY,
                    key_algorithm=name_servers.ALGORITHM,
                    ttl=60,
                    credentials="rfc2136",
                ),
                TxtRecord(
                    domain=ZONE,
                    generation=1,
                    zone=zone(f"rfc2136:{ZONE}"),
                    name=f"s1._domainkey.{ZONE}",
                    value=records.record_value(domain.key.public_key_der),
                ),
            ),
        )


@pytest.fixture(scope="module")
def bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[name_servers.Server]:
    with name_servers.running("BIND", tmp_path_factory.mktemp("bind"), ZONE) as server:
        yield server


@pytest.fixture
def program(domain: Domain, bind: name_servers.Server) -> Iterator[Program]:
    program = Program(bind.port)
    pulumi.runtime.set_mocks(program, project="ses-byodkim", stack="dev", preview=False)
    # It waits for what it asked.
    pulumi.runtime.test(program.run)(domain)  # type: ignore[no-untyped-call]
    yield program
    reset_options()


@pytest.mark.parametrize("kind", PROVIDERS)
def test_type_and_inputs(program: Program, kind: Kind) -> None:
    """The engine is asked for this type with these inputs, and the provider in the open."""
    asked = program.asked[kind]
    assert f"pulumi-python:dynamic/byodkim:{kind}" == asked.typ
    assert {*INPUTS[kind], "__provider"} == set(asked.inputs)
    assert PROVIDERS[kind] == asked.inputs["__provider"]


def test_inputs_of_a_key_in_a_store(program: Program) -> None:
    """
    A key that goes to Secrets Manager has these inputs beside the others, and the same provider.
    """
    asked = program.asked["DkimKey/in-store"]
    assert IN_STORE | {"__provider"} == set(asked.inputs)
    assert KEY_STORE == set(asked.inputs["key_store"])
    assert asked.inputs["secret_name"] == "byodkim/ses-byodkim/dev/DkimKey/in-store"
    assert asked.inputs["owner"] == "StackId/DkimKey/in-store"
    assert PROVIDERS["DkimKey"] == asked.inputs["__provider"]


def test_inputs_of_an_identity_with_a_key_in_a_store(program: Program) -> None:
    """The key itself is not among the inputs then."""
    inputs = words("domain region selector owner stack secret_arn record_value __provider")
    assert inputs == set(program.asked["ByodkimIdentity/in-store"].inputs)


def test_outputs_of_a_key_in_a_store(plugin: Plugin, program: Program) -> None:
    """A key in Secrets Manager has these outputs, and no private key."""
    checked, failures = plugin.check("DkimKey", program.asked["DkimKey/in-store"].inputs)
    assert [] == failures
    assert {*KEY_IN_STORE, "__provider"} == set(plugin.create("DkimKey", checked))


def test_entry(program: Program) -> None:
    """A verification is told this of each identity."""
    [entry] = program.asked["DkimVerification"].inputs["identities"]
    assert set(entry) == ENTRY


def test_private_key_is_sent_as_secret(program: Program, domain: Domain) -> None:
    """The key is a secret from the program on, although it was given as plain text."""
    sent = program.asked["ByodkimIdentity"].inputs["private_key"]
    assert domain.key.pkcs1_base64() != sent
    assert domain.key.pkcs1_base64() == revealed({"private_key": sent})["private_key"]


@pytest.mark.parametrize("kind", PROVIDERS)
def test_outputs(plugin: Plugin, program: Program, domain: Domain, kind: Kind) -> None:
    """What a program sends passes `check`, and `create` gives these outputs."""
    domain.sandbox.ses.add_configuration_set(REGION, "newsletter")
    domain.publish()
    checked, failures = plugin.check(kind, revealed(program.asked[kind].inputs))
    outputs = plugin.create(kind, revealed(checked))
    assert [] == failures
    assert {*OUTPUTS[kind], "__provider"} == set(outputs)
    assert PROVIDERS[kind] == outputs["__provider"]
    for result in outputs.get("results", ()):
        assert set(result) == RESULT


@pytest.mark.parametrize(
    "resource", [DkimKey, ByodkimIdentity, DkimVerification, DnsRecord, StackId]
)
def test_typed_outputs_exist(resource: type[OurResource]) -> None:
    """A resource promises no typed output that the provider does not give."""
    given = OUTPUTS | {"DkimKey": OUTPUTS["DkimKey"] | KEY_IN_STORE}
    assert {*resource.outputs} <= given[cast("Kind", resource.__name__)]
