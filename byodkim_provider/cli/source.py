"""
The file that lists the domains of a stack, and how it is rewritten.

Pulumi reads them from the stack file or else from the project file. An edit replaces the whole
file or nothing, and only if the file has not changed since it was read.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from byodkim_provider.cli.messages import CannotWrite, Refused
from byodkim_provider.config import stack_file
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages.cli import CliProblem


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
            there = target.stat()
            if not there.st_mode & 0o200:  # it could be replaced all the same, as its folder can be written
                raise CannotWrite(CliProblem.READ_ONLY(file=self.shown))
            with (
                _ended_in_order(),
                TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder,
            ):
                new = Path(folder, target.name)
                with new.open("wb") as opened:
                    opened.write(text.encode())
                    opened.flush()
                    os.fsync(opened.fileno())
                with suppress(PermissionError):  # nobody but root gives a file to somebody else
                    os.chown(new, there.st_uid, there.st_gid)
                new.chmod(there.st_mode & 0o7777)
                with _alone(target.parent):
                    if _read(target) != self.text:
                        raise Refused(CliProblem.CHANGED_MEANWHILE(file=self.shown))
                    new.replace(target)
        except OSError as error:
            raise CannotWrite(CliProblem.CANT_WRITE(file=self.shown, error=error.strerror)) from None
        return replace(self, text=text)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else who does this compares and replaces a file of *folder* at the same time."""
    import fcntl  # not on Windows

    # Not the file: who waits for it would get the one that was replaced.
    opened = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system of a network may have no locks
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM is as Ctrl-C, which leaves nothing behind that is half written."""
    try:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # in another thread than the main one
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
            raise Refused(CliProblem.NOT_READ(file=shown, problem=error.text)) from None
        paths = stack_file.key_paths(project, "domains", in_project_file=path is project_file)
        for keys in paths:
            domains = stack_file.at(loaded, keys)
            if isinstance(domains, Mapping):
                return Source(path, shown, text, keys, domains)
            if domains is not None:
                break
    stack_file_shown = file.relative_to(root)
    raise Refused(CliProblem.NO_MAP(project=project, file=stack_file_shown, project_file=project_file.name))


def _read(path: Path) -> str | None:
    """The text of *path*; None if there is no such file."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused(CliProblem.CANT_READ(file=path.name, error=error.strerror)) from None
    except UnicodeDecodeError:
        raise Refused(CliProblem.NOT_UTF8(file=path.name)) from None
