"""
`byodkim scan`: reads which domains SES has in an account and how they sign, and prints a stack file
that adopts them.

It changes nothing. Names come first, from list pages; then one read for each identity that is asked
for. Domains are letters, digits, dots and hyphens, so they are YAML; what others wrote in tags is
escaped.
"""

import json
from collections.abc import Collection, Mapping
from fnmatch import filter as matching
from typing import Final

import click

from byodkim_provider.aws.connections import Connections
from byodkim_provider.aws.regions import regions_with_ses
from byodkim_provider.aws.ses import MANAGED, OWNER_TAG, STACK_TAG, Listed, SesIdentity
from byodkim_provider.aws.settings import AwsSettings
from byodkim_provider.cli.chosen import checked, json_option, stack_option
from byodkim_provider.cli.environment import Environment, partition_here, pass_environment
from byodkim_provider.cli.stack import open_stack
from byodkim_provider.cli.terminal import Failed, as_json, ask_all, inert, say
from byodkim_provider.config import settings
from byodkim_provider.config.values import existing_region
from byodkim_provider.dkim.records import normalise_domain
from byodkim_provider.errors import ByodkimError
from byodkim_provider.identity.ownership import is_easy, signing, signs_today
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.quoting import first_few, printable

Strings = tuple[str, ...]

OTHERS: Final = "e-mail addresses, names that are no domain, and what AWS manages (MANAGED_DOMAIN)"

Identities = Mapping[str, SesIdentity]
"""Those of one domain, by Region, sorted."""


@click.command(
    epilog="""\b
Exit codes:
  0  done, or nothing to adopt
  2  wrong usage, or the account could not be read
"""
)
@click.option(
    "--region",
    "regions",
    type=checked(existing_region),
    multiple=True,
    metavar="REGION",
    help="A Region to read; may be repeated. Default: every Region that has SES and is enabled.",
)
@click.option(
    "--domain",
    "wanted",
    type=str.lower,
    multiple=True,
    metavar="GLOB",
    help="Only domains that match, such as '*.example.com'.",
)
@click.option(
    "--exclude", type=str.lower, multiple=True, metavar="GLOB", help="Leave out domains that match."
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help="Print at most N domains, first by name.",
)
@stack_option("Leave out what this stack has; use its AWS settings.")
@json_option
@pass_environment
def scan(
    environment: Environment,
    regions: Strings,
    wanted: Strings,
    exclude: Strings,
    limit: int | None,
    name: str | None,
    wants_json: bool,
) -> None:
    """
    Read which identities an account has, and print a stack file that adopts them.

    Changes nothing. SES allows about one read a second in each Region: adopt a large account in
    waves, with --stack and --limit. What the stack has already is not read.
    """
    stack = open_stack(name, environment) if name else None
    account = environment.account(stack.aws() if stack else AwsSettings())
    region = stack.region if stack else None
    regions_of, left_out = _listed(account, regions, partition_here(region))
    chosen = _chosen(regions_of.keys(), wanted, exclude)
    in_stack = chosen & stack.domains.keys() if stack else set()
    if in_stack:
        left_out.append(f"domains that the stack has: {len(in_stack)}")
    unread = sorted(chosen - in_stack)

    def read(domain: str) -> Identities:
        seen = {
            region: account.ses(region, None).get_email_identity(domain)
            for region in regions_of[domain]
        }
        return {region: one for region, one in seen.items() if one}

    found: dict[str, Identities] = {}
    most = limit or len(unread)
    while unread and len(found) < most:
        missing = most - len(found)
        names, unread = unread[:missing], unread[missing:]
        for domain, identities in ask_all(read, names).items():
            owners = sorted(filter(None, map(_owner, identities.values())))
            if owners and domain not in wanted:  # one `up` would take it
                left_out.append(str(CliMessages.STACK_HAS_IT(domain=domain, stack=owners[0])))
            elif identities:  # else they were deleted meanwhile
                found[domain] = identities
    for why in left_out:
        say(CliMessages.LEFT_OUT(why=why))
    if not found:
        say(CliMessages.NOTHING_TO_ADOPT())
    account_id = first = ""
    if found:
        # STS is asked in a Region of the first domain.
        first = min(next(iter(found.values())))
        account_id = account.account_id(first)
    if wants_json:
        click.echo(as_json({"account": account_id, "left_out": left_out, "domains": found}))
    elif found:
        project = stack.project if stack else settings.PROJECT
        click.echo(inert(_as_stack_file(found, region or first, account_id, project)), nl=False)


def _listed(
    account: Connections, asked: Strings, partition: str
) -> tuple[dict[str, list[str]], list[str]]:
    """
    The Regions of each domain that SES lists, by name; and what else it lists, to be left out.

    Unless the user has *asked* for the Regions, one that does not answer is left out: an account
    has Regions that are not enabled. If none answers, the first error is raised.
    """

    errors: dict[str, ByodkimError] = {}

    def identities(region: str) -> list[Listed]:
        try:
            return list(account.ses(region, None).list_email_identities())
        except ByodkimError as error:
            errors[region] = error
            return []

    answers = ask_all(identities, asked or regions_with_ses(partition))
    regions_of: dict[str, list[str]] = {}
    others: set[str] = set()
    for region, listed in sorted(answers.items()):
        for identity in listed:
            try:
                name = normalise_domain(identity.name.lower())
            except ValueError:
                name = ""
            if name and identity.identity_type != MANAGED:
                regions_of.setdefault(name, []).append(region)
            else:
                others.add(identity.name)
    if errors and (asked or len(errors) == len(answers)):
        raise errors[min(errors)]
    if errors:
        say(CliMessages.REGIONS(regions=", ".join(sorted(errors))))
    return regions_of, [f"{OTHERS}: {first_few(sorted(others))}"] if others else []


def _chosen(known: Collection[str], wanted: Strings, exclude: Strings) -> set[str]:
    """The names that the options ask for; raises `Failed` for one that SES does not have."""
    chosen: set[str] = set()
    for pattern in wanted or ("*",):
        matches = matching(known, pattern)
        if wanted and not matches:
            raise Failed(CliMessages.NOT_IN_SES(pattern=pattern))
        chosen |= {*matches}
    for pattern in exclude:
        chosen -= {*matching(known, pattern)}
    return chosen


def _owner(one: SesIdentity) -> str | None:
    """The Pulumi stack that the identity belongs to, by its tags."""
    return one.tags.get(STACK_TAG) or one.tags.get(OWNER_TAG)


def _up(identity: SesIdentity) -> str:
    """What `pulumi up` does with one identity."""
    how = signing(identity)
    has = f"BYODKIM {identity.selector or '(selector not shown)'}"
    if is_easy(identity):
        has = signs_today(identity)
    if _owner(identity):
        has = f"taken from the stack {_owner(identity)}; {has}"
    if not identity.signing_enabled:
        return f"{has}, signing disabled: gets a new key, signing is enabled"
    if how == "none":
        status = identity.dkim_status or "not set up"
        return f"{has} is {status}, mail is unsigned: gets a new key"
    if how == "easy":
        return f"{has}: refused until acceptUnsignedWindow accepts unsigned mail"
    return (
        f"{has}: gets a new key, perhaps unsigned until SES finds it; no change if `keys` has its "
        "key"
    )


def _as_stack_file(
    found: Mapping[str, Identities],
    region: str,
    account_id: str,
    project: str,
) -> str:
    """A stack file with the domains, which takes credentials of this account only."""
    account = f"  aws:allowedAccountIds: ['{account_id}']"
    lines = ["config:", f"  aws:region: {region}", account, f"  {project}:domains:"]
    for domain, identities in found.items():
        # A name that begins with a digit may be a number.
        name = domain if domain[0].isalpha() else json.dumps(domain)
        for here, identity in identities.items():
            # Others write tags: a line separator in one ends the comment for some readers of YAML.
            lines.append(printable(f"    # {here}: {_up(identity)}"))
        lines += [f"    {name}:", "      generation: 1"]
        if list(identities) != [region]:
            lines.append(f"      regions: [{', '.join(identities)}]")
        if "easy" in map(signing, identities.values()):
            lines.append("      # acceptUnsignedWindow: true")
        lines.append("      adopt: true")
    return "".join(f"{line}\n" for line in lines)
