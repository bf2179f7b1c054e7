"""
`byodkim rotate`: writes into the stack file that another generation signs, and runs `pulumi up`.

`rotation` computes a step as changes of a domain's settings, or refuses it: `generations` and
`rules` know which generations have to be in DNS. Where a program of the user's own declares the
domains, the changes are said.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Literal

import click

from byodkim_provider.cli.chosen import checked, stack_option
from byodkim_provider.cli.environment import Environment, read_file
from byodkim_provider.cli.stack import Domain, Stack, open_stack
from byodkim_provider.cli.terminal import REFUSED, Refused, as_json, confirmed, inert, say
from byodkim_provider.config import stack_file
from byodkim_provider.config.problems import line
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim import generations
from byodkim_provider.dkim.generations import MAX_PUBLISHED
from byodkim_provider.dkim.records import normalise_domain
from byodkim_provider.errors import ByodkimError, InvalidSettings
from byodkim_provider.identity import rules
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.messages.identity import IdentityMessages
from byodkim_provider.quoting import shown

NEVER: Final = datetime.min.replace(tzinfo=UTC)

HIGHEST: Final = 10**9
"""A whole number above it is no generation; it may be a key."""

Way = Literal["forward", "back", "compromised"]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one setting of a domain: `generation`, `published` or `overlapDays`."""

    setting: str
    before: Any
    """As `Entry` has it; None if nothing is written."""
    after: int | list[int] | None
    """None removes the setting."""

    def __str__(self) -> str:
        before, after = (
            "(default)" if value is None else value for value in (self.before, self.after)
        )
        return f"{self.setting}: {before} -> {after}"


@dataclass(frozen=True, slots=True)
class Entry:
    """
    What the stack file says of a domain: numbers, None for what it leaves out, and in the place of
    anything else a description, as it may be a key.
    """

    path: str
    """How `pulumi config` addresses its settings."""
    generation: Any
    published: Any
    overlap_days: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """One step of a domain."""

    domain: str
    before: int
    """The generation that signs now."""
    generation: int
    """The generation that will sign."""
    published: tuple[int, ...]
    """The generations that will be in DNS."""
    changes: tuple[Change, ...]
    """Of the domain's settings in the stack file."""
    notes: tuple[str, ...]
    """Notes for the user before the change, one line each."""


def _days(text: str) -> timedelta:
    """The time that `180d` is."""
    found = re.fullmatch("([0-9]{1,5})d", text)
    if not found:
        raise click.BadParameter(f"{text!r} is not a number of days such as '180d'.")
    return timedelta(days=int(found[1]))


@click.command(
    epilog="""\b
Exit codes:
  0  done, or nothing to do, or --dry-run
  1  refused or declined, and nothing was written; or `pulumi up` failed; or,
     with --older-than, done but for the domains named, which can't rotate
  2  wrong usage, or the stack could not be read, or its file not be written
"""
)
@click.argument("domains", nargs=-1, type=checked(normalise_domain), metavar="[DOMAIN]...")
@stack_option()
@click.option("--all", "every", is_flag=True, help="Every domain that is not retired.")
@click.option(
    "--older-than", type=_days, metavar="180d", help="Domains whose key has signed for longer."
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
@click.option(
    "--json", "wants_json", is_flag=True, help="Print JSON; with --dry-run, or --no-up and --yes."
)
@click.pass_context
def rotate(
    context: click.Context,
    domains: tuple[str, ...],
    name: str | None,
    every: bool,
    older_than: timedelta | None,
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
    environment = context.ensure_object(Environment)
    if sum((bool(domains), every, older_than is not None)) != 1:
        raise click.UsageError("Give one of: domains, --all, --older-than.")
    if back and compromised:
        raise click.UsageError("Give --back or --compromised, not both.")
    if not (yes or dry_run or environment.at_terminal()):
        raise click.UsageError("Nobody is there to be asked: give --yes or --dry-run.")
    prints_for_itself = not dry_run and not (no_up and yes)
    if wants_json and prints_for_itself:
        raise click.UsageError(
            "--json prints nothing but JSON: give --dry-run, or --no-up and --yes."
        )
    way: Way = "forward"
    if back or compromised:
        way = "back" if back else "compromised"
    stack = open_stack(name, environment)
    entries = entries_of(stack)
    now = environment.clock.now()
    steps: list[Rotation] = []
    problems: dict[str, str] = {}
    for domain in _chosen(stack, domains, older_than, now):
        try:
            steps.append(rotation(way, domain, entries.get(domain.name), now))
        except ByodkimError as error:
            problems[domain.name] = str(error)
    # A monthly run must not stop because one domain has no standby.
    if problems and not (older_than is not None and steps):
        raise Refused("\nbyodkim: ".join(problems.values()))
    for problem in problems.values():
        say(problem)
    if not steps:
        say(CliMessages.NOTHING_TO_DO())
    _refuse_unlisted(steps, entries, stack)
    for step in steps:
        for note in step.notes:
            say(f"{step.domain}: {note}")
        for change in step.changes if not wants_json else ():
            click.echo(inert(f"{entries[step.domain].path}.{change}"))
    if steps and not dry_run:
        question = "write this" if no_up else "write this and run `pulumi up`"
        if not yes and not confirmed(question):
            raise Refused(CliMessages.NOTHING_WRITTEN())
        write(steps, entries, stack, environment)
        up = ["up", "-s", stack.name, *(["--yes"] if yes else [])]
        if not no_up and environment.run_pulumi(up, stack.directory) != 0:
            raise Refused(CliMessages.UP_FAILED(file=stack.shown(stack.file)))
    if wants_json:
        file = stack.shown(stack.file) if steps else ""
        done = {"stack": stack.name, "file": file, "written": bool(steps) and not dry_run}
        click.echo(as_json({**done, "rotations": steps, "problems": problems}))
    if problems:
        say(CliMessages.NOT_ROTATED(domains=", ".join(problems)))
        context.exit(REFUSED)


def entries_of(stack: Stack) -> dict[str, Entry]:
    """
    What the stack file says of each domain, by name; empty if it lists none.

    Says what is no domain, and leaves it out: `pulumi up` refuses it.
    """
    file = stack.shown(stack.file)
    try:
        domains = stack_file.domains_in(read_file(stack.file) or "", stack.project)
    except InvalidSettings as error:
        raise Refused(CliMessages.NOT_READ(file=file, problem=error.text)) from None
    entries = {}
    for spelling, written in domains.items() if isinstance(domains, Mapping) else ():
        text = spelling if isinstance(spelling, str) else shown(spelling)
        try:
            name = normalise_domain(text)
        except ValueError as error:
            say(f"{file}: {line(('domains', text), str(error))}")
            continue
        if written is None:  # the name alone
            written = {}
        if isinstance(written, Mapping):
            settings = map(_plain, map(written.get, ("generation", "published", "overlapDays")))
            entries[name] = Entry(f'{stack.project}:domains["{text}"]', *settings)
    return entries


def _plain(value: Any) -> Any:
    """*value* if it is None or whole numbers; of anything else what an error message quotes."""
    parts = value if isinstance(value, list) and len(value) <= 2 * MAX_PUBLISHED else [value]
    is_plain = all(isinstance(part, int) and abs(part) < HIGHEST for part in parts)
    return value if value is None or is_plain else shown(value)


def _chosen(
    stack: Stack, names: Sequence[str], older_than: timedelta | None, now: datetime
) -> list[Domain]:
    """The domains that are named, or whose key has signed for longer; else all but the retired."""
    if names:
        return stack.named(names, stack.domains, kind="Refused")
    signing = [domain for domain in stack.domains.values() if not domain.settings.retired]
    if older_than is None:
        return signing
    due = []
    for domain in signing:
        keys = [identity.key for identity in domain.identities if identity.key]
        if any(key.signing_since < now - older_than for key in keys):
            due.append(domain)
    return due


def _refuse_unlisted(steps: Sequence[Rotation], entries: Collection[str], stack: Stack) -> None:
    """
    Refuse what the stack file does not list, and say what to set where it is declared.

    `pulumi config` would write a second list there, which hides the first one.
    """
    edits = []
    for step in steps:
        if step.domain not in entries:
            wanted = [one for one in step.changes if one.after is not None]
            settings = " and ".join(f"`{one.setting}: {one.after}`" for one in wanted)
            edits.append(f"{settings} for {step.domain}")
    if edits:
        fields = {"file": stack.shown(stack.file), "edits": "; ".join(edits)}
        raise Refused(CliMessages.NOT_LISTED(**fields))


def write(
    steps: Sequence[Rotation], entries: Mapping[str, Entry], stack: Stack, environment: Environment
) -> None:
    """
    Write *steps* with `pulumi config`, which decrypts nothing.

    What goes goes first: `overlapDays: 0` never stands beside the generation of the next step.
    Raises `Refused`, and `KeyboardInterrupt` after Ctrl-C, and says that a part may be written.
    """
    gone: list[str] = []
    values: list[str] = []
    for step in steps:
        for change in step.changes:
            path = f"{entries[step.domain].path}.{change.setting}"
            if isinstance(change.after, int):
                values += ["--plaintext", f"{path}={change.after}"]
                continue
            if change.before is not None:
                gone.append(path)
            for position, generation in enumerate(change.after or ()):
                values += ["--plaintext", f"{path}[{position}]={generation}"]
    file = stack.shown(stack.file)
    try:
        for command, arguments in (("rm-all", gone), ("set-all", values)):
            if arguments:
                line = ["config", command, "-s", stack.name, "--path", *arguments]
                environment.ask_pulumi(line, stack.directory)
    except Refused as error:
        problem = CliMessages.NOT_WRITTEN(error=error.message, file=file)
        raise Refused(problem, kind="CannotWrite") from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt(CliMessages.NOT_WRITTEN(error="", file=file).hint) from None


def rotation(way: Way, domain: Domain, entry: Entry | None, now: datetime) -> Rotation:
    """
    The step *way* from what the last run has made of *domain*.

    *entry* is None if the stack file does not list it. Raises `InvalidSettings` if there is nowhere
    to go, "StillInUse" if signed mail would fail.
    """
    settings = domain.settings
    _refuse_unsettled(domain, entry or Entry("", None, None, None))
    if entry is None:
        is_default = settings.published == generations.published(
            settings.generation, domain.supplied
        )
        published = None if is_default else list(settings.published)
        entry = Entry("", settings.generation, published, settings.overlap_days)
    overlap_days = entry.overlap_days
    if str(overlap_days) == "0":  # it was for the step before
        overlap_days = None
        update = {"overlap_days": generations.OVERLAP_DAYS}
        settings = settings.model_copy(update=update)
        domain = replace(domain, settings=settings)
    if way == "compromised":
        overlap_days = 0
    lately = rules.signed_lately(domain.identities, settings.overlap_days, now)
    target, wanted = _wanted(way, domain, lately)
    early = (lately.keys() & domain.standing) - wanted - {settings.generation}
    # What is written out was meant to stay. What would leave by default may surprise: a second
    # rotation is perhaps the first one, run again.
    kept = early & {*settings.published} if entry.published is not None else set()
    allowed = partial(
        generations.allowed_today, before=domain.standing, after=wanted, slots=settings.selector
    )
    if early - kept:
        last = max(early - kept, key=lambda generation: lately[generation])
        fields = rules.in_use(last, lately[last], settings.overlap_days)
        fields |= {"domain": domain.name, "target": target, "today": list(allowed(early=early))}
        raise ByodkimError(IdentityMessages.ROTATED_LATELY(**fields), kind="StillInUse")
    listed = allowed(early=kept)
    is_default = listed == generations.published(target, domain.supplied)
    changes = (
        Change("generation", entry.generation, target),
        Change("published", entry.published, None if is_default else list(listed)),
        Change("overlapDays", entry.overlap_days, overlap_days),
    )
    return Rotation(
        domain=domain.name,
        before=settings.generation,
        generation=target,
        published=listed,
        # As text: YAML may have numbers of other types.
        changes=tuple(one for one in changes if str(one.before) != str(one.after)),
        notes=tuple(_notes(way, settings, target, listed, lately)),
    )


def _refuse_unsettled(domain: Domain, entry: Entry) -> None:
    """
    Refuse if the stack is not where the stack file, or the last run, wanted it to be: the next
    `pulumi up` would make two steps at once.
    """
    settings = domain.settings
    if settings.retired:
        raise InvalidSettings(CliMessages.RETIRED(domain=domain.name))
    if not domain.identities:
        raise InvalidSettings(CliMessages.NOT_MADE(domain=domain.name))
    if any(identity.declared.generation is None for identity in domain.identities):
        raise InvalidSettings(CliMessages.NO_GENERATIONS(domain=domain.name))
    problems = []
    fields: dict[str, Any]
    for identity in domain.identities:
        name, signs = f"{domain.name} {identity.declared.region}", identity.declared.generation
        if identity.key is None:
            problems.append(CliMessages.WAITS_FOR_DNS(name=name))
        elif signs != settings.generation:
            fields = {"name": name, "generation": signs, "wanted": settings.generation}
            problems.append(CliMessages.OTHER_GENERATION(**fields))
    for setting, written, stored in (
        ("generation", entry.generation, settings.generation),
        ("published", entry.published, list(settings.published)),
    ):
        if written not in (None, []) and _texts(written) != _texts(stored):
            fields = {"setting": setting, "written": written, "stored": stored}
            problems.append(CliMessages.OTHER_FILE(domain=domain.name, **fields))
    if problems:
        raise InvalidSettings(problems)


def _texts(value: Any) -> list[str]:
    """*value* as text, a list sorted: YAML may have numbers of other types than the state."""
    return sorted(map(str, value)) if isinstance(value, list) else [str(value)]


def _wanted(way: Way, domain: Domain, lately: Mapping[int, datetime]) -> tuple[int, set[int]]:
    """The generation that will sign, and those that this step or the next one needs in DNS."""
    settings = domain.settings
    signing, published = settings.generation, {*settings.published}
    if way == "back":
        earlier = [generation for generation in published if generation < signing]
        if not earlier:
            raise InvalidSettings(CliMessages.NO_WAY_BACK(domain=domain.name, generation=signing))
        last_signed = dict.fromkeys(earlier, NEVER)
        for identity in domain.identities:
            for generation in earlier:
                until = identity.signed_until.get(generation, NEVER)
                last_signed[generation] = max(last_signed[generation], until)
        # Back to what signed last before.
        return max(earlier, key=lambda generation: (last_signed[generation], generation)), published
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
        _refuse_taken_slot(settings, target, lately)
    there = {*wanted}
    if domain.supplied is not None:
        there &= published | domain.supplied
    if target not in there:
        raise InvalidSettings(CliMessages.NO_STANDBY(domain=domain.name, generation=target))
    return target, there


def _refuse_taken_slot(domain: DomainSettings, target: int, lately: Mapping[int, datetime]) -> None:
    """Refuse a generation that has no record yet, while its slot is another one's."""
    if target in domain.published:
        return
    fields: dict[str, Any]
    for one in generations.sharing(target, lately, domain.selector):
        fields = rules.in_use(one, lately[one], domain.overlap_days)
        fields |= {"domain": domain.name, "today": list(domain.published)}
        fields["next_one"] = IdentityMessages.KEEP(generation=domain.generation)
        is_there = one in domain.published
        problem = IdentityMessages.STILL_IN_USE if is_there else IdentityMessages.SLOT_IN_USE
        raise ByodkimError(problem(**fields), kind="StillInUse")
    taken = generations.sharing(target, domain.published, domain.selector)
    if taken:
        fields = {"domain": domain.name, "generation": target, "signing": domain.generation}
        published = sorted({*domain.published, target} - {*taken})
        raise InvalidSettings(
            CliMessages.SLOT_TAKEN(before=taken[0], published=published, **fields)
        )


def _notes(
    way: Way, domain: DomainSettings, target: int, published: Sequence[int], lately: Collection[int]
) -> Iterator[str]:
    """What a person should know before the change."""
    signing = domain.generation
    yield f"generation {signing} → {target}, in DNS: {', '.join(map(str, published))}"
    if target not in domain.published:
        yield f"generation {target} has no record yet, the update makes it and waits for DNS"
    if way == "compromised":
        yield (
            f"the update also removes the record of {signing}: mail on its way that was signed "
            "with it fails DKIM, and so does what SES signs with it until it has found the record "
            f"of {target}"
        )
        yield "`overlapDays: 0` allows that, and the next rotation removes it"
        yield (
            "a mail server of your own that has this key from `byodkim key` must switch before: "
            "what it signs with it fails, too"
        )
        if target not in domain.published and generations.sharing(target, lately, domain.selector):
            yield (
                f"the slot of generation {target} had another key lately: where that is "
                "remembered, for the `ttl` of the settings, mail fails DKIM"
            )
    if published[-1] == target and domain.selector(target):
        yield "there is no standby after it until a slot is free"
    elif published[-1] == target:
        yield f"there is no standby after it, add `keys.{target + 1}` before the next rotation"
