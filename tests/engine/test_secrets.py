"""If this fails, a secret of a stack file stands in plain in its state or output."""

import pulumi
import pytest
from moto.sts.models import STSBackend

from tests.engine.clients import client_of
from tests.engine.results import problems
from tests.engine.search import MAY_BE, found_in_export, keys_in_state, leaks, load, secrets_of
from tests.engine.stack import OPENSSL_KEY, REGION, requests
from tests.support.leaks import KeySearch, shown_by

pytestmark = pytest.mark.engine

EXTERNAL_ID = "external-id-1f0d7c9b5a"
"""Of a role: whoever knows it and may assume roles at all can assume this one."""

TAG = "cost-centre-7b2e91c04d"

TOKEN = "a-session-token-3d5f8e2a"


def places(stack):
    """Where secrets of the stack file are in plain."""
    search = KeySearch([], secrets_of(stack))
    return {
        name: found
        for name, text in shown_by(stack, stack.results).items()
        if (found := search.found_in(text))
    }


def zone_of_another_account(sandbox, domain):
    """The ARN of a role in another account, which has a zone called *domain*."""
    role = f"arn:aws:iam::{sandbox.aws.add_account()}:role/dns"
    route53 = client_of(sandbox, "route53", role=role)
    route53.create_hosted_zone(Name=domain, CallerReference=domain)
    return role


def sign_in(stack, account):
    """All settings of pulumi-aws are encrypted, those of a role in *account* too."""
    aws = stack.sandbox.aws
    role = f"arn:aws:iam::{account}:role/deploy"
    assumed = {"roleArn": role, "externalId": EXTERNAL_ID}
    stack._shared |= {
        "aws:accessKey": stack.encrypted(aws.access_key),
        "aws:secretKey": stack.encrypted(aws.secret_key),
        "aws:assumeRoles": [{name: stack.encrypted(one) for name, one in assumed.items()}],
        "aws:defaultTags": {"tags": {"centre": stack.encrypted(TAG)}},
    }


def test_planted(open_stack):
    """The search after each test finds a secret that a program stores in plain."""
    stack = open_stack(program=lambda: pulumi.export("planted", pulumi.Config("aws").get("token")))
    stack.set_secret("aws:token", TOKEN)
    stack.apply()
    found = places(stack)
    assert any(place.endswith("/stacks/ses-byodkim/dev.json") for place in found)
    assert {name for names in found.values() for name in names} == {"secret 1"}
    stack.stack_files.clear()  # not for the search after this test


def test_planted_encrypted(sandbox, open_stack):
    """The search finds a secret in what is decrypted, too, where it has no business."""
    stack = open_stack(
        program=lambda: pulumi.export("planted", pulumi.Config("aws").get_secret("token"))
    )
    stack.set_secret("aws:token", TOKEN)
    stack.apply()
    assert leaks(sandbox, [stack], searched=set()) == [
        ("pulumi:pulumi:Stack planted, decrypted", {"secret 1"})
    ]
    stack.stack_files.clear()  # not for the search after this test


def test_export(sandbox, open_stack):
    """The list of what `stack export --show-secrets` may show has no line too many."""
    domain = "export.example"
    sandbox.add_zone(domain)
    stack = open_stack()
    sign_in(stack, sandbox.account)
    supplied = {"1": {"selector": "own", "privateKey": OPENSSL_KEY}}
    stack.declare(
        {domain: {"generation": 1, "published": [1, 2], "keys": supplied}},
        dnsCredentials={"godaddy": {"token": TOKEN}},
    )
    stack.apply()
    private_keys = [load(key.pkcs1_der) for key in keys_in_state(stack)]
    search = KeySearch([*private_keys, load(OPENSSL_KEY.encode())], secrets_of(stack))
    found = {(kind, name) for kind, name, _ in found_in_export(stack, search, set())}
    of_an_example = {("pulumi:providers:pulumi-python", "own-key:privateKey")}
    assert found == MAY_BE.keys() - of_an_example


def test_aws_settings(sandbox, open_stack):
    """Credentials, external ids and default tags stay secret, with zones in another account too."""
    domain = "secrets.example"
    role = zone_of_another_account(sandbox, domain)
    stack = open_stack()

    def declare(generation, *, account=sandbox.account):
        written = {
            "generation": generation,
            "published": [generation],
            "keyStore": "secretsManager",
        }
        sign_in(stack, account)
        stack.declare({domain: written | {"dns": {"assumeRole": role}}})

    declare(1)
    previewed = stack.preview()
    assert previewed.ok, previewed.errors
    stack.apply()
    assert sandbox.ses.identities(REGION)[domain].tags["centre"] == TAG
    assert stack.refresh().ok
    # From another account than all of it is in: what is said of that quotes no secret either.
    declare(2, account=sandbox.aws.add_account())
    assert stack.up().failed
    assert places(stack) == {}


def test_settings_of_ours(sandbox, open_stack):
    """A secret that would not stay one is refused before anything is stored."""
    domain = "kms.example"
    sandbox.add_zone(domain)
    stack = open_stack({domain: {"generation": 1, "keyStore": {"provider": "secretsManager"}}})
    path = f'ses-byodkim:domains["{domain}"].keyStore.kmsKeyId'
    key = f"arn:aws:kms:{REGION}:{sandbox.account}:key/7f3c5a10-6f1f-4f0e-9a52-0c6d3c1f2b8e"
    stack.set_secret(path, key)
    with requests(sandbox) as asked:
        refused = stack.up()
    assert refused.failed
    assert problems(refused, "domains") == [
        ": holds an encrypted value, which would be unencrypted in the stack's state: "
        "private keys go into privateKeys, a host's secrets into dnsCredentials, all else is "
        "set without "
        "`--secret`"
    ]
    assert (asked.ses, asked.dns) == ([], [])
    assert places(stack) == {}


def test_copied_ciphertext(sandbox, open_stack, monkeypatch):
    """
    A ciphertext that somebody copies to where a foreign account would get it stops the preview.
    """
    stack = open_stack()
    theirs = f"arn:aws:iam::{sandbox.aws.add_account()}:role/theirs"
    credentials = {"godaddy": {"token": stack.encrypted(TOKEN)}}
    roles = [{"roleArn": theirs, "externalId": credentials["godaddy"]["token"]}]
    stack.configure(
        {
            **stack._shared,
            "aws:assumeRoles": roles,
            "ses-byodkim:dnsCredentials": credentials,
            "ses-byodkim:domains": {"example.com": {"generation": 1, "dns": "manual"}},
        }
    )
    assumed = []
    monkeypatch.setattr(STSBackend, "assume_role", lambda *_, **given: assumed.append(given))
    refused = stack.preview()
    assert refused.failed
    assert (
        "aws:assumeRoles[0].externalId: is the secret of `pulumi config set --secret --path "
        "'dnsCredentials[\"godaddy\"].token'`, and would be sent to AWS"
    ) in refused.stdout
    assert assumed == []
    assert places(stack) == {}
