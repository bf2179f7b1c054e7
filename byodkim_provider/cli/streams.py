"""
Standard streams that are closed, full, or have an encoding that lacks a character.

None of these may end in a traceback.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

CANNOT_WRITE: Final = 2
"""Exit code of most commands if the result could not be printed."""

UNWRITABLE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF, errno.EPIPE)
"""Error numbers of a write to a stream."""


def write_line(text: str) -> None:
    """Print a line on standard error. A closed stream is not an error."""
    try:
        click.echo(text, err=True)
    except OSError:
        # The unwritten text stays in the buffer, and Python would try, and fail, to write it at the end.
        sys.stderr = _nowhere()


@contextmanager
def repaired(exit_code: int = CANNOT_WRITE) -> Iterator[None]:
    """Make sure that every stream exists; a failure to print is one line and *exit_code*."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the parent process
            setattr(sys, name, _nowhere())
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        write_line(f"byodkim: standard output: {error.strerror}")
        sys.stdout = _nowhere()
        sys.exit(exit_code)


def _nowhere() -> io.TextIOWrapper:
    """A stream that is empty, and discards what is written."""
    return open(os.devnull, "r+", encoding="utf-8")  # noqa: PTH123 - for as long as the process lasts
