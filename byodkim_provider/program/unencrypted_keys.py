"""
Finds private keys and secrets of DNS hosts that are not encrypted in the configuration.

Everybody who can read the repository can read them. Also finds the reverse: values that are
encrypted there, but would be in plain text in the state.

The program gets every value decrypted and unmarked, so the stack file is read again. What could
not be checked there is a warning. Values in, problems out; no text quotes a key.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import pulumi
from pulumi.runtime.config import is_config_secret

from byodkim_provider.config import stack_file
from byodkim_provider.config.problems import Steps, line
from byodkim_provider.errors import InvalidSettings

KeyPath = tuple[str, str]
"""Domain and generation, as the file spells them."""

NOT_SECRET: Final = ("accountId",)
"""Keys under `dnsCredentials` that need not be encrypted: they give no access by themselves."""

NAMED: Final = 3
"""How many keys that could not be checked a message names."""


def in_stack(domains: object) -> list[str]:
    """
    A problem for each plain key in *domains*, the decrypted configuration of the stack that runs.

    The stack file may be another one than the project says (`--config-file`), there may be none (the
    Automation API), or our YAML library does not read what Pulumi's does. Keys that could not be
    checked for such a reason are a warning.
    """
    name = f"{pulumi.get_project()}:domains"
    given = private_key_paths(domains)
    if not given or not is_config_secret(name):
        return problems(given, name)  # Pulumi says that nothing in there is secret
    maps, unread = _written(pulumi.get_project(), "domains")
    found = {
        (domain, generation): {_kind(written, (domain, "keys", generation, "privateKey")) for written in maps}
        for domain, generation in given
    }
    if unchecked := sorted(path for path, kinds in found.items() if kinds <= {"missing"}):
        pulumi.log.warn(_not_checked("the private keys of", unchecked, unread))
    return problems([path for path, kinds in found.items() if "plain" in kinds], name)


def credentials_in_stack(credentials: object) -> list[str]:
    """A problem for each plain secret in *credentials*, which is `dnsCredentials` decrypted."""
    name = f"{pulumi.get_project()}:dnsCredentials"
    given = {
        (str(credential), str(key))
        for credential, written in _items(_decoded(credentials))
        for key, value in _items(written)
        if isinstance(value, str) and key not in NOT_SECRET
    }
    if given and is_config_secret(name):
        maps, unread = _written(pulumi.get_project(), "dnsCredentials")
        found = {path: {_kind(written, path) for written in maps} for path in given}
        if unchecked := sorted(path for path, kinds in found.items() if kinds <= {"missing"}):
            pulumi.log.warn(_not_checked("the secrets under dnsCredentials for", unchecked, unread))
        given = {path for path, kinds in found.items() if "plain" in kinds}
    return [
        line(
            ("dnsCredentials", credential, key),
            f"is not encrypted, set it with `pulumi config set --secret --path '{name}.{credential}.{key}'`, "
            "and have the host make another one if somebody may have read this",
        )
        for credential, key in sorted(given)
    ]


def encrypted_in_vain() -> list[str]:
    """
    A problem for each encrypted value in the stack's files that the state would hold unencrypted.

    Only private keys and `dnsCredentials` stay secret. What encloses keys may be encrypted as a whole.
    """
    project = pulumi.get_project()
    found: set[Steps] = set()
    for name in ("defaults", "domains"):
        if not is_config_secret(f"{project}:{name}"):
            continue
        maps, unread = _written(project, name)
        encrypted = {path for written in maps for path in _encrypted(_decoded(written), (name,))}
        if not encrypted:
            pulumi.log.warn(
                f"could not check what of {project}:{name} is encrypted, and may be unencrypted in the "
                f"stack's state: {'; '.join(unread) or 'it stands in no file that was read'}"
            )
        found |= {path for path in encrypted if not _may_be_encrypted(path)}
    return [
        line(
            path,
            "is encrypted, and would be unencrypted in the stack's state: only private keys and "
            "dnsCredentials stay secret, set it without `--secret`",
        )
        for path in sorted(found, key=lambda path: [str(step) for step in path])
    ]


def problems(paths: Collection[KeyPath], name: str) -> list[str]:
    """One line each, with the command that fixes it; *name* is the full name of the map of domains."""
    return [
        line(
            ("domains", domain, "keys", generation, "privateKey"),
            f"is not encrypted, set it with `{_command(name, domain, generation)}`, "
            "and make another key if somebody may have read this one",
        )
        for domain, generation in sorted(paths)
    ]


def _command(name: str, domain: str, generation: str) -> str:
    path = f"{name}[{json.dumps(domain, ensure_ascii=False)}].keys.{generation}.privateKey"
    return f"pulumi config set --secret --path '{path}'"


def _not_checked(what: str, unchecked: Sequence[tuple[str, str]], unread: Sequence[str]) -> str:
    names = [" ".join(path) for path in unchecked[:NAMED]]
    more = f" and {len(unchecked) - NAMED} more" if len(unchecked) > NAMED else ""
    return (
        f"could not check that {what} {', '.join(names)}{more} are encrypted: "
        f"{'; '.join(unread) or 'they stand in no file that was read'}"
    )


def _written(project: str, name: str) -> tuple[list[object], list[str]]:
    """What the project file and the stack file hold under *name*, and which could not be read, and why."""
    directory = _project_directory()
    candidates = [directory / one for one in stack_file.PROJECT_FILES]
    project_file = next((file for file in candidates if file.exists()), candidates[0])
    maps: list[object] = []
    unread: list[str] = []
    shared = _read(project_file, directory, unread)
    file = stack_file.stack_file(project_file, shared, pulumi.get_stack())
    own = _read(file, directory, unread)
    paths = functools.partial(stack_file.key_paths, project, name)
    maps += [stack_file.at(shared, path) for path in paths(in_project_file=True)]
    for path in paths(in_project_file=False):
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


def _kind(written: object, path: Sequence[str]) -> Literal["plain", "encrypted", "missing"]:
    """What *path* leads to in what is *written*: it may be encrypted by itself, or with all around it."""
    value = _decoded(written)
    for key in path:
        if _is_encrypted(value):
            break
        value = {str(name): one for name, one in _items(value)}.get(key)
    if _is_encrypted(value):
        return "encrypted"
    return "plain" if isinstance(value, str) else "missing"


def _encrypted(written: object, path: Steps) -> Iterator[Steps]:
    """Where encrypted values stand in what is *written* at *path*."""
    if _is_encrypted(written):
        yield path
        return
    items = enumerate(written) if isinstance(written, list) else _items(written)
    for key, value in items:
        yield from _encrypted(value, (*path, key if isinstance(written, list) else str(key)))


def _may_be_encrypted(path: Steps) -> bool:
    """Whether it is a private key, or may hold some; a domain is `path[1]`, and its generations `path[3]`."""
    return path == ("domains",) or (path[2:3] == ("keys",) and (len(path) < 5 or path[4] == "privateKey"))


def _is_encrypted(value: object) -> bool:
    return isinstance(value, Mapping) and value.keys() == {"secure"}


def _decoded(written: object) -> object:
    """What is *written*, which may be JSON."""
    if not isinstance(written, str):
        return written
    try:
        return json.loads(written)
    except ValueError:
        return None


def private_key_paths(domains: object) -> set[KeyPath]:
    """Where private keys stand as texts in a map of domains; an encrypted one is a map, `{secure: …}`."""
    return {
        (str(domain), str(generation))
        for domain, written in _items(_decoded(domains))
        for generation, key in _items(dict(_items(written)).get("keys"))
        if isinstance(dict(_items(key)).get("privateKey"), str)
    }


def _items(value: object) -> Collection[tuple[Any, Any]]:
    return value.items() if isinstance(value, Mapping) else ()
