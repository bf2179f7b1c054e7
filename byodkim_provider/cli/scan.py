"""
`byodkim scan`: reads which domains SES has in an account, and writes the entries that adopt them.

It never writes to AWS. Names come first, from list pages; then one read for each identity that is
asked for. What SES and DNS say is written by others: it is escaped, and the YAML is read back and
compared. `identity.plan` decides what `pulumi up` does with an identity that exists; one line here says it.
"""

from __future__ import annotations

import io
import os
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import partial
from itertools import chain
from typing import Any, Final, get_args

import click
from ruamel.yaml import YAML

from byodkim_provider.aws.connections import Connections
from byodkim_provider.aws.route53 import Route53Client
from byodkim_provider.aws.ses import MANAGED, OWNER_TAG, STACK_TAG, TAGS, SesIdentity
from byodkim_provider.aws.settings import AwsSettings, partition_of, redirection_warnings, regions_with_ses
from byodkim_provider.cli.chosen import checked, stack_option
from byodkim_provider.cli.environment import Environment, replace_file, write_file
from byodkim_provider.cli.messages import CannotRead, Refused, ask_all, confirmed, inert, say
from byodkim_provider.cli.now import as_json, by_text
from byodkim_provider.cli.stack import Stack, open_stack, settings_in
from byodkim_provider.config import settings, stack_file
from byodkim_provider.config.values import REGION, RESOLVER_ADDRESS
from byodkim_provider.dkim.records import normalise_domain
from byodkim_provider.dns.resolver import ZoneInDns
from byodkim_provider.errors import ByodkimError, InvalidSettings
from byodkim_provider.hosts.registry import PANELS, SPECS, recognise
from byodkim_provider.identity.ownership import Signing, is_easy, primary, signing, signs_today
from byodkim_provider.messages.cli import CliNote, CliProblem
from byodkim_provider.quoting import did_you_mean, printable

Strings = tuple[str, ...]

ACCOUNTS: Final = "aws:allowedAccountIds"

API_HOSTS: Final = {panel: host for host, spec in SPECS.items() for panel in spec.panels}
"""By panel, the `dns` that writes there once it has credentials (docs/how-to/dns.md)."""


@dataclass(frozen=True, slots=True)
class DnsHome:
    """Where the records of a domain go."""

    title: str = ""
    """For people, such as "Route 53" or "GoDaddy"."""
    setting: Any = None
    """`dns` in the stack file; None: the default, `route53`."""
    note: str = ""
    """What there is to decide."""
    failure: str = ""
    """Why DNS leads to no zone, so that SES finds no record either; empty if it does."""


@dataclass(frozen=True, slots=True)
class Found:
    """A domain that SES has, in one Region or several."""

    domain: str
    identities: Mapping[str, SesIdentity]
    """By Region, sorted."""
    zone: ZoneInDns
    dns: DnsHome


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
    type=str.lower,
    multiple=True,
    metavar="GLOB",
    help="Only such domains, as '*.example.com'.",
)
@click.option("--exclude", type=str.lower, multiple=True, metavar="GLOB", help="No such domains.")
@click.option(
    "--signing",
    "signs",
    type=click.Choice(get_args(Signing)),
    multiple=True,
    help="Only domains that sign so in one Region at least; `none`: mail is unsigned.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most N domains, first by name.")
@stack_option("name", "Leave out what this stack has; use its AWS settings.")
@click.option("--add", is_flag=True, help="Add the domains to the stack's file, after a question.")
@click.option("--yes", is_flag=True, help="With --add: no question.")
@click.option("--json", "wants_json", is_flag=True, help="Print JSON, errors too.")
@click.option(
    "--nameserver",
    "servers",
    type=checked(RESOLVER_ADDRESS.read),
    multiple=True,
    metavar="ADDRESS:PORT",
    help="Ask this resolver which name servers a domain has, where the system's resolvers do not see the "
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
    aws = stack.aws() if stack else AwsSettings()
    if not stack:
        for line in redirection_warnings(aws.endpoints, os.environ):
            say(line)
    account = environment.account(aws)
    account_id, regions_of, left_out = _listed(account, stack, regions, wanted, exclude)
    found: list[Found] = []
    if regions_of:
        found, others = _found(
            account, regions_of, environment, named=wanted, signs=signs, limit=limit, servers=servers
        )
        left_out += others
    for why in left_out:
        say(CliNote.LEFT_OUT(why=why))
    say(summary(found) if found else CliNote.NOTHING_TO_ADOPT())
    most = Counter(region for one in found for region in one.identities).most_common(1)
    region = (stack and stack.region) or next((one for one, _ in most), "")
    # Of another account, a stack would make new identities in place of those that were found.
    shared: dict[str, Any] = {"aws:region": region, ACCOUNTS: [account_id]}
    if servers:
        shared[f"{settings.PROJECT}:defaults"] = {"dnsResolvers": list(servers)}
    if wants_json:
        shown = [
            {
                **asdict(one),
                "signing": {region: signing(seen) for region, seen in one.identities.items()},
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
        click.echo(as_stack_file(found, head, shared), nl=False)


def _listed(
    account: Connections, stack: Stack | None, asked: Strings, wanted: Strings, exclude: Strings
) -> tuple[str, dict[str, list[str]], list[str]]:
    """
    The account, its domains that are *wanted* and not in *stack*, with their Regions, and what is left out.

    Unless the user has *asked* for Regions, one that does not answer is left out: an account has Regions that
    are not enabled. If none answers, the first error is raised.
    """
    here = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    partition = partition_of((stack.region if stack else None) or here)
    regions = asked or regions_with_ses(partition)
    errors: dict[str, ByodkimError] = {}

    def names(region: str) -> list[tuple[str, str, bool]]:
        try:
            pages = account.ses(region, None).list_email_identities()
            return [(one.name, region, one.identity_type == MANAGED) for page in pages for one in page]
        except ByodkimError as error:
            if asked:
                raise
            errors[region] = error
            return []

    def matches(domain: str, patterns: Strings) -> bool:
        return any(fnmatchcase(domain, pattern) for pattern in patterns)

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
    for pattern in wanted:
        if not any(matches(one.lower(), (pattern,)) for one in (*domains, *invalid)):
            meant = did_you_mean(pattern, (*domains, *invalid))
            raise CannotRead(CliProblem.NOT_IN_SES(pattern=pattern, did_you_mean=meant))
    already = domains.keys() & stack.written if stack else set()
    unwanted = {one for one in domains if matches(one, exclude) or not matches(one, wanted or ("*",))}
    counts = {
        "e-mail addresses, which inherit the DKIM of their domain": addresses,
        "domains that another AWS service manages (MANAGED_DOMAIN)": managed,
        "domains that the stack has": len(already),
    }
    return (
        account.account_id(answering[0]),
        {one: domains[one] for one in sorted(domains.keys() - already - unwanted)},
        [*(f"{what}: {count}" for what, count in counts.items() if count), *invalid.values()],
    )


def _found(
    account: Connections,
    regions_of: Mapping[str, Sequence[str]],
    environment: Environment,
    *,
    named: Strings,
    signs: Collection[Signing],
    limit: int | None,
    servers: Strings,
) -> tuple[list[Found], list[str]]:
    """The domains that sign as is asked for and get an entry, at most *limit*; and why others get none."""
    found: list[Found] = []
    left_out: list[str] = []
    rest = list(regions_of)
    lookup = environment.hosting(servers)
    route53: Route53Client | None
    try:
        route53 = account.route53(regions_of[rest[0]][0], None)
        route53.zones()
    except ByodkimError as error:  # without the permission name servers alone say where DNS is
        route53 = None
        say(CliNote.NO_ZONES(error=error))

    def read(domain: str) -> Found | None:
        """What SES and DNS have; None if it does not sign as is asked for, or was deleted meanwhile."""
        seen = {region: account.ses(region, None).get_email_identity(domain) for region in regions_of[domain]}
        identities = {region: one for region, one in seen.items() if one}
        if not any(not signs or signing(one) in signs for one in identities.values()):
            return None
        zone = lookup(domain)
        return Found(domain, identities, zone, home_of(domain, zone, route53))

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
    stack: Stack, found: Sequence[Found], shared: Mapping[str, Any], environment: Environment, *, yes: bool
) -> None:
    """Add *found* to the file of *stack*: print the change, ask, write. Raises `Refused`."""
    if stack.written and stack.source.file != stack.file:
        raise Refused(CliProblem.SHARED_FILE(file=stack.source.shown))
    file, shown = stack.file, str(stack.file.relative_to(stack.directory))
    text = file.read_bytes().decode() if file.exists() else ""
    defaults = stack.ours.get("defaults")
    regions = defaults.get("regions") if isinstance(defaults, Mapping) else None
    regions = regions if isinstance(regions, list) else [shared["aws:region"]]
    # The others would change the settings of the domains that the stack has.
    missing = ({ACCOUNTS} if stack.written else shared.keys()) - stack.config.keys()
    others = {name: in_yaml(value) for name, value in shared.items() if name in missing}
    try:
        entries = partial(as_entries, found, regions)
        changed = stack_file.with_domains(text, stack.project, entries, others=others)
        after = {**stack.written, **{one.domain: entry(one, regions) for one in found}}
        settings_in({**stack.ours, "domains": after}, shared["aws:region"])
    except InvalidSettings as error:
        raise Refused(f"{shown}: {error}") from None
    click.echo(inert(stack_file.diff(text, changed, shown)), nl=False)
    if not yes and not (environment.at_terminal() and confirmed(f"write {shown}")):
        raise Refused(CliProblem.NOT_ASKED())
    if file.exists():
        replace_file(file, shown, text, changed)
        say(CliNote.WRITTEN(file=shown))
    else:
        write_file(file, changed)
    say(CliNote.EXCLUDE())


def _owner(one: SesIdentity) -> str | None:
    """The Pulumi stack that the identity belongs to, by its tags."""
    return one.tags.get(STACK_TAG) or one.tags.get(OWNER_TAG)


def home_of(domain: str, seen: ZoneInDns, route53: Route53Client | None) -> DnsHome:
    """
    Where the records of *domain* go, whose zone in DNS is *seen*.

    *route53* has the zones of the account, None if they can't be read. Nothing is guessed: DNS that is
    not known is `manual`, which works everywhere.
    """
    every = route53.zones() if route53 else ()
    zones = [one for one in every if not one.is_private and f".{domain}".endswith(f".{one.name}")]
    for zone in zones:
        # An account may have zones that nobody delegates to.
        if route53 and zone.name == seen.name and {*seen.name_servers} & {*route53.name_servers(zone.id)}:
            longest = max(len(one.name) for one in zones)
            is_found = [one for one in zones if len(one.name) == longest] == [zone]  # by its name alone
            return DnsHome("Route 53", None if is_found else {"zoneId": zone.id})
    if not seen.name:
        why = "no zone in DNS" if seen.failure == "no zone" else f"no answer from DNS ({seen.failure})"
        return DnsHome(failure=f"{why}, though Route 53 has a zone" if zones else why)
    panel = recognise(seen.name_servers)
    name = next((name for name, one in PANELS.items() if one is panel), "")
    setting = {"panel": name} if name else {}
    setting |= {} if seen.name == domain else {"zone": seen.name}
    note = f"`dns: {API_HOSTS[name]}` needs nobody who pastes" if name in API_HOSTS else ""
    if name == "route53":
        note = f"{'' if route53 else 'perhaps '}of another account: `dns: {{assumeRole: …}}` writes there"
    return DnsHome(
        panel.title if panel else "other", {"provider": "manual", **setting} if setting else "manual", note
    )


def why_no_entry(found: Found, *, named: bool) -> str:
    """Why the domain gets no entry, although it is perhaps *named* in full; "" if it gets one."""
    try:
        settings.domain(found.domain, entry(found, ()))
    except InvalidSettings as error:
        return "; ".join(error.problems)
    owners = sorted(filter(None, map(_owner, found.identities.values())))
    if owners and not named:  # one `up` would take it
        return str(CliNote.STACK_HAS_IT(domain=found.domain, stack=owners[0]))
    if found.dns.failure:  # it would stay pending
        return str(CliNote.NO_RECORD_FOUND(domain=found.domain, why=found.dns.failure))
    return ""


def entry(found: Found, default_regions: Sequence[str]) -> dict[str, Any]:
    """The settings of the domain, as under `domains`; *default_regions* need not be written."""
    regions = [*found.identities]
    return {
        "generation": 1,
        **({"regions": regions} if regions != [*default_regions] else {}),
        **({"dns": found.dns.setting} if found.dns.setting is not None else {}),
        **({"mailFrom": kept} if (kept := mail_from(found)) else {}),
        "adopt": True,
    }


def mail_from(found: Found) -> Any:
    """`mailFrom` that changes nothing in SES; None where it can't be kept so, or SES does not use it."""
    end, seen = f".{found.domain}", found.identities
    labels = {region: one.mail_from.removesuffix(end) for region, one in seen.items()}
    used = {(one.mail_from_status, one.on_mx_failure) for one in seen.values()}
    rejects = used == {("SUCCESS", "REJECT_MESSAGE")}
    can_be_kept = rejects or used == {("SUCCESS", "USE_DEFAULT_VALUE")}
    if not can_be_kept or len({*labels.values()}) < len(labels) or "." in "".join(labels.values()):
        return None
    label: Any = labels if len(labels) > 1 else next(iter(labels.values()))
    return {"label": label, "onMxFailure": "reject"} if rejects else label


def comments(found: Found) -> list[str]:
    """What `pulumi up` does with the domain, and what there is to decide: a line, more if Regions differ."""
    ups = by_text((region, _up(one)) for region, one in found.identities.items())
    lines = [text if len(ups) == 1 else f"{', '.join(regions)}: {text}" for regions, text in ups]
    replicas = [region for region, one in found.identities.items() if primary(one)]
    if replicas:
        lines.append(str(CliNote.REPLICAS(regions=", ".join(replicas))))
    if found.dns.setting is not None or found.dns.note:
        lines[-1] += f"; DNS: {', '.join(filter(None, (found.dns.title, found.dns.note)))}"
    # Others write tags: a line separator in one ends the comment for some readers of YAML, Pulumi's too.
    return [printable(line) for line in lines]


def _up(one: SesIdentity) -> str:
    """What `pulumi up` does with one identity."""
    owner = f"taken from the stack {_owner(one)}; " if _owner(one) else ""
    has = signs_today(one) if is_easy(one) else f"BYODKIM {one.selector or '(selector not shown)'}"
    if not one.signing_enabled:
        does = f"{has}, signing disabled: gets a new key, signing is enabled"
    elif signing(one) == "none":
        does = f"{has} is {one.dkim_status or 'not set up'}, mail is unsigned: gets a new key"
    elif signing(one) == "byodkim":
        does = f"{has}: gets a new key, perhaps unsigned until SES finds it; no change if `keys` has its key"
    elif _is_refused(one):
        does = f"{has}: refused until acceptUnsignedWindow accepts unsigned mail"
    else:
        does = f"{has} is {one.dkim_status}: gets a new key"
    tags = len(one.tags.keys() - set(TAGS))
    kept = {
        f"MAIL FROM {one.mail_from}": one.mail_from,
        f"configuration set {one.configuration_set}": one.configuration_set,
        f"{tags} tag{'s' if tags > 1 else ''}": tags,
    }
    return "; ".join((f"{owner}{does}", *(f"keeps {what}" for what, is_there in kept.items() if is_there)))


def _is_refused(one: SesIdentity) -> bool:
    """Whether `pulumi up` refuses the identity until its unsigned window is accepted."""
    return signing(one) == "easy" and one.dkim_status == "SUCCESS"


def summary(found: Sequence[Found]) -> str:
    """How many identities sign how."""
    count = Counter(signing(one) for each in found for one in each.identities.values())
    words: Mapping[Signing, str] = {"byodkim": "BYODKIM", "easy": "Easy DKIM", "none": "not signing"}
    kinds = ", ".join(f"{count[kind]} {word}" for kind, word in words.items() if count[kind])
    return f"domains: {len(found)}, identities: {count.total()} ({kinds})"


def as_entries(found: Sequence[Found], default_regions: Sequence[str], indent: int) -> str:
    """The entries of the map `domains`, each line indented by *indent*."""
    lines = []
    for one in found:
        lines += [*(f"# {comment}" for comment in comments(one)), f"{in_yaml(one.domain)}:"]
        settings = [f"  {key}: {in_yaml(value)}" for key, value in entry(one, default_regions).items()]
        if any(_is_refused(seen) for seen in one.identities.values()):
            settings.insert(-1, "  # acceptUnsignedWindow: true")
        lines += settings
    text = "".join(f"{' ' * indent}{line}\n" for line in lines)
    return read_back(text, {one.domain: entry(one, default_regions) for one in found})


def as_stack_file(found: Sequence[Found], head: Sequence[str], shared: Mapping[str, Any]) -> str:
    """A whole stack file with the settings *shared* by the domains; *head* becomes a comment."""
    regions, domains = [shared["aws:region"]], f"{settings.PROJECT}:domains"
    lines = [*(f"# {printable(line)}" for line in head), "config:"]
    lines += [f"  {name}: {in_yaml(value)}" for name, value in shared.items()]
    text = "".join(f"{line}\n" for line in (*lines, f"  {domains}:")) + as_entries(found, regions, 4)
    entries = {one.domain: entry(one, regions) for one in found}
    return read_back(text, {"config": {**shared, domains: entries}})


def in_yaml(value: Any) -> str:
    """*value* as YAML on one line."""
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style = True
    yaml.sort_base_mapping_type_on_output = False
    yaml.width = 10_000  # a long line is easier to edit than a folded one
    yaml.allow_unicode = False
    written = io.StringIO()
    yaml.dump({"_": value}, written)
    return written.getvalue().strip().removeprefix("{_: ").removesuffix("}")


def read_back(text: str, meant: Any) -> str:
    """
    *text*, which is YAML, if every reader finds in it what was *meant*; else raises `InvalidSettings`.

    Pulumi's reader begins a new line also at U+0085, U+2028 and U+2029, ours does not.
    """
    if re.search("[\r\x85\u2028\u2029]", text) or stack_file.load(text) != meant:
        raise InvalidSettings(CliProblem.NOT_AS_YAML())
    return text
