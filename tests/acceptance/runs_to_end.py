"""Parts of a run in a process of their own, which `test_killed` ends."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any, Final

from tests.acceptance.__main__ import INTERRUPTS, PROBES, aws, begin, cleaned, probe
from tests.acceptance.lab import Lab, Outside, run_of
from tests.acceptance.mailbox import open_mailbox
from tests.acceptance.product import RealWorld, main_job
from tests.support.fakes import FakeClock

_PROCESSES: Final[ForkServerContext] = multiprocessing.get_context("forkserver")
# A process forks off one that has imported all this: the imports are half of a short run.
_PROCESSES.set_forkserver_preload([__name__])


def start(run: Callable[..., None], environment: Mapping[str, str], *arguments: str) -> ForkServerProcess:
    """*run* in a new process, which shows nothing."""
    process = _PROCESSES.Process(target=_run, args=(run, {**os.environ, **environment}, *arguments))
    process.start()
    return process


def _run(run: Callable[..., None], environment: dict[str, str], *arguments: str) -> None:
    os.environ.clear()  # of the first time that a process was started
    os.environ.update(environment)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    INTERRUPTS.install()
    run(*arguments)


def prober(*there: str) -> None:
    where, code = _at(*there)
    with cleaned(where, run_of(code)):
        begin(where, run_of(code))
        probe(Lab(where, code), more=PROBES)


def mailbox(*there: str) -> None:
    where, code = _at(*there)
    with cleaned(where, run_of(code)):
        begin(where, run_of(code))
        open_mailbox(Lab(where, code, part="mailbox"), where.clients)


def product(zone: str, region: str, code: str, resolver: str, directory: str) -> None:
    """The product's part of a run, by the engine, with the sandbox's plugins."""
    where = aws(zone, region, say=print)
    defaults: dict[str, Any] = {"dnsResolvers": [resolver], "keyBits": 1024}
    with cleaned(where, run_of(code)):
        begin(where, run_of(code))
        main_job(
            Lab(where, code),
            RealWorld(Path(directory)),
            say=print,
            interrupts=INTERRUPTS,
            without=(),
            defaults=defaults,
        )


def _at(zone: str, region: str, code: str) -> tuple[Outside, str]:
    """AWS, where waiting takes no time."""
    where, clock = aws(zone, region, say=print), FakeClock()
    where.now, where.wait = clock.monotonic, clock.advance
    return where, code
