"""
The stack of a command: its project, configuration, state and domains. Nothing is decrypted.

Configuration and state come from Pulumi, so that a command sees what `pulumi up` would see.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final, Literal

from byodkim_provider.aws.settings import AwsSettings, read_settings, redirection_warnings
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.state import (
    DeclaredRecord,
    State,
    alone,
    read_state,
)
from byodkim_provider.cli.terminal import Refused, ask_all, say
from byodkim_provider.config import settings, stack_file
from byodkim_provider.config.settings import DomainSettings, Settings
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.identity.state import Declared, Stored
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.property_types import from_json
from byodkim_provider.quoting import did_you_mean, first_few

STACK_NAME: Final = re.compile("[A-Za-z0-9._-]+")
"""What Pulumi accepts as the name of a stack."""

NAMED: Final = 10
"""How many domains a message names."""

CREDENTIALS: Final = ("aws:accessKey", "aws:secretKey", "aws:token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A domain, as the state has it."""

    name: str
    settings: DomainSettings
    """Those of the last run; of `Stack.planned`, those of the configuration."""
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
    def is_lost(self) -> bool:
        """Whether a run had it, and the state has nothing of it any more."""
        return not (self.identities or self.records or self.settings.generation)

    @property
    def supplied(self) -> frozenset[int] | None:
        """Generations whose keys the user supplies; None without `keys`."""
        return frozenset(self.settings.keys) or None

    @property
    def standing(self) -> set[int]:
        """Generations that the last run has published."""
        return {generation for one in self.identities for generation in one.declared.published}

    @property
    def regions(self) -> tuple[str, ...]:
        """The Regions in which an identity is wanted."""
        return () if self.settings.retired else tuple(self.settings.regions)

    @property
    def unmade(self) -> list[str]:
        """Regions of which the stack has no identity yet."""
        return sorted({*self.regions} - {one.declared.region for one in self.identities})

    def resolver(self, environment: Environment, servers: Sequence[str] = ()) -> DnsResolver | None:
        """As the settings say; or that asks *servers*."""
        check = self.settings.dns_check
        if servers:
            return environment.resolver("authoritative", servers)
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
    config: Mapping[str, str | None]
    """Values of `pulumi config` by full name: objects as JSON, None for what is encrypted."""
    state: State

    @property
    def directory(self) -> Path:
        """Where `Pulumi.yaml` is."""
        return self.project_file.parent

    @property
    def region(self) -> str | None:
        return self.config.get("aws:region")

    @cached_property
    def domains(self) -> Mapping[str, Domain]:
        """The domains that the last run declared, sorted by name: those in the state."""
        state = self.state
        names = sorted({*state.settings, *state.identities, *state.records, *state.judged})
        return {name: self._domain(name) for name in names}

    @cached_property
    def planned(self) -> Mapping[str, Domain]:
        """
        The same with the settings of the configuration, and with the domains that only that has.

        Raises `InvalidSettings`, or `Refused` if the domains are encrypted. A program of the user's
        own declares what the configuration does not have: then these are the domains in the state.
        """
        if f"{self.project}:domains" not in self.config and self.domains:
            return self.domains
        planned = dict(self.domains)
        for one in self._configured().domains:
            domain = planned.get(one.name) or self._domain(one.name)
            planned[one.name] = replace(domain, settings=one)
        return dict(sorted(planned.items()))

    def _domain(self, name: str) -> Domain:
        state = self.state
        identities = state.identities.get(name, ())
        return Domain(
            name=name,
            settings=state.settings.get(name) or alone(name, identities),
            identities=identities,
            records=state.records.get(name, ()),
            stack_id=state.stack_id,
            retired_at=state.retired_at.get(name),
        )

    def named(
        self,
        names: Sequence[str],
        known: Mapping[str, Domain],
        problem: CliMessages = CliMessages.OTHER_DOMAIN,
        kind: Literal["Refused", "CannotRead"] = "CannotRead",
    ) -> list[Domain]:
        """Those of *known* called *names*, each once; raises `Refused` for a name without one."""
        for name in names:
            if name not in known:
                has = first_few([*known], NAMED) or "no domain before `pulumi up`"
                meant = did_you_mean(name, known) or f", which has {has}"
                raise Refused(problem(domain=name, stack=self.name, known=meant), kind=kind)
        return [known[name] for name in dict.fromkeys(names)]

    def _written(self, key: str) -> object:
        """A setting of the project in the configuration; None if it is not there."""
        name = f"{self.project}:{key}"
        text = self.config.get(name, "")
        if text is None:
            raise Refused(CliMessages.ENCRYPTED_MAP(name=name), kind="CannotRead")
        return from_json(text) if text else None

    def _configured(self) -> Settings:
        """The settings in the configuration, without supplied keys, which are secrets."""
        ours = {key: self._written(key) for key in ("domains", "defaults")}
        domains = ours["domains"]
        if isinstance(domains, Mapping):
            ours["domains"] = {name: _without_keys(written) for name, written in domains.items()}
        return settings.load(ours, default_region=self.region)

    def shown(self, file: Path) -> str:
        """The path of *file* as seen from the project."""
        return str(file.relative_to(self.directory))

    def aws(self) -> AwsSettings:
        """
        The `aws:` configuration; encrypted credentials are replaced by those of the environment.
        """
        encrypted = [name for name in CREDENTIALS if self.config.get(name, "") is None]
        if encrypted:
            say(CliMessages.CREDENTIALS(name=encrypted[0]))

        def get(name: str) -> str | None:
            """A setting as Pulumi passes it to a program: a string, objects as JSON."""
            if encrypted and name in CREDENTIALS:
                return None
            if self.config.get(name, "") is None:
                raise Refused(CliMessages.ENCRYPTED(name=name), kind="CannotRead")
            return self.config.get(name)

        aws = read_settings(get)
        for line in redirection_warnings(aws.endpoints):
            say(line)
        return aws


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
        ("Pulumi: the configuration", pulumi("config", "--json", "-s", name)),
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
        values = read_config(config)
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
        state=state,
    )


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


def read_config(printed: str) -> dict[str, str | None]:
    """
    Values by full name, objects as JSON, None for what is encrypted or holds something encrypted.

    *printed* is what `pulumi config --json` prints. Raises `ValueError` for anything else.

    >>> read_config('{"aws:region": {"value": "eu-west-1", "secret": false}}')
    {'aws:region': 'eu-west-1'}
    """
    config = json.loads(printed)
    if not isinstance(config, dict):
        raise ValueError("not the configuration of a stack")
    # What Pulumi adds about an environment is no setting.
    settings = {
        name: one for name, one in config.items() if isinstance(one, dict) and "secret" in one
    }
    return {name: None if one["secret"] else one["value"] for name, one in settings.items()}


def _without_keys(written: object) -> object:
    """What is *written* of a domain, without `keys`: nobody asks about these before a run."""
    if not isinstance(written, Mapping):
        return written
    return {name: value for name, value in written.items() if name != "keys"}
