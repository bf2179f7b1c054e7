"""
Private keys that stand in the configuration in plain, where everybody with the repository reads them.

The program gets every value decrypted and unmarked, so the stack file is read again. Values
in, problems out; no text quotes a key.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.config import is_config_secret

from byodkim_provider import stack_file
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.settings_problems import line

__all__ = ["in_stack", "places", "problems"]

Place = tuple[str, str]
"""Domain and generation, as they are spelled."""


def in_stack(domains: object) -> list[str]:
    """
    A problem for each plain key in *domains*, the decrypted configuration of the stack that runs.

    The stack file may be another one than the project says (`--config-file`), or none (the
    Automation API). Then only what Pulumi tells is known: whether anything in there is secret.
    """
    name = f"{pulumi.get_project()}:domains"
    given = places(domains)
    if not is_config_secret(name):
        return problems(given, name)
    plain = {place for written in _written(name) for place in places(written)}
    return problems(given & plain, name)


def problems(places: Collection[Place], name: str) -> list[str]:
    """One line each, with the command that mends it; *name* is the full name of the map of domains."""
    return [
        line(
            ("domains", domain, "keys", generation, "privateKey"),
            f"is not encrypted, set it with `{_command(name, domain, generation)}`, "
            "and make another key if somebody may have read this one",
        )
        for domain, generation in sorted(places)
    ]


def _command(name: str, domain: str, generation: str) -> str:
    path = f"{name}[{json.dumps(domain, ensure_ascii=False)}].keys.{generation}.privateKey"
    return f"pulumi config set --secret --path '{path}'"


def _written(name: str) -> Iterator[object]:
    """What stands under *name* in the stack file and in the project file, as far as they can be read."""
    directory = _project_directory()
    files = (directory / one for one in stack_file.PROJECT_FILES)
    project = _read(next((file for file in files if file.exists()), None))
    folder = directory / str(project.get("stackConfigDir") or ".")
    file = _read(folder / f"Pulumi.{pulumi.get_stack()}.yaml")
    for config in (project.get("config"), file.get("config")):
        for key, value in _items(config):
            if key in (name, "domains"):  # the project file may leave its own name out
                yield value


def _project_directory() -> Path:
    """Where `Pulumi.yaml` is. The Automation API does not say; then it is where the program runs."""
    said = pulumi.get_root_directory()
    return Path(said) if said and Path(said).is_dir() else Path.cwd()


def _read(path: Path | None) -> Mapping[str, Any]:
    try:
        read = stack_file.load(path.read_bytes().decode()) if path else {}
        return read if isinstance(read, Mapping) else {}
    except (OSError, ValueError, InvalidSettings):
        return {}  # Pulumi could read the file that the values come from, so it is another one


def places(domains: object) -> set[Place]:
    """Where private keys stand as texts in a map of domains; an encrypted one is a map, `{secure: …}`."""
    if isinstance(domains, Mapping) and domains.keys() == {"value"}:
        domains = domains["value"]  # the project file's long form
    if isinstance(domains, str):
        try:
            domains = json.loads(domains)  # objects may be given as JSON
        except ValueError:
            return set()
    return {
        (str(domain), str(generation))
        for domain, written in _items(domains)
        for generation, key in _items(dict(_items(written)).get("keys"))
        if isinstance(dict(_items(key)).get("privateKey"), str)
    }


def _items(value: object) -> Collection[tuple[Any, Any]]:
    return value.items() if isinstance(value, Mapping) else ()
