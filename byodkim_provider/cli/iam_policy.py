"""
`byodkim iam-policy`: prints the IAM policy that the credentials of a stack need.

It uses the configuration and the state, and does not call AWS.
"""

from collections.abc import Collection
from typing import Any

import click

from byodkim_provider.aws.permissions import policy
from byodkim_provider.cli.chosen import stack_option
from byodkim_provider.cli.environment import Environment, partition_here, pass_environment
from byodkim_provider.cli.stack import Stack, open_stack
from byodkim_provider.cli.state import Domain
from byodkim_provider.cli.terminal import as_json, say
from byodkim_provider.dkim.key_secret import PREFIX
from byodkim_provider.hosts.zones import ROUTE53
from byodkim_provider.messages.cli import CliMessages


@click.command(
    "iam-policy",
    epilog="""\b
Exit codes:
  0  the policy is printed
  2  wrong usage, or the stack could not be read
""",
)
@stack_option()
@pass_environment
def iam_policy(environment: Environment, name: str | None) -> None:
    """
    Print the IAM policy for a stack.

    Before the first `pulumi up` it is of the configuration. What Pulumi itself needs for its state
    and for secrets is not in it.
    """
    click.echo(as_json(policy_of(open_stack(name, environment))))


def policy_of(stack: Stack) -> dict[str, Any]:
    """The policy for what *stack* declares, and for what is in its state, which may have to go."""
    state = stack.state
    stored = [one.declared for domain in stack.domains.values() for one in domain.identities]
    identities = {(one.region, one.domain) for one in stored}
    adopted: set[tuple[str, str]] = set()
    roles = {role["RoleArn"] for role in stack.aws().roles}
    secrets = {arn.split(":", 6)[6].rsplit("/", 2)[0] + "/" for arn in state.secrets}
    zones = {*state.mail_from_zones.values()}
    records = {one.mail_from_domain for one in stored if one.mail_from_domain}
    for domain in (*stack.domains.values(), *stack.planned.values()):
        roles |= {dns.assume_role for dns in domain.settings.dns if dns.assume_role}
    for domain in stack.planned.values():
        settings = domain.settings
        declared = {(region, domain.name) for region in domain.regions}
        identities |= declared
        if settings.adopt:
            adopted |= declared
        if declared and settings.key_store.provider == "secretsManager":
            secrets.add(f"{PREFIX}{stack.project}/{stack.name.split('/')[-1]}/")
        zones |= _zones(domain)
        mail_from = {*settings.mail_from_domains.values()}
        if settings.mail_from and settings.mail_from.zone:
            zones |= {state.mail_from_zones.get(name, "*") for name in mail_from}
        apart = {dns.zone if dns.cname else None for dns in settings.dns}
        apart |= {one.declared.cname or None for one in domain.identities}
        keys = f"*._domainkey.{domain.name}"
        records |= mail_from | {f"{keys}.{zone}" if zone else keys for zone in apart}
    zones = {"*"} if "*" in zones else zones
    if "*" in zones or not state.stack_id:
        say(CliMessages.UNKNOWN())
    partition = partition_here(min(identities)[0] if identities else stack.region)
    account = next((one.account_id for one in stored if one.account_id), "*")
    ses = f"arn:{partition}:ses:{{}}:{account}:{{}}"
    regions = {region for region, _ in identities}
    arns: dict[str, Collection[str]] = {
        "identity": [ses.format(region, f"identity/{name}") for region, name in identities],
        "identity to adopt": [ses.format(region, f"identity/{name}") for region, name in adopted],
        "any identity": [ses.format(region, "identity/*") for region in regions],
        "configuration set": [ses.format(region, "configuration-set/*") for region in regions],
        "any": ["*"],
        "secret": [f"arn:{partition}:secretsmanager:*:{account}:secret:{one}*" for one in secrets],
        "KMS key": [f"arn:{partition}:kms:*:*:key/*"] if secrets else [],
        "zone": [f"arn:{partition}:route53:::hostedzone/{zone}" for zone in zones],
        "role": roles,
    }
    # An identity keeps its owner when the id of the stack is replaced.
    ids = {state.stack_id, *(one.owner.split("/")[0] for one in stored)}
    owners = [f"{one}/*" for one in ids]
    if state.stack_id is None:  # any tag counts as ours: a wildcard would reach others' identities
        owners, arns["any identity"] = ["*"], arns["identity"]
    return policy(arns, owners, records)


def _zones(domain: Domain) -> set[str]:
    """IDs of the zones of a domain's records in Route 53; `*` for one that is not known yet."""
    listed = [dns for dns in domain.settings.dns if dns.provider == "route53"]
    given = {dns.zone_id for dns in listed if dns.zone_id}
    zones = [zone for one in domain.identities for zone in one.declared.zones]
    stored = {zone.id for zone in zones if zone.provider == ROUTE53}
    are_known = len(stored - given) >= len([dns for dns in listed if not dns.zone_id])
    return given | stored | (set() if are_known else {"*"})
