"""
`byodkim rotate`: edits the file with the domains so that another generation signs, and runs `pulumi
up`.

Shows the change before it is made. `rotation` computes a step, a step back or the removal of a
leaked key as a change of a domain's numbers, values in, values or a refusal out: `generations` and
`rules` know which generations have to be in DNS. `stack_file` edits the text. Where a program of
the user's own declares the domains, the step is said as arguments of that program.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Literal

import click
from pydantic.alias_generators import to_snake

from byodkim_provider.cli.chosen import checked, stack_option
from byodkim_provider.cli.environment import Environment, replace_file
from byodkim_provider.cli.stack import Domain, Stack, not_in_stack, open_stack, settings_in
from byodkim_provider.cli.state import DeclaredRecord
from byodkim_provider.cli.terminal import REFUSED, Refused, as_json, ask_all, confirmed, inert, say
from byodkim_provider.config import stack_file
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.config.stack_file import Changes
from byodkim_provider.dkim import generations, records
from byodkim_provider.dkim.records import normalise_domain
from byodkim_provider.dns.visibility import judge
from byodkim_provider.errors import ByodkimError, InvalidSettings
from byodkim_provider.identity import rules
from byodkim_provider.identity.state import MANUAL
from byodkim_provider.messages import in_python
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.messages.identity import IdentityMessages

NEVER: Final = datetime.min.replace(tzinfo=UTC)

Way = Literal["forward", "back", "compromised"]


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
    changes: Changes
    """New values of the domain's keys in the stack file; None removes the key."""
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
    help=(
        "The signing key has leaked: switch to the standby and remove the leaked key in one update."
    ),
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

    Edits the stack file, prints the change, asks, writes, and runs `pulumi up`. Either all the
    domains rotate or none; with --older-than those that can. A change that would make signed mail
    fail is refused, but for --compromised, which says what will.
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
    chosen = _chosen(stack, domains, older_than, environment.clock.now())
    way: Way = "back" if back else "compromised" if compromised else "forward"
    done: dict[str, Any] = {"stack": stack.name, "file": "", "written": False}
    steps: list[Rotation] = []
    problems: dict[str, str] = {}
    change = ""
    if chosen:
        steps, problems = _steps(way, stack, chosen, environment.clock.now())
        # A monthly run must not stop because one domain has no standby.
        if problems and not (older_than is not None and steps):
            raise Refused("\nbyodkim: ".join(problems.values()))
        for problem in problems.values():
            say(problem)
        if stack.has_own_program:
            raise Refused(CliMessages.OWN_PROGRAM(edits="; ".join(_arguments(steps, stack))))
        text = _edited(stack, steps)
        shown = stack.shown(stack.source.file)
        done |= {"file": shown, "written": not dry_run}
        change = stack_file.diff(stack.source.text, text, shown)
        for step, notes in zip(steps, _record_notes(steps, stack, environment), strict=True):
            for note in (*step.notes, *notes):
                say(f"{step.domain}: {note}")
        if not wants_json:
            click.echo(inert(change), nl=False)
        if not dry_run:
            _apply(stack, text, environment, yes=yes, up=not no_up)
    else:
        say(CliMessages.NOTHING_TO_DO())
    if wants_json:
        click.echo(as_json({**done, "rotations": steps, "problems": problems, "diff": change}))
    if problems:
        say(CliMessages.NOT_ROTATED(domains=", ".join(problems)))
        context.exit(REFUSED)


def _chosen(
    stack: Stack, domains: Sequence[str], older_than: timedelta | None, now: datetime
) -> list[str]:
    """
    The domains to rotate, each once: those named, those whose key has signed for longer, or all.
    """
    known = {name: one for name, one in stack.domains.items() if one.listed}
    for name in domains:
        if name in stack.domains.keys() - known.keys():
            raise Refused(CliMessages.LEAVING(domain=name, stack=stack.name))
        if name not in known:
            raise Refused(not_in_stack(CliMessages.OTHER_DOMAIN, name, stack, known))
    if domains:
        return list(dict.fromkeys(domains))
    signing = [name for name, one in known.items() if not one.settings.retired]
    if older_than is None:
        return signing
    latest = now - older_than
    keys = {name: [one.key for one in known[name].identities if one.key] for name in signing}
    return [
        name for name, found in keys.items() if any(key.signing_since < latest for key in found)
    ]


def _steps(
    way: Way, stack: Stack, chosen: Sequence[str], now: datetime
) -> tuple[list[Rotation], dict[str, str]]:
    """A step for each domain that can rotate, and the problem of each domain that can't."""
    # A domain's own `overlapDays: 0` was for the step before.
    if stack.has_own_program:
        usual = {"overlap_days": generations.OVERLAP_DAYS}
        known = [
            one if one.overlap_days else one.model_copy(update=usual)
            for one in stack.settings.domains
        ]
    else:
        domains = {
            name: {
                key: value
                for key, value in written.items()
                if (key, str(value)) != ("overlapDays", "0")
            }
            for name, written in stack.written.items()
        }
        known = [*settings_in({**stack.ours, "domains": domains}, stack.region).domains]
    settings = {domain.name: domain for domain in known}
    steps: list[Rotation] = []
    problems: dict[str, str] = {}
    for name in chosen:
        try:
            steps.append(rotation(way, replace(stack.domains[name], settings=settings[name]), now))
        except ByodkimError as error:
            problems[name] = in_python(str(error)) if stack.has_own_program else str(error)
    return steps, problems


def _arguments(steps: Sequence[Rotation], stack: Stack) -> Iterator[str]:
    """What to set for each of *steps* in the program that declares the domains."""
    name_of, sign = (str, ": ") if stack.state.of_plugin else (to_snake, "=")
    for step in steps:
        given = [
            f"{name_of(key)}{sign}{one}" for key, one in step.changes.items() if one is not None
        ]
        written = stack.domains[step.domain].written
        gone = [key for key, one in step.changes.items() if one is None and key in written]
        left_out = "".join(f", without `{name_of(key)}`" for key in gone)
        yield f"{step.domain}: `{', '.join(given)}`{left_out}"


def _edited(stack: Stack, steps: Sequence[Rotation]) -> str:
    """The content of the file after *steps*; raises `Refused` if it can't be edited."""
    source = stack.source
    spellings = {normalise_domain(spelling): spelling for spelling in source.domains}
    changes: dict[str, Changes] = {}
    for step in steps:
        spelling, said = spellings.get(step.domain, ""), stack.written[step.domain]
        written = source.domains.get(spelling)
        # As text: YAML and the JSON of `pulumi config` may have numbers of different types.
        if not isinstance(written, Mapping) or any(
            str(written.get(key)) != str(said.get(key)) for key in step.changes
        ):
            raise Refused(CliMessages.ELSEWHERE(domain=step.domain, file=stack.shown(source.file)))
        changes[spelling] = step.changes
    try:
        return stack_file.edited(source.text, source.path, changes)
    except InvalidSettings as error:
        raise Refused(str(error)) from None


def _record_notes(
    steps: Sequence[Rotation], stack: Stack, environment: Environment
) -> Sequence[Sequence[str]]:
    """Notes for each step whose record (of the generation that will sign) is not in DNS."""

    def notes(step: Rotation, domain: Domain, record: DeclaredRecord | None) -> Sequence[str]:
        if record is None:
            return [
                (
                    f"generation {step.generation} has no record yet, the update makes it and "
                    "waits for DNS"
                )
            ]
        resolver = domain.resolver(environment)
        if not resolver:
            return ()
        key, answers = (
            records.public_key(record.value) or b"",
            resolver.txt(record.name, record.domain),
        )
        shown = judge(answers, key, domain.settings.cnames.get(record.name, ""))
        if shown.visible:
            return ()
        declared = domain.declared
        seconds, again = domain.settings.dns_wait_seconds, ""
        if declared:
            seconds = replace(declared, generation=step.generation).wait_seconds
            is_kept = {*declared.labels(step.generation)} - {MANUAL}
            if is_kept and (shown.has_cname or not declared.cname):
                again = (
                    "; `pulumi up --refresh`, run first, makes the record again if somebody "
                    "changed it"
                )
        waits = f"waits for it at most {seconds} s, then fails" if seconds else "fails then"
        seen = f"the record of generation {step.generation} is not visible: {shown.summary()}"
        return [f"{seen}; the update {waits}, and SES keeps its key{again}"]

    questions = []
    for step in steps:
        domain = stack.domains[step.domain]
        record = next((one for one in domain.records if one.generation == step.generation), None)
        name = record.name if record else step.domain
        questions.append((f"DNS {name}", partial(notes, step, domain, record)))
    return ask_all(questions)


def _apply(stack: Stack, text: str, environment: Environment, *, yes: bool, up: bool) -> None:
    """Write *text*, and run `pulumi up` if *up*; asks first unless *yes*."""
    if not yes and not confirmed("write this and run `pulumi up`" if up else "write this"):
        raise Refused(CliMessages.NOTHING_WRITTEN())
    source, shown = stack.source, stack.shown(stack.source.file)
    replace_file(source.file, shown, source.text, text)
    if not up:
        return
    code = environment.run_pulumi(
        ["up", "-s", stack.name, *(["--yes"] if yes else [])], stack.directory
    )
    if code == 0:
        return
    problem = CliMessages.UP_FAILED
    if code > 0:  # killed by a signal, it may have done what its state does not contain
        with suppress(
            Refused
        ):  # if the state can't be read, or Pulumi has changed the file as well
            now = environment.ask_pulumi(["stack", "export", "-s", stack.name], stack.directory)
            if now == stack.export:  # with all timestamps, so nothing was changed
                replace_file(source.file, shown, text, source.text)
                problem = CliMessages.NOTHING_CHANGED
    raise Refused(problem(file=shown))


def rotation(way: Way, domain: Domain, now: datetime) -> Rotation:
    """
    The step *way* from what the settings of *domain* say.

    Raises `InvalidSettings` if there is nowhere to go, "StillInUse" if signed mail would fail.
    """
    _refuse_unsettled(domain)
    settings, written = domain.settings, domain.written
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
    changes: dict[str, int | list[int] | None] = {
        "generation": target,
        "published": None if is_default else list(published),
    }
    if way == "compromised":
        changes["overlapDays"] = 0
    elif str(written.get("overlapDays")) == "0":  # it was for the step before
        changes["overlapDays"] = None
    return Rotation(
        domain=domain.name,
        before=settings.generation,
        generation=target,
        published=published,
        changes=changes,
        notes=tuple(_notes(way, settings, target, published, lately)),
    )


def _refuse_unsettled(domain: Domain) -> None:
    """
    Refuse if the stack differs from the stack file: the next `pulumi up` would make two steps at
    once.
    """
    if domain.settings.retired:
        raise InvalidSettings(CliMessages.RETIRED(domain=domain.name))
    if not domain.identities:
        raise InvalidSettings(CliMessages.NOT_MADE(domain=domain.name))
    if any(one.declared.generation is None for one in domain.identities):
        raise InvalidSettings(CliMessages.NO_GENERATIONS(domain=domain.name))
    problems = []
    for one in domain.identities:
        name = f"{domain.name} {one.declared.region}"
        if one.key is None:
            problems.append(CliMessages.WAITS_FOR_DNS(name=name))
        elif one.declared.generation != domain.settings.generation:
            signs, wanted = one.declared.generation, domain.settings.generation
            problems.append(
                CliMessages.OTHER_GENERATION(name=name, generation=signs, wanted=wanted)
            )
    if problems:
        raise InvalidSettings(problems)


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
    for one in generations.sharing(target, lately, domain.selector):
        fields = rules.in_use(one, lately[one], domain.overlap_days) | {
            "today": list(domain.published)
        }
        keep = IdentityMessages.KEEP(generation=domain.generation)
        is_there = one in domain.published
        problem = IdentityMessages.STILL_IN_USE if is_there else IdentityMessages.SLOT_IN_USE
        raise ByodkimError(problem(domain=domain.name, next_one=keep, **fields), kind="StillInUse")
    if taken := generations.sharing(target, domain.published, domain.selector):
        published = sorted({*domain.published, target} - {*taken})
        fields = {"signing": domain.generation, "before": taken[0], "published": published}
        raise InvalidSettings(
            CliMessages.SLOT_TAKEN(domain=domain.name, generation=target, **fields)
        )


def _notes(
    way: Way, domain: DomainSettings, target: int, published: Sequence[int], lately: Collection[int]
) -> Iterator[str]:
    signing = domain.generation
    yield f"generation {signing} → {target}, in DNS: {', '.join(map(str, published))}"
    if way == "compromised":
        yield (
            f"the update that switches to generation {target} also removes the record of {signing}"
        )
        yield (
            f"mail signed with generation {signing} that is on its way fails DKIM, and so "
            "does what SES "
            f"signs with it until it has found the record of {target}"
        )
        yield "`overlapDays: 0` allows that, and the next rotation removes it"
        if kept := [one for one in published if one < target]:
            yield f"what signed lately stays, as not leaked: {', '.join(map(str, kept))}"
        if target not in domain.published and generations.sharing(target, lately, domain.selector):
            yield (
                f"the slot of generation {target} had another key lately: where that is "
                "remembered, for the "
                "`ttl` of the settings, mail fails DKIM"
            )
    if published[-1] == target and domain.selector(target):
        yield "there is no standby after it until a slot is free"
    elif published[-1] == target:
        yield f"there is no standby after it, add `keys.{target + 1}` before the next rotation"
