"""The environment of a program that runs in this process; a language host needs no more of the sandbox."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

_lock: Final = threading.Lock()
_running: Final[list[object]] = []
_outside: Final[dict[str, str | None]] = {}
"""What variables were before the first of the programs that run now; None if not set."""


@contextmanager
def environment_of(variables: Mapping[str, str], *, forget: Collection[str] = ()) -> Iterator[None]:
    """
    A program run by `pulumi` has its environment, one that runs in this process has it for the while.

    The program of a run that failed may still be ending when the next one begins: what was before
    comes back when none of them runs.
    """
    names, this = {*forget, *variables}, object()
    with _lock:
        _running.append(this)
        for name in names:
            _outside.setdefault(name, os.environ.get(name))
            os.environ.pop(name, None)
        os.environ.update(variables)
    try:
        yield
    finally:
        with _lock:
            _running.remove(this)
            if not _running:
                _restore()


def _restore() -> None:
    for name, value in _outside.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    _outside.clear()
