"""`byodkim iam-policy` prints what the credentials of a stack may do, by role, and no more."""

import json
from dataclasses import replace

import pytest

from byodkim_provider.aws.permissions import PERMISSIONS
from tests.support.cli_project import CliProject
from tests.support.world import DOMAIN, STACK_ID

ROLE = "arn:aws:iam::123456789012:role/deploy"
DNS_ROLE = "arn:aws:iam::210987654321:role/dns"
RECORD_NAMES = "route53:ChangeResourceRecordSetsNormalizedRecordNames"


@pytest.fixture
def project(tmp_path, world):
    """A project whose stack has nothing yet."""
    return CliProject(tmp_path, world)


def policy(result):
    """By action, the resources it is allowed on."""
    assert result.exit_code == 0, result.output
    allowed = {}
    for one in json.loads(result.stdout)["Statement"]:
        resources = one["Resource"] if isinstance(one["Resource"], list) else [one["Resource"]]
        for action in one["Action"]:
            allowed.setdefault(action, set()).update(resources)
    return allowed


def test_new_stack(project):
    """Before the first `up` account, zone and id of the stack are not known, and that is said."""
    project.write("    example.com: { generation: 1, regions: [eu-west-1, us-east-1] }\n")
    result = project.run("iam-policy")
    allowed = policy(result)
    assert allowed["ses:CreateEmailIdentity"] == {
        "arn:aws:ses:eu-west-1:*:identity/example.com",
        "arn:aws:ses:us-east-1:*:identity/example.com",
    }
    assert allowed["route53:ChangeResourceRecordSets"] == {"arn:aws:route53:::hostedzone/*"}
    assert allowed["route53:ListHostedZones"] == {"*"}
    assert '"aws:ResourceTag/byodkim:owner": [\n            "*"' in result.stdout
    assert result.stderr == (
        "byodkim: the account is not known before the first `pulumi up`: `*` stands for it\n"
        "byodkim: the id of the stack, which its owner tags begin with, is not known before the first "
        "`pulumi up`: `*` stands for it until the policy is printed again\n"
        "byodkim: the hosted zones of these domains are not known before their first `pulumi up`: "
        "example.com; `*` stands for them until the policy is printed again\n"
    )


def test_after_an_up(project, world):
    """The state tells account and zone, and what is in it and not declared any more may still go."""
    project.write("    example.net: { generation: 1, dns: manual }\n")
    project.stored = [world.created(1, account_id="123456789012", dns=("route53:Z1",))]
    result = project.run("iam-policy")
    allowed = policy(result)
    assert allowed["ses:DeleteEmailIdentity"] == {
        f"arn:aws:ses:eu-west-1:123456789012:identity/{DOMAIN}",
        "arn:aws:ses:eu-west-1:123456789012:identity/example.net",
    }
    assert allowed["route53:ChangeResourceRecordSets"] == {"arn:aws:route53:::hostedzone/Z1"}
    assert allowed["route53:GetHostedZone"] == {"arn:aws:route53:::hostedzone/Z1"}
    assert f"*._domainkey.{DOMAIN}" in result.stdout
    assert f'"aws:ResourceTag/byodkim:owner": [\n            "{STACK_ID}/*"\n' in result.stdout
    assert result.stderr == ""


def test_adopted_identity_that_leaves(project, world):
    """Of one that was adopted and is not declared any more, our tags have to be removed."""
    project.write("    example.net: { generation: 1, dns: manual }\n")
    project.stored = [replace(world.created(1, account_id="123456789012"), adopted=True)]
    assert policy(project.run("iam-policy"))["ses:UntagResource"] == {
        f"arn:aws:ses:eu-west-1:123456789012:identity/{DOMAIN}"
    }


def test_configuration_set(project):
    """A configuration set that is declared is allowed, and is nothing that is adopted."""
    project.write("    example.com: { generation: 1, configurationSet: newsletter }\n")
    allowed = policy(project.run("iam-policy"))
    assert allowed["ses:PutEmailIdentityConfigurationSetAttributes"] == {
        "arn:aws:ses:eu-west-1:*:identity/example.com",
        "arn:aws:ses:eu-west-1:*:configuration-set/newsletter",
    }
    assert "ses:UntagResource" not in allowed


def test_zone_of_a_declared_domain(project, world):
    """A zone that was found by its name is known from then on; it is looked for again in each run."""
    project.write("    example.com: { generation: 1 }\n")
    project.stored = [world.created(1, account_id="123456789012", dns=("route53:Z1",))]
    allowed = policy(project.run("iam-policy"))
    assert allowed["route53:ChangeResourceRecordSets"] == {"arn:aws:route53:::hostedzone/Z1"}
    assert allowed["route53:GetHostedZone"] == {"arn:aws:route53:::hostedzone/*"}


def test_replaced_id(project, world):
    """Identities keep the owner they were made with, so that one may be changed too."""
    project.write("    example.com: { generation: 1 }\n")
    project.stored = [world.created(1, owner="fedcba9876543210/example.com/eu-west-1")]
    both = f'"{STACK_ID}/*",\n            "fedcba9876543210/*"\n'
    assert both in project.run("iam-policy").stdout


def test_roles(project):
    """Each role has a policy of its own: the one that works, the one for DNS, and the way there."""
    project.write(
        f"    example.com: {{ generation: 1, dns: {{ zoneId: Z1, assumeRole: '{DNS_ROLE}', "
        "externalId: c7 } }\n"
    )
    with project.stack_file.open("a") as file:
        file.write(f"  aws:assumeRoles: [{{ roleArn: '{ROLE}', tags: {{ team: mail }} }}]\n")
    start = project.run("iam-policy")
    assert policy(start) == {"sts:AssumeRole": {ROLE}, "sts:TagSession": {ROLE}}
    assert start.stderr == "".join(
        f"byodkim: --role {role}: the policy that this role needs\n" for role in (ROLE, DNS_ROLE)
    )
    working = policy(project.run("iam-policy", "--role", ROLE))
    assert working["sts:AssumeRole"] == {DNS_ROLE}
    assert {action.partition(":")[0] for action in working} == {"ses", "sts"}
    dns = policy(project.run("iam-policy", "--role", DNS_ROLE))
    assert {action.partition(":")[0] for action in dns} == {"route53"}
    assert dns["route53:ChangeResourceRecordSets"] == {"arn:aws:route53:::hostedzone/Z1"}


def test_key_store(project):
    """Secrets are named by their beginning, those of the state by their ARNs, each with its KMS key."""
    project.write(
        "    example.com: { generation: 1, keyStore: { provider: secretsManager, kmsKeyId: alias/mail } }\n"
    )
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:byodkim/ses-byodkim/dev/old.example/1-AbCdEf"
    project.secrets = {arn: None}
    allowed = policy(project.run("iam-policy"))
    declared = "arn:aws:secretsmanager:eu-west-1:*:secret:byodkim/ses-byodkim/dev/example.com/*"
    assert allowed["secretsmanager:GetSecretValue"] == {declared, arn.replace("123456789012", "*")}
    assert allowed["kms:Decrypt"] == {"arn:aws:kms:eu-west-1:*:key/*"}


@pytest.mark.parametrize(
    ("dns", "in_state", "zones"),
    [
        ("[route53, { zoneId: Z2 }, manual]", ("Z1", "Z2"), {"Z1", "Z2"}),
        ("[{ zone: example.com }, { zone: _domainkey.example.com }]", ("Z1", "Z2"), {"Z1", "Z2"}),
        ("[{ zone: example.com }, { zone: _domainkey.example.com }]", ("Z1",), {"*"}),
    ],
    ids=["one by id", "both by name", "one of them is new"],
)
def test_several_zones(project, world, dns, in_state, zones):
    """Once every zone of a domain is in the state, no other zone may be written to."""
    project.write(f"    example.com: {{ generation: 1, dns: {dns} }}\n")
    labels = tuple(f"route53:{one}" for one in in_state)
    project.stored = [world.created(1, account_id="123456789012", dns=labels)]
    allowed = policy(project.run("iam-policy"))
    assert allowed["route53:ChangeResourceRecordSets"] == {
        f"arn:aws:route53:::hostedzone/{one}" for one in zones
    }


def test_too_long(project):
    """A policy that IAM does not take is printed, with what to do about it."""
    project.write("".join(f"    mail-{number}.example.com: {{ generation: 1 }}\n" for number in range(60)))
    result = project.run("iam-policy")
    assert "a managed policy takes 6144: cut it up" in result.stderr
    assert policy(result)


def test_without_a_project(tmp_path, world):
    """Outside of a project it is for any stack: who sets up a role may not have the project."""
    project = CliProject(tmp_path, world)
    (tmp_path / "Pulumi.yaml").unlink()
    result = project.run("iam-policy")
    assert policy(result)["ses:CreateEmailIdentity"] == {
        "arn:aws:ses:*:*:identity/*",
        "arn:aws:ses:*:*:configuration-set/*",
    }
    assert result.stderr == "byodkim: there is no project here: this is for any domain in any account\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--role", DNS_ROLE), f"the stack does not assume '{DNS_ROLE}': it assumes none"),
        (("-s",), "Option '-s' requires an argument."),
        (("example.com",), "Got unexpected extra argument (example.com)"),
        (("--colour",), "No such option '--colour'"),
    ],
    ids=["role that is not assumed", "no stack", "argument", "option"],
)
def test_wrong_usage(project, arguments, said):
    """A command line that says too much or too little prints no policy."""
    project.write("    example.com: { generation: 1 }\n")
    result = project.run("iam-policy", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_scan(project):
    """A scan reads identities and zones; every action of its policy is in the table of actions."""
    allowed = policy(project.run("iam-policy", "--scan"))
    assert set(allowed) <= {one.action for one in PERMISSIONS}
    assert {action.partition(":")[2] for action in allowed} == {
        "GetEmailIdentity",
        "ListEmailIdentities",
        "GetHostedZone",
        "ListHostedZones",
    }
    refused = project.run("iam-policy", "--scan", "-s", "dev")
    assert (2, "") == (refused.exit_code, refused.stdout)
