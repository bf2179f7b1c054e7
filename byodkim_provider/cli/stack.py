"""
The stack a command is about: its project, its stack file and its state, read and not decrypted.

Pulumi is asked only for what no file says: which stack is selected, and the state.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from byodkim_provider import generations, settings, stack_file
from byodkim_provider.aws_session import AwsSettings, read_settings
from byodkim_provider.cli.outside import CannotTell, Outside, say
from byodkim_provider.cli.state import State, read_state
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.records import normalise_domain
from byodkim_provider.settings import Settings

__all__ = ["Stack", "in_project", "open_stack", "settings_in", "supplied_generations"]


CREDENTIALS: Final = ("aws:accessKey", "aws:secretKey", "aws:token")


@dataclass(frozen=True)
class Stack:
    """One stack of one project."""

    name: str
    """As the person named it: perhaps `organization/project/stack`."""
    directory: Path
    """Where `Pulumi.yaml` is."""
    project: str
    """Its name, and the namespace of our configuration."""
    file: Path
    text: str
    """Of the stack file; line ends as they are."""
    state: State

    @property
    def domains_key(self) -> str:
        return f"{self.project}:domains"

    @property
    def file_shown(self) -> str:
        """The stack file's path, as seen from the project."""
        return str(self.file.relative_to(self.directory))

    @cached_property
    def config(self) -> dict[str, Any]:
        """What stands under `config:`."""
        try:
            return stack_file.configuration(self.text)
        except InvalidSettings as error:
            raise CannotTell(f"{self.file_shown}: {error}") from None

    @cached_property
    def settings(self) -> Settings:
        """What the stack file says, supplied keys aside."""
        return settings_in(self.config, self.project)

    @cached_property
    def spellings(self) -> dict[str, str]:
        """How the stack file spells each domain."""
        return {normalise_domain(spelling): spelling for spelling in self.config[self.domains_key]}

    def written(self, domain: str) -> Mapping[str, Any]:
        """What the stack file says of *domain* itself."""
        written: Mapping[str, Any] = self.config[self.domains_key][self.spellings[domain]]
        return written

    def aws(self) -> AwsSettings:
        """The `aws:` configuration; encrypted credentials give way to those of the environment."""
        encrypted = [name for name in CREDENTIALS if _has_secret(self.config.get(name))]
        if encrypted:
            say(f"{encrypted[0]} is encrypted and stays so: using the AWS credentials of the environment")
        return read_settings(_getter(self.config, without=CREDENTIALS if encrypted else ()))


def open_stack(name: str | None, outside: Outside) -> Stack:
    """The stack *name*, or the selected one; raises `CannotTell` if it can't be read."""
    file = _project_file(outside.directory)
    if file is None:
        raise CannotTell(f"there is no Pulumi.yaml in {outside.directory} or above it")
    directory, project = file.parent, _project_settings(file)
    name = name or outside.ask_pulumi(["stack", "--show-name"], directory).strip()
    stack_path = directory / str(project.get("stackConfigDir", ".")) / f"Pulumi.{name.split('/')[-1]}.yaml"
    try:
        text = stack_path.read_bytes().decode()
    except FileNotFoundError:
        raise CannotTell(f"{stack_path.relative_to(directory)}: there is no such stack file") from None
    except UnicodeDecodeError:
        raise CannotTell(f"{stack_path.relative_to(directory)}: is not in UTF-8") from None
    export = outside.ask_pulumi(["stack", "export", "-s", name], directory)
    try:
        state = read_state(export)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CannotTell("pulumi stack export: what it prints is not the state of a stack") from None
    return Stack(name, directory, str(project.get("name", "")), stack_path, text, state)


def _project_settings(file: Path) -> Mapping[str, Any]:
    try:
        project = stack_file.load(file.read_bytes().decode())
    except (InvalidSettings, UnicodeDecodeError):
        project = None
    if not isinstance(project, Mapping):
        raise CannotTell(f"{file.name}: is no project file")
    return project


def settings_in(config: Mapping[str, Any], project: str) -> Settings:
    """
    What *config* says, supplied keys aside; raises `InvalidSettings`.

    Keys are secrets: `published` is written out instead of them, as they would have it.
    """
    prefix = f"{project}:"
    # Whatever YAML lets stand for a key; what is no text is none of ours.
    texts = {str(key): value for key, value in config.items()}
    ours = {key.removeprefix(prefix): value for key, value in texts.items() if key.startswith(prefix)}
    domains = ours.get("domains")
    if isinstance(domains, Mapping):
        ours["domains"] = {name: _without_keys(domain) for name, domain in domains.items()}
    region = config.get("aws:region")
    return settings.load(_opaque(ours), default_region=region if isinstance(region, str) else None)


def in_project(start: Path) -> bool:
    """Whether *start* is in a Pulumi project."""
    return _project_file(start) is not None


def _project_file(start: Path) -> Path | None:
    """The project's own file, in *start* or above it."""
    files = (directory / name for directory in (start, *start.parents) for name in stack_file.PROJECT_FILES)
    return next((file for file in files if file.exists()), None)


def supplied_generations(written: Mapping[str, Any]) -> frozenset[int] | None:
    """Generations that the `keys` of a domain has; None without `keys`."""
    keys = written.get("keys")
    if not isinstance(keys, Mapping):
        return None
    return frozenset(int(key) for key in keys if str(key).isdecimal())


def _without_keys(written: Any) -> Any:
    supplied = supplied_generations(written) if isinstance(written, Mapping) else None
    if supplied is None:
        return written
    rest = {key: value for key, value in written.items() if key != "keys"}
    generation = str(rest.get("generation"))
    if rest.get("published") is None and generation.isdecimal():
        rest["published"] = list(generations.published_with_keys(int(generation), supplied))
    return rest


def _is_secret(value: object) -> bool:
    return isinstance(value, Mapping) and value.keys() == {"secure"}


def _has_secret(value: object) -> bool:
    if _is_secret(value):
        return True
    children = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(_has_secret(child) for child in children)


def _opaque(value: Any) -> Any:
    """*value* as Pulumi hands it on, all keys texts, with a word in the place of every encrypted text."""
    if _is_secret(value):
        return "[secret]"
    if isinstance(value, Mapping):
        return {str(key): _opaque(child) for key, child in value.items()}
    return [_opaque(child) for child in value] if isinstance(value, list) else value


def _getter(config: Mapping[str, Any], *, without: tuple[str, ...]) -> Callable[[str], str | None]:
    """What gives a setting as Pulumi hands it on: as text, objects as JSON."""

    def get(name: str) -> str | None:
        value = None if name in without else config.get(name)
        if _has_secret(value):
            raise CannotTell(f"{name}: is encrypted in the stack file, and nothing is decrypted here")
        return value if value is None or isinstance(value, str) else json.dumps(value)

    return get
