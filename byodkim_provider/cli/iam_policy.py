"""
`byodkim iam-policy`: prints the smallest IAM policy that the credentials of a stack need.

It uses the configuration and the state, and does not call AWS. `permissions` has the table of
actions; this module finds out on what a stack needs them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import click

from byodkim_provider.aws.permissions import MAX_POLICY_CHARACTERS, Scope, policy, size_of
from byodkim_provider.cli.chosen import stack_option
from byodkim_provider.cli.environment import Environment, partition_here
from byodkim_provider.cli.stack import Domain, Stack, open_stack, project_file
from byodkim_provider.cli.terminal import as_json, say
from byodkim_provider.dkim.key_secret import PREFIX
from byodkim_provider.identity.state import ROUTE53
from byodkim_provider.messages.cli import CliMessages

_READS: Final = ("ses:GetEmailIdentity", "ses:ListEmailIdentities")
SCAN: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": _READS, "Resource": "*"}],
}
"""What `byodkim scan` calls, on every identity of an account."""


@click.command(
    "iam-policy",
    epilog="""\b
Exit codes:
  0  the policy is printed
  2  wrong usage, or the stack could not be read
""",
)
@stack_option()
@click.option(
    "--role",
    metavar="ARN",
    help=(
        "For this role, one of those that the stack assumes; by default for the credentials it "
        "starts with."
    ),
)
@click.option(
    "--json",
    is_flag=True,
    expose_value=False,
    help="The policy is JSON anyway; errors are too then.",
)
@click.option(
    "--scan", is_flag=True, help="For `byodkim scan` instead of a stack: it reads, no more."
)
@click.pass_context
def iam_policy(context: click.Context, name: str | None, role: str | None, scan: bool) -> None:
    """
    Print the smallest IAM policy for a stack.

    Outside of a project and without --stack it is the policy for any stack in one account, without
    the records of `mailFrom`, roles and KMS keys. What Pulumi itself needs for its state and for
    secrets is not in it.
    """
    if scan:
        if name or role:
            raise click.UsageError("--scan is for an account: give it without --stack and --role.")
        click.echo(as_json(SCAN))
        return
    environment = context.ensure_object(Environment)
    scopes: dict[str | None, Scope]
    if name is None and not project_file(environment.directory):
        say(CliMessages.ANY_DOMAIN())
        scopes = {None: any_stack()}
    else:
        scopes = scopes_of(open_stack(name, environment))
    if role not in scopes:
        known = ", ".join(one for one in scopes if one) or "it assumes none"
        raise click.BadParameter(
            f"the stack does not assume {role!r}: {known}", param_hint="--role"
        )
    document = policy(scopes[role])
    for other in scopes:
        if other and role is None:
            say(CliMessages.ROLE(role=other))
    if size_of(document) > MAX_POLICY_CHARACTERS:
        say(CliMessages.LONG_POLICY(length=size_of(document), most=MAX_POLICY_CHARACTERS))
    click.echo(as_json(document))


def any_stack() -> Scope:
    """Any stack in one account, whatever its domains: for people who have no stack yet."""
    scope = Scope(partition_here())
    _add_identity(scope, "*", "*", configuration_set="*")
    scope.add("identity with mailFrom", *scope.arns["identity"])
    _add_secrets(scope, "*", "", None)
    _add_records(scope, "*", None, by_name=True)
    return scope


def scopes_of(stack: Stack) -> dict[str | None, Scope]:
    """What each role is used for; None is for the credentials that `pulumi` starts with."""
    # The state has no Region of a domain that a program of the user's own has retired.
    regions = [region for domain in stack.settings.domains for region in domain.regions]
    partition, mail_from = partition_here(next(iter(regions), stack.region)), _mail_from(stack)
    scopes: dict[str | None, Scope] = {}
    assuming: str | None = None
    for one in stack.aws().roles:
        arn = one["RoleArn"]
        scopes[assuming] = Scope(partition, arns={"role": {arn}})
        if "Tags" in one:
            scopes[assuming].add("role with tags", arn)
        if "SourceIdentity" in one:
            scopes[assuming].add("role with a sourceIdentity", arn)
        assuming = arn
    main = scopes[assuming] = _identities(stack, partition)
    unknown = []
    if "identity" in main.arns:
        unknown += ["the account"] if main.account == "*" else []
        unknown += (
            ["the id of the stack, with which its owner tags begin"]
            if main.owners == ("*",)
            else []
        )
    zones = [
        zone for domain in stack.domains.values() for zone in _zones(domain, stack.state.roles)
    ]

    def scope_of(role: str | None) -> Scope:
        if role and role not in scopes:
            scopes[role] = Scope(partition)
            main.add("role", role)
        return scopes[role or assuming]

    for role, name, zone_id in _mail_from_zones(stack):
        scope = scope_of(role)
        _add_zone(scope, zone_id, by_name=True)
        scope.records.add(name)
        unknown += [f"the hosted zone of {name}"] if zone_id is None else []
    for role, name, zone_id, by_name in zones:
        scope = scope_of(role)
        _add_records(scope, name, zone_id, by_name=by_name)
        scope.records.update(one for one in mail_from if one.endswith(f".{name}"))
        unknown += [f"the hosted zone of {name}"] if zone_id is None else []
    if unknown:
        say(CliMessages.UNKNOWN(what=", ".join(dict.fromkeys(unknown))))
    return scopes


def _identities(stack: Stack, partition: str) -> Scope:
    """
    Identities and secrets that are declared, and those in the state, which may have to be deleted.
    """
    stored = [one.declared for group in stack.state.identities.values() for one in group]
    accounts = {one.account_id for one in stored if one.account_id}
    # An identity keeps its owner when the id of the stack is replaced.
    ids = {stack.state.stack_id, *(one.owner.split("/")[0] for one in stored)}
    scope = Scope(
        partition,
        account=accounts.pop() if len(accounts) == 1 else "*",
        owners=tuple(sorted(f"{one}/*" for one in ids)) if stack.state.stack_id else ("*",),
    )
    for one in stored:
        _add_identity(scope, one.region, one.domain)
    for domain in stack.settings.domains:
        for region in () if domain.retired else domain.regions:
            arn = _add_identity(
                scope, region, domain.name, configuration_set=domain.configuration_set
            )
            if domain.adopt:
                scope.add("identity to adopt", arn)
        store = domain.key_store
        if store.provider == "secretsManager" and domain.regions:
            name = f"{stack.project}/{stack.name.split('/')[-1]}/"
            _add_secrets(scope, domain.regions[0], name, store.kms_key_id)
    if _mail_from(stack):
        scope.add("identity with mailFrom", *scope.arns.get("any identity", ()))
    for secret, kms_key_id in stack.state.secrets.items():
        *_, region, _, _, name = secret.split(":", 6)
        project, stack_name, _ = name.removeprefix(PREFIX).split("/", 2)
        _add_secrets(scope, region, f"{project}/{stack_name}/", kms_key_id)
    return scope


def _add_identity(
    scope: Scope, region: str, domain: str, *, configuration_set: str | None = None
) -> str:
    arn = scope.arn("ses", region, f"identity/{domain}")
    scope.add("identity", arn)
    # As long as any owner tag counts as ours, a wildcard would reach the identities of other
    # stacks.
    names = domain if scope.owners == ("*",) else "*"
    scope.add("any identity", scope.arn("ses", region, f"identity/{names}"))
    scope.add("identity to read", scope.arn("ses", "*", f"identity/{names}"))
    scope.add("any", "*")
    if configuration_set:
        scope.add(
            "configuration set", scope.arn("ses", region, f"configuration-set/{configuration_set}")
        )
    return arn


def _add_secrets(scope: Scope, region: str, name: str, kms_key_id: str | None) -> None:
    """
    Secrets whose names begin with *name*, encrypted by a key's ID, ARN or alias, or by AWS's own
    key.
    """
    scope.add("secret", scope.arn("secretsmanager", region, f"secret:{PREFIX}{name}*"))
    if kms_key_id:
        scope.key_regions.add(region)
        _, is_alias, alias = kms_key_id.rpartition("alias/")
        if is_alias:
            scope.aliases.add(f"alias/{alias}")
            scope.add("KMS alias", scope.arn("kms", region, "key/*"))
        elif kms_key_id.startswith("arn:"):
            scope.add("KMS key", kms_key_id)
        else:
            scope.add("KMS key", scope.arn("kms", region, f"key/{kms_key_id}"))


def _add_records(scope: Scope, domain: str, zone_id: str | None, *, by_name: bool) -> None:
    """The records of *domain* in its zone; None: any, since it is not known yet."""
    _add_zone(scope, zone_id, by_name=by_name)
    scope.records.add(f"*._domainkey.{domain}")


def _add_zone(scope: Scope, zone_id: str | None, *, by_name: bool) -> None:
    route53 = f"arn:{scope.partition}:route53:::"
    zone = f"{route53}hostedzone/{zone_id or '*'}"
    scope.add("zone", zone)
    # If two zones have the same name, both are read to distinguish them.
    scope.add("zone to read", f"{route53}hostedzone/*" if by_name else zone)
    scope.add("any zone", "*")
    scope.add("any change", f"{route53}change/*")


def _mail_from_zones(stack: Stack) -> Iterator[tuple[str | None, str, str | None]]:
    """
    Where records of MAIL FROM stand in a zone apart: role, MAIL FROM domain, and the zone's id.

    Those that are declared, and those in the state, which may have to go.
    """
    known = stack.state.mail_from_zones
    for domain in stack.settings.domains:
        if domain.mail_from is not None and domain.mail_from.zone is not None:
            [dns] = domain.mail_from_dns
            for name in domain.mail_from_domains.values():
                yield dns.assume_role, name, known.get(name)
    stored = [one.declared for group in stack.state.identities.values() for one in group]
    of_keys = {label for one in stored for label in one.dns}
    for name, zone_id in known.items():
        if f"{ROUTE53}{zone_id}" not in of_keys:
            yield stack.state.roles.get(zone_id), name, zone_id


def _mail_from(stack: Stack) -> set[str]:
    """The MAIL FROM domains of a stack, those in the state too, which may have to go."""
    return {*stack.state.mail_from}.union(
        *(one.mail_from_domains.values() for one in stack.settings.domains)
    )


def _zones(
    domain: Domain, roles: Mapping[str, str]
) -> Iterator[tuple[str | None, str, str | None, bool]]:
    """
    The zones of a domain's records: those that are declared, and those in the state.

    Of each: the role that writes there, the end of the records' names, its id, whether it is found
    by name.
    """

    def name(zone: str | None) -> str:
        """What the names of records end with: in *zone*, if that is not the domain's own."""
        return f"{domain.name}.{zone}" if zone else domain.name

    places = [one for one in domain.settings.dns if one.provider == "route53"]
    labels = {
        label
        for one in domain.identities
        for label in one.declared.dns
        if label.startswith(ROUTE53)
    }
    known = {one.removeprefix(ROUTE53) for one in labels} - {one.zone_id for one in places}
    by_name = [one for one in places if not one.zone_id]
    # Of several zones that are found by name, the state does not say which belongs to which place.
    found: list[str | None] = [*sorted(known)] if len(known) >= len(by_name) else [None]
    for place in places:
        for zone_id in [place.zone_id] if place.zone_id else found:
            yield place.assume_role, name(place.cname and place.zone), zone_id, not place.zone_id
    for zone_id in () if by_name else sorted(known):  # the next `up` deletes the records there
        for zone in sorted({None, *(one.declared.cname for one in domain.identities)}, key=str):
            yield roles.get(zone_id), name(zone), zone_id, False
