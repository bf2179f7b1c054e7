"""
Adds to the plugin process of Pulumi's dynamic providers what this package needs: more than four
calls at a time, a Cancel that ends waits, messages in the engine's log, errors without traceback.

The SDK (pulumi/dynamic/__main__.py) has no public way to any of these. So no failure here may break
a call: without an addition the resources still work, and a run says once what it lacks. The
contract tests run all of it in the real process.
"""

import contextlib
import functools
import gc
import sys
import threading
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace
from typing import Any, Final

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from byodkim_provider.errors import error_text
from byodkim_provider.progress import Progress, stopping
from byodkim_provider.quoting import printable_lines

THREADS: Final = 32
"""Calls at a time, instead of 4. The engine makes 4 × cores, and Cancel needs one more."""

LOG_SECONDS: Final = 2
"""Time limit for sending a message to the engine; after that it is dropped."""


@functools.cache
def prepare_process() -> Sequence[str]:
    """Make all additions to this process, once; returns what comes of those that can't be made."""
    process: Any = sys.modules["__main__"]
    if getattr(process, "__package__", "") != "pulumi.dynamic":
        return ()  # a test calls a provider in its own process
    lacks = []
    for add, without in (
        (_clean_errors, "errors have a traceback"),
        (_end_waits, "Ctrl-C does not end a wait"),
        (_more_threads, "four resources at a time"),
    ):
        try:
            add(process)
        except Exception as error:  # noqa: BLE001 - whatever has changed in the SDK
            reason = f"{type(error).__name__}: {error}"
            lacks.append(
                f"byodkim_provider does not know this version of the Pulumi SDK ({reason}): "
                f"{without}"
            )
    return lacks


def _clean_errors(process: Any) -> None:
    process.traceback.format_exc  # noqa: B018 - which the process shows to the user
    process.traceback = SimpleNamespace(format_exc=error_text)


def _end_waits(process: Any) -> None:
    # gRPC has a reference to the function itself, so only its code can be replaced.
    process.DynamicResourceProviderServicer.Cancel.__code__ = _cancel.__code__
    # A second Ctrl-C interrupts the main thread, which then waits for all others.
    threading._register_atexit(stopping.set)  # type: ignore[attr-defined]


def _cancel(self: object, request: object, context: object) -> object:
    # Its code runs as that of a function in another module, so it imports what it needs.
    # Also called at the end of every normal run, so it prints nothing.
    from google.protobuf.empty_pb2 import Empty

    from byodkim_provider.progress import stopping

    stopping.set()
    return Empty()


def _more_threads(_process: Any) -> None:
    pools: list[Any] = [one for one in gc.get_objects() if type(one) is ThreadPoolExecutor]
    if not pools:
        raise LookupError("no pool of threads")
    for pool in pools:
        pool._max_workers = THREADS
        # Otherwise calls that are queued, and a Cancel behind them, get no thread before the next
        # call.
        for _ in range(pool._work_queue.qsize()):
            pool._adjust_thread_count()


def progress_of_this_call() -> Progress:
    """
    Progress in the row of the resource that this thread works on, or in that of the stack.

    A provider's methods don't get the URN from Pulumi, but a caller of theirs has the request.
    """
    for frame, _ in traceback.walk_stack(None):
        urn = getattr(frame.f_locals.get("request"), "urn", None)
        if isinstance(urn, str):
            return Progress(partial(_log, urn))
    return Progress(partial(_log, ""))


def _log(urn: str, kind: str, text: str) -> None:
    severity: Any = engine_pb2.WARNING if kind == "warn" else engine_pb2.INFO
    request = engine_pb2.LogRequest(
        severity=severity,
        message=printable_lines(text),
        urn=urn,
        ephemeral=kind == "update",
    )
    with contextlib.suppress(grpc.RpcError, IndexError):
        _engine().Log(request, timeout=LOG_SECONDS)


@functools.cache
def _engine() -> Any:
    # The engine passes its address as the last argument of the process.
    return engine_pb2_grpc.EngineStub(grpc.insecure_channel(sys.argv[-1]))
