"""
CPU and memory of the processes of one run, by kind.

Sampled: what a process uses after its last sample is not counted. New processes are searched for
less often than known ones are read, because a search reads all of /proc.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

import psutil

from sandbox.pulumi.plugins import ROOT

SAMPLE_SECONDS = 0.1
SAMPLES_PER_SEARCH = 5

KINDS = {
    "pulumi.dynamic": "plugin",
    str(ROOT / "plugin"): "plugin",
    "sandbox.pulumi.resource_aws": "pulumi-aws stand-in",
    "pulumi": "engine",
}
"""Kind of a process below the CLI, by a word of its command line; the first that fits."""


class Sampler:
    """Context manager: samples *known* processes, and all that *engine* starts, until the end."""

    def __init__(self, known: Mapping[str, int], *, engine: int) -> None:
        self._kinds = {psutil.Process(pid): kind for kind, pid in known.items()}
        self._before = {process: _seconds(process) for process in self._kinds}
        # The language host is as new as the run is.
        self._before |= {process: 0.0 for process, kind in self._kinds.items() if kind == "program"}
        self._engine = psutil.Process(engine)
        self._kinds[self._engine] = "engine"
        self._seconds: dict[psutil.Process, float] = {}
        self._peak: Counter[str] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def cpu_seconds(self) -> dict[str, float]:
        """By kind, user and system."""
        spent: Counter[str] = Counter()
        for process, seconds in self._seconds.items():
            spent[self._kinds[process]] += seconds - self._before.get(process, 0)
        return {kind: round(seconds, 2) for kind, seconds in spent.items()}

    def peak_mib(self) -> dict[str, int]:
        """By kind, the most resident memory that all its processes had together."""
        return {kind: round(peak / 2**20) for kind, peak in self._peak.items()}

    def _run(self) -> None:
        sample = 0
        while True:
            if sample % SAMPLES_PER_SEARCH == 0:
                self._search()
            self._sample()
            sample += 1
            if self._stop.wait(SAMPLE_SECONDS):
                self._sample()  # those that go on: servers, program
                return

    def _search(self) -> None:
        with suppress(psutil.NoSuchProcess):
            for process in self._engine.children(recursive=True):
                if process not in self._kinds and (kind := _kind(process)):
                    self._kinds[process] = kind

    def _sample(self) -> None:
        resident: Counter[str] = Counter()
        for process, kind in self._kinds.items():
            if not process.is_running():  # another one may have its number by now
                continue
            with suppress(psutil.NoSuchProcess), process.oneshot():
                self._seconds[process] = _seconds(process)
                resident[kind] += process.memory_info().rss
        for kind, size in resident.items():
            self._peak[kind] = max(self._peak[kind], size)


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _kind(process: psutil.Process) -> str | None:
    """None for what is not counted, and for a shell before it becomes something else."""
    words = []
    with suppress(psutil.NoSuchProcess):
        words = process.cmdline()
    return next((kind for word, kind in KINDS.items() if word in words), None)
