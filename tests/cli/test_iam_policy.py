"""If this fails, a stack's policy lets it delete another stack's identity, or stops its own run."""

import json
import re

import pytest

from byodkim_provider.cli.state import read_state
from byodkim_provider.config.settings import domain
from byodkim_provider.messages.cli import CliMessages
from tests.support.cases import cases
from tests.support.cli_project import CliProject
from tests.support.iam import ensure_list, is_allowed
from tests.support.world import DOMAIN, STACK_ID
from tests.support.zones import slots, zones

ACCOUNT = "123456789012"
SES = f"arn:aws:ses:eu-west-1:{ACCOUNT}:"
ROLE = "arn:aws:iam::123456789012:role/deploy"
DNS_ROLE = "arn:aws:iam::210987654321:role/dns"
OWNED = "aws:ResourceTag/byodkim:owner"
NEW_OWNER = "aws:RequestTag/byodkim:owner"
OURS, THEIRS = f"{STACK_ID}/x/eu-west-1", "fedcba9876543210/x/eu-west-1"
CHANGE = "route53:ChangeResourceRecordSets"
RECORD_NAMES, RECORD_TYPES = f"{CHANGE}NormalizedRecordNames", f"{CHANGE}RecordTypes"


@pytest.fixture
def project(tmp_path, world):
    """A project whose stack has nothing yet."""
    return CliProject(tmp_path, world)


@pytest.fixture
def stored(project, world):
    """Gives the stack an identity, as after the first `up`."""

    def stored(**declared):
        project.stored = [world.created(1, account_id=ACCOUNT, **declared)]

    return stored


def printed(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def policy(result):
    """By action, the resources it is allowed on."""
    allowed = {}
    for one in printed(result)["Statement"]:
        for action in one["Action"]:
            allowed.setdefault(action, set()).update(ensure_list(one["Resource"]))
    return allowed


# Identities


def test_new_stack(project):
    """
    Before the first `up` no wildcard stands for a domain: the tag does not tell yet what is ours.
    """
    project.write("    example.com: { generation: 1, regions: [eu-west-1, us-east-1] }\n")
    result = project.run("iam-policy")
    allowed = policy(result)
    ours = {f"arn:aws:ses:{region}:*:identity/example.com" for region in ("eu-west-1", "us-east-1")}
    assert allowed["ses:DeleteEmailIdentity"] == ours < allowed["ses:CreateEmailIdentity"]
    assert allowed[CHANGE] == {"arn:aws:route53:::hostedzone/*"}
    not_used = ("secretsmanager:", "kms:", "sts:AssumeRole")
    assert not [action for action in allowed if action.startswith(not_used)]
    assert result.stderr == f"byodkim: {CliMessages.UNKNOWN()}\n"


PUT, TAG = "PutEmailIdentityDkimSigningAttributes", "TagResource"


@pytest.mark.parametrize(
    ("action", "domain", "tags", "allowed"),
    [
        ("CreateEmailIdentity", DOMAIN, {NEW_OWNER: OURS}, True),
        ("DeleteEmailIdentity", "gone.example", {OWNED: OURS}, True),
        ("DeleteEmailIdentity", DOMAIN, {OWNED: THEIRS}, False),
        ("DeleteEmailIdentity", DOMAIN, {}, False),
        (PUT, "other.example", {OWNED: THEIRS}, False),
        (TAG, DOMAIN, {NEW_OWNER: OURS}, True),
        (TAG, DOMAIN, {OWNED: THEIRS, NEW_OWNER: OURS}, False),
        # What `adopt` takes over may be another's, till it is ours.
        (PUT, "adopt.example", {OWNED: THEIRS}, True),
        (TAG, "adopt.example", {OWNED: THEIRS, NEW_OWNER: OURS}, True),
        (TAG, "adopt.example", {OWNED: THEIRS}, False),
        ("DeleteEmailIdentity", "adopt.example", {OWNED: THEIRS}, False),
    ],
)
def test_no_way_round_the_owner(project, stored, action, domain, tags, allowed):
    """Nobody can delete another's identity, nor make it ours first, in whatever Region."""
    project.write(
        f"    {DOMAIN}: {{ generation: 1 }}\n    adopt.example: {{ generation: 1, adopt: true }}\n"
    )
    stored()
    document = printed(project.run("iam-policy"))
    assert is_allowed(document, f"ses:{action}", f"{SES}identity/{domain}", tags) == allowed
    elsewhere = f"{SES}identity/{domain}".replace("eu-west-1", "us-east-1")
    assert not is_allowed(document, f"ses:{action}", elsewhere, tags)


def test_leaving(project, stored):
    """
    What is in the state and not declared any more can be read, untagged, made again and deleted.
    """
    project.write("    example.net: { generation: 1, dns: manual }\n")
    stored(zones=zones("route53:Z1"))
    allowed = policy(project.run("iam-policy"))
    assert f"{SES}identity/{DOMAIN}" in allowed["ses:CreateEmailIdentity"]
    assert allowed["ses:DeleteEmailIdentity"] == {f"{SES}identity/*"}
    assert allowed[CHANGE] == {"arn:aws:route53:::hostedzone/Z1"}


def test_configuration_set(project, stored):
    """SES may check a configuration set, too; identities keep the owner they were made with."""
    project.write("    example.com: { generation: 1, configurationSet: newsletter }\n")
    stored(owner="fedcba9876543210/example.com/eu-west-1")
    result = project.run("iam-policy")
    for action in ("ses:PutEmailIdentityConfigurationSetAttributes", "ses:CreateEmailIdentity"):
        assert f"{SES}configuration-set/*" in policy(result)[action]
    assert f'"{STACK_ID}/*",\n            "fedcba9876543210/*"\n' in result.stdout


# Records


ONE_ZONE, TWO_ZONES = (
    "dns: { zone: example.com }",
    "dns: [{ zone: example.com }, { zone: _domainkey.example.com }]",
)
APART = "mailFrom: { label: b, zone: b.example.com }"


@cases(
    ("before", "now", "in_state", "shown"),
    {
        "as before": (TWO_ZONES, TWO_ZONES, ("Z1", "Z2"), {"Z1", "Z2"}),
        "one by id": (ONE_ZONE, "dns: [manual, { zoneId: Z2 }]", ("Z1",), {"Z1", "Z2"}),
        "one of them is new": (ONE_ZONE, TWO_ZONES, ("Z1",), {"*"}),
        "corrected": ("dns: route53", ONE_ZONE, ("Z1",), {"*"}),
        "of MAIL FROM": (ONE_ZONE, f"{ONE_ZONE}, {APART}", ("Z1",), {"*"}),
    },
)
def test_zones(project, stored, before, now, in_state, shown):
    """Once every zone of a domain has its records, no other one can be written to."""
    project.write(f"    {DOMAIN}: {{ generation: 1, {before} }}\n")
    stored(zones=zones(*(f"route53:{one}" for one in in_state)))
    project.settings = project._last_settings()
    project.write(f"    {DOMAIN}: {{ generation: 1, {now} }}\n")
    allowed = policy(project.run("iam-policy"))
    zone = "arn:aws:route53:::hostedzone/"
    assert allowed[CHANGE] == {f"{zone}{one}" for one in shown}


@pytest.mark.parametrize(
    ("names", "kind", "allowed"),
    [
        (["s1._domainkey.example.com", "s1._domainkey.news.example.com"], "TXT", True),
        (["s1._domainkey.example.com", "www.example.com"], "TXT", False),
        (["s1._domainkey.example.com"], "CNAME", False),
    ],
)
def test_records(project, names, kind, allowed):
    """In its zone, only TXT records under `_domainkey` of the stack's domains can be written."""
    zone = "{ generation: 1, dns: { zoneId: Z1 } }"
    project.write(f"    example.com: {zone}\n    news.example.com: {zone}\n")
    document = printed(project.run("iam-policy"))
    context = {RECORD_NAMES: names, RECORD_TYPES: [kind]}
    assert is_allowed(document, CHANGE, "arn:aws:route53:::hostedzone/Z1", context) == allowed
    assert not is_allowed(document, CHANGE, "arn:aws:route53:::hostedzone/Z2", context)


def test_zone_that_leaves(project, stored):
    """Records in a zone that the file lists no more can still be deleted: in a move of `cname`."""
    project.write(f"    {DOMAIN}: {{ generation: 1, dns: {{ zoneId: Z1 }} }}\n")
    stored(zones=(slots("old.example", from_generation=2), slots()))
    document = printed(project.run("iam-policy"))
    names = [f"ses{one}._domainkey.{DOMAIN}.old.example" for one in (1, 2, 3)]
    context = {RECORD_NAMES: names, RECORD_TYPES: ["TXT"]}
    assert is_allowed(document, CHANGE, "arn:aws:route53:::hostedzone/Z1", context)


def test_roles(project, stored):
    """The roles are those that the stack names, as a chain or for DNS, or that its last run had."""
    dns = f"{{ zoneId: Z1, assumeRole: '{DNS_ROLE}', externalId: c7 }}"
    roles = f"  aws:assumeRoles: [{{ roleArn: '{ROLE}', tags: {{ team: mail }} }}]\n"
    project.write(f"    example.com: {{ generation: 1, dns: {dns} }}\n{roles}")
    stored(zones=zones("route53:Z1"))
    allowed = policy(project.run("iam-policy"))
    assert allowed["sts:AssumeRole"] == allowed["sts:TagSession"] == {ROLE, DNS_ROLE}
    project.settings = project._last_settings()
    project.write(f"    example.com: {{ generation: 1, dns: manual }}\n{roles}")
    assert policy(project.run("iam-policy"))["sts:AssumeRole"] == {ROLE, DNS_ROLE}
    assert allowed[CHANGE] == {"arn:aws:route53:::hostedzone/Z1"}


# Keys


def test_key_store(project, stored):
    """Secrets are those of the stack, by its name and by the names in the state."""
    project.write("    example.com: { generation: 1, keyStore: { provider: secretsManager } }\n")
    stored()
    secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:byodkim/ses-byodkim"
    project.secrets = {f"{secret}/old/old.example/1-AbCdEf": None}
    result = project.run("iam-policy")
    document, allowed = printed(result), policy(result)
    anywhere = secret.replace("us-east-1", "*")
    ours = {f"{anywhere}/dev/*", f"{anywhere}/old/*"}
    assert allowed["secretsmanager:GetSecretValue"] == ours
    resource = f"{secret}/old/old.example/1-AbCdEf"
    for action, tags, expected in (
        ("CreateSecret", {NEW_OWNER: OURS}, True),
        ("TagResource", {OWNED: THEIRS, NEW_OWNER: OURS}, False),
        ("DeleteSecret", {OWNED: THEIRS}, False),
        ("DeleteSecret", {OWNED: OURS}, True),
    ):
        assert is_allowed(document, f"secretsmanager:{action}", resource, tags) == expected, action


def test_kms_key(project, stored):
    """A KMS key may be used by Secrets Manager only, and for the stack's secrets."""
    stored()
    store = "{ provider: secretsManager, kmsKeyId: alias/mail }"
    project.write(f"    example.com: {{ generation: 1, keyStore: {store} }}\n")
    statements = printed(project.run("iam-policy"))["Statement"]
    (by_kms,) = (one for one in statements if "kms:Decrypt" in one["Action"])
    secrets = [f"arn:aws:secretsmanager:*:{ACCOUNT}:secret:byodkim/ses-byodkim/dev/*"]
    assert by_kms["Condition"]["StringLike"] == {
        "kms:ViaService": ["secretsmanager.*"],
        "kms:EncryptionContext:SecretARN": secrets,
    }


# The command


@pytest.mark.parametrize(
    ("region", "partition"),
    [("cn-north-1", "aws-cn"), ("eu-west-1", "aws")],
)
def test_partition(project, region, partition):
    """Every ARN is of the partition of the Region at hand."""
    project.write(f"    example.com: {{ generation: 1, regions: [{region}] }}\n")
    arns = re.findall("arn:[a-z-]*", project.run("iam-policy").stdout)
    assert {*arns} == {f"arn:{partition}"}


def test_two_keys_in_a_slot():
    """After a run that was killed, each record has the key of its own generation."""
    name = "ses1._domainkey.example.com"
    settings = domain("example.com", {"generation": 2}, default_region="eu-west-1").stored()
    record = {"generation": 1, "role": "previous", "name": name}
    outputs = {"settings": settings, "records": [record]}
    resources = [{"type": "byodkim:index:ByodkimDomain", "urn": "d", "outputs": outputs}]
    for number in (4, 1):
        outputs = {"record_name": name, "record_value": f"p={number}"}
        kind = "pulumi-python:dynamic/byodkim:DkimKey"
        resources.append({"type": kind, "urn": f"d/{number}", "parent": "d", "outputs": outputs})
    state = read_state(json.dumps({"deployment": {"resources": resources}}))
    assert [one.value for one in state.domains["example.com"].records] == ["p=1"]


OWN_RECORD = {"name": "a", "type": "A", "zoneId": {"ciphertext": "x"}}


def test_unfinished_replacement():
    """What the engine has still to delete is no part of the stack; a program may have a secret."""
    kind = "pulumi-python:dynamic/byodkim:StackId"
    resources = [{"type": kind, "id": "old", "delete": True}, {"type": kind, "id": "new"}]
    resources.append({"type": "aws:route53/record:Record", "outputs": OWN_RECORD})
    assert read_state(json.dumps({"deployment": {"resources": resources}})).stack_id == "new"
