"""
Adds to the plugin process of Pulumi's dynamic providers what this package needs.

More than four threads, a Cancel that ends waits, messages in the engine's log, errors without
traceback. All of it uses internals of the SDK, so no failure here may break a call: without
these additions the resources still work, and a run says once which is missing. The contract tests
run them in the real process.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
from collections.abc import Iterator
from functools import partial
from types import FrameType, SimpleNamespace
from typing import Any, Final

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from byodkim_provider.errors import error_text
from byodkim_provider.progress import Progress, stopping
from byodkim_provider.quoting import printable_lines

THREADS: Final = 32
"""Calls at a time, instead of 4. The engine makes at most 4 × cores, and Cancel needs one more."""

LOG_SECONDS: Final = 2
"""Time limit for sending a message to the engine; after that it is dropped."""


def prepare_process() -> Iterator[str]:
    """
    Make all additions to this process, from every `configure`; yields what comes of one that can't
    be.
    """
    if getattr(sys.modules["__main__"], "__package__", "") != "pulumi.dynamic":
        return  # a test calls a provider in its own process
    for prepare, without in (
        (_clean_errors, "errors have a traceback"),
        (_listen_for_cancel, "four resources at a time, and Ctrl-C does not end a wait"),
    ):
        try:
            prepare()
        except Exception as error:  # noqa: BLE001 - whatever has changed in the SDK
            reason = f"{type(error).__name__}: {error}"
            yield (
                f"byodkim_provider does not know this version of the Pulumi SDK ({reason}): "
                f"{without}"
            )


def _clean_errors() -> None:
    process: Any = sys.modules["__main__"]
    process.traceback.format_exc  # noqa: B018 - which the process shows to the user
    process.traceback = SimpleNamespace(format_exc=error_text)


def progress_of_this_call() -> Progress:
    """
    Progress in the row of the resource that this thread works on, or in that of the stack.

    A provider's methods don't get the URN from Pulumi, so it is read from the request in the
    caller's frame.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        urn = getattr(frame.f_locals.get("request"), "urn", None)
        if isinstance(urn, str):
            return Progress(partial(_log, urn))
        frame = frame.f_back
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


def _cancel(self: object, request: object, context: object) -> object:
    # Replaces the code of a function in another module, so it imports what it needs.
    # Also called at the end of every normal run, so it prints nothing.
    from google.protobuf.empty_pb2 import Empty

    from byodkim_provider.progress import stopping

    stopping.set()
    return Empty()


def _listen_for_cancel() -> None:
    servicer = sys.modules["__main__"].DynamicResourceProviderServicer
    # gRPC has a reference to the function object, so only its code can be replaced.
    servicer.Cancel.__code__ = _cancel.__code__
    # A second Ctrl-C interrupts the main thread, which then joins the workers.
    threading._register_atexit(stopping.set)  # type: ignore[attr-defined]
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_name != "_worker":
        frame = frame.f_back
    if frame is not None:
        executor = frame.f_locals["executor_reference"]()
        executor._max_workers = THREADS
        # Otherwise calls that are queued, and a Cancel behind them, get no thread before the next
        # call.
        for _ in range(executor._work_queue.qsize()):
            executor._adjust_thread_count()
