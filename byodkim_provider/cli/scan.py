"""
`byodkim scan`: reads which domains SES has in an account, and writes the stack file that adopts them.

It never writes to AWS. Names come first, from list pages; then one read for each identity that is
asked for. `scan_entries` says what becomes of each.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, get_args

import click

from byodkim_provider.aws.regions import partition_of, regions_with
from byodkim_provider.aws.session import AwsSettings
from byodkim_provider.cli import scan_add, scan_output
from byodkim_provider.cli.asking import ask_all
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.messages import CannotRead, say, write_file
from byodkim_provider.cli.scan_account import Account, Names, list_names, read_all
from byodkim_provider.cli.scan_dns import DnsHome, Route53Zones, home_of, zones_of
from byodkim_provider.cli.scan_entries import Found, as_stack_file, problem, unreachable
from byodkim_provider.cli.scan_readings import KEPT, Reading, Readings, Signing
from byodkim_provider.cli.stack import Stack, open_stack
from byodkim_provider.config.values import Region, ResolverAddress
from byodkim_provider.dns.hosting import HostingLookup

Format = Literal["table", "yaml", "json"]

SUFFIXES: Final[dict[str, Format]] = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}
"""Formats by the suffix of the output file."""


BATCH: Final = 60
"""Domains that are read at a time in search of those that sign as asked for: about a minute."""


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
    readings: Path | None
    fresh: bool

    def matches(self, domain: str) -> bool:
        """Whether the name of *domain* is asked for."""
        wanted = not self.domain or any(fnmatchcase(domain, pattern.lower()) for pattern in self.domain)
        return wanted and not any(fnmatchcase(domain, pattern.lower()) for pattern in self.exclude)


def _checked(read: Callable[[str], str]) -> Callable[[str], str]:
    """The type of an option whose value *read* checks."""

    def value(text: str) -> str:
        try:
            return read(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return value


FILE: Final = click.Path(dir_okay=False, path_type=Path)

OPTIONS: Final = (
    click.option(
        "--region",
        type=_checked(Region().read),
        multiple=True,
        metavar="REGION",
        help="A Region to read; may be repeated. Default: every Region that has SES and is enabled.",
    ),
    click.option("--domain", multiple=True, metavar="GLOB", help="Only such domains, as '*.example.com'."),
    click.option("--exclude", multiple=True, metavar="GLOB", help="No such domains."),
    click.option(
        "--signing",
        type=click.Choice(get_args(Signing)),
        multiple=True,
        help="Only domains that sign so in one Region at least; `none`: mail is unsigned.",
    ),
    click.option("--limit", type=click.IntRange(1), metavar="N", help="At most N domains, first by name."),
    click.option("--names", is_flag=True, help="Only the names: a call for 1000 identities, no reads."),
    click.option("--format", "form", type=click.Choice(get_args(Format)), help="Default: table."),
    click.option("--json", "as_json", is_flag=True, help="Short for --format json; errors are JSON too."),
    click.option(
        "-o", "--output", type=FILE, metavar="FILE", help="Write this file; its suffix can name the format."
    ),
    click.option("--force", is_flag=True, help="Replace FILE without a question."),
    click.option(
        "-s", "--stack", "name", metavar="STACK", help="Leave out what this stack has; use its AWS settings."
    ),
    click.option("--add", is_flag=True, help="Add the domains to the stack's file, after a question."),
    click.option("--yes", is_flag=True, help="With --add: no question."),
    click.option(
        "--nameserver",
        type=_checked(ResolverAddress().read),
        multiple=True,
        metavar="ADDRESS:PORT",
        help="Ask this resolver which name servers a domain has, where the system's resolvers do not see the "
        "Internet's DNS. A new stack file names it as `dnsResolvers`. Default: the system's.",
    ),
    click.option("--readings", type=FILE, metavar="FILE", help="Keep there what is read, for the next scan."),
    click.option("--fresh", is_flag=True, help="Read all again, also what was read in the last 24 hours."),
)


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.command(
    epilog="""\b
Exit codes:
  0    done
  1    the file exists, or you said no: nothing was written
  2    wrong usage, the account could not be read, or the file not be written
  130  interrupted: the same command goes on
"""
)
@_with_options
@click.pass_context
def scan(
    context: click.Context,
    /,
    names: bool,
    form: Format | None,
    as_json: bool,
    output: Path | None,
    force: bool,
    name: str | None,
    add: bool,
    yes: bool,
    **asked: Any,
) -> None:
    """
    Read which identities an account has, and write a stack file that adopts them.

    Changes nothing in AWS. SES allows about one read a second in each Region; what is read is
    kept for a day, so that an interrupted scan goes on where it was.
    """
    environment = context.ensure_object(Environment)
    form = "json" if as_json else form
    _refuse_combinations(names=names, form=form, output=output, add=add, yes=yes)
    wanted = Asked(**asked)
    if output:
        scan_add.may_write(output, environment, force=force)
        form = form or SUFFIXES.get(output.suffix)
    stack = open_stack(name, environment) if name or add else None
    account = environment.account(stack.aws() if stack else AwsSettings())
    listed = _listed(account, wanted, stack)
    if names:
        shown = scan_output.names_as_json(listed) if form == "json" else scan_output.names_as_table(listed)
        _print(shown, output)
        return
    found, left_out = _found(account, listed, wanted, environment, to_file=add or form == "yaml")
    say(scan_output.summary(found))
    region = _main_region(found, stack)
    shared: dict[str, Any] = {"region": region, "resolvers": wanted.nameserver}
    if add and stack:
        scan_add.add(stack, found, environment, account_id=listed.account_id, yes=yes, **shared)
    elif form == "yaml":
        now = environment.clock.now()
        _print(_stack_file(found, listed, left_out, now=now, **shared), output)
    else:
        shown = scan_output.as_json(listed, found, (region,)) if form == "json" else scan_output.table(found)
        _print(shown, output)


def _refuse_combinations(
    *, names: bool, form: Format | None, output: Path | None, add: bool, yes: bool
) -> None:
    """Raise `click.UsageError` for options that don't go together."""
    if names and (add or form == "yaml"):
        raise click.UsageError("--names reads nothing that a stack file needs: leave it out.")
    if add and (form or output):
        raise click.UsageError("Give --add, or --format and --output.")
    if yes and not add:
        raise click.UsageError("--yes needs --add.")


def _listed(account: Account, asked: Asked, stack: Stack | None) -> Names:
    """The names that are asked for, without those of *stack*."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    partition = partition_of((stack.region if stack else None) or region)
    names = list_names(account, asked.region or regions_with("sesv2", partition), named=bool(asked.region))
    _refuse_unknown(asked.domain, [*names.domains, *names.invalid])
    already = scan_add.declared_domains(stack) if stack else {}
    for what, number in (
        ("e-mail addresses, which inherit the DKIM of their domain", names.addresses),
        ("domains that the stack has", len(names.domains.keys() & already)),
    ):
        if number:
            say(f"left out: {what}: {number}")
    for problem_ in names.invalid.values():
        say(f"left out: {problem_}")
    names.domains = {
        domain: regions
        for domain, regions in names.domains.items()
        if asked.matches(domain) and domain not in already
    }
    return names


def _refuse_unknown(patterns: Sequence[str], known: Sequence[str]) -> None:
    """Raise `CannotRead` for the first of *patterns* that no *known* name matches."""
    for pattern in patterns:
        if any(fnmatchcase(name, pattern.lower()) for name in known):
            continue
        near = get_close_matches(pattern.lower(), known, n=1)
        meant = f", did you mean {near[0]!r}?" if near else ""
        raise CannotRead(f"--domain {pattern}: SES has no such domain here{meant}")


def _found(
    account: Account, names: Names, asked: Asked, environment: Environment, *, to_file: bool
) -> tuple[list[Found], list[Found]]:
    """
    Every domain that is asked for, read, with its DNS, sorted; and those that go into no stack file.

    With *to_file* a domain whose zone DNS does not find is one of the latter: it would stay pending. So
    is a domain of another stack that *asked* does not name in full.
    """
    file = asked.readings or (environment.cache and environment.cache / f"scan-{names.account_id}.jsonl")
    if file is None:
        raise CannotRead("there is no home folder for what is read\n  hint: `--readings FILE` names a file")
    readings = Readings(file, since=environment.clock.now() - KEPT)
    if asked.fresh:
        readings.forget()
    found: list[Found] = []
    left_out: list[Found] = []
    owned: list[str] = []
    zones: Route53Zones | None = None
    lookup = environment.hosting(asked.nameserver)
    for domains in _batches(list(names.domains), asked, found):
        read = _read(
            account, {domain: names.domains[domain] for domain in domains}, asked, readings, environment
        )
        zones = zones or zones_of(account, names.regions[0])
        home = partial(_home, lookup, zones)
        homes = ask_all([(f"DNS {domain}", partial(home, domain)) for domain in read])
        for one in [Found(domain, read[domain], dns) for domain, dns in zip(read, homes, strict=True)]:
            if why := problem(one):
                say(f"left out: {why}")
            elif to_file and one.has_owner and one.domain not in asked.domain:
                owned.append(one.domain)
            else:
                (left_out if to_file and one.dns.failure else found).append(one)
    for line in unreachable(left_out):
        say(f"left out: {line}; the next scan asks again")
    if owned:
        say(f"left out: another stack has {', '.join(owned)}: `--domain NAME` takes one over")
    every = [*found, *left_out]
    if every and all(one.dns.failure for one in every) and not asked.nameserver:
        say("DNS shows no zone of any domain: if a resolver of your own network does, name it: --nameserver")
    return found[: asked.limit], left_out


def _home(lookup: HostingLookup, zones: Route53Zones, domain: str) -> DnsHome:
    return home_of(domain, lookup(domain), zones)


def _read(
    account: Account,
    domains: Mapping[str, Mapping[str, Any]],
    asked: Asked,
    readings: Readings,
    environment: Environment,
) -> dict[str, tuple[Reading, ...]]:
    """The readings of each of *domains* that signs as asked for; their Regions are given."""
    wanted = [(domain, region) for domain, regions in domains.items() for region in regions]
    known = [one for domain, region in wanted if (one := readings.get(region, domain))]
    if known:
        since = min(one.read_at for one in known)
        say(
            f"{len(known)} of {len(wanted)} identities were read since {since:%Y-%m-%d %H:%M} UTC, "
            "`--fresh` reads them again"
        )
    found: dict[str, tuple[Reading, ...]] = {}
    for one in read_all(account, wanted, readings, clock=environment.clock):
        found[one.domain] = (*found.get(one.domain, ()), one)
    return {
        domain: read
        for domain, read in found.items()
        if not asked.signing or not {one.signing for one in read}.isdisjoint(asked.signing)
    }


def _batches(domains: list[str], asked: Asked, found: Sequence[Found]) -> Iterator[list[str]]:
    """*domains*, in parts while fewer are *found* than the limit: no more is read than is needed."""
    while domains and (asked.limit is None or len(found) < asked.limit):
        size = len(domains) if asked.limit is None else asked.limit - len(found)
        size = max(size, BATCH) if asked.signing else size
        yield domains[:size]
        domains = domains[size:]


def _main_region(found: Sequence[Found], stack: Stack | None) -> str:
    """`aws:region` of the stack, or else the Region that most domains have."""
    if stack and stack.region:
        return stack.region
    count = Counter(region for one in found for region in one.regions)
    return min(count, key=lambda region: (-count[region], region), default="")


def _stack_file(
    found: Sequence[Found],
    names: Names,
    left_out: Sequence[Found],
    *,
    now: datetime,
    region: str,
    resolvers: Sequence[str],
) -> str:
    if not found:
        raise CannotRead("there is no domain to write into a stack file")
    return as_stack_file(
        found,
        account_id=names.account_id,
        read_at=now,
        region=region,
        resolvers=resolvers,
        left_out=left_out,
    ).removesuffix("\n")


def _print(text: str, output: Path | None) -> None:
    """Print *text*, or write it to the file *output*."""
    if output is None:
        click.echo(text)
        return
    write_file(output, f"{text}\n")
