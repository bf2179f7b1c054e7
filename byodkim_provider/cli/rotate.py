"""
`byodkim rotate`: edits the file with the domains so that another generation signs, and runs `pulumi up`.

Shows the change before it is made. `rotation` decides which numbers change, `stack_file` edits
the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import click

from byodkim_provider.cli.chosen import stack_option
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.messages import CannotRead, Refused, ask_all, confirmed, inert, say
from byodkim_provider.cli.own_program import to_edit
from byodkim_provider.cli.rotation import Rotation, Way, rotation
from byodkim_provider.cli.source import Source
from byodkim_provider.cli.stack import Stack, not_in_stack, open_stack, settings_in, supplied_generations
from byodkim_provider.cli.state import PublishedRecord
from byodkim_provider.config import stack_file
from byodkim_provider.config.stack_file import Changes
from byodkim_provider.dkim import records
from byodkim_provider.dkim.records import normalise_domain
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.dns.visibility import judge
from byodkim_provider.errors import ByodkimError, InvalidSettings
from byodkim_provider.messages import in_python
from byodkim_provider.messages.cli import CliNote, CliProblem


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
@click.argument("domains", nargs=-1, metavar="[DOMAIN]...")
@stack_option
@click.option("--all", "every", is_flag=True, help="Every domain that is not retired.")
@click.option("--older-than", type=_days, metavar="180d", help="Domains whose key has signed for longer.")
@click.option("--back", is_flag=True, help="Go back to the previous key; no key and no record goes.")
@click.option(
    "--compromised",
    is_flag=True,
    help="The signing key has leaked: switch to the standby and remove the leaked key in one update.",
)
@click.option("--dry-run", is_flag=True, help="Print the change, write nothing.")
@click.option("--no-up", is_flag=True, help="Write the change, and leave `pulumi up` to whoever merges it.")
@click.option("--yes", is_flag=True, help="Write and run `pulumi up --yes` without a question.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; with --dry-run, or --no-up and --yes.")
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
    as_json: bool,
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
    if as_json and not (dry_run or (no_up and yes)):
        raise click.UsageError("--json prints nothing but JSON: give --dry-run, or --no-up and --yes.")
    stack = open_stack(name, environment)
    chosen = _chosen(stack, domains, older_than, environment.clock.now())
    way: Way = "back" if back else "compromised" if compromised else "forward"
    if stack.has_own_program and chosen:
        try:
            edits = to_edit(way, stack.settings, chosen, stack.state, environment.clock.now())
        except ByodkimError as error:
            raise Refused(in_python(str(error))) from None
        raise Refused(CliProblem.OWN_PROGRAM(edits=edits))
    done: dict[str, Any] = {"stack": stack.name, "file": "", "written": False}
    steps: list[Rotation] = []
    problems: dict[str, str] = {}
    change = ""
    if chosen:
        steps, problems = _steps(way, stack, chosen, environment)
        # A monthly run must not stop because one domain has no standby.
        if problems and not (older_than is not None and steps):
            raise Refused("\nbyodkim: ".join(problems.values()))
        text = _edited(stack, steps)
        done |= {"file": stack.source.shown, "written": not dry_run}
        change = stack_file.diff(stack.source.text, text, stack.source.shown)
        for problem in problems.values():
            say(problem)
        for step, notes in zip(steps, _record_notes(steps, stack, environment), strict=True):
            for note in (*step.notes, *notes):
                say(f"{step.domain}: {note}")
        if not as_json:
            click.echo(inert(change), nl=False)
        if not dry_run:
            _apply(stack, text, environment, yes=yes, up=not no_up)
    else:
        say(CliNote.NOTHING_TO_DO())
    if as_json:
        done |= {"rotations": list(map(asdict, steps)), "problems": problems, "diff": change}
        click.echo(json.dumps(done, indent=2))
    if problems:
        say(CliNote.NOT_ROTATED(domains=", ".join(problems)))
        context.exit(Refused.exit_code)


def _chosen(stack: Stack, domains: Sequence[str], older_than: timedelta | None, now: datetime) -> list[str]:
    """The domains to rotate, each once: those named, those whose key has signed for longer, or all."""
    known = {one.name: one for one in stack.settings.domains}
    chosen = []
    for spelling in domains:
        try:
            chosen.append(normalise_domain(spelling))
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        if chosen[-1] not in known:
            raise Refused(not_in_stack(CliProblem.OTHER_DOMAIN, chosen[-1], stack))
    if domains:
        return list(dict.fromkeys(chosen))
    if older_than is None:
        return [name for name, one in known.items() if not one.retired]
    since = {
        name: [one.key.signing_since for one in stack.state.identities.get(name, ()) if one.key]
        for name in known
    }
    return [name for name in known if any(one < now - older_than for one in since[name])]


def _steps(
    way: Way, stack: Stack, chosen: Sequence[str], environment: Environment
) -> tuple[list[Rotation], dict[str, str]]:
    """A step for each domain that can rotate, and the problem of each domain that can't."""
    # A domain's own `overlapDays: 0` was for the step before.
    domains = {
        name: {key: value for key, value in written.items() if (key, str(value)) != ("overlapDays", "0")}
        for name, written in stack.domains.items()
    }
    known = settings_in({**stack.ours, "domains": domains}, stack.region).domains
    settings = {domain.name: domain for domain in known}
    steps: list[Rotation] = []
    problems: dict[str, str] = {}
    for name in chosen:
        try:
            steps.append(
                rotation(
                    way,
                    settings[name],
                    stack.state.identities.get(name, ()),
                    written=stack.domains[name],
                    supplied=supplied_generations(stack.domains[name]),
                    now=environment.clock.now(),
                )
            )
        except ByodkimError as error:
            problems[name] = str(error)
    return steps, problems


def _edited(stack: Stack, steps: Sequence[Rotation]) -> str:
    """The content of the file after *steps*; raises `Refused` if it can't be edited."""
    source = stack.source
    spellings = {normalise_domain(spelling): spelling for spelling in source.domains}
    changes: dict[str, Changes] = {}
    for step in steps:
        spelling, said = spellings.get(step.domain, ""), stack.domains[step.domain]
        written = source.domains.get(spelling)
        if not isinstance(written, Mapping) or any(
            str(written.get(key)) != str(said.get(key)) for key in step.changes
        ):
            raise Refused(CliProblem.ELSEWHERE(domain=step.domain, file=source.shown))
        changes[spelling] = step.changes
    try:
        return stack_file.edited(source.text, source.path, changes)
    except InvalidSettings as error:
        raise Refused(str(error)) from None


def _record_notes(steps: Sequence[Rotation], stack: Stack, environment: Environment) -> Iterator[list[str]]:
    """Notes for each step whose record (of the generation that will sign) is not in DNS."""
    settings = {domain.name: domain for domain in stack.settings.domains}
    wanted = [
        next(
            (one for one in stack.state.records.get(step.domain, ()) if one.generation == step.generation),
            None,
        )
        for step in steps
    ]

    def answers(record: PublishedRecord) -> tuple[Answer, ...] | None:
        domain = settings[record.domain]
        resolver = environment.resolver(domain.dns_check, domain.dns_resolvers)
        return resolver.txt(record.name, record.domain) if resolver else None

    results = iter(ask_all([(f"DNS {one.name}", partial(answers, one)) for one in wanted if one]))
    for step, record in zip(steps, wanted, strict=True):
        if record is None:
            yield [f"generation {step.generation} has no record yet, the update makes it and waits for DNS"]
            continue
        said, target = next(results), settings[step.domain].cnames.get(record.name, "")
        key = records.public_key(record.value) or b""
        visibility = judge(said, key, target) if said is not None else None
        if visibility is None or visibility.visible:
            yield []
            continue
        seconds = settings[step.domain].dns_wait_seconds
        yield [
            f"the record of generation {step.generation} is not visible: {visibility.summary()}",
            f"the update waits for it at most {seconds} s, then fails and SES keeps its key",
        ]


def _apply(stack: Stack, text: str, environment: Environment, *, yes: bool, up: bool) -> None:
    """Write *text*, and run `pulumi up` if *up*; asks first unless *yes*."""
    if not yes and not confirmed("write this and run `pulumi up`" if up else "write this"):
        raise Refused(CliProblem.NOTHING_WRITTEN())
    written = stack.source.replaced_by(text)
    if not up:
        return
    code = environment.run_pulumi(["up", "-s", stack.name, *(["--yes"] if yes else [])], stack.directory)
    if code == 0:
        return
    killed = code < 0  # so the state may not contain everything that was done
    if not killed and _is_unchanged(stack, environment) and _is_undone(written, stack.source.text):
        raise Refused(CliProblem.NOTHING_CHANGED(file=written.shown))
    raise Refused(CliProblem.UP_FAILED(file=written.shown))


def _is_unchanged(stack: Stack, environment: Environment) -> bool:
    """Whether Pulumi has changed nothing: its state, including all timestamps, is the same."""
    try:
        return environment.ask_pulumi(["stack", "export", "-s", stack.name], stack.directory) == stack.export
    except CannotRead:
        return False


def _is_undone(written: Source, text: str) -> bool:
    """Restore *text*, unless Pulumi has changed the file as well; whether it was restored."""
    try:
        written.replaced_by(text)
    except Refused:
        return False
    return True
