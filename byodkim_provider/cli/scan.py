"""
`byodkim scan`: reads which domains SES has in an account, and writes the entries that adopt them.

It never writes to AWS. Names come first, from list pages; then one read for each identity that is
asked for. `scan_entries` says what becomes of each.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from fnmatch import filter as matching
from functools import partial
from itertools import chain
from threading import Lock
from typing import Any, Final, get_args

import click

from byodkim_provider.aws.connections import Connections
from byodkim_provider.aws.route53 import Route53Client
from byodkim_provider.aws.ses import MANAGED
from byodkim_provider.aws.settings import AwsSettings, regions_with_ses
from byodkim_provider.cli.chosen import checked, stack_option
from byodkim_provider.cli.environment import Environment, partition_here, read_file, replace_file
from byodkim_provider.cli.scan_entries import (
    DnsHome,
    Found,
    as_entries,
    as_stack_file,
    comments,
    entry,
    home_of,
    in_yaml,
    summary,
    why_no_entry,
)
from byodkim_provider.cli.stack import Stack, announced, open_stack, settings_in
from byodkim_provider.cli.terminal import Refused, as_json, ask_all, confirmed, inert, say
from byodkim_provider.config import settings, stack_file
from byodkim_provider.config.values import REGION
from byodkim_provider.dkim.records import normalise_domain
from byodkim_provider.dns.resolver import HostingLookup, ZoneInDns
from byodkim_provider.errors import AwsRefused, ByodkimError, InvalidSettings
from byodkim_provider.identity.ownership import Signing, signing
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.property_types import RESOLVER
from byodkim_provider.quoting import did_you_mean

Strings = tuple[str, ...]

ACCOUNTS: Final = "aws:allowedAccountIds"


def _glob(pattern: str) -> str:
    """*pattern* as SES spells names of domains; a label with a wildcard only gets lower case."""
    labels = pattern.lower().removesuffix(".").split(".")
    for number, label in enumerate(labels):
        with suppress(ValueError):
            labels[number] = normalise_domain(f"{label}.example").removesuffix(".example")
    return ".".join(labels)


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
    "regions",
    type=checked(REGION.read),
    multiple=True,
    metavar="REGION",
    help="A Region to read; may be repeated. Default: every Region that has SES and is enabled.",
)
@click.option(
    "--domain",
    "wanted",
    type=_glob,
    multiple=True,
    metavar="GLOB",
    help="Only domains that match, such as '*.example.com'.",
)
@click.option(
    "--exclude", type=_glob, multiple=True, metavar="GLOB", help="Leave out domains that match."
)
@click.option(
    "--signing",
    "signs",
    type=click.Choice(get_args(Signing)),
    multiple=True,
    help="Only domains that sign this way in at least one Region; `none`: mail is unsigned.",
)
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", help="At most N domains, first by name."
)
@stack_option("name", "Leave out what this stack has; use its AWS settings.")
@click.option("--add", is_flag=True, help="Add the domains to the stack's file, after a question.")
@click.option("--yes", is_flag=True, help="With --add: no question.")
@click.option("--json", "wants_json", is_flag=True, help="Print JSON, errors too.")
@click.option(
    "--nameserver",
    "servers",
    type=checked(RESOLVER.read),
    multiple=True,
    metavar="ADDRESS:PORT",
    help="Ask this resolver which name servers a domain has, where the system's resolvers do not "
    "see the "
    "Internet's DNS. A new stack file names it as `dnsResolvers`. Default: the system's.",
)
@click.pass_context
def scan(
    context: click.Context,
    regions: Strings,
    wanted: Strings,
    exclude: Strings,
    signs: tuple[Signing, ...],
    limit: int | None,
    name: str | None,
    add: bool,
    yes: bool,
    wants_json: bool,
    servers: Strings,
) -> None:
    """
    Read which identities an account has, and print a stack file that adopts them.

    Changes nothing in AWS. SES allows about one read a second in each Region: adopt a large account
    in waves, with --limit and --add. What the stack has already is not read.
    """
    if add and wants_json:
        raise click.UsageError("Give --add or --json, not both.")
    if yes and not add:
        raise click.UsageError("--yes needs --add.")
    environment = context.ensure_object(Environment)
    stack = open_stack(name, environment) if name or add else None
    if stack and add and stack.has_own_program:
        raise Refused(CliMessages.OWN_PROGRAM(edits="without `--add` the entries are printed"))
    project = stack.project if stack else settings.PROJECT
    account = environment.account(stack.aws() if stack else announced(AwsSettings()))
    account_id, regions_of, left_out = _listed(account, stack, regions, wanted, exclude)
    found, others = _found(account, regions_of, environment.hosting(servers), wanted, signs, limit)
    for why in (left_out := left_out + others):
        say(CliMessages.LEFT_OUT(why=why))
    say(summary(found) if found else CliMessages.NOTHING_TO_ADOPT())
    most = Counter(region for one in found for region in one.identities).most_common(1)
    region = (stack and stack.region) or next((one for one, _ in most), "")
    # Of another account, a stack would make new identities in place of those that were found.
    shared: dict[str, Any] = {"aws:region": region, ACCOUNTS: [account_id]}
    if servers:
        shared[f"{project}:defaults"] = {"dnsResolvers": list(servers)}
    if wants_json:
        shown = [
            {
                **asdict(one),
                "signing": {each: signing(seen) for each, seen in one.identities.items()},
                "entry": entry(one, [region]),
                "comments": comments(one),
            }
            for one in found
        ]
        click.echo(as_json({"account": account_id, "left_out": left_out, "domains": shown}))
    elif add and stack and found:
        _add(stack, found, shared, environment, yes=yes)
    elif found:
        day = f"{environment.clock.now():%Y-%m-%d}"
        head = (
            f"`byodkim scan` of AWS account {account_id} on {day}: {summary(found)}.",
            "Each comment says what `pulumi up` does, and what there is to decide.",
            "How to go on: docs/how-to/adopt-an-account.md",
            *(f"Left out: {why}." for why in left_out),
        )
        click.echo(inert(as_stack_file(found, head, shared, f"{project}:domains")), nl=False)


def _listed(
    account: Connections, stack: Stack | None, asked: Strings, wanted: Strings, exclude: Strings
) -> tuple[str, dict[str, list[str]], list[str]]:
    """
    The account, its domains that are *wanted* and not in *stack*, with their Regions, and what is
    left out.

    Unless the user has *asked* for Regions, one that does not answer is left out: an account has
    Regions that are not enabled. If none answers, the first error is raised.
    """
    regions = asked or regions_with_ses(partition_here(stack.region if stack else None))
    errors: dict[str, ByodkimError] = {}

    def names(region: str) -> list[tuple[str, str, bool]]:
        try:
            pages = account.ses(region, None).list_email_identities()
            return [
                (one.name, region, one.identity_type == MANAGED) for page in pages for one in page
            ]
        except ByodkimError as error:
            if asked:
                raise
            errors[region] = error
            return []

    listed = ask_all([(f"SES {region}", partial(names, region)) for region in regions])
    answering = [region for region in regions if region not in errors]
    if not answering:
        raise errors[regions[0]]
    if errors:
        say(CliMessages.REGIONS(regions=", ".join(sorted(errors))))
    domains: dict[str, list[str]] = {}
    invalid: dict[str, str] = {}
    counted: defaultdict[str, set[str]] = defaultdict(set)
    for spelling, region, is_managed in sorted(chain.from_iterable(listed)):
        if is_managed:
            counted["domains that another AWS service manages (MANAGED_DOMAIN)"].add(spelling)
        elif "@" in spelling:
            counted["e-mail addresses, which inherit the DKIM of their domain"].add(spelling)
        else:
            try:
                domains.setdefault(normalise_domain(spelling), []).append(region)
            except ValueError as error:
                invalid[spelling.lower()] = str(error)
    known = {*domains, *invalid}
    for pattern in (*wanted, *exclude):
        if not matching(known, pattern):
            problem = CliMessages.NOT_IN_SES(
                pattern=pattern, did_you_mean=did_you_mean(pattern, known)
            )
            if pattern in wanted:
                raise Refused(problem, kind="CannotRead")
            say(problem)
    chosen = {one for pattern in wanted or ("*",) for one in matching(known, pattern)}
    chosen -= {one for pattern in exclude for one in matching(known, pattern)}
    already = chosen & {*stack.written, *stack.state.identities} if stack else set()
    counted["domains that the stack has"] |= already
    return (
        account.account_id(answering[0]),
        {one: domains[one] for one in sorted(chosen & domains.keys() - already)},
        [
            *(f"{what}: {len(names)}" for what, names in counted.items() if names),
            *(why for one, why in invalid.items() if one in chosen),
        ],
    )


def _found(
    account: Connections,
    regions_of: Mapping[str, Sequence[str]],
    lookup: HostingLookup,
    named: Strings,
    signs: Collection[Signing],
    limit: int | None,
) -> tuple[list[Found], list[str]]:
    """
    The domains that sign as is asked for and get an entry, at most *limit*; and why others get
    none.
    """
    found: list[Found] = []
    left_out: list[str] = []
    rest = list(regions_of)
    route53: Route53Client | None = account.route53(regions_of[rest[0]][0], None) if rest else None
    one_at_a_time = Lock()

    def home(domain: str, zone: ZoneInDns) -> DnsHome:
        """Where its records go; once zones can't be read, as far as name servers alone say it."""
        nonlocal route53
        with one_at_a_time:  # the first refusal is enough
            try:
                return home_of(domain, zone, route53)
            except AwsRefused as error:
                route53 = None
                say(CliMessages.NO_ZONES(error=error))
        return home_of(domain, zone, None)

    def read(domain: str) -> Found | None:
        """
        What SES and DNS have; None if it does not sign as is asked for, or was deleted meanwhile.
        """
        seen = {
            region: account.ses(region, None).get_email_identity(domain)
            for region in regions_of[domain]
        }
        identities = {region: one for region, one in seen.items() if one}
        if not any(not signs or signing(one) in signs for one in identities.values()):
            return None
        zone = lookup(domain)
        return Found(domain, identities, zone, home(domain, zone))

    while rest and (limit is None or len(found) < limit):
        size = len(rest) if limit is None else limit - len(found)
        for one in filter(None, ask_all([(each, partial(read, each)) for each in rest[:size]])):
            if why := why_no_entry(one, named=one.domain in named):
                left_out.append(why)
            else:
                found.append(one)
        rest = rest[size:]
    return found, left_out


def _add(
    stack: Stack,
    found: Sequence[Found],
    shared: Mapping[str, Any],
    environment: Environment,
    *,
    yes: bool,
) -> None:
    """Add *found* to the file of *stack*: print the change, ask, write. Raises `Refused`."""
    if stack.written and (listed_in := stack.source.file) != stack.file:
        raise Refused(CliMessages.SHARED_FILE(file=stack.shown(listed_in)))
    shown, before = stack.shown(stack.file), read_file(stack.file)
    text = before or ""
    # Only the account: `aws:region` and defaults would change the domains that are there.
    missing = ({ACCOUNTS} if stack.written else shared.keys()) - stack.config.keys()
    region = stack.region if stack.written else shared["aws:region"]
    defaults = stack.ours.get("defaults")
    regions = defaults.get("regions") if isinstance(defaults, Mapping) else None
    regions = regions if isinstance(regions, list) else [region]
    others = {name: in_yaml(value) for name, value in shared.items() if name in missing}
    try:
        entries = partial(as_entries, found, regions)
        changed = stack_file.with_domains(text, stack.project, entries, others=others)
        after = {**stack.written, **{one.domain: entry(one, regions) for one in found}}
        settings_in({**stack.ours, "domains": after}, region)
    except InvalidSettings as error:
        raise Refused(f"{shown}: {error}") from None
    click.echo(inert(stack_file.diff(text, changed, shown)), nl=False)
    if not yes and not (environment.at_terminal() and confirmed(f"write {shown}")):
        raise Refused(CliMessages.NOT_ASKED())
    replace_file(stack.file, shown, before, changed)
    say(CliMessages.WRITTEN(file=shown))
    say(CliMessages.EXCLUDE())
