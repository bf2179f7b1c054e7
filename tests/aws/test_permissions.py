"""The table of AWS actions holds what is called, no more and no less, and so does its document."""

import ast
import fnmatch
import functools
import inspect
from pathlib import Path
from typing import Final

import boto3
import botocore.session
import pytest
from botocore import xform_name

import byodkim_provider
from byodkim_provider.aws.permissions import PERMISSIONS
from byodkim_provider.aws.regions import partition_of
from byodkim_provider.aws.secrets_manager import SecretStore
from byodkim_provider.aws.ses import SesClient
from byodkim_provider.cli import least_privilege
from byodkim_provider.cli.least_privilege import IdentityAccess, Records, Role, Scope, Secrets, policy
from byodkim_provider.identity import ownership
from tests.conftest import permission_problems
from tests.support.fakes import FakeClock

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "reference" / "permissions.md"
OWNERS = ("ses-byodkim/prod/*",)
OURS = {"StringLike": {"aws:ResourceTag/byodkim:owner": list(OWNERS)}}

CALLED_BY_PULUMI_AWS = {
    # aws.route53.Record: record.go.
    *("GetHostedZone", "ChangeResourceRecordSets", "GetChange", "ListResourceRecordSets"),
}
"""Read in terraform-provider-aws, internal/service/route53: pulumi-aws is made from it."""

CALLED_HERE = {"ListHostedZones", "GetHostedZone", "ListResourceRecordSets"}
"""By `aws.route53`."""


def actions(service):
    """The API actions of a service in the table."""
    rows = [one.action.removeprefix(f"{service}:") for one in PERMISSIONS if one.action.startswith(service)]
    return set(rows)


@pytest.fixture
def ses_calls(signing_keys):
    """The actions that the methods of `SesClient` call, each method called once."""
    arguments = {
        "domain": "example.com",
        "selector": "s1",
        "key": signing_keys[0],
        "configuration_set": "newsletter",
        "tags": {"team": "mail"},
        "signing_enabled": True,
        "name": "newsletter",
        "names": ("team",),
    }
    called = set()
    client = boto3.client("sesv2", "eu-west-1", aws_access_key_id="AKIA", aws_secret_access_key="sesame")
    client._make_api_call = lambda action, _: called.add(action) or {}
    ses = SesClient(client, region="eu-west-1", account_id="123456789012", clock=FakeClock())
    for name, method in inspect.getmembers(SesClient, inspect.isfunction):
        if not name.startswith("_"):
            wanted = list(inspect.signature(method).parameters)[1:]
            new = [one for one in wanted if one not in arguments]
            assert not new, f"SesClient.{name} has new parameters: add them to `arguments` of this fixture"
            answer = getattr(ses, name)(**{one: arguments[one] for one in wanted})
            if inspect.isgenerator(answer):
                next(answer)  # calls only when asked for a page
    return called


@functools.cache
def api_actions(service):
    """All actions that AWS has in *service*, by boto3's name of it."""
    return botocore.session.get_session().get_service_model(service).operation_names


def test_ses(ses_calls):
    """What the client of SES can call, and nothing else, is in the table."""
    assert actions("ses") == ses_calls


def test_every_action_of_the_client_is_used():
    """The client of SES has no action that the life of an identity does not need."""
    methods = {name for name, _ in inspect.getmembers(SesClient, inspect.isfunction) if name[0] != "_"}
    sources = [path.read_text() for path in (ROOT / "byodkim_provider" / "identity").glob("*.py")]
    assert [name for name in methods if not any(f".{name}(" in source for source in sources)] == []


def test_secrets_manager():
    """What the client of Secrets Manager calls, and nothing else, is in the table."""
    methods = [name for name, _ in inspect.getmembers(SecretStore, inspect.isfunction) if name[0] != "_"]
    assert {xform_name(action) for action in actions("secretsmanager")} == set(methods)


def test_route53():
    """What pulumi-aws is known to call, and nothing else, is in the table."""
    assert actions("route53") == CALLED_BY_PULUMI_AWS | CALLED_HERE


@pytest.mark.parametrize("permission", PERMISSIONS, ids=lambda one: f"{one.action} on {one.on}")
def test_actions_exist(permission):
    """Every action is one that AWS has, or a permission that STS checks with AssumeRole."""
    service, _, action = permission.action.partition(":")
    without_api = {"sts:TagSession", "sts:SetSourceIdentity"}
    assert action in api_actions({"ses": "sesv2"}.get(service, service)) or permission.action in without_api


def test_services():
    """The package makes clients for these services alone; the one for Route 53 calls nothing."""
    services, makers = set(), set()
    for path in Path(byodkim_provider.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            if getattr(node.func, "attr", "") == "client" and node.args:
                makers.add(ast.unparse(node))
            if getattr(node.func, "id", "") in ("_client", "_connect"):
                services |= {one.value for one in node.args if isinstance(one, ast.Constant)}
    assert len(makers) == 1
    services -= {"SES", "Secrets Manager"}
    assert services == {"sesv2", "secretsmanager", "route53", "sts"}


def test_owner_tag():
    """The conditions are about the tag that identities are made with."""
    assert least_privilege.OWNER_TAG == ownership.OWNER_TAG


def test_partitions():
    """ARNs of every Region that has SES begin as boto3 says."""
    session = boto3.Session()
    regions = [
        (region, partition)
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("sesv2", partition)
    ]
    assert regions
    assert [partition_of(region) for region, _ in regions] == [name for _, name in regions]


def as_markdown():
    """The table of docs/reference/permissions.md."""
    lines = ["| action | on | if | when | why |", "| --- | --- | --- | --- | --- |"]
    for one in PERMISSIONS:
        condition = "–" if one.allowed_anyway else one.condition or "–"
        need = "allowed to everybody" if one.allowed_anyway else one.need
        lines.append(f"| `{one.action}` | {one.on} | {condition} | {need} | {one.why} |")
    return "\n".join(lines)


def test_document():
    """The document's table is the code's, so that both say the same of each action."""
    assert as_markdown() in DOCUMENT.read_text()


CALLED = {one.action for one in PERMISSIONS if one.action.startswith(("ses:", "secretsmanager:", "sts:"))}


@pytest.mark.parametrize(
    ("called", "problems"),
    [
        (CALLED, []),
        (CALLED | {"ses:DeleteContact"}, ["ses:DeleteContact was called and is not in the table"]),
        (CALLED - {"ses:TagResource"}, ["ses:TagResource is in the table and was never called"]),
        (
            CALLED - {"secretsmanager:CreateSecret"},
            ["secretsmanager:CreateSecret is in the table and was never called"],
        ),
    ],
    ids=["as it is", "missing", "too much of SES", "too much of Secrets Manager"],
)
def test_judgement_of_the_suite(called, problems):
    """What the suite called is compared with the table at its end; this is how."""
    assert permission_problems(called) == problems


def statement(document, action, resource):
    """The conditions under which *action* is allowed on *resource*, which stands there literally."""
    return [
        one.get("Condition", {})
        for one in document["Statement"]
        if action in one["Action"] and resource in ensure_list(one["Resource"])
    ]


def ensure_list(value):
    return value if isinstance(value, list) else [value]


def test_one_identity():
    """A stack with one domain may do to its identity what it needs, and to nothing else."""
    document = policy(
        Scope(account="123456789012", owners=OWNERS, identities=(IdentityAccess("eu-west-1", "example.com"),))
    )
    arn = "arn:aws:ses:eu-west-1:123456789012:identity/example.com"
    assert document == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["ses:CreateEmailIdentity", "ses:TagResource"],
                "Resource": arn,
                "Condition": {
                    "StringLike": {"aws:RequestTag/byodkim:owner": ["ses-byodkim/prod/*"]},
                    "StringLikeIfExists": {"aws:ResourceTag/byodkim:owner": ["ses-byodkim/prod/*"]},
                },
            },
            {"Effect": "Allow", "Action": ["ses:GetEmailIdentity"], "Resource": arn},
            {"Effect": "Allow", "Action": ["ses:ListEmailIdentities"], "Resource": "*"},
            {
                "Effect": "Allow",
                "Action": [
                    "ses:DeleteEmailIdentity",
                    "ses:PutEmailIdentityDkimAttributes",
                    "ses:PutEmailIdentityDkimSigningAttributes",
                ],
                "Resource": arn,
                "Condition": OURS,
            },
        ],
    }


def test_records_of_two_zones():
    """Records may be written under `_domainkey` of the domain alone, in their own zone alone."""
    records = (
        Records("example.com", zone_id="Z1"),
        Records("news.example.com", zone_id="Z1"),
        Records("example.net", zone_id="Z2", by_name=False),
    )
    document = policy(Scope(records=records))
    names = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
    types = "route53:ChangeResourceRecordSetsRecordTypes"
    writing = [one for one in document["Statement"] if "route53:ChangeResourceRecordSets" in one["Action"]]
    assert [(one["Resource"], one["Condition"]) for one in writing] == [
        (
            "arn:aws:route53:::hostedzone/Z1",
            {
                "ForAllValues:StringLike": {
                    names: ["*._domainkey.example.com", "*._domainkey.news.example.com"]
                },
                "ForAllValues:StringEquals": {types: ["TXT"]},
            },
        ),
        (
            "arn:aws:route53:::hostedzone/Z2",
            {
                "ForAllValues:StringLike": {names: ["*._domainkey.example.net"]},
                "ForAllValues:StringEquals": {types: ["TXT"]},
            },
        ),
    ]
    assert statement(document, "route53:GetHostedZone", "arn:aws:route53:::hostedzone/*") == [{}]
    assert statement(document, "route53:GetHostedZone", "arn:aws:route53:::hostedzone/Z2") == [{}]


ALWAYS = {
    "ses:CreateEmailIdentity",
    "ses:DeleteEmailIdentity",
    "ses:GetEmailIdentity",
    "ses:ListEmailIdentities",
    "ses:PutEmailIdentityDkimAttributes",
    "ses:PutEmailIdentityDkimSigningAttributes",
    "ses:TagResource",
}
WITH_ROUTE53 = {
    "route53:ChangeResourceRecordSets",
    "route53:GetChange",
    "route53:GetHostedZone",
    "route53:ListHostedZones",
    "route53:ListResourceRecordSets",
}
ONE = (IdentityAccess("eu-west-1", "example.com"),)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(), set()),
        (Scope(identities=ONE), ALWAYS),
        (Scope(identities=(*ONE, IdentityAccess("us-east-1", "example.com"))), ALWAYS),
        (Scope(identities=ONE, tags=True), ALWAYS | {"ses:UntagResource"}),
        (
            Scope(identities=(IdentityAccess("eu-west-1", "example.com", adopt=True),)),
            ALWAYS | {"ses:UntagResource"},
        ),
        (
            Scope(identities=(IdentityAccess("eu-west-1", "example.com", adopted=True),)),
            ALWAYS | {"ses:UntagResource"},
        ),
        (
            Scope(identities=(IdentityAccess("eu-west-1", "example.com", configuration_set="news"),)),
            ALWAYS | {"ses:PutEmailIdentityConfigurationSetAttributes"},
        ),
        (Scope(records=(Records("example.com", zone_id="Z1", by_name=False),)), WITH_ROUTE53),
        (Scope(records=(Records("example.com"),)), WITH_ROUTE53),
        (
            Scope(secrets=(Secrets("eu-west-1", "byodkim/p/s/example.com/*"),)),
            {
                "secretsmanager:CreateSecret",
                "secretsmanager:DeleteSecret",
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetSecretValue",
                "secretsmanager:TagResource",
            },
        ),
        (
            Scope(secrets=(Secrets("eu-west-1", "x", kms_key_id="alias/mail", resource_policy=True),)),
            {
                "kms:Decrypt",
                "kms:GenerateDataKey",
                "secretsmanager:CreateSecret",
                "secretsmanager:DeleteSecret",
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetSecretValue",
                "secretsmanager:PutResourcePolicy",
                "secretsmanager:TagResource",
            },
        ),
        (Scope(roles=(Role("arn:aws:iam::1:role/a"),)), {"sts:AssumeRole"}),
        (
            Scope(roles=(Role("arn:aws:iam::1:role/a", with_tags=True, with_source_identity=True),)),
            {"sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"},
        ),
    ],
    ids=[
        "nothing",
        "one identity",
        "one identity a Region",
        "tags",
        "to be adopted",
        "adopted, and leaving",
        "configuration set",
        "zone by id",
        "existing zone",
        "key store",
        "key store with KMS key and policy",
        "role",
        "role with tags and source identity",
    ],
)
def test_no_more_than_needed(scope, expected):
    """What a stack does not use is not allowed to it."""
    allowed = {action for one in policy(scope)["Statement"] for action in one["Action"]}
    assert allowed == expected


OWNED: Final = "aws:ResourceTag/byodkim:owner"
NEW_OWNER: Final = "aws:RequestTag/byodkim:owner"


def is_allowed(document, action, resource, tags):
    """As IAM judges a call: without the key a condition fails, but for one with IfExists."""

    def holds(operator, key, patterns):
        assert operator in ("StringLike", "StringLikeIfExists")
        if key not in tags:
            return operator.endswith("IfExists")
        return any(fnmatch.fnmatchcase(tags[key], pattern) for pattern in patterns)

    return any(
        all(holds(operator, *pair) for operator, pairs in condition.items() for pair in pairs.items())
        for condition in statement(document, action, resource)
    )


@pytest.mark.parametrize(
    ("service", "delete", "create"),
    [
        ("ses", "DeleteEmailIdentity", "CreateEmailIdentity"),
        ("secretsmanager", "DeleteSecret", "CreateSecret"),
    ],
    ids=["identity", "secret"],
)
def test_tags_lead_round_no_condition(service, delete, create):
    """Who may delete what is ours can't make another owner's ours first, but can create, and tag again."""
    document = policy(
        Scope(account="1", owners=OWNERS, identities=ONE, tags=True, secrets=(Secrets("eu-west-1", "x"),))
    )
    end = "identity/example.com" if service == "ses" else "secret:x"
    resource = f"arn:aws:{service}:eu-west-1:1:{end}"
    ours, other = "ses-byodkim/prod/example.com", "ses-byodkim/dev/example.com"
    assert not is_allowed(document, f"{service}:{delete}", resource, {OWNED: other})
    assert not is_allowed(document, f"{service}:TagResource", resource, {OWNED: other, NEW_OWNER: ours})
    assert is_allowed(document, f"{service}:{create}", resource, {NEW_OWNER: ours})
    assert is_allowed(document, f"{service}:TagResource", resource, {NEW_OWNER: ours})
    assert is_allowed(document, f"{service}:TagResource", resource, {OWNED: ours, NEW_OWNER: ours})


def test_adopted():
    """An identity that is not ours yet can be taken over, and only ours can be deleted."""
    scope = Scope(
        account="1", owners=OWNERS, identities=(IdentityAccess("eu-west-1", "a.example", adopt=True), *ONE)
    )
    document = policy(scope)
    adopted, ours = (f"arn:aws:ses:eu-west-1:1:identity/{name}" for name in ("a.example", "example.com"))
    put = "ses:PutEmailIdentityDkimSigningAttributes"
    assert statement(document, put, adopted) == [{}]
    assert statement(document, put, ours) == [OURS]
    assert statement(document, "ses:DeleteEmailIdentity", adopted) == [OURS]
    other = {OWNED: "ses-byodkim/dev/a.example", NEW_OWNER: "ses-byodkim/prod/a.example"}
    assert is_allowed(document, "ses:TagResource", adopted, other)
    assert not is_allowed(document, "ses:TagResource", ours, other)
    assert statement(document, "ses:UntagResource", adopted) == [OURS]
    assert statement(document, "ses:UntagResource", ours) == []


@pytest.mark.parametrize(
    ("key", "resource", "aliases"),
    [
        ("1234-abcd", "arn:aws:kms:eu-west-1:1:key/1234-abcd", None),
        ("arn:aws:kms:eu-west-1:2:key/1234", "arn:aws:kms:eu-west-1:2:key/1234", None),
        ("alias/mail", "arn:aws:kms:eu-west-1:1:key/*", "alias/mail"),
        ("arn:aws:kms:eu-west-1:1:alias/mail", "arn:aws:kms:eu-west-1:1:key/*", "alias/mail"),
    ],
    ids=["id", "arn", "alias", "arn of an alias"],
)
def test_kms_key(key, resource, aliases):
    """A KMS key may be used by Secrets Manager alone; of an alias, whichever key has it."""
    document = policy(Scope(account="1", secrets=(Secrets("eu-west-1", "byodkim/*", kms_key_id=key),)))
    expected = {"StringEquals": {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"}}
    if aliases:
        expected["ForAnyValue:StringEquals"] = {"kms:ResourceAliases": aliases}
    assert statement(document, "kms:Decrypt", resource) == [expected]


def test_without_a_stack():
    """For any stack: all that may be called, but no role may be assumed."""
    document = policy(least_privilege.ANY_STACK)
    allowed = {action for one in document["Statement"] for action in one["Action"]}
    expected = {one.action for one in PERMISSIONS if not one.action.startswith(("sts:", "kms:"))}
    # Every empty zone of the account could be deleted with these.
    assert allowed == expected - {"route53:DeleteHostedZone", "route53:UpdateHostedZoneComment"}
    assert least_privilege.size_of(document) < least_privilege.MAX_POLICY_CHARACTERS
