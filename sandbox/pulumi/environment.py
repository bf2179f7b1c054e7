"""The environment of a program that runs in this process; a language host needs no more of the sandbox."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def environment_of(variables: Mapping[str, str], *, forget: Collection[str] = ()) -> Iterator[None]:
    """A program run by `pulumi` has its environment, one that runs in this process has it for the while."""
    before = {name: os.environ.pop(name, None) for name in {*forget, *variables}}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
