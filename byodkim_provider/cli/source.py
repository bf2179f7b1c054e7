"""
The file that lists the domains of a stack, and how it is rewritten.

Pulumi reads them from the stack file or else from the project file. An edit replaces the whole
file or nothing, and only if the file has not changed since it was read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from byodkim_provider.cli.messages import CannotWrite, Refused
from byodkim_provider.config import stack_file
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
    """The map, as the file spells it."""

    def replaced_by(self, text: str) -> Source:
        """Write *text* to the file; raises `CannotWrite`, or `Refused` if the file has changed."""
        target = self.file.resolve()  # a link stays a link
        try:
            mode = target.stat().st_mode
            if not mode & 0o200:  # it could be replaced all the same, as its folder can be written
                raise CannotWrite(f"{self.shown}: is read-only, nothing was written")
            with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
                new = Path(folder, target.name)
                with new.open("wb") as opened:
                    opened.write(text.encode())
                    opened.flush()
                    os.fsync(opened.fileno())
                new.chmod(mode & 0o7777)
                if _read(target) != self.text:
                    raise Refused(f"{self.shown}: was changed meanwhile, nothing was written")
                new.replace(target)
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
        paths = stack_file.key_paths(project, "domains", in_project_file=path is project_file)
        for keys in paths:
            domains = stack_file.at(loaded, keys)
            if isinstance(domains, Mapping):
                return Source(path, shown, text, keys, domains)
            if domains is not None:
                break
    raise Refused(
        f"{project}:domains: is not a map in {file.relative_to(root)} or in {project_file.name}\n"
        "  hint: edit it where `pulumi config` has it from"
    )


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
