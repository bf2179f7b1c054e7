"""What the settings accept, every resource accepts too, and reads back from its state."""

import pulumi
import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from hypothesis import HealthCheck, given, reject
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pulumi.runtime.rpc import unwrap_rpc_secret
from pulumi.runtime.settings import reset_options
from pydantic.alias_generators import to_camel

from byodkim_provider import property_types
from byodkim_provider.config import settings
from byodkim_provider.config.json_schema import json_schema
from byodkim_provider.config.schema import OPTIONS
from byodkim_provider.dkim import keys, records
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.hosts.registry import SPECS
from byodkim_provider.identity.rules import check
from byodkim_provider.identity.state import INPUTS, Declared, Stored
from byodkim_provider.program.domain import ByodkimDomain
from byodkim_provider.property_types import timestamp
from byodkim_provider.resources.declared import DkimVerification, DkimVerificationArgs
from byodkim_provider.resources.dkim_key_provider import DkimKeyProvider
from byodkim_provider.resources.dkim_verification_provider import DkimVerificationProvider
from byodkim_provider.resources.dns_record_provider import DnsRecordProvider
from tests.config.test_settings import KEY_1, KEY_2
from tests.support.fakes import START

REGION = "eu-west-1"
ARN = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:byodkim/x"
GENERATED = (keys.load(KEY_1), keys.load(KEY_2))
SCHEMA = json_schema()
DOMAIN = SCHEMA["$defs"]["WrittenDomain"]["properties"]
NUMBERS = [
    0,
    1,
    2,
    9,
    *(10**power + more for power in range(1, 20) for more in (-2, -1, 0, 1)),
    1e300,
]

ZONES = st.sampled_from(["example.com", "_domainkey.example.com", "com", "a b", "mail.example.com"])


def supplied(private_key):
    selectors = st.sampled_from(["s1", "s2", "a" * 63])
    return st.fixed_dictionaries({"selector": selectors, "privateKey": st.just(private_key)})


OF_KEYS = {
    "regions": st.lists(
        st.sampled_from([REGION, "us-east-1", "cn-north-1", "eu-west-9"]), max_size=3
    ),
    "dnsResolvers": st.lists(
        st.sampled_from(["1.1.1.1", "1.1.1.1:53", "[::1]:53", "::1", "x"]), max_size=2
    ),
    "zone": ZONES,
    "keys": st.fixed_dictionaries(
        {"2": supplied(KEY_1)}, optional={str(one): supplied(KEY_2) for one in (1, 10**15)}
    ),
    "generation": st.sampled_from(NUMBERS),
    "resourcePolicy": st.sampled_from([{}, "{}", {"Version": "2012-10-17", "Statement": []}]),
}
"""Values of keys of which the schema does not say what they hold."""


def values(schema, key=""):
    """Values that *schema* allows, or nearly."""
    if key in OF_KEYS:
        return OF_KEYS[key]
    if "$ref" in schema:
        return values(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return st.one_of([values(one, key) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "integer":
            limits = [schema[name] for name in ("minimum", "maximum") if name in schema]
            return st.sampled_from([*limits, *(one + 1 for one in limits), *NUMBERS])
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "array":
            return st.lists(values(schema["items"]), max_size=3)
        case "object" if "properties" in schema:
            required = schema.get("required", [])
            known = {name: values(one, name) for name, one in schema["properties"].items()}
            return st.fixed_dictionaries(
                {name: known[name] for name in required},
                optional={name: one for name, one in known.items() if name not in required},
            )
        case "object":
            return st.dictionaries(
                st.sampled_from(["1", "2", "team", "a" * 128]),
                values(schema["additionalProperties"]),
            )
    return st.from_regex(schema["pattern"]) if "pattern" in schema else st.text(max_size=10)


@st.composite
def dns(draw):
    """
    A provider whose records are resources of ours, or that has none, with some of its options.
    """
    provider = draw(st.sampled_from(["manual", *SPECS]))
    options = SCHEMA["$defs"]["DnsSettings"]["properties"]
    own = sorted(to_camel(one) for one in OPTIONS[provider])
    required = [to_camel(one) for one in (SPECS[provider].required if provider in SPECS else ())]
    chosen = sorted({*required, *draw(st.lists(st.sampled_from(own)))})
    return {"provider": provider} | {one: draw(values(options[one], one)) for one in chosen}


class Engine(pulumi.runtime.Mocks):
    """Makes all that is declared, and keeps what each resource was given and made."""

    def __init__(self):
        self.resources = []

    def new_resource(self, args):
        made = {}
        match args.typ.rpartition(":")[2]:
            case "DkimKey":
                key = GENERATED[int(args.name.rpartition("/")[2]) % 2]
                selector = keys.selector_for(key.fingerprint, START.date())
                made = {
                    "selector": selector,
                    "private_key": key.pkcs1_base64(),
                    "created_at": timestamp(START),
                }
                made["record_name"] = records.record_name(selector, "example.com")
                made["fingerprint"] = key.fingerprint
                made["record_value"] = records.record_value(key.public_key_der)
                if args.inputs.get("key_store"):
                    made |= {"secret_arn": ARN, "secret_version_id": "v", "instance": "i"}
                    made["private_key"] = None
            case "DnsRecord":
                made = {"present_value": args.inputs["value"]}
            case "ByodkimIdentity":
                made = {
                    "key_set_at": timestamp(START),
                    "key_set_by": "",
                    "status": "PENDING",
                    "drift": [],
                }
                made["signed_until"] = {
                    str(int(one)): timestamp(START) for one in args.inputs["published"]
                }
        self.resources.append((args.typ.rpartition(":")[2], args.inputs, made))
        return args.name, {**args.inputs, **made}

    def call(self, args):
        return {"accountId": "123456789012"}


def resources(domain):
    """
    Kind, inputs, and what is made of them, of all resources that a program with *domain* declares.
    """
    engine = Engine()
    pulumi.runtime.set_mocks(engine, project="ses-byodkim", stack="dev", preview=False)

    @pulumi.runtime.test
    def program():
        identities = list(ByodkimDomain("example.com", domain).identities.values())
        DkimVerification("verification", DkimVerificationArgs(identities=identities))

    try:
        program()
    finally:
        reset_options()
    return engine.resources


def through_pulumi(properties):
    """What comes back of properties: a Struct of protobuf, in which every number is a float."""
    struct = Struct()
    struct.update(
        {name: unwrap_rpc_secret(value) for name, value in properties.items() if value is not None}
    )
    return MessageToDict(struct)


def read_back(kind, inputs, made):
    """
    Fails unless the provider of *kind* accepts *inputs*, and reads the state that follows from
    them.
    """
    inputs = {name: value for name, value in through_pulumi(inputs).items() if name != "__provider"}
    if kind == "ByodkimIdentity":
        checked, problems = check(inputs, unknown=())
        assert [] == property_types.problems(inputs, INPUTS) + problems
        declared = Declared.from_inputs(checked)
        signed_until = dict.fromkeys(declared.published, START)
        stored = Stored(declared=declared, instance="i", signed_until=signed_until)
        assert stored == Stored.from_outputs(through_pulumi(stored.to_outputs()))
    elif kind in PROVIDERS:
        provider, outputs = PROVIDERS[kind](), through_pulumi({**inputs, **made})
        assert [] == [failure.reason for failure in provider.check(inputs, inputs).failures]
        assert not provider.diff("id", outputs, inputs).replaces


PROVIDERS = {
    "DkimKey": DkimKeyProvider,
    "DkimVerification": DkimVerificationProvider,
    "DnsRecord": DnsRecordProvider,
}


@pytest.mark.parametrize("field", sorted(DOMAIN))
def test_accepted_is_readable(field):
    """
    Whatever the settings accept for a field, no resource refuses it, neither now nor in its state.
    """

    @hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(dns() if field == "dns" else values(DOMAIN[field], field))
    def accepted(value):
        try:
            domain = settings.domain(
                "example.com",
                {"generation": 2, "dns": "manual", field: value},
                default_region=REGION,
            )
        except InvalidSettings:
            reject()
        for resource in resources(domain):
            read_back(*resource)

    accepted()
