"""
`byodkim scan`: reads which domains SES has in an account, and writes the entries that adopt them.

It never writes to AWS. Names come first, from list pages; then one read for each identity that is
asked for. `scan_entries` says what becomes of each.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from itertools import chain
from typing import Any, Final, get_args

import click

from byodkim_provider.aws.connections import Connections
from byodkim_provider.aws.route53 import Route53Client
from byodkim_provider.aws.ses import MANAGED
from byodkim_provider.aws.settings import AwsSettings, partition_of, redirection_warnings, regions_with_ses
from byodkim_provider.cli import scan_entries
from byodkim_provider.cli.chosen import StackName, checked, json_option
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.messages import CannotRead, Refused, ask_all, confirmed, inert, say, write_file
from byodkim_provider.cli.scan_entries import Found, home_of
from byodkim_provider.cli.source import Source
from byodkim_provider.cli.stack import Stack, open_stack, settings_in
from byodkim_provider.config import stack_file
from byodkim_provider.config.values import REGION, RESOLVER_ADDRESS
from byodkim_provider.dkim.records import normalise_domain
from byodkim_provider.errors import ByodkimError, InvalidSettings
from byodkim_provider.identity.ownership import Signing, signing
from byodkim_provider.messages.cli import CliNote, CliProblem
from byodkim_provider.property_types import timestamp
from byodkim_provider.quoting import did_you_mean

PAGE: Final = "docs/how-to/adopt-an-account.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the user asks for."""

    region: tuple[str, ...]
    """Empty: every Region."""
    domain: tuple[str, ...]
    exclude: tuple[str, ...]
    signing: tuple[Signing, ...]
    limit: int | None
    nameserver: tuple[str, ...]

    def matches(self, domain: str) -> bool:
        """Whether the name of *domain* is asked for."""
        wanted = not self.domain or any(fnmatchcase(domain, pattern) for pattern in self.domain)
        return wanted and not any(fnmatchcase(domain, pattern) for pattern in self.exclude)


@click.command(
    epilog="""\b
Exit codes:
  0    done, or nothing to adopt
  1    refused or declined, and nothing was written
  2    wrong usage, the account could not be read, or the file not be written
  130  interrupted, and nothing was written
"""
)
@click.option(
    "--region",
    type=checked(REGION.read),
    multiple=True,
    metavar="REGION",
    help="A Region to read; may be repeated. Default: every Region that has SES and is enabled.",
)
@click.option(
    "--domain", type=str.lower, multiple=True, metavar="GLOB", help="Only such domains, as '*.example.com'."
)
@click.option("--exclude", type=str.lower, multiple=True, metavar="GLOB", help="No such domains.")
@click.option(
    "--signing",
    type=click.Choice(get_args(Signing)),
    multiple=True,
    help="Only domains that sign so in one Region at least; `none`: mail is unsigned.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most N domains, first by name.")
@click.option(
    "-s",
    "--stack",
    "name",
    type=StackName(),
    metavar="STACK",
    help="Leave out what this stack has; use its AWS settings.",
)
@click.option("--add", is_flag=True, help="Add the domains to the stack's file, after a question.")
@click.option("--yes", is_flag=True, help="With --add: no question.")
@json_option
@click.option(
    "--nameserver",
    type=checked(RESOLVER_ADDRESS.read),
    multiple=True,
    metavar="ADDRESS:PORT",
    help="Ask this resolver which name servers a domain has, where the system's resolvers do not see the "
    "Internet's DNS. A new stack file names it as `dnsResolvers`. Default: the system's.",
)
@click.pass_context
def scan(
    context: click.Context, /, *, name: str | None, add: bool, yes: bool, as_json: bool, **asked: Any
) -> None:
    """
    Read which identities an account has, and print a stack file that adopts them.

    Changes nothing in AWS. SES allows about one read a second in each Region: adopt a large account
    in waves, with --limit and --add. What the stack has already is not read.
    """
    if add and as_json:
        raise click.UsageError("Give --add or --json, not both.")
    if yes and not add:
        raise click.UsageError("--yes needs --add.")
    environment, wanted = context.ensure_object(Environment), Asked(**asked)
    stack = open_stack(name, environment) if name or add else None
    settings = stack.aws() if stack else AwsSettings()
    if not stack:
        for line in redirection_warnings(settings.endpoints, os.environ):
            say(line)
    account = environment.account(settings)
    account_id, domains, left_out = _listed(account, wanted, stack)
    found = _found(account, domains, wanted, environment, left_out) if domains else []
    for why in left_out:
        say(CliNote.LEFT_OUT(why=why))
    summary = scan_entries.summary(found)
    say(summary if found else CliNote.NOTHING_TO_ADOPT())
    most = Counter(region for one in found for region in one.identities).most_common(1)
    region = (stack and stack.region) or next((one for one, _ in most), "")
    shared = scan_entries.file_settings(account_id, region, wanted.nameserver)
    if as_json:
        shown = [scan_entries.as_value(one, [region]) for one in found]
        value = {"account": account_id, "left_out": left_out, "domains": shown}
        click.echo(json.dumps(value, indent=2, default=timestamp))
    elif add and stack and found:
        _add(stack, found, shared, environment, yes=yes)
    elif found:
        head = (
            f"`byodkim scan` of AWS account {account_id} on {environment.clock.now():%Y-%m-%d}: {summary}.",
            "Each comment says what `pulumi up` does, and what there is to decide.",
            f"How to go on: {PAGE}",
            *(f"Left out: {why}." for why in left_out),
        )
        click.echo(scan_entries.as_stack_file(found, head, shared), nl=False)


def _listed(
    account: Connections, asked: Asked, stack: Stack | None
) -> tuple[str, dict[str, list[str]], list[str]]:
    """
    The account, its domains that are asked for and not in *stack*, with their Regions, and what is left out.

    Unless the user names Regions, one that does not answer is left out: an account has Regions that
    are not enabled. If none answers, the first error is raised.
    """
    here = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    partition = partition_of((stack.region if stack else None) or here)
    regions = asked.region or regions_with_ses(partition)
    errors: dict[str, ByodkimError] = {}

    def names(region: str) -> list[tuple[str, str, bool]]:
        try:
            pages = account.ses(region, None).list_email_identities()
            return [(one.name, region, one.identity_type == MANAGED) for page in pages for one in page]
        except ByodkimError as error:
            if asked.region:
                raise
            errors[region] = error
            return []

    listed = ask_all([(f"SES {region}", partial(names, region)) for region in regions])
    answering = [region for region in regions if region not in errors]
    if not answering:
        raise errors[regions[0]]
    if errors:
        say(CliNote.REGIONS(regions=", ".join(sorted(errors))))
    domains: dict[str, list[str]] = {}
    invalid: dict[str, str] = {}
    addresses = managed = 0
    for spelling, region, is_managed in sorted(chain.from_iterable(listed)):
        if "@" in spelling or is_managed:
            addresses += not is_managed
            managed += is_managed
            continue
        try:
            domains.setdefault(normalise_domain(spelling), []).append(region)
        except ValueError as error:
            invalid[spelling] = str(error)
    for pattern in asked.domain:
        if not any(fnmatchcase(one.lower(), pattern) for one in (*domains, *invalid)):
            meant = did_you_mean(pattern, (*domains, *invalid))
            raise CannotRead(CliProblem.NOT_IN_SES(pattern=pattern, did_you_mean=meant))
    already = domains.keys() & _declared(stack) if stack else set()
    counts = {
        "e-mail addresses, which inherit the DKIM of their domain": addresses,
        "domains that another AWS service manages (MANAGED_DOMAIN)": managed,
        "domains that the stack has": len(already),
    }
    return (
        account.account_id(answering[0]),
        {one: domains[one] for one in sorted(domains.keys() - already) if asked.matches(one)},
        [*(f"{what}: {count}" for what, count in counts.items() if count), *invalid.values()],
    )


def _found(
    account: Connections,
    domains: Mapping[str, Sequence[str]],
    asked: Asked,
    environment: Environment,
    left_out: list[str],
) -> list[Found]:
    """Those of *domains* that get an entry, sorted; why others get none is added to *left_out*."""
    found: list[Found] = []
    rest = list(domains)
    route53 = _route53(account, domains[rest[0]][0])
    lookup = environment.hosting(asked.nameserver)

    def read(domain: str) -> Found | None:
        """What SES and DNS have; None if it does not sign as is asked for, or was deleted meanwhile."""
        seen = {region: account.ses(region, None).get_email_identity(domain) for region in domains[domain]}
        identities = {region: one for region, one in seen.items() if one}
        if not any(not asked.signing or signing(one) in asked.signing for one in identities.values()):
            return None
        zone = lookup(domain)
        return Found(domain, identities, zone, home_of(domain, zone, route53))

    while rest and (asked.limit is None or len(found) < asked.limit):
        size = len(rest) if asked.limit is None else asked.limit - len(found)
        for one in filter(None, ask_all([(each, partial(read, each)) for each in rest[:size]])):
            if why := scan_entries.why_no_entry(one, named=one.domain in asked.domain):
                left_out.append(why)
            else:
                found.append(one)
        rest = rest[size:]
    return found


def _route53(account: Connections, region: str) -> Route53Client | None:
    """Route 53, if its zones can be read; without the permission name servers alone say where DNS is."""
    try:
        route53 = account.route53(region, None)
        route53.zones()
    except ByodkimError as error:
        say(CliNote.NO_ZONES(error=error))
        return None
    return route53


def _declared(stack: Stack) -> Mapping[str, Any]:
    """The domains of *stack* in its configuration, by normalised name; none before the first one."""
    return stack.domains if isinstance(stack.ours.get("domains"), Mapping) else {}


def _add(
    stack: Stack, found: Sequence[Found], shared: Mapping[str, Any], environment: Environment, *, yes: bool
) -> None:
    """Add *found* to the file of *stack*: print the change, ask, write. Raises `Refused`."""
    domains = _declared(stack)
    if domains and stack.source.file != stack.file:
        raise Refused(CliProblem.SHARED_FILE(file=stack.source.shown))
    file, shown = stack.file, str(stack.file.relative_to(stack.directory))
    text = file.read_bytes().decode() if file.exists() else ""
    defaults = stack.ours.get("defaults")
    regions = defaults.get("regions") if isinstance(defaults, Mapping) else None
    regions = regions if isinstance(regions, list) else [shared["aws:region"]]
    # The others would change the settings of the domains that the stack has.
    missing = ({scan_entries.ACCOUNTS} if domains else shared.keys()) - stack.config.keys()
    others = {name: scan_entries.in_yaml(value) for name, value in shared.items() if name in missing}
    try:
        entries = partial(scan_entries.as_entries, found, regions)
        changed = stack_file.with_domains(text, stack.project, entries, others=others)
        after = {**domains, **{one.domain: scan_entries.entry(one, regions) for one in found}}
        settings_in({**stack.ours, "domains": after}, shared["aws:region"])
    except InvalidSettings as error:
        raise Refused(f"{shown}: {error}") from None
    click.echo(inert(stack_file.diff(text, changed, shown)), nl=False)
    if not yes and not (environment.at_terminal() and confirmed(f"write {shown}")):
        raise Refused(CliProblem.NOT_ASKED())
    if file.exists():
        Source(file, shown, text, (), {}).replaced_by(changed)
        say(CliNote.WRITTEN(file=shown))
    else:
        write_file(file, changed)
    say(CliNote.EXCLUDE())
