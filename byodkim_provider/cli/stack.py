"""
The stack of a command: its project, configuration and state. Nothing is decrypted.

Configuration and state come from Pulumi, so that a command sees what `pulumi up` would see.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final, TypeGuard

from byodkim_provider.aws.settings import AwsSettings, read_settings, redirection_warnings
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.messages import CannotRead, ask_all, say
from byodkim_provider.cli.own_program import settings_in_state
from byodkim_provider.cli.source import Source, find_source
from byodkim_provider.cli.state import State, read_state
from byodkim_provider.config import settings, stack_file
from byodkim_provider.config.problems import SECRET_MAPS
from byodkim_provider.config.schema import pasted_keys
from byodkim_provider.config.settings import Settings
from byodkim_provider.dkim import generations
from byodkim_provider.dkim.records import normalise_domain
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages import Message
from byodkim_provider.messages.cli import CliNote, CliProblem
from byodkim_provider.quoting import did_you_mean

SECRET: Final = "[secret]"  # noqa: S105 - no password, what stands for one
"""Printed in place of an encrypted value, also within an object."""


def read(printed: str, project: str) -> dict[str, str]:
    """
    Values by full name (`aws:region`), objects as JSON. Raises `ValueError` for another table.

    *printed* is the table, because `pulumi config --json` leaves out every object that contains a
    secret.

    >>> read('KEY         VALUE\\naws:region  eu-west-1\\ndomains     {}\\n', "ses-byodkim")
    {'aws:region': 'eu-west-1', 'ses-byodkim:domains': '{}'}
    """
    header, *rows = printed.split("\n")
    column = header.find("VALUE")
    if header[:column].split() != ["KEY"]:
        raise ValueError("no table of keys and values")
    values: dict[str, list[str]] = {}
    lines: list[str] = []
    for row in rows:
        if not row:
            break  # another table follows, of environment variables
        if row[column - 2 : column] != "  ":  # the gap between the columns
            lines = []  # no row of the table: Pulumi warns of an environment that has no effect
            continue
        if key := row[:column].rstrip():
            lines = values[_full(key, project)] = []
        lines.append(row[column:])  # a value may have several
    return {name: "\n".join(lines) for name, lines in values.items()}


def of_project(config: Mapping[str, str], project: str) -> dict[str, object]:
    """The keys of *project* in *config*, as `pulumi.Config.get_object` returns them in a program."""
    prefix = f"{project}:"
    return {
        name.removeprefix(prefix): _decoded(text) for name, text in config.items() if name.startswith(prefix)
    }


def has_secret(text: str) -> bool:
    """Whether a value, or a part of it, is encrypted."""
    return text == SECRET or json.dumps(SECRET) in text


def _full(key: str, project: str) -> str:
    """Pulumi leaves out the project's own name."""
    return key if ":" in key else f"{project}:{key}"


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


STACK_NAME: Final = re.compile("[A-Za-z0-9._-]+")
"""What Pulumi accepts as the name of a stack."""

NAMED: Final = 10
"""How many domains a message names."""

CREDENTIALS: Final = ("aws:accessKey", "aws:secretKey", "aws:token")


class NoStack(CannotRead):
    """Pulumi knows no stack of that name."""


@dataclass(frozen=True)
class Stack:
    """One stack of one project."""

    name: str
    """As the user typed it: perhaps `organization/project/stack`."""
    project_file: Path
    """`Pulumi.yaml`."""
    project: str
    """The name of the project, and the namespace of its configuration."""
    file: Path
    """The stack file; it may not exist."""
    config: Mapping[str, str]
    """Values that `pulumi config` prints, by full name; objects as JSON, secrets as `[secret]`."""
    export: str
    """The output of `pulumi stack export`."""
    state: State

    @property
    def directory(self) -> Path:
        """Where `Pulumi.yaml` is."""
        return self.project_file.parent

    @cached_property
    def ours(self) -> Mapping[str, object]:
        """The configuration of the project, by key."""
        ours = of_project(self.config, self.project)
        for key in ("domains", "defaults", "verification"):
            if ours.get(key) == SECRET:
                raise CannotRead(CliProblem.ENCRYPTED_MAP(name=f"{self.project}:{key}"))
        return ours

    @property
    def region(self) -> str | None:
        return self.config.get("aws:region")

    @property
    def has_own_program(self) -> bool:
        """Whether a program of the user's own declares the domains, so that no file lists them."""
        return "domains" not in self.ours and self.state.has_domains and not self.state.of_stack_file

    @cached_property
    def settings(self) -> Settings:
        """The settings, without supplied keys; with a program of the user's own, those in the state."""
        if self.has_own_program:
            return settings_in_state(self.state)
        others = [name for name in self.config if not name.startswith(f"{self.project}:")]
        return settings_in(self.ours, self.region, others)

    @cached_property
    def domains(self) -> Mapping[str, Mapping[str, Any]]:
        """The configuration of each domain, without defaults, by normalised name."""
        domains: Any = self.ours["domains"]
        try:
            return {normalise_domain(spelling): written for spelling, written in domains.items()}
        except ValueError as error:
            raise CannotRead(str(error)) from None

    @cached_property
    def source(self) -> Source:
        """The file that lists the domains; raises `Refused` if no file can be edited."""
        return find_source(self.project, self.project_file, self.file)

    def aws(self) -> AwsSettings:
        """The `aws:` configuration; encrypted credentials are replaced by those of the environment."""
        encrypted = [name for name in CREDENTIALS if has_secret(self.config.get(name, ""))]
        if encrypted:
            say(CliNote.CREDENTIALS(name=encrypted[0]))
        settings = read_settings(_getter(self.config, without=CREDENTIALS if encrypted else ()))
        for line in redirection_warnings(settings.endpoints, os.environ):
            say(line)
        return settings


def open_stack(name: str | None, environment: Environment) -> Stack:
    """The stack *name*, or the selected one; raises `NoStack`, or `CannotRead` if it can't be read."""
    file = _project_file(environment.directory)
    if file is None:
        raise CannotRead(CliProblem.NO_PROJECT(directory=environment.directory))
    project = _project_settings(file)
    project_name = str(project.get("name", ""))

    def ask(*questions: tuple[str, ...]) -> list[str]:
        return ask_all(
            [
                (" ".join(["pulumi", *question]), partial(environment.ask_pulumi, question, file.parent))
                for question in questions
            ]
        )

    if name is None:
        [shown] = ask(("stack", "--show-name"))
        name = shown.strip()
    try:
        config, export = ask(("config", "--color", "never", "-s", name), ("stack", "export", "-s", name))
    except CannotRead as error:
        if "no stack named" not in str(error):
            raise
        others = {*stack_names(environment.directory)} - {name}
        raise NoStack(f"{error}{did_you_mean(name, others)}") from None
    try:
        values = read(config, project_name)
    except ValueError:
        raise CannotRead(CliProblem.NO_CONFIGURATION()) from None
    try:
        state = read_state(export)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CannotRead(CliProblem.NO_STATE()) from None
    return Stack(
        name=name,
        project_file=file,
        project=project_name,
        file=stack_file.stack_file(file, project, name),
        config=values,
        export=export,
        state=state,
    )


def _project_settings(file: Path) -> Mapping[str, Any]:
    try:
        project = stack_file.load(file.read_bytes().decode())
    except (InvalidSettings, UnicodeDecodeError, OSError):
        project = None
    if not isinstance(project, Mapping):
        raise CannotRead(CliProblem.NO_PROJECT_FILE(file=file.name))
    return project


def settings_in(ours: Mapping[str, object], region: str | None, others: Iterable[str] = ()) -> Settings:
    """
    The settings in *ours*, the project's configuration, without supplied keys; raises `InvalidSettings`.

    *others* are the names of the rest of the configuration.

    Keys are secrets, so `published` is written out as it follows from them, and the maps of secrets,
    which no command uses, are left out.
    """
    if plain := list(settings.plain_secrets(ours, lambda _, value: value != SECRET)):
        raise InvalidSettings(plain)
    ours = {key: value for key, value in ours.items() if key not in SECRET_MAPS}
    domains = ours.get("domains")
    if isinstance(domains, Mapping):
        if pasted := list(pasted_keys(domains)):
            raise InvalidSettings(pasted)
        ours = {**ours, "domains": {name: _without_keys(domain) for name, domain in domains.items()}}
    return settings.load(ours, default_region=region, others=others)


def not_in_stack(problem: CliProblem, domain: str, stack: Stack) -> Message:
    """The message *problem*: neither the stack file nor the state has *domain*, the nearest is another."""
    known = sorted({*(one.name for one in stack.settings.domains), *stack.state.records})
    some = ", ".join(known[:NAMED]) + (f" and {len(known) - NAMED} more" if len(known) > NAMED else "")
    return problem(
        domain=domain, stack=stack.name, known=did_you_mean(domain, known) or f", which has {some}"
    )


def in_project(start: Path) -> bool:
    """Whether *start* is in a Pulumi project."""
    return _project_file(start) is not None


def stack_names(start: Path) -> list[str]:
    """
    Names of the stacks whose files are in the project in *start* or above it, sorted.

    A file whose name is no stack's is left out: a shell types what it completes.
    """
    file = _project_file(start)
    if file is None:
        return []
    pattern = stack_file.stack_file(file, _project_settings(file), "*")
    names = (path.stem.removeprefix("Pulumi.") for path in pattern.parent.glob(pattern.name))
    return sorted(filter(STACK_NAME.fullmatch, names))


def _project_file(start: Path) -> Path | None:
    """The project file, in *start* or above it."""
    files = (directory / name for directory in (start, *start.parents) for name in stack_file.PROJECT_FILES)
    return next((file for file in files if file.exists()), None)


def supplied_generations(written: Mapping[str, Any]) -> frozenset[int] | None:
    """Generations that the `keys` of a domain has; None without `keys`."""
    keys = written.get("keys")
    if not isinstance(keys, Mapping):
        return None
    return frozenset(int(key) for key in keys if _is_number(key))


def _without_keys(written: Any) -> Any:
    supplied = supplied_generations(written) if isinstance(written, Mapping) else None
    if supplied is None:
        return written
    rest = {key: value for key, value in written.items() if key != "keys"}
    if rest.get("published") is None and _is_number(generation := rest.get("generation")):
        rest["published"] = list(generations.published(int(generation), supplied))
    return rest


def _is_number(value: Any) -> TypeGuard[int | str]:
    """Whether *value* may be a generation; `settings` refuses other values."""
    return re.fullmatch("[0-9]{1,16}", str(value)) is not None


def _getter(config: Mapping[str, str], *, without: tuple[str, ...]) -> Callable[[str], str | None]:
    """A function that returns a setting as Pulumi passes it to a program: a string, objects as JSON."""

    def get(name: str) -> str | None:
        value = None if name in without else config.get(name)
        if value is not None and has_secret(value):
            raise CannotRead(CliProblem.ENCRYPTED(name=name))
        return value

    return get
