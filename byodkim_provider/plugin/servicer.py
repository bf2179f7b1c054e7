"""
Serves the engine's protocol for resource plugins.

The resources are handled by the providers that also serve dynamic resources: plain values in and
out. `Construct` and `Cancel` run in the server's event loop, where the SDK declares resources; all
other calls run in threads.
"""

# ruff: noqa: N802 # the protocol's method names

import asyncio
import functools
import json
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi import ResourceOptions, RunError
from pulumi.dynamic import Config, ConfigureRequest, ResourceProvider
from pulumi.dynamic.dynamic import PROVIDER_KEY
from pulumi.provider import ConstructResult, Provider
from pulumi.provider.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from byodkim_provider import __version__
from byodkim_provider.errors import DEBUG_VARIABLE, ByodkimError, InvalidSettings, error_text
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.plugin.values import plain, plain_inputs, wire
from byodkim_provider.progress import stopping
from byodkim_provider.quoting import named
from byodkim_provider.resources import FORMER, PROVIDERS, load_v1
from byodkim_provider.resources.sdk import declare_own_types, outputs_of_python

THREADS: Final = 64
"""Calls at a time. The engine makes 4 × cores, if `--parallel` does not say otherwise."""


def _kind(urn: str) -> str:
    """The name of a resource in our types. Raises `InvalidSettings` for another type."""
    token = (*urn.split("::"), "", "")[2]
    kind = token.rpartition(":")[2]
    if kind not in PROVIDERS and kind not in FORMER:
        raise InvalidSettings(ProgramMessages.NO_TYPE(type=named(token)))
    return kind


def _stored(urn: str, outputs: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """*outputs*, with what a program in Python needs that takes the resource over."""
    return {**(outputs or {}), **outputs_of_python(_kind(urn))}


def _clean(method: Callable[..., Any]) -> Callable[..., Any]:
    """*method*, whose errors reach the engine as one text."""

    @functools.wraps(method)
    def answer(self: object, request: Any, context: Any) -> Any:
        try:
            return method(self, request, context)
        except Exception as error:  # noqa: BLE001 # whatever it is, the engine has to know
            return context.abort(grpc.StatusCode.UNKNOWN, _shown(error))

    return answer


def _shown(error: Exception) -> str:
    """
    What the engine shows of an *error*: of one that nobody foresaw its class and its place.

    Its words may quote a value of the request, so they are shown with `BYODKIM_DEBUG` only.
    """
    if isinstance(error, ByodkimError) or os.environ.get(DEBUG_VARIABLE):
        return error_text().rstrip("\n")
    if isinstance(error, RunError):  # the engine has ended the run, and said why
        return str(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    return ProgramMessages.MISTAKE(error=type(error).__name__, place=place).with_hint()


class OneDomain(Provider):
    """
    Declares the domain of one request.

    Its inputs are known and decrypted, while the SDK would make an Output of a secret.
    """

    def __init__(self, given: Mapping[str, Any], declared: Callable[[], None]) -> None:
        """*declared* is called once the domain is declared, or can't be."""
        super().__init__(__version__)
        self._given = given
        self._declared = declared

    def construct(
        self, name: str, resource_type: str, inputs: object, options: ResourceOptions | None = None
    ) -> ConstructResult:
        from byodkim_provider.plugin.domain import Domain  # and pulumi-aws, which takes a second

        try:
            if resource_type != Domain._type:
                raise InvalidSettings(ProgramMessages.NO_TYPE(type=named(resource_type)))
            domain = Domain(name, self._given, options or ResourceOptions())
            return ConstructResult(domain.urn, domain.outputs())
        except Exception as error:  # noqa: BLE001 # as for all other calls
            raise RunError(_shown(error)) from None  # which the SDK does not change
        finally:
            self._declared()


class Servicer(ProviderServicer):
    """The methods that the engine calls, named as in the protocol. One object is one run."""

    def __init__(self, engine: str) -> None:
        super().__init__(Provider(__version__), [], engine)
        self._turn = asyncio.Lock()
        self._config: dict[str, str] = {}
        self._providers: dict[str, ResourceProvider] = {}
        self._lock = threading.Lock()

    async def GetSchema(self, _request: Any, _context: Any) -> Any:
        from byodkim_provider.plugin.package import schema  # read by the generator of SDKs alone

        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema()))

    # Components

    async def Construct(self, request: Any, context: Any) -> Any:
        # In turn: asking for an account runs the event loop, which would begin the next domain.
        await self._turn.acquire()
        with ExitStack() as turn:
            turn.callback(self._turn.release)
            try:
                domain = OneDomain(plain_inputs(request.inputs), turn.close)
                return await ProviderServicer(domain, [], self.engine_address).Construct(
                    request, context
                )
            except Exception as error:  # noqa: BLE001 # as for all other calls
                return await context.abort(grpc.StatusCode.UNKNOWN, _shown(error))

    # The provider

    # No `CheckConfig` and no `DiffConfig`: the engine takes the inputs as they are, and compares
    # them with those before.

    @_clean
    def Configure(self, request: Any, _context: Any) -> Any:
        self._config = plain(request.args).get("config", {})
        return provider_pb2.ConfigureResponse(acceptSecrets=True)

    # Resources

    def _provider(self, urn: str) -> ResourceProvider:
        kind = _kind(urn)
        with self._lock:
            if kind not in self._providers:
                provider = load_v1(kind)
                config = Config(self._config, self._config.get("project", ""))
                provider.configure(ConfigureRequest(config))
                self._providers[kind] = provider
            return self._providers[kind]

    @_clean
    def Check(self, request: Any, _context: Any) -> Any:
        provider, olds, news = self._provider(request.urn), plain(request.olds), plain(request.news)
        checked = provider.check(olds, news)
        failures = [provider_pb2.CheckFailure(reason=one.reason) for one in checked.failures]
        return provider_pb2.CheckResponse(
            inputs=wire(checked.inputs, request.news), failures=failures
        )

    @_clean
    def Diff(self, request: Any, _context: Any) -> Any:
        found = self._provider(request.urn).diff(
            request.id, plain(request.olds), plain(request.news)
        )
        kinds = provider_pb2.DiffResponse
        return kinds(
            changes=kinds.DIFF_SOME if found.changes else kinds.DIFF_NONE,
            replaces=found.replaces or [],
            deleteBeforeReplace=bool(found.delete_before_replace),
        )

    @_clean
    def Create(self, request: Any, _context: Any) -> Any:
        made = self._provider(request.urn).create(plain(request.properties))
        return provider_pb2.CreateResponse(
            id=made.id, properties=wire(_stored(request.urn, made.outs), request.properties)
        )

    @_clean
    def Read(self, request: Any, _context: Any) -> Any:
        if PROVIDER_KEY not in request.properties.fields:  # a state that is not ours
            raise InvalidSettings(ProgramMessages.NO_IMPORT(name=request.id))
        found = self._provider(request.urn).read(request.id, plain(request.properties))
        return provider_pb2.ReadResponse(
            id=found.id or "",
            properties=wire(
                _stored(request.urn, found.outs) if found.id else {},
                request.inputs,
                request.properties,
            ),
            inputs=request.inputs,
        )

    @_clean
    def Update(self, request: Any, _context: Any) -> Any:
        olds, news = plain(request.olds), plain(request.news)
        made = self._provider(request.urn).update(request.id, olds, news)
        return provider_pb2.UpdateResponse(
            properties=wire(_stored(request.urn, made.outs), request.news)
        )

    @_clean
    def Delete(self, request: Any, _context: Any) -> Any:
        self._provider(request.urn).delete(request.id, plain(request.properties))
        return Empty()

    async def Cancel(self, _request: Any, _context: Any) -> Any:
        stopping.set()
        return Empty()


async def _serve() -> None:
    # The last argument, as in the plugin of dynamic resources.
    server = grpc.aio.server(
        ThreadPoolExecutor(THREADS), options=[("grpc.max_receive_message_length", -1)]
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(sys.argv[-1]), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


def main() -> None:
    """Serve the engine that has started this process, until it ends."""
    declare_own_types()
    try:
        asyncio.run(_serve())
    except KeyboardInterrupt:
        os._exit(0)
