"""
`byodkim iam-policy`: prints the smallest IAM policy that the credentials of a stack need.

It uses the configuration and the state, and does not call AWS. `permissions` has the table of
actions; this module finds out what a stack needs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import click

from byodkim_provider.aws.session import AwsSettings
from byodkim_provider.cli import least_privilege
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.least_privilege import IdentityAccess, Records, Role, Scope, Secrets
from byodkim_provider.cli.messages import say
from byodkim_provider.cli.options import stack_option
from byodkim_provider.cli.stack import Stack, in_project, open_stack
from byodkim_provider.config.schema import DnsSettings
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim.key_secret import PREFIX, SecretArn
from byodkim_provider.identity.state import ROUTE53, Stored


@click.command(
    "iam-policy",
    epilog="""\b
Exit codes:
  0  the policy is printed
  2  wrong usage, or the stack could not be read
""",
)
@stack_option
@click.option(
    "--role",
    metavar="ARN",
    help="For this role, one of those that the stack assumes; by default for the credentials it starts with.",
)
@click.option(
    "--json", is_flag=True, expose_value=False, help="The policy is JSON anyway; errors are too then."
)
@click.option("--scan", is_flag=True, help="For `byodkim scan` instead of a stack: it reads, no more.")
@click.pass_context
def iam_policy(context: click.Context, name: str | None, role: str | None, scan: bool) -> None:
    """
    Print the smallest IAM policy for a stack.

    Outside of a project and without --stack it is the policy for any stack in one account. What
    Pulumi itself needs for its state and for secrets is not in it.
    """
    if scan:
        if name or role:
            raise click.UsageError("--scan is for an account: give it without --stack and --role.")
        click.echo(json.dumps(least_privilege.SCAN, indent=2))
        return
    environment = context.ensure_object(Environment)
    if name is None and not in_project(environment.directory):
        say("there is no project here: this is for any domain in any account")
        scopes: dict[str | None, Scope] = {None: least_privilege.ANY_STACK}
    else:
        scopes = scopes_of(open_stack(name, environment))
    if role not in scopes:
        known = ", ".join(one for one in scopes if one) or "it assumes none"
        raise click.BadParameter(f"the stack does not assume {role!r}: {known}", param_hint="--role")
    document = least_privilege.policy(scopes[role])
    for other in scopes:
        if other and role is None:
            say(f"--role {other}: the policy that this role needs")
    if least_privilege.size_of(document) > least_privilege.MAX_POLICY_CHARACTERS:
        say(
            f"it has {least_privilege.size_of(document)} characters and a managed policy takes "
            f"{least_privilege.MAX_POLICY_CHARACTERS}: cut it up, or use `*` for domains"
        )
    _say_what_is_not_known(scopes[role])
    click.echo(json.dumps(document, indent=2))


def _say_what_is_not_known(scope: Scope) -> None:
    if scope == least_privilege.ANY_STACK:
        return
    if scope.identities and scope.account == "*":
        say("the account is not known before the first `pulumi up`: `*` stands for it")
    if scope.identities and scope.owners == ("*",):
        say(
            "the id of the stack, which its owner tags begin with, is not known before the first "
            "`pulumi up`: `*` stands for it until the policy is printed again"
        )
    if domains := ", ".join(one.domain for one in scope.records if one.zone_id is None):
        say(
            f"the hosted zones of these domains are not known before their first `pulumi up`: {domains}; "
            "`*` stands for them until the policy is printed again"
        )


def scopes_of(stack: Stack) -> dict[str | None, Scope]:
    """What each role is used for; None is for the credentials that `pulumi` starts with."""
    aws = stack.aws()
    chain = [
        Role(one["RoleArn"], with_tags="Tags" in one, with_source_identity="SourceIdentity" in one)
        for one in aws.roles
    ]
    scopes: dict[str | None, Scope] = {}
    assuming: str | None = None
    for role in chain:
        scopes[assuming] = Scope(roles=(role,))
        assuming = role.arn
    records = dict(_records(stack))
    elsewhere = [arn for arn in records if arn is not None]
    scopes[assuming] = replace(
        _identities(stack, aws),
        records=records.get(None, ()),
        roles=tuple(Role(arn) for arn in elsewhere),
    )
    return scopes | {arn: Scope(records=records[arn]) for arn in elsewhere}


def _identities(stack: Stack, aws: AwsSettings) -> Scope:
    """The scope of SES: declared identities, and those in the state, which may have to be deleted."""
    stored = [one for group in stack.state.identities.values() for one in group]
    declared = {
        (region, domain.name): IdentityAccess(
            region, domain.name, adopt=domain.adopt, configuration_set=domain.configuration_set
        )
        for domain in stack.settings.domains
        for region in domain.regions
    }
    leaving = {
        (one.declared.region, one.declared.domain): IdentityAccess(
            one.declared.region, one.declared.domain, adopted=one.adopted
        )
        for one in stored
    }
    accounts = sorted({one.declared.account_id for one in stored if one.declared.account_id})
    return Scope(
        account=accounts[0] if len(accounts) == 1 else "*",
        owners=_owners(stack.state.stack_id, stored),
        identities=tuple((leaving | declared)[key] for key in sorted(leaving | declared)),
        secrets=tuple(_secrets(stack)),
        tags=bool(aws.default_tags) or any(domain.tags is not None for domain in stack.settings.domains),
    )


def _secrets(stack: Stack) -> Iterator[Secrets]:
    """Secrets that the configuration declares, and those in the state, which may have to be deleted."""
    for domain in stack.settings.domains:
        store = domain.key_store
        if store.provider == "secretsManager":
            yield Secrets(
                domain.regions[0],
                f"{PREFIX}{stack.project}/{stack.name.split('/')[-1]}/{domain.name}/*",
                kms_key_id=store.kms_key_id,
                resource_policy=store.resource_policy is not None,
            )
    for arn, kms_key_id in sorted(stack.state.secrets.items()):
        yield Secrets(SecretArn.parse(arn).region, arn.split(":", 6)[6], kms_key_id)


def _owners(stack_id: str | None, stored: list[Stored]) -> tuple[str, ...]:
    """Values of the owner tag that are the stack's. An identity keeps its owner when the id is replaced."""
    if stack_id is None:  # any owner: the id is made by the first `pulumi up`
        return ("*",)
    return tuple(
        sorted({f"{one}/*" for one in (stack_id, *(s.declared.owner.split("/")[0] for s in stored))})
    )


def _records(stack: Stack) -> Iterator[tuple[str | None, tuple[Records, ...]]]:
    """Records in Route 53, by the role that is assumed for them."""
    settings = {domain.name: domain for domain in stack.settings.domains}
    by_role: dict[str | None, list[Records]] = {}
    for domain in settings.values():
        for dns in domain.dns:
            if dns.provider == "route53":
                by_role.setdefault(dns.assume_role, []).extend(_records_of(domain, dns, stack))
    for name, group in stack.state.identities.items():
        if name not in settings:  # the next `up` deletes its records, with a role that is no longer known
            labels = {label for one in group for label in one.declared.dns}
            by_role.setdefault(None, []).extend(
                Records(name, zone_id=label.removeprefix(ROUTE53), by_name=False)
                for label in sorted(labels)
                if label.startswith(ROUTE53)
            )
    for role, records in by_role.items():
        if records:
            yield role, tuple(records)


def _records_of(domain: DomainSettings, dns: DnsSettings, stack: Stack) -> Iterator[Records]:
    if dns.zone_id:
        yield Records(domain.name, zone_id=dns.zone_id, by_name=False)
        return
    # Of several zones that are found by name, the state does not say which belongs to which entry of `dns`.
    by_id = {one.zone_id for one in domain.dns}
    by_name = [one for one in domain.dns if one.provider == "route53" and not one.zone_id]
    stored = stack.state.identities.get(domain.name, ())
    known = sorted(
        {
            label.removeprefix(ROUTE53)
            for one in stored
            for label in one.declared.dns
            if label.startswith(ROUTE53)
        }
        - by_id
    )
    for zone in known if len(known) >= len(by_name) else (None,):
        yield Records(domain.name, zone_id=zone)
