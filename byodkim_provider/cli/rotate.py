"""
`byodkim rotate`: writes into the stack file that another generation signs, and runs `pulumi up`.

`rotation` computes a step as changes of a domain's settings, or refuses it: `generations` and
`rules` know which generations have to be in DNS. Where a program of the user's own declares the
domains, the changes are said.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import click

from byodkim_provider.cli.chosen import domains_argument, stack_option
from byodkim_provider.cli.environment import Environment, pass_environment
from byodkim_provider.cli.stack import Stack, open_stack, read_yaml
from byodkim_provider.cli.state import Domain
from byodkim_provider.cli.terminal import Failed, Refused, as_json, inert, say
from byodkim_provider.config import stack_file
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim import generations
from byodkim_provider.dkim.records import normalise_domain
from byodkim_provider.errors import ByodkimError, InvalidSettings
from byodkim_provider.hosts.zones import by_hand
from byodkim_provider.identity import rules
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.property_types import json_map

Way = Literal["forward", "back", "compromised"]


@dataclass(frozen=True)
class Change:
    """A change of one setting of a domain: `generation`, `published` or `overlapDays`."""

    path: str
    """How `pulumi config` addresses the setting; without a stack file's entry, domain and name."""
    before: int | list[int] | None
    """None if nothing is written."""
    after: int | list[int] | None
    """None removes the setting."""

    def __str__(self) -> str:
        before = "(default)" if self.before is None else self.before
        after = "(default)" if self.after is None else self.after
        return f"{self.path}: {before} -> {after}"


@dataclass(frozen=True)
class Entry:
    """Where the settings of a domain are written: in the stack file, or else in a program."""

    path: str
    """How `pulumi config` addresses them; the name of a domain that a program declares."""
    written: frozenset[str] = frozenset({"generation", "published", "overlapDays"})
    """Names of the settings that are not left to defaults; of a program, all count as written."""
    overlap_days: int = generations.OVERLAP_DAYS
    """What holds once its own `overlapDays` is deleted."""


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """One step of a domain."""

    domain: str
    generation: int
    """The generation that will sign."""
    published: tuple[int, ...]
    """The generations that will be in DNS."""
    changes: tuple[Change, ...]
    """Of the domain's settings in the stack file."""
    notes: tuple[str, ...]
    """Notes for the user before the change, one line each."""


@click.command(
    epilog="""\b
Exit codes:
  0  done, or nothing to do, or --dry-run
  1  refused or declined, and nothing was written; or `pulumi up` failed; or,
     with --older-than, done but for the domains named, which can't rotate
  2  wrong usage, or the stack could not be read, or its file not be written
"""
)
@domains_argument
@stack_option()
@click.option("--all", "every", is_flag=True, help="Every domain that is not retired.")
@click.option(
    "--older-than",
    type=click.IntRange(1, 10_000),
    metavar="DAYS",
    help="Domains whose key has signed for longer.",
)
@click.option(
    "--back", is_flag=True, help="Go back to the previous key; no key and no record is removed."
)
@click.option(
    "--compromised",
    is_flag=True,
    help="The signing key has leaked: switch to the standby and remove the leaked key at once.",
)
@click.option("--dry-run", is_flag=True, help="Print the change, write nothing.")
@click.option(
    "--no-up", is_flag=True, help="Write the change, and leave `pulumi up` to whoever merges it."
)
@click.option("--yes", is_flag=True, help="Write and run `pulumi up --yes` without a question.")
@click.option("--json", "wants_json", is_flag=True, help="Print JSON; with --dry-run.")
@pass_environment
def rotate(
    environment: Environment,
    domains: tuple[str, ...],
    name: str | None,
    every: bool,
    older_than: int | None,
    back: bool,
    compromised: bool,
    dry_run: bool,
    no_up: bool,
    yes: bool,
    wants_json: bool,
) -> None:
    """
    Let the next key of a domain sign.

    Prints the change, asks, writes it into the stack file with `pulumi config`, and runs `pulumi
    up`. Either all the domains rotate or none; with --older-than those that can. A change that
    would make signed mail fail is refused, but for --compromised, which says what will.
    """
    if sum((bool(domains), every, older_than is not None)) != 1:
        raise click.UsageError("Give one of: domains, --all, --older-than.")
    if back and compromised:
        raise click.UsageError("Give --back or --compromised, not both.")
    if wants_json and not dry_run:
        raise click.UsageError("--json needs --dry-run.")
    if not (yes or dry_run or environment.at_terminal()):
        raise click.UsageError("Nobody is there to be asked: give --yes or --dry-run.")
    way: Way = "back" if back else "forward"
    if compromised:
        way = "compromised"
    stack = open_stack(name, environment)
    planned, entries = stack.planned, entries_of(stack)
    now = environment.clock.now()
    steps: list[Rotation] = []
    problems: dict[str, str] = {}
    for domain in _chosen(stack, domains, older_than, now):
        try:
            entry = entries.get(domain.name)
            _refuse_unsettled(domain, planned[domain.name].settings, entry)
            steps.append(rotation(way, domain, entry or Entry(domain.name), now))
        except ByodkimError as error:
            problems[domain.name] = str(error)
    # A monthly run must not stop because one domain has no standby.
    if problems and not (older_than is not None and steps):
        raise Refused("\nbyodkim: ".join(problems.values()))
    for problem in problems.values():
        say(problem)
    if not steps:
        say(CliMessages.NOTHING_TO_DO())
    for step in steps:
        for note in step.notes:
            say(f"{step.domain}: {note}")
        for change in step.changes if not wants_json else ():
            click.echo(inert(str(change)))
    unlisted = [step.domain for step in steps if step.domain not in entries]
    if unlisted and not dry_run:
        raise Refused(CliMessages.NOT_LISTED(file=stack.file_name, domains=", ".join(unlisted)))
    if steps and not dry_run:
        question = "write this" if no_up else "write this and run `pulumi up`"
        if not yes and not click.confirm(f"byodkim: {question}?", err=True):
            raise Refused(CliMessages.NOTHING_WRITTEN())
        write([change for step in steps for change in step.changes], stack, environment)
        up = ["up", "-s", stack.name, *(["--yes"] if yes else [])]
        if not no_up and environment.run_pulumi(up, stack.directory) != 0:
            raise Refused(CliMessages.UP_FAILED(file=stack.file_name))
    if wants_json:
        shown = {
            "stack": stack.name,
            "file": stack.file_name,
            "rotations": steps,
            "problems": problems,
        }
        click.echo(as_json(shown))
    if problems:
        sys.exit(Refused.exit_code)


def entries_of(stack: Stack) -> dict[str, Entry]:
    """
    The entries of the domains that the stack file lists, by name.

    `rotate` must not write a domain that is not listed: `pulumi config` would begin another list of
    domains, which hides the one in the project file or in an environment. Call it after
    `Stack.planned`, which refuses what is no domain.
    """
    loaded = read_yaml(stack.file) if stack.file.exists() else None
    domains = stack_file.domains_in(loaded, stack.project)
    defaults = json_map(stack.config.get(f"{stack.project}:defaults"))
    overlap_days = int(defaults.get("overlapDays", generations.OVERLAP_DAYS))
    entries = {}
    for spelling, settings in domains.items() if isinstance(domains, Mapping) else ():
        written = frozenset(settings if isinstance(settings, Mapping) else ())
        path = f'{stack.project}:domains["{spelling}"]'
        entries[normalise_domain(str(spelling))] = Entry(path, written, overlap_days)
    return entries


def _chosen(
    stack: Stack, names: Sequence[str], older_than: int | None, now: datetime
) -> list[Domain]:
    """The domains that are named, or whose key has signed for longer; else all but the retired."""
    if names:
        return stack.named(names)
    latest = now - timedelta(days=older_than or 0)
    chosen = []
    for domain in stack.domains.values():
        keys = [identity.key for identity in domain.identities if identity.key]
        is_due = older_than is None or any(key.signing_since < latest for key in keys)
        if is_due and not domain.settings.retired:
            chosen.append(domain)
    return chosen


def write(changes: Sequence[Change], stack: Stack, environment: Environment) -> None:
    """
    Write *changes* with `pulumi config`, which decrypts nothing.

    What goes goes first: `overlapDays: 0` never stands beside the generation of the next step.
    Raises `Failed`, and says that a part may be written.
    """
    gone: list[str] = []
    values: list[str] = []
    for change in changes:
        if isinstance(change.after, int):
            values += ["--plaintext", f"{change.path}={change.after}"]
            continue
        if change.before is not None:
            gone.append(change.path)
        for position, generation in enumerate(change.after or ()):
            values += ["--plaintext", f"{change.path}[{position}]={generation}"]
    try:
        for command, arguments in (("rm-all", gone), ("set-all", values)):
            if arguments:
                line = ["config", command, "-s", stack.name, "--path", *arguments]
                environment.ask_pulumi(line, stack.directory)
    except Failed as error:
        raise Failed(CliMessages.NOT_WRITTEN(error=error.message, file=stack.file_name)) from None


def rotation(way: Way, domain: Domain, entry: Entry, now: datetime) -> Rotation:
    """
    The step *way* from what the last run has made of *domain*.

    Raises `InvalidSettings` if there is nowhere to go, "StillInUse" if signed mail would fail.
    """
    settings = domain.settings
    before = _written(settings)
    before |= dict.fromkeys(before.keys() - entry.written)
    written_days, overlap_days = before["overlapDays"], settings.overlap_days
    if overlap_days == 0:  # it was for the step before
        written_days, overlap_days = None, entry.overlap_days
    # Not `Domain.signed_until`: `pulumi up` counts the standby of an adopted identity too.
    lately = rules.signed_lately(domain.identities, overlap_days, now)
    target, wanted = _wanted(way, domain, lately)
    published = tuple(sorted(wanted))
    notes = [*_notes(way, settings, target, published)]
    if way == "compromised":
        if written_days:
            notes.append(f"after the update set `overlapDays: {written_days}` again, or it is lost")
        written_days = 0
    else:  # what a preview would refuse
        first = domain.identities[0]
        before_all = replace(first.declared, published=tuple(sorted(domain.standing)))
        declared = replace(
            before_all,
            generation=target,
            published=published,
            overlap_days=overlap_days,
        )
        rules.refuse_step(replace(first, declared=before_all, signed_until=lately), declared, now)
        _refuse_taken_slot(settings, target)
    is_default = published == generations.published(target, settings.keys or None)
    after = {
        "generation": target,
        "published": None if is_default else list(published),
        "overlapDays": written_days,
    }
    return Rotation(
        domain=domain.name,
        generation=target,
        published=published,
        changes=tuple(
            Change(f"{entry.path}.{name}", before[name], after[name])
            for name in after
            if before[name] != after[name]
        ),
        notes=tuple(notes),
    )


def _refuse_taken_slot(settings: DomainSettings, target: int) -> None:
    """Refuse if *target* has no record yet, and another generation has one in its slot."""
    taken = generations.sharing(target, settings.published, settings.selector)
    if taken and target not in settings.published:
        raise InvalidSettings(
            CliMessages.SLOT_TAKEN(
                domain=settings.name,
                generation=target,
                before=taken[0],
                published=sorted({*settings.published, target} - {*taken}),
                signing=settings.generation,
            )
        )


def _refuse_unsettled(domain: Domain, planned: DomainSettings, entry: Entry | None) -> None:
    """
    Refuse if the stack is not where the stack file, or the last run, wanted it to be: the next
    `pulumi up` would make two steps at once.
    """
    settings = domain.settings
    if settings.retired:
        raise InvalidSettings(CliMessages.RETIRED(domain=domain.name))
    if not domain.is_finished:
        raise InvalidSettings(
            CliMessages.UNFINISHED(name=domain.name, generation=settings.generation)
        )
    stored, wanted = _written(settings), _written(planned)
    # A domain that is listed elsewhere has no entry: *planned* lacks its supplied keys, from which
    # the default of `published` follows.
    written = entry.written if entry else ()
    waiting = [name for name in stored if name in written and stored[name] != wanted[name]]
    if waiting:
        raise InvalidSettings(
            CliMessages.OTHER_FILE(domain=domain.name, settings=", ".join(waiting))
        )


def _written(settings: DomainSettings) -> dict[str, Any]:
    """The settings that a rotation changes, as in a stack file."""
    return {
        "generation": settings.generation,
        "published": list(settings.published),
        "overlapDays": settings.overlap_days,
    }


def _wanted(way: Way, domain: Domain, lately: Mapping[int, datetime]) -> tuple[int, set[int]]:
    """The generation that will sign, and those that this step or the next one needs in DNS."""
    settings = domain.settings
    signing, published = settings.generation, {*settings.published}
    if way == "back":
        earlier = [generation for generation in published if generation < signing]
        if not earlier:
            raise InvalidSettings(CliMessages.NO_WAY_BACK(domain=domain.name, generation=signing))
        signed = domain.signed_until.keys() & {*earlier}
        return max(signed or earlier), published
    if way == "compromised":
        # What signed lately has mail on its way; later ones that the file wants may sign next.
        stays = {*lately} & (published | domain.standing)
        stays |= {generation for generation in published if generation >= signing}
        target, wanted = generations.after_leak(
            signing, signing=signing, published=stays, slots=settings.selector, used=lately
        )
    else:
        target, wanted = generations.after_rotation(
            signing, published, slots=settings.selector, used=lately
        )
    there = {*wanted}
    if settings.keys:
        there &= published | settings.keys.keys()
    if target not in there:
        raise InvalidSettings(CliMessages.NO_STANDBY(domain=domain.name, generation=target))
    return target, there


def _notes(
    way: Way, domain: DomainSettings, target: int, published: Sequence[int]
) -> Iterator[str]:
    """What a person should know before the change."""
    signing = domain.generation
    yield f"generation {signing} → {target}, in DNS: {', '.join(map(str, published))}"
    if target not in domain.published:
        yield f"generation {target} has no record yet, the update makes it and waits for DNS"
    if way == "compromised":
        yield (
            f"{_removal(domain)}: mail on its way that was signed with it fails DKIM then, and so "
            f"does what SES signs with it until it has found the record of {target}; "
            "`overlapDays: 0` allows that, and the next rotation removes it"
        )
        yield (
            "a mail server of your own that has this key from `byodkim key` must switch before: "
            "what it signs with it fails, too"
        )
    if published[-1] == target and domain.selector(target):
        yield "there is no standby after it until a slot is free"
    elif published[-1] == target:
        yield f"there is no standby after it, add `keys.{target + 1}` before the next rotation"


def _removal(domain: DomainSettings) -> str:
    """How the record of a leaked key leaves DNS."""
    signing = domain.generation
    for setting in ("adopt", "protect"):
        if getattr(domain, setting):
            return (
                f"with `{setting}: true` the record of {signing} stays in DNS, and a thief's mail "
                f"passes: say no, delete `{setting}`, run `pulumi up`, and rotate then, which "
                "removes the record"
            )
    if by_hand(generations.holding(domain.dns, signing)):
        return (
            f"delete the record of {signing} in the panel right after the update: until then a "
            "thief's mail passes"
        )
    return f"the update also removes the record of {signing}"
