"""
One stack of the bench: runs of the sandbox's CLI, each with a new language host, a process of its
own: so a run pays for its imports.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.engine.stack import Stack


def seconds(stack: Stack, run: str, **variables: str) -> float:
    """How long a *run* of *stack* takes, `preview` or `up`; raises if it fails."""
    began = time.monotonic()
    with _language_host(stack, variables) as address:
        stack._environment["PULUMI_DEBUG_LANGUAGES"] = address
        result = getattr(stack, run)()
    if result.failed:
        raise RuntimeError(result.errors)
    return time.monotonic() - began


@contextmanager
def _language_host(stack: Stack, variables: dict[str, str]) -> Iterator[str]:
    """Where the engine finds a new language host."""
    outside = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "PULUMI_"))
    }
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.language_host"],
        cwd=stack._work,
        env=outside | stack._environment | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as host:
        assert host.stdout
        try:
            yield host.stdout.readline().strip()
        finally:
            host.kill()
