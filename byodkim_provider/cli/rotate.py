"""
`byodkim rotate`: writes into the stack file that another generation signs, and runs `pulumi up`.

`rotation` computes a step, a step back or the removal of a leaked key as changes of a domain's
settings, values in, values or a refusal out: `generations` and `rules` know which generations have
to be in DNS. `pulumi config` writes the changes. Where a program of the user's own declares the
domains, they are said as arguments of that program.
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
from byodkim_provider.cli.stack import Domain, Stack, not_in_stack, open_stack
from byodkim_provider.cli.terminal import REFUSED, Refused, as_json, ask_all, confirmed, inert, say
from byodkim_provider.config import stack_file
from byodkim_provider.config.problems import line
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim import generations, records
from byodkim_provider.dkim.records import normalise_domain
from byodkim_provider.dns.visibility import judge
from byodkim_provider.errors import ByodkimError, InvalidSettings
from byodkim_provider.identity import rules
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.messages.identity import IdentityMessages
from byodkim_provider.quoting import MAX_SHOWN, shown

NEVER: Final = datetime.min.replace(tzinfo=UTC)

DEFAULT: Final = "(default)"
"""Stands for the value of a setting that the stack file does not have."""

Way = Literal["forward", "back", "compromised"]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one setting of a domain: `generation`, `published` or `overlapDays`."""

    setting: str
    before: Any
    """As `_quoted` quotes what is written; None if nothing is."""
    after: int | list[int] | None
    """None removes the setting."""

    def __str__(self) -> str:
        before, after = (DEFAULT if one is None else one for one in (self.before, self.after))
        return f"{self.setting}: {before} -> {after}"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the stack file says of a domain."""

    path: str
    """How `pulumi config` addresses its settings."""
    written: Mapping[str, Any]


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
    if wants_json and not (dry_run or (no_up and yes)):
        raise click.UsageError(
            "--json prints nothing but JSON: give --dry-run, or --no-up and --yes."
        )
    stack = open_stack(name, environment)
    entries = entries_of(stack)
    now = environment.clock.now()
    chosen = _chosen(stack, entries, domains, older_than, now)
    way: Way = "forward"
    if back:
        way = "back"
    elif compromised:
        way = "compromised"
    steps, problems = _steps(way, chosen, entries, now)
    # A monthly run must not stop because one domain has no standby.
    if problems and not (older_than is not None and steps):
        raise Refused("\nbyodkim: ".join(problems.values()))
    for problem in problems.values():
        say(problem)
    result: dict[str, Any] = {"stack": stack.name, "file": "", "written": False}
    if not chosen:
        say(CliMessages.NOTHING_TO_DO())
    else:
        _refuse_unlisted(steps, entries, stack)
        result |= {"file": stack.shown(stack.file), "written": not dry_run}
        questions = [
            (
                f"DNS {step.domain}",
                partial(_record_note, step, stack.domains[step.domain], environment),
            )
            for step in steps
        ]
        for step, note in zip(steps, ask_all(questions), strict=True):
            for line in filter(None, (*step.notes, note)):
                say(f"{step.domain}: {line}")
            for change in step.changes if not wants_json else ():
                click.echo(inert(f"{entries[step.domain].path}.{change}"))
        if not dry_run:
            question = "write this" if no_up else "write this and run `pulumi up`"
            if not yes and not confirmed(question):
                raise Refused(CliMessages.NOTHING_WRITTEN())
            write(steps, entries, stack, environment)
        if not (dry_run or no_up):
            up = ["up", "-s", stack.name, *(["--yes"] if yes else [])]
            if environment.run_pulumi(up, stack.directory) != 0:
                raise Refused(CliMessages.UP_FAILED(file=stack.shown(stack.file)))
    if wants_json:
        click.echo(as_json({**result, "rotations": steps, "problems": problems}))
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
        try:
            name = normalise_domain(str(spelling))
        except ValueError as error:
            say(f"{file}: {line(('domains', str(spelling)), str(error))}")
            continue
        if isinstance(written, Mapping):
            entries[name] = Entry(f'{stack.project}:domains["{spelling}"]', written)
    return entries


def _chosen(
    stack: Stack,
    entries: Collection[str],
    names: Sequence[str],
    older_than: timedelta | None,
    now: datetime,
) -> list[Domain]:
    """
    The domains to rotate, each once: those named, those whose key has signed for longer, or all.
    """
    known = stack.domains
    for name in names:
        if name in entries and name not in known:
            raise Refused(CliMessages.NOT_MADE(domain=name))
        if name not in known:
            raise Refused(not_in_stack(CliMessages.OTHER_DOMAIN, name, stack, known))
    if names:
        return [known[name] for name in dict.fromkeys(names)]
    signing = [domain for domain in known.values() if not domain.settings.retired]
    if older_than is None:
        return signing
    due = []
    for domain in signing:
        keys = [identity.key for identity in domain.identities if identity.key]
        if any(key.signing_since < now - older_than for key in keys):
            due.append(domain)
    return due


def _steps(
    way: Way, chosen: Sequence[Domain], entries: Mapping[str, Entry], now: datetime
) -> tuple[list[Rotation], dict[str, str]]:
    """A step for each domain that can rotate, and the problem of each domain that can't."""
    steps: list[Rotation] = []
    problems: dict[str, str] = {}
    for domain in chosen:
        entry = entries.get(domain.name)
        try:
            steps.append(rotation(way, domain, entry.written if entry else None, now))
        except ByodkimError as error:
            problems[domain.name] = str(error)
    return steps, problems


def _refuse_unlisted(steps: Sequence[Rotation], entries: Collection[str], stack: Stack) -> None:
    """
    Refuse what the stack file does not list, and say what to set where it is declared.

    `pulumi config` would write a second list there, which hides the first one.
    """
    edits = []
    for step in steps:
        if step.domain not in entries:
            settings = [
                f"`{one.setting}: {one.after}`" for one in step.changes if one.after is not None
            ]
            edits.append(f"{' and '.join(settings)} for {step.domain}")
    if edits:
        fields = {"file": stack.shown(stack.file), "edits": "; ".join(edits)}
        raise Refused(CliMessages.NOT_LISTED(**fields))


def _record_note(step: Rotation, domain: Domain, environment: Environment) -> str:
    """A note if the record of the generation that will sign is not in DNS; else ""."""
    record = next((one for one in domain.records if one.generation == step.generation), None)
    if record is None:
        unmade = f"generation {step.generation} has no record yet"
        return f"{unmade}, the update makes it and waits for DNS"
    resolver = domain.resolver(environment)
    if not resolver:
        return ""
    key = records.public_key(record.value) or b""
    answers = resolver.txt(record.name, record.domain)
    shown = judge(answers, key, domain.settings.cnames.get(record.name, ""))
    if shown.visible:
        return ""
    seen = f"the record of generation {step.generation} is not visible: {shown.summary()}"
    return f"{seen}; the update waits for it, or fails, and SES keeps its key"


def write(
    steps: Sequence[Rotation], entries: Mapping[str, Entry], stack: Stack, environment: Environment
) -> None:
    """
    Write *steps* with `pulumi config`, which decrypts nothing.

    Raises `Refused`, and `KeyboardInterrupt` after Ctrl-C, with what stands in the file.

    What goes goes first: `overlapDays: 0` never stands beside the generation of the next step.
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
    removed, file = "", stack.shown(stack.file)
    try:
        for command, arguments in (("rm-all", gone), ("set-all", values)):
            if arguments:
                line = ["config", command, "-s", stack.name, "--path", *arguments]
                environment.ask_pulumi(line, stack.directory)
                removed = ", ".join(gone)
    except Refused as error:
        problem = CliMessages.HALF_WRITTEN if removed else CliMessages.NOT_WRITTEN
        fields = {"file": file, "error": error.message, "removed": removed}
        raise Refused(problem(**fields), kind="CannotWrite") from None
    except KeyboardInterrupt:  # while `pulumi config` runs, which has written, or has not
        problem = CliMessages.HALF_INTERRUPTED if removed else CliMessages.WRITE_INTERRUPTED
        raise KeyboardInterrupt(problem(file=file, removed=removed)) from None


def rotation(
    way: Way, domain: Domain, written: Mapping[str, Any] | None, now: datetime
) -> Rotation:
    """
    The step *way* from what the last run has made of *domain*.

    *written* is the domain's entry in the stack file, None if that does not list it. Raises
    `InvalidSettings` if there is nowhere to go, "StillInUse" if signed mail would fail.
    """
    settings = domain.settings
    _refuse_unsettled(domain, written or {})
    if written is None:
        written = {"generation": settings.generation}
        if settings.published != generations.published(settings.generation, domain.supplied):
            written["published"] = list(settings.published)
        if settings.overlap_days == 0:
            written["overlapDays"] = 0
    if str(written.get("overlapDays")) == "0":  # it was for the step before
        update = {"overlap_days": generations.OVERLAP_DAYS}
        settings = settings.model_copy(update=update)
        domain = replace(domain, settings=settings)
    lately = rules.signed_lately(domain.identities, settings.overlap_days, now)
    target, wanted = _wanted(way, domain, lately)
    standing = domain.standing
    early = (lately.keys() & standing) - wanted - {settings.generation}
    # What is written out was meant to stay. What would leave by default may surprise: a second
    # rotation is perhaps the first one, run again.
    kept = early & {*settings.published} if written.get("published") is not None else set()
    allowed = partial(
        generations.allowed_today, before=standing, after=wanted, slots=settings.selector
    )
    published = allowed(early=kept)
    if refused := early - kept:
        last = max(refused, key=lambda one: lately[one])
        fields = rules.in_use(last, lately[last], settings.overlap_days)
        today = list(allowed(early=early))
        said = IdentityMessages.ROTATED_LATELY(
            domain=domain.name, **fields, target=target, today=today
        )
        raise ByodkimError(said, kind="StillInUse")
    is_default = published == generations.published(target, domain.supplied)
    after: dict[str, int | list[int] | None] = {
        "generation": target,
        "published": None if is_default else list(published),
    }
    if way == "compromised":
        after["overlapDays"] = 0
    elif str(written.get("overlapDays")) == "0":  # it was for the step before
        after["overlapDays"] = None
    changes = [
        Change(setting, _quoted(written.get(setting)), value)
        for setting, value in after.items()
        # As text: JSON and YAML may have numbers of different types.
        if str(written.get(setting)) != str(value)
    ]
    return Rotation(
        domain=domain.name,
        before=settings.generation,
        generation=target,
        published=published,
        changes=tuple(changes),
        notes=tuple(_notes(way, settings, target, published, lately)),
    )


def _refuse_unsettled(domain: Domain, written: Mapping[str, Any]) -> None:
    """
    Refuse if the stack is not where the stack file, or the last run, wanted it to be: the next
    `pulumi up` would make two steps at once.
    """
    if domain.settings.retired:
        raise InvalidSettings(CliMessages.RETIRED(domain=domain.name))
    if not domain.identities:
        raise InvalidSettings(CliMessages.NOT_MADE(domain=domain.name))
    if any(one.declared.generation is None for one in domain.identities):
        raise InvalidSettings(CliMessages.NO_GENERATIONS(domain=domain.name))
    problems = []
    fields: dict[str, Any]
    wanted = domain.settings.generation
    for identity in domain.identities:
        name, signs = f"{domain.name} {identity.declared.region}", identity.declared.generation
        if identity.key is None:
            problems.append(CliMessages.WAITS_FOR_DNS(name=name))
        elif signs != wanted:
            fields = {"name": name, "generation": signs, "wanted": wanted}
            problems.append(CliMessages.OTHER_GENERATION(**fields))
    published = list(domain.settings.published)
    given = written.get("published") or published
    # As text: YAML may have numbers of other types.
    if str(written.get("generation", wanted)) != str(wanted):
        quoted = _quoted(written["generation"])
        fields = {"setting": "generation", "written": quoted, "stored": wanted}
        problems.append(CliMessages.OTHER_FILE(domain=domain.name, **fields))
    elif not isinstance(given, list) or sorted(map(str, given)) != sorted(map(str, published)):
        fields = {"setting": "published", "written": _quoted(given), "stored": published}
        problems.append(CliMessages.OTHER_FILE(domain=domain.name, **fields))
    if problems:
        raise InvalidSettings(problems)


def _quoted(value: Any) -> Any:
    """
    *value* of the stack file if it is None, a number or a short list of numbers; anything else,
    which may be a key, as an error message quotes it.
    """
    parts = value if isinstance(value, list | tuple) else [value]
    is_plain = value is None or all(isinstance(part, int) for part in parts)
    return value if is_plain and len(str(value)) < MAX_SHOWN else shown(value)


def _wanted(way: Way, domain: Domain, lately: Mapping[int, datetime]) -> tuple[int, set[int]]:
    """The generation that will sign, and those that this step or the next one needs in DNS."""
    settings = domain.settings
    signing, published = settings.generation, {*settings.published}
    if way == "back":
        earlier = [generation for generation in published if generation < signing]
        if not earlier:
            raise InvalidSettings(CliMessages.NO_WAY_BACK(domain=domain.name, generation=signing))
        # Back to what signed last before.
        signed = {
            one: [each.signed_until.get(one, NEVER) for each in domain.identities]
            for one in earlier
        }
        return max(earlier, key=lambda one: (max(signed[one]), one)), published
    if way == "compromised":
        # What signed lately has mail on its way. Of the others, later ones that the file wants may
        # sign next.
        standing = published | domain.standing
        stays = {one for one in standing if one in lately or (one >= signing and one in published)}
        target, wanted = generations.after_leak(
            signing, signing=signing, published=stays, slots=settings.selector, used=lately
        )
    else:
        target, wanted = generations.after_rotation(
            signing, published, slots=settings.selector, used=lately
        )
        _refuse_taken_slot(settings, target, lately)
    there = {
        one
        for one in wanted
        if domain.supplied is None or one in published or one in domain.supplied
    }
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
    signing = domain.generation
    yield f"generation {signing} → {target}, in DNS: {', '.join(map(str, published))}"
    if way == "compromised":
        yield (
            f"the update also removes the record of {signing}: mail on its way that was signed "
            "with it fails DKIM, and so does what SES signs with it until it has found the record "
            f"of {target}"
        )
        yield "`overlapDays: 0` allows that, and the next rotation removes it"
        if kept := [one for one in published if one < target]:
            yield f"what signed lately stays, as not leaked: {', '.join(map(str, kept))}"
        if target not in domain.published and generations.sharing(target, lately, domain.selector):
            yield (
                f"the slot of generation {target} had another key lately: where that is "
                "remembered, for the `ttl` of the settings, mail fails DKIM"
            )
    if published[-1] == target and domain.selector(target):
        yield "there is no standby after it until a slot is free"
    elif published[-1] == target:
        yield f"there is no standby after it, add `keys.{target + 1}` before the next rotation"
