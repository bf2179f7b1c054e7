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
    stored = [one.declared for domain in stack.domains.values() for one in domain.identities]
    identities = {(one.region, one.domain) for one in stored}
    adopted: set[tuple[str, str]] = set()
    records: set[str] = set()
    for domain in stack.planned.values():
        declared = {(region, domain.name) for region in domain.regions}
        identities |= declared
        if domain.settings.adopt:
            adopted |= declared
        records |= _record_names(domain)
    secrets = _secret_prefixes(stack)
    zones = _zones(stack)
    stack_id = stack.state.stack_id
    account = next((one.account_id for one in stored if one.account_id), "*")
    if stack_id is None or "*" in (account, *zones):
        say(CliMessages.UNKNOWN())
    partition = partition_here(min(identities)[0] if identities else stack.region)

    def of_ses(kind: str, names: Collection[tuple[str, str]]) -> list[str]:
        return [f"arn:{partition}:ses:{region}:{account}:{kind}/{name}" for region, name in names]

    everything = {(region, "*") for region, _ in identities}
    arns: dict[str, Collection[str]] = {
        "identity": of_ses("identity", identities),
        "identity to adopt": of_ses("identity", adopted),
        "configuration set": of_ses("configuration-set", everything),
        "any": ["*"],
        "secret": [f"arn:{partition}:secretsmanager:*:{account}:secret:{one}*" for one in secrets],
        "KMS key": [f"arn:{partition}:kms:*:*:key/*"] if secrets else [],
        "zone": [f"arn:{partition}:route53:::hostedzone/{zone}" for zone in zones],
        "role": _roles(stack),
    }
    if stack_id is None:  # any tag counts as ours: a wildcard would reach others' identities
        owners = ["*"]
        arns["any identity"] = arns["identity"]
    else:  # an identity keeps its owner when the id of the stack is replaced
        ids = {stack_id, *(one.owner.split("/")[0] for one in stored)}
        owners = [f"{one}/*" for one in ids]
        arns["any identity"] = of_ses("identity", everything)
    return policy(arns, owners, records)


def _record_names(domain: Domain) -> set[str]:
    """Names of the domain's records: of MAIL FROM, and of keys with `*` for their selectors."""
    keys = f"*._domainkey.{domain.name}"
    names = {*domain.settings.mail_from_domains.values()}
    for dns in domain.settings.dns:
        names.add(f"{keys}.{dns.zone}" if dns.cname else keys)
    for identity in domain.identities:
        for zone in identity.declared.zones:
            names.add(f"{keys}.{zone.name}" if zone.cname else keys)
        if identity.declared.mail_from_domain:
            names.add(identity.declared.mail_from_domain)
    return names


def _roles(stack: Stack) -> set[str]:
    """ARNs of the roles that the stack assumes, and of those that its last run assumed for DNS."""
    roles = {role["RoleArn"] for role in stack.aws().roles}
    for domain in (*stack.domains.values(), *stack.planned.values()):
        roles |= {dns.assume_role for dns in domain.settings.dns if dns.assume_role}
    return roles


def _secret_prefixes(stack: Stack) -> set[str]:
    """What the names of the stack's secrets begin with; it may have had another name."""
    prefixes = {_secret_prefix(arn) for arn in stack.state.secrets}
    for domain in stack.planned.values():
        if domain.regions and domain.settings.key_store.provider == "secretsManager":
            prefixes.add(f"{PREFIX}{stack.project}/{stack.name.split('/')[-1]}/")
    return prefixes


def _secret_prefix(arn: str) -> str:
    """
    What the names of a stack's secrets begin with, by the *arn* of one.

    >>> arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
    >>> _secret_prefix(f"{arn}byodkim/mail/dev/example.com/1-AbCdEf")
    'byodkim/mail/dev/'
    """
    name = arn.split(":", 6)[6]
    return name.rsplit("/", 2)[0] + "/"


def _zones(stack: Stack) -> set[str]:
    """
    IDs of the zones in Route 53 that have records of the stack, or will have; `*` if the next run
    has to look one up.
    """
    zones = {*stack.state.zones}
    for domain in stack.planned.values():
        settings = domain.settings
        ids = [dns.zone_id for dns in settings.dns if dns.provider == "route53"]
        if settings.mail_from and settings.mail_from.zone:
            ids.append(None)
        zones |= {zone_id for zone_id in ids if zone_id}
        if None in ids and not _has_its_records(domain, stack.domains.get(domain.name)):
            return {"*"}
    return zones


def _has_its_records(domain: Domain, last: Domain | None) -> bool:
    """
    Whether the last run has made the records of *domain*, which it had as *last*.

    It makes an identity after the records.
    """
    if last is None:
        return False
    settings, before = domain.settings, last.settings
    is_moved = (settings.dns, settings.mail_from) != (before.dns, before.mail_from)
    made = {identity.declared.region for identity in domain.identities}
    return not is_moved and made.issuperset(domain.regions)
