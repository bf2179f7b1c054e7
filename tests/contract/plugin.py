"""
The real plugin process of dynamic resources, and the part of the engine that it talks to.

Values go in and come out as on the wire: plain dicts, every number a float, secrets and
unknowns as the signatures that the engine uses. Nothing of the package is called here.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Literal, Self

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc

ROOT: Final = Path(__file__).parents[2]

DEADLINE: Final = 20
"""Seconds that anything may take before its test fails, on a busy machine too."""

Kind = Literal["DkimKey", "ByodkimIdentity", "DkimVerification", "DnsRecord", "StackId"]

PROVIDERS: Final[Mapping[Kind, str]] = {
    "DkimKey": (
        "gASVOAAAAAAAAACMGmJ5b2RraW1fcHJvdmlkZXIucmVzb3VyY2VzlIwHbG9hZF92MZSTlIwHRGtpbUtleZSFlFKULg=="
    ),
    "ByodkimIdentity": (
        "gASVQAAAAAAAAACMGmJ5b2RraW1fcHJvdmlkZXIucmVzb3VyY2VzlIwHbG9hZF92MZSTlIwPQnlvZGtpbUlkZW50aXR5lIWUUpQu"
    ),
    "DkimVerification": (
        "gASVQQAAAAAAAACMGmJ5b2RraW1fcHJvdmlkZXIucmVzb3VyY2VzlIwHbG9hZF92MZSTlIwQRGtpbVZlcmlmaWNhdGlvbpSFlFKULg=="
    ),
    "DnsRecord": (
        "gASVOgAAAAAAAACMGmJ5b2RraW1fcHJvdmlkZXIucmVzb3VyY2VzlIwHbG9hZF92MZSTlIwJRG5zUmVjb3JklIWUUpQu"
    ),
    "StackId": (
        "gASVOAAAAAAAAACMGmJ5b2RraW1fcHJvdmlkZXIucmVzb3VyY2VzlIwHbG9hZF92MZSTlIwHU3RhY2tJZJSFlFKULg=="
    ),
}
"""`__provider` of each resource, as it stands in users' state: written down here, not computed."""

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What a preview can't know yet."""

SECRET: Final = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
"""Marks the object it is in as a secret; the secret is its `value`."""

LogLine = Any
"""An `engine_pb2.LogRequest`, which has no useful type."""


class Engine(engine_pb2_grpc.EngineServicer):
    """The engine's Log RPC on a loopback port, a context manager."""

    def __init__(self) -> None:
        self._lines: list[LogLine] = []
        self._changed = threading.Condition()
        self._server = grpc.server(ThreadPoolExecutor(max_workers=16))
        engine_pb2_grpc.add_EngineServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()

    def Log(self, request: LogLine, context: object) -> Empty:  # noqa: N802, the RPC's name
        with self._changed:
            self._lines.append(request)
            self._changed.notify_all()
        return Empty()

    def lines(self, *urns: str) -> list[LogLine]:
        """What was said in the rows of *urns*, oldest first."""
        with self._changed:
            return [line for line in self._lines if line.urn in urns]

    def wait_until_heard_of(self, urns: Sequence[str]) -> None:
        """Return once something was said in the row of each of *urns*."""
        with self._changed:
            heard = self._changed.wait_for(
                lambda: {*urns} <= {line.urn for line in self._lines}, timeout=DEADLINE
            )
            assert heard, f"only of {[line.urn for line in self._lines]}, not of all of {urns}"


class Plugin:
    """One plugin process, a context manager. It does what the engine asks by its methods."""

    def __init__(
        self,
        engine_address: str,
        environment: Mapping[str, str],
        *,
        python: Sequence[str] = (sys.executable,),
    ) -> None:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "BYODKIM_", "PULUMI_"))
        }
        self._process = subprocess.Popen(
            [*python, "-u", "-m", "pulumi.dynamic", engine_address],
            cwd=ROOT,
            env={**inherited, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        # A connection of its own, and not one that was given up with another plugin, at the port of
        # that.
        own = [("grpc.use_local_subchannel_pool", 1)]
        address = f"127.0.0.1:{int(self._process.stdout.readline())}"
        self._channel = grpc.insecure_channel(address, options=own)
        self.stub = provider_pb2_grpc.ResourceProviderStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        self._process.kill()
        self._process.communicate()

    def configure(self, config: Mapping[str, str]) -> Any:
        """The engine hands over the stack's configuration."""
        request = provider_pb2.ConfigureRequest(args=struct(config))
        return self.stub.Configure(request, timeout=DEADLINE)

    def check(
        self,
        kind: Kind,
        news: Mapping[str, Any],
        olds: Mapping[str, Any] | None = None,
        *,
        name: str = "name",
    ) -> tuple[dict[str, Any], list[Any]]:
        """The checked inputs, and the failures; *olds* are the inputs of the last run."""
        request = provider_pb2.CheckRequest(
            urn=urn(kind, name), news=_properties(kind, news), olds=struct(olds or {})
        )
        answer = self.stub.Check(request, timeout=DEADLINE)
        return plain(answer.inputs), list(answer.failures)

    def diff(
        self, kind: Kind, olds: Mapping[str, Any], news: Mapping[str, Any], *, name: str = "name"
    ) -> tuple[bool, list[str]]:
        """Whether there are changes, and which make it another resource."""
        request = provider_pb2.DiffRequest(
            urn=urn(kind, name), id="id", olds=_properties(kind, olds), news=_properties(kind, news)
        )
        answer = self.stub.Diff(request, timeout=DEADLINE)
        return answer.changes == provider_pb2.DiffResponse.DIFF_SOME, list(answer.replaces)

    def start_create(self, kind: Kind, inputs: Mapping[str, Any], *, name: str = "name") -> Any:
        """A call that goes on; its `result()` is the engine's `CreateResponse`."""
        request = provider_pb2.CreateRequest(
            urn=urn(kind, name), properties=_properties(kind, inputs)
        )
        return self.stub.Create.future(request, timeout=DEADLINE)

    def create(
        self, kind: Kind, inputs: Mapping[str, Any], *, name: str = "name"
    ) -> dict[str, Any]:
        """The outputs."""
        return plain(self.start_create(kind, inputs, name=name).result().properties)

    def update(
        self, kind: Kind, olds: Mapping[str, Any], news: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The outputs."""
        request = provider_pb2.UpdateRequest(
            urn=urn(kind), id="id", olds=_properties(kind, olds), news=_properties(kind, news)
        )
        return plain(self.stub.Update(request, timeout=DEADLINE).properties)

    def read(
        self, kind: Kind, outputs: Mapping[str, Any], *, name: str = "name"
    ) -> tuple[str, dict[str, Any]]:
        """Id and outputs; the id is empty if there is no such resource any more."""
        request = provider_pb2.ReadRequest(
            urn=urn(kind, name), id="id", properties=_properties(kind, outputs)
        )
        answer = self.stub.Read(request, timeout=DEADLINE)
        return answer.id, plain(answer.properties)

    def cancel(self) -> None:
        """What the engine does at the first Ctrl-C."""
        self.stub.Cancel(Empty(), timeout=DEADLINE)

    def interrupt(self) -> None:
        """
        What the engine does at the second Ctrl-C; returns once the process has ended.

        The signal is sent again if the process goes on: a thread that is starting another one can
        get it, and then Python's main thread, which has to act on it, is not woken.
        """
        for _ in range(3):
            self._process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(DEADLINE / 2)
                return
        raise TimeoutError("the process goes on after three interrupts")


def urn(kind: Kind, name: str = "name") -> str:
    """As the engine makes it."""
    return f"urn:pulumi:dev::ses-byodkim::pulumi-python:dynamic/byodkim:{kind}::{name}"


def error_of(call: Callable[..., Any], *args: Any, **options: Any) -> str:
    """What the engine would show the user of the error of *call*."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*args, **options)
    assert caught.value.code() == grpc.StatusCode.UNKNOWN
    return str(caught.value.details())


def secret(value: Any) -> dict[str, Any]:
    """*value* as a secret on the wire."""
    return {**SECRET, "value": value}


def revealed(properties: Mapping[str, Any]) -> dict[str, Any]:
    """
    *properties* as the engine hands them to a plugin that does not accept secrets: in plain text.
    """
    return {
        name: value["value"]
        if isinstance(value, dict) and SECRET.items() <= value.items()
        else value
        for name, value in properties.items()
    }


def struct(properties: Mapping[str, Any]) -> Struct:
    """*properties* as a message; numbers become floats."""
    message = Struct()
    message.update(properties)
    return message


def plain(message: Struct) -> dict[str, Any]:
    """A message as plain Python."""
    return MessageToDict(message)


def _properties(kind: Kind, properties: Mapping[str, Any]) -> Struct:
    return struct({"__provider": PROVIDERS[kind], **properties})
