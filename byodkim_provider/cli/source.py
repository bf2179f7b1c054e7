"""
The file that lists the domains of a stack, and how it is rewritten.

Pulumi reads them from the stack file or else from the project file. An edit replaces the whole
file or nothing, and only if the file has not changed since it was read.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from byodkim_provider.cli.messages import CannotWrite, Refused
from byodkim_provider.config import stack_file
from byodkim_provider.dkim.records import normalise_domain
from byodkim_provider.errors import InvalidSettings


@dataclass(frozen=True, slots=True)
class Source:
    """The file that contains the map of domains."""

    file: Path
    shown: str
    """Its path, as seen from the project."""
    text: str
    """With the file's own line ends."""
    path: tuple[str, ...]
    """The keys that lead to the map of domains."""
    domains: Mapping[str, Any]
    """The map, under normalised names."""
    spellings: Mapping[str, str]
    """How the file spells each domain."""

    def replaced_by(self, text: str) -> Source:
        """Write *text* to the file; raises `CannotWrite`, or `Refused` if the file has changed."""
        if _read(self.file) != self.text:
            raise Refused(f"{self.shown}: was changed meanwhile, nothing was written")
        try:
            _write(self.file, text)
        except OSError as error:
            raise CannotWrite(f"{self.shown}: can't be written: {error.strerror}") from None
        return replace(self, text=text)


def find_source(project: str, project_file: Path, file: Path) -> Source:
    """The file with the domains of *project*: *file*, the stack file, or *project_file*."""
    root = project_file.parent
    for path in (file, project_file):
        if (text := _read(path)) is None:
            continue
        shown = str(path.relative_to(root))
        try:
            loaded = stack_file.load(text)
        except InvalidSettings as error:
            raise Refused(f"{shown}: {error}\n  hint: Pulumi reads it; edit it by hand") from None
        for keys in stack_file.key_paths(project, "domains", in_project_file=path is project_file):
            domains = stack_file.at(loaded, keys)
            if domains is None:
                continue
            if not isinstance(domains, Mapping):
                break
            spellings = dict(_spellings(domains))
            by_name = {name: domains[spelling] for name, spelling in spellings.items()}
            return Source(path, shown, text, keys, by_name, spellings)
    raise Refused(
        f"{project}:domains: is not a map in {file.relative_to(root)} or in {project_file.name}\n"
        "  hint: edit it where `pulumi config` has it from"
    )


def _spellings(domains: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    for spelling in domains:
        with suppress(ValueError):
            yield normalise_domain(str(spelling)), spelling


def _read(path: Path) -> str | None:
    """The text of *path*; None if there is no such file."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused(f"{path.name}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Refused(f"{path.name}: is not in UTF-8") from None


def _write(path: Path, text: str) -> None:
    """Replace the content of *path* by *text*, or leave it unchanged; keeps links and permissions."""
    target = path.resolve()
    mode = target.stat().st_mode
    number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(number, "wb") as opened:
            opened.write(text.encode())
            opened.flush()
            os.fsync(opened.fileno())
        temporary.chmod(mode & 0o7777)
        temporary.replace(target)
    except BaseException:
        temporary.unlink()
        raise
