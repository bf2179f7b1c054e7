"""
The stack of a command: its project, configuration, state and domains. Nothing is decrypted.

Configuration and state come from Pulumi, so that a command sees what `pulumi up` would see.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final, TypeGuard

from byodkim_provider.aws.settings import AwsSettings, read_settings, redirection_warnings
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.state import (
    DeclaredRecord,
    State,
    read_state,
    settings_in_state,
    written_in,
)
from byodkim_provider.cli.terminal import Refused, ask_all, say
from byodkim_provider.config import settings, stack_file
from byodkim_provider.config.problems import SECRET_MAPS
from byodkim_provider.config.schema import Verification, pasted_keys
from byodkim_provider.config.settings import DomainSettings, Settings
from byodkim_provider.dkim import generations
from byodkim_provider.dkim.records import normalise_domain
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.identity.state import Declared, Stored
from byodkim_provider.messages import Message
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.property_types import from_json
from byodkim_provider.quoting import did_you_mean, first_few

SECRET: Final = "[secret]"  # noqa: S105 - no password, what stands for one
"""Printed in place of an encrypted value, also within an object."""

STACK_NAME: Final = re.compile("[A-Za-z0-9._-]+")
"""What Pulumi accepts as the name of a stack."""

NAMED: Final = 10
"""How many domains a message names."""

CREDENTIALS: Final = ("aws:accessKey", "aws:secretKey", "aws:token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A domain, as the stack file and the state have it."""

    name: str
    settings: DomainSettings
    """Those of the stack file, or else as far as the state has them."""
    listed: bool
    """
    Whether the stack file, or a program of the user's own, has the domain; else only the state has
    it.
    """
    written: Mapping[str, Any]
    """What the stack file says of it, without defaults, or would say."""
    identities: tuple[Stored, ...]
    """Sorted by Region."""
    records: tuple[DeclaredRecord, ...]
    """Oldest generation first."""
    stack_id: str | None
    retired_at: datetime | None

    @property
    def declared(self) -> Declared | None:
        """What was declared of its first identity, and holds for the domain."""
        return next((one.declared for one in self.identities), None)

    @property
    def supplied(self) -> frozenset[int] | None:
        """Generations whose keys the user supplies; None without `keys`."""
        return supplied_generations(self.written)

    @property
    def standing(self) -> set[int]:
        """Generations that the last run has published."""
        return {generation for one in self.identities for generation in one.declared.published}

    @property
    def regions(self) -> tuple[str, ...]:
        """The Regions in which an identity is wanted."""
        return tuple(self.settings.regions) if self.listed and not self.settings.retired else ()

    @property
    def unmade(self) -> list[str]:
        """Regions of which the stack has no identity yet."""
        return sorted({*self.regions} - {one.declared.region for one in self.identities})

    def resolver(self, environment: Environment, servers: Sequence[str] = ()) -> DnsResolver | None:
        """As the settings say; or that asks *servers*."""
        check = self.settings.dns_check
        if servers:
            return environment.resolver("authoritative" if check == "off" else check, servers)
        return environment.resolver(check, self.settings.dns_resolvers)


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
                raise Refused(
                    CliMessages.ENCRYPTED_MAP(name=f"{self.project}:{key}"), kind="CannotRead"
                )
        return ours

    @property
    def region(self) -> str | None:
        return self.config.get("aws:region")

    @property
    def has_own_program(self) -> bool:
        """Whether a program of the user's own declares the domains, so that no file lists them."""
        made = self.state.identities or self.state.records
        return bool("domains" not in self.ours and made and not self.state.of_stack_file)

    @cached_property
    def settings(self) -> Settings:
        """
        The settings, without supplied keys; with a program of the user's own, those in the state.
        """
        if self.has_own_program:
            if plain := plain_secrets(self.ours):
                raise InvalidSettings(plain)
            names = sorted({*self.state.identities, *self.state.records})
            return Settings(
                tuple(settings_in_state(name, self.state) for name in names), Verification()
            )
        others = [name for name in self.config if not name.startswith(f"{self.project}:")]
        return settings_in(self.ours, self.region, others)

    @cached_property
    def written(self) -> Mapping[str, Mapping[str, Any]]:
        """
        What the stack file says of each domain, by normalised name; none before the first one.
        """
        ours = self.ours.get("domains")
        domains = ours if isinstance(ours, Mapping) else {}
        try:
            return {normalise_domain(spelling): one for spelling, one in domains.items()}
        except ValueError as error:
            raise Refused(str(error), kind="CannotRead") from None

    @cached_property
    def domains(self) -> Mapping[str, Domain]:
        """Every domain of the stack file or the state, sorted by name."""
        listed, state = {domain.name: domain for domain in self.settings.domains}, self.state
        domains = {}
        for name in sorted({*listed, *state.identities, *state.records}):
            settings = listed.get(name) or settings_in_state(name, state)
            domains[name] = Domain(
                name=name,
                settings=settings,
                listed=name in listed,
                written=self.written.get(name) or written_in(state, settings),
                identities=state.identities.get(name, ()),
                records=state.records.get(name, ()),
                stack_id=state.stack_id,
                retired_at=state.retired_at.get(name),
            )
        return domains

    def shown(self, file: Path) -> str:
        """The path of *file* as seen from the project."""
        return str(file.relative_to(self.directory))

    def aws(self) -> AwsSettings:
        """
        The `aws:` configuration; encrypted credentials are replaced by those of the environment.
        """
        encrypted = [name for name in CREDENTIALS if has_secret(self.config.get(name, ""))]
        if encrypted:
            say(CliMessages.CREDENTIALS(name=encrypted[0]))

        def get(name: str) -> str | None:
            """A setting as Pulumi passes it to a program: a string, objects as JSON."""
            value = None if encrypted and name in CREDENTIALS else self.config.get(name)
            if value is not None and has_secret(value):
                raise Refused(CliMessages.ENCRYPTED(name=name), kind="CannotRead")
            return value

        return announced(read_settings(get))


def announced(settings: AwsSettings) -> AwsSettings:
    """*settings*, after a warning of each service that they or the environment redirect."""
    for line in redirection_warnings(settings.endpoints, os.environ):
        say(line)
    return settings


def open_stack(name: str | None, environment: Environment) -> Stack:
    """
    The stack *name*, or the selected one; raises `Refused`, of the kind "NoStack" if Pulumi knows
    none.
    """
    file = project_file(environment.directory)
    if file is None:
        raise Refused(CliMessages.NO_PROJECT(directory=environment.directory), kind="CannotRead")
    project = _project_settings(file)
    project_name = str(project.get("name", ""))

    def pulumi(*arguments: str) -> Callable[[], str]:
        return partial(environment.ask_pulumi, arguments, file.parent)

    if name is None:
        [shown] = ask_all([("Pulumi: which stack is selected", pulumi("stack", "--show-name"))])
        name = shown.strip()
    questions = [
        ("Pulumi: the configuration", pulumi("config", "--color", "never", "-s", name)),
        ("Pulumi: the state", pulumi("stack", "export", "-s", name)),
    ]
    try:
        config, export = ask_all(questions)
    except Refused as error:
        if error.kind != "NoStack":
            raise
        others = {*stack_names(environment.directory)} - {name}
        raise Refused(f"{error}{did_you_mean(name, others)}", kind="NoStack") from None
    try:
        values = read_table(config, project_name)
    except ValueError:
        raise Refused(CliMessages.NO_CONFIGURATION(), kind="CannotRead") from None
    try:
        state = read_state(export)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused(CliMessages.NO_STATE(), kind="CannotRead") from None
    return Stack(
        name=name,
        project_file=file,
        project=project_name,
        file=stack_file.stack_file(file, project, name),
        config=values,
        export=export,
        state=state,
    )


def not_in_stack(
    problem: CliMessages, domain: str, stack: Stack, known: Collection[str]
) -> Message:
    """
    The message *problem*, with the names of *known* nearest to *domain*, which is not among them.
    """
    meant = (
        did_you_mean(domain, known) or f", which has {first_few([*known], NAMED) or 'no domain'}"
    )
    return problem(domain=domain, stack=stack.name, known=meant)


def stack_names(start: Path) -> list[str]:
    """
    Names of the stacks whose files are in the project in *start* or above it, sorted.

    A file whose name is no stack's is left out: a shell types what it completes.
    """
    file = project_file(start)
    if file is None:
        return []
    pattern = stack_file.stack_file(file, _project_settings(file), "*")
    names = (path.stem.removeprefix("Pulumi.") for path in pattern.parent.glob(pattern.name))
    return sorted(filter(STACK_NAME.fullmatch, names))


def project_file(start: Path) -> Path | None:
    """The project file, in *start* or above it; None if that is in no Pulumi project."""
    files = (
        directory / name
        for directory in (start, *start.parents)
        for name in stack_file.PROJECT_FILES
    )
    return next((file for file in files if file.exists()), None)


def _project_settings(file: Path) -> Mapping[str, Any]:
    try:
        project = stack_file.load(file.read_bytes().decode())
    except (InvalidSettings, UnicodeDecodeError, OSError):
        project = None
    if not isinstance(project, Mapping):
        raise Refused(CliMessages.NO_PROJECT_FILE(file=file.name), kind="CannotRead")
    return project


def read_table(printed: str, project: str) -> dict[str, str]:
    """
    Values by full name (`aws:region`), objects as JSON. Raises `ValueError` for another table.

    *printed* is the table of `pulumi config`, because with `--json` it leaves out every object that
    contains a secret.

    >>> read_table('KEY         VALUE\\naws:region  eu-west-1\\ndomains     {}\\n', "ses-byodkim")
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
            # Pulumi leaves out the project's own name.
            lines = values[key if ":" in key else f"{project}:{key}"] = []
        lines.append(row[column:])  # a value may have several
    return {name: "\n".join(lines) for name, lines in values.items()}


def of_project(config: Mapping[str, str], project: str) -> dict[str, object]:
    """
    The keys of *project* in *config*, as `pulumi.Config.get_object` returns them in a program.
    """
    prefix = f"{project}:"
    return {
        name.removeprefix(prefix): from_json(text)
        for name, text in config.items()
        if name.startswith(prefix)
    }


def has_secret(text: str) -> bool:
    """Whether a value, or a part of it, is encrypted."""
    return text == SECRET or json.dumps(SECRET) in text


def plain_secrets(ours: Mapping[str, object]) -> list[str]:
    """A problem for each secret in *ours* that is not encrypted."""
    return list(settings.plain_secrets(ours, lambda _, value: value != SECRET))


def settings_in(
    ours: Mapping[str, object], region: str | None, others: Iterable[str] = ()
) -> Settings:
    """
    The settings in *ours*, the project's configuration, without supplied keys; raises
    `InvalidSettings`.

    *others* are the names of the rest of the configuration.

    Keys are secrets, so `published` is written out as it follows from them, and the maps of
    secrets, which no command uses, are left out.
    """
    problems = plain_secrets(ours)
    ours = {key: value for key, value in ours.items() if key not in SECRET_MAPS}
    domains = ours.get("domains")
    if isinstance(domains, Mapping):
        problems += pasted_keys(domains)
        ours = {
            **ours,
            "domains": {name: _without_keys(domain) for name, domain in domains.items()},
        }
    try:
        loaded = settings.load(ours, default_region=region, others=others)
    except InvalidSettings as error:
        raise InvalidSettings([*problems, *error.problems], hint=error.hint) from None
    if problems:
        raise InvalidSettings(problems)
    return loaded


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
        if int(generation) not in supplied:
            return {**rest, "keys": {}}  # which `settings` refuses in the words of the program
        rest["published"] = list(generations.published(int(generation), supplied))
    return rest


def _is_number(value: Any) -> TypeGuard[int | str]:
    """Whether *value* may be a generation; `settings` refuses other values."""
    return re.fullmatch("[0-9]{1,16}", str(value)) is not None
