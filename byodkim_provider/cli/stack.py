"""
The stack of a command: its project, configuration and state. Nothing is decrypted.

Configuration and state come from Pulumi, so that a command sees what `pulumi up` would see.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from byodkim_provider.aws.settings import AwsSettings, read_settings, redirection_warnings
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.state import Domain, State, read_state
from byodkim_provider.cli.terminal import Failed, ask_all, say
from byodkim_provider.config import settings, stack_file
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.property_types import from_json, json_map
from byodkim_provider.quoting import did_you_mean

CREDENTIALS: Final = ("aws:accessKey", "aws:secretKey", "aws:token")


@dataclass(frozen=True)
class Stack:
    """One stack of one project."""

    name: str
    """As the user typed it: perhaps `organization/project/stack`."""
    directory: Path
    """Where `Pulumi.yaml` is."""
    project: str
    """The name of the project, and the namespace of its configuration."""
    file: Path
    """The stack file; it may not exist."""
    config: Mapping[str, str | None]
    """Values of `pulumi config` by full name: objects as JSON, None for what is encrypted."""
    state: State

    @property
    def file_name(self) -> str:
        """The path of the stack file as seen from the project."""
        return str(self.file.relative_to(self.directory))

    @property
    def region(self) -> str | None:
        return self.config.get("aws:region")

    @property
    def domains(self) -> Mapping[str, Domain]:
        """The domains that the last run declared, sorted by name: those in the state."""
        return self.state.domains

    @cached_property
    def planned(self) -> Mapping[str, Domain]:
        """
        The domains of the state and of the configuration, sorted by name: with the settings of the
        configuration, if it has the domain.

        Raises `InvalidSettings`, or `Failed` if the domains are encrypted. A program of the user's
        own declares what the configuration does not have: then these are the domains in the state.
        """
        if f"{self.project}:domains" not in self.config and self.domains:
            return self.domains
        domains = from_json(self._plain(f"{self.project}:domains"))
        defaults = from_json(self._plain(f"{self.project}:defaults"))
        for written in json_map(domains).values():
            if isinstance(written, dict):  # nobody asks about supplied keys before a run
                written.pop("keys", None)
        planned = dict(self.domains)
        ours = {"domains": domains, "defaults": defaults}
        for configured in settings.load(ours, default_region=self.region).domains:
            name = configured.name
            new = Domain(name=name, settings=configured)
            planned[name] = replace(planned.get(name, new), settings=configured)
        return dict(sorted(planned.items()))

    def named(self, names: Sequence[str]) -> list[Domain]:
        """
        The domains called *names*, each once: those in the state, or that no run has made yet.

        Raises `Failed` for a name without one.
        """
        known = self.domains
        if not known.keys() >= {*names}:
            known = {**self.planned, **known}
        for name in names:
            if name not in known:
                meant = did_you_mean(name, known)
                raise Failed(CliMessages.OTHER_DOMAIN(domain=name, stack=self.name, meant=meant))
        return [known[name] for name in dict.fromkeys(names)]

    def _plain(self, name: str) -> str | None:
        """The value *name* of the configuration, as Pulumi passes it to a program."""
        if name in self.config and self.config[name] is None:
            raise Failed(CliMessages.ENCRYPTED(name=name))
        return self.config.get(name)

    def aws(self) -> AwsSettings:
        """
        The `aws:` configuration; encrypted credentials are replaced by those of the environment.
        """
        encrypted = [name for name in CREDENTIALS if self.config.get(name, "") is None]
        if encrypted:
            say(CliMessages.CREDENTIALS(name=encrypted[0]))
        left_out = CREDENTIALS if encrypted else ()
        aws = read_settings(lambda name: None if name in left_out else self._plain(name))
        for line in redirection_warnings(aws.endpoints):
            say(line)
        return aws


def open_stack(name: str | None, environment: Environment) -> Stack:
    """
    The stack *name*, or the selected one; raises `Failed` if it can't be read.
    """
    file = project_file(environment.directory)
    if file is None:
        raise Failed(CliMessages.NO_PROJECT(directory=environment.directory))
    project = read_yaml(file)

    if name is None:
        name = environment.ask_pulumi(["stack", "--show-name"], file.parent).strip()
    questions = {
        "Pulumi: the configuration": ["config", "--json", "-s", name],
        "Pulumi: the state": ["stack", "export", "-s", name],
    }
    config, export = ask_all(
        lambda title: environment.ask_pulumi(questions[title], file.parent), [*questions]
    ).values()
    try:
        values, state = read_config(config), read_state(export)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Failed(CliMessages.NO_STATE(error=type(error).__name__)) from error
    return Stack(
        name=name,
        directory=file.parent,
        project=str(project.get("name", "")),
        file=stack_file.stack_file(file, project, name),
        config=values,
        state=state,
    )


def project_file(start: Path) -> Path | None:
    """The project file, in *start* or above it; None if that is in no Pulumi project."""
    for directory in (start, *start.parents):
        for name in stack_file.PROJECT_FILES:
            if (directory / name).exists():
                return directory / name
    return None


def read_yaml(file: Path) -> Any:
    """What the project file or the stack file *file* holds; raises `Failed`."""
    try:
        return stack_file.load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, InvalidSettings) as error:
        raise Failed(CliMessages.CANT_READ(file=file.name, error=error)) from None


def read_config(printed: str) -> dict[str, str | None]:
    """
    Values by full name, objects as JSON, None for what is encrypted or holds something encrypted.

    *printed* is what `pulumi config --json` prints. Raises as `read_state` does.

    >>> read_config('{"aws:region": {"value": "eu-west-1", "secret": false}}')
    {'aws:region': 'eu-west-1'}
    """
    values = {}
    for name, setting in json.loads(printed).items():
        if "secret" in setting:  # what Pulumi adds about an environment is no setting
            values[name] = None if setting["secret"] else setting["value"]
    return values
