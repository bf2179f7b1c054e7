"""
Private keys that stand in the configuration in plain, where everybody with the repository reads them.

The program gets every value decrypted and unmarked, so the stack file is read again. Values
in, problems out; no text quotes a key.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import pulumi
from pulumi.runtime.config import is_config_secret

from byodkim_provider import stack_file
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.settings_problems import line

__all__ = ["in_stack", "places", "problems"]

Place = tuple[str, str]
"""Domain and generation, as they are spelled."""

NAMED: Final = 3
"""How many keys that could not be checked are named."""


def in_stack(domains: object) -> list[str]:
    """
    A problem for each plain key in *domains*, the decrypted configuration of the stack that runs.

    The stack file may be another one than the project says (`--config-file`), there may be none (the
    Automation API), or our YAML library does not read what Pulumi's does. Keys that could not be
    checked for such a reason are a warning.
    """
    name = f"{pulumi.get_project()}:domains"
    given = places(domains)
    if not given or not is_config_secret(name):
        return problems(given, name)  # Pulumi says that nothing in there is secret
    maps, unread = _written(pulumi.get_project())
    found = {place: {_kind(written, place) for written in maps} for place in given}
    if unchecked := sorted(place for place, kinds in found.items() if kinds <= {"missing"}):
        pulumi.log.warn(_not_checked(unchecked, unread))
    return problems([place for place, kinds in found.items() if "plain" in kinds], name)


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


def _not_checked(unchecked: Sequence[Place], unread: Sequence[str]) -> str:
    names = [f"{domain} {generation}" for domain, generation in unchecked[:NAMED]]
    more = f" and {len(unchecked) - NAMED} more" if len(unchecked) > NAMED else ""
    return (
        f"could not check that the private keys of {', '.join(names)}{more} are encrypted: "
        f"{'; '.join(unread) or 'they stand in no file that was read'}"
    )


def _written(project: str) -> tuple[list[object], list[str]]:
    """The maps of domains in the project file and in the stack file, and which could not be read, and why."""
    directory = _project_directory()
    candidates = [directory / one for one in stack_file.PROJECT_FILES]
    project_file = next((file for file in candidates if file.exists()), candidates[0])
    maps: list[object] = []
    unread: list[str] = []
    shared = _read(project_file, directory, unread)
    file = stack_file.stack_file(project_file, shared, pulumi.get_stack())
    own = _read(file, directory, unread)
    maps += [stack_file.at(shared, path) for path in stack_file.domain_paths(project, in_project_file=True)]
    for path in stack_file.domain_paths(project, in_project_file=False):
        maps += [stack_file.at(one, path) for one in (shared, own)]
    return maps, unread


def _project_directory() -> Path:
    """Where `Pulumi.yaml` is. The Automation API does not say; then it is where the program runs."""
    said = pulumi.get_root_directory()
    return Path(said) if said and Path(said).is_dir() else Path.cwd()


def _read(path: Path, directory: Path, unread: list[str]) -> Mapping[str, Any]:
    """What *path* holds; if that can't be read, nothing, and one more line in *unread*."""
    try:
        read = stack_file.load(path.read_bytes().decode())
        return read if isinstance(read, Mapping) else {}
    except FileNotFoundError:
        reason = "there is no such file"
    except OSError as error:
        reason = f"can't be read: {error.strerror}"
    except UnicodeDecodeError:
        reason = "is not in UTF-8"
    except InvalidSettings as error:
        reason = str(error)
    unread.append(f"{path.relative_to(directory)}: {reason}")
    return {}


def _kind(domains: object, place: Place) -> Literal["plain", "encrypted", "missing"]:
    """What stands at *place* in a map of domains: it may be encrypted by itself, or with all around it."""
    domain, generation = place
    value = _decoded(domains)
    for key in (domain, "keys", generation, "privateKey"):
        if _is_encrypted(value):
            break
        value = {str(name): one for name, one in _items(value)}.get(key)
    if _is_encrypted(value):
        return "encrypted"
    return "plain" if isinstance(value, str) else "missing"


def _is_encrypted(value: object) -> bool:
    return isinstance(value, Mapping) and value.keys() == {"secure"}


def _decoded(domains: object) -> object:
    """*domains*, which may be given as JSON."""
    if not isinstance(domains, str):
        return domains
    try:
        return json.loads(domains)
    except ValueError:
        return None


def places(domains: object) -> set[Place]:
    """Where private keys stand as texts in a map of domains; an encrypted one is a map, `{secure: …}`."""
    return {
        (str(domain), str(generation))
        for domain, written in _items(_decoded(domains))
        for generation, key in _items(dict(_items(written)).get("keys"))
        if isinstance(dict(_items(key)).get("privateKey"), str)
    }


def _items(value: object) -> Collection[tuple[Any, Any]]:
    return value.items() if isinstance(value, Mapping) else ()
