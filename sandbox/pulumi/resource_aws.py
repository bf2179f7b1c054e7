"""A stand-in for the plugin `pulumi-resource-aws`, which has 700 MB: the protocol of the engine."""

# ruff: noqa: N802 # the protocol's method names

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

import grpc
from botocore.exceptions import BotoCoreError, ClientError
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
)
from pulumi.runtime.rpc import UNKNOWN

from sandbox.pulumi.aws_account import Account, Properties, said, sign_in_problem
from sandbox.pulumi.aws_resources import RESOURCES, Record, SesResource, find_zone


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """Each provider of a run has a connection of its own, so one process can serve many runs."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._engines: dict[str, str] = {}

    def _account(self, context: Any) -> Account:
        if context.peer() not in self._accounts:
            raise ValueError("the provider's settings are not known yet")
        return self._accounts[context.peer()]

    def _resource(self, urn: str, context: Any) -> Record | SesResource:
        kind = urn.split("::")[2].rpartition("$")[2]
        if kind not in RESOURCES:
            raise ValueError(f"the sandbox's stand-in for pulumi-aws has no {kind}")
        return RESOURCES[kind](self._account(context))

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=version("pulumi-aws"))

    def Attach(self, request: Any, context: Any) -> Any:
        # The address of an engine that found this process running already.
        self._engines[context.peer()] = request.address
        return Empty()

    def CheckConfig(self, request: Any, context: Any) -> Any:
        settings = _plain(request.news)
        reason = "" if UNKNOWN in settings.values() else sign_in_problem(settings)
        failures = [provider_pb2.CheckFailure(reason=reason)] if reason else []
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        same = _plain(request.old_inputs) == _plain(request.news)
        return _diff([] if same else ["settings"])

    def Configure(self, request: Any, context: Any) -> Any:
        settings = {
            key.removeprefix("aws:config:"): value for key, value in request.variables.items()
        }
        if (
            UNKNOWN not in settings.values()
        ):  # a preview may not know the settings of an explicit provider
            account = Account(settings)
            account.confirm()
            self._accounts[context.peer()] = account
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:
        inputs, resource = _plain(request.news), self._resource(request.urn, context)
        if refused := sorted(inputs.keys() - resource.known - {"__defaults"}):
            raise ValueError(
                f"the sandbox's stand-in for pulumi-aws does not know these inputs: {refused}"
            )
        return provider_pb2.CheckResponse(inputs=_struct(resource.checked(inputs)))

    def Diff(self, request: Any, context: Any) -> Any:
        olds, news = _plain(request.olds), _plain(request.news)
        resource = self._resource(request.urn, context)
        changed = sorted(resource.changed(olds, news).difference(request.ignoreChanges))
        return _diff(changed, sorted(resource.replacing.intersection(changed)))

    def Create(self, request: Any, context: Any) -> Any:
        inputs = _plain(request.properties)
        if request.preview:
            computed = dict.fromkeys(("fqdn", "arn", "tenantArn", "tenantId"), UNKNOWN)
            return provider_pb2.CreateResponse(properties=_struct(computed | inputs))
        resource_id, outputs = self._resource(request.urn, context).create(_stored(inputs))
        return provider_pb2.CreateResponse(id=resource_id, properties=_struct(outputs))

    def Read(self, request: Any, context: Any) -> Any:
        outputs = self._resource(request.urn, context).read(request.id, _plain(request.properties))
        if outputs is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=request.id, properties=_struct(outputs))

    def Update(self, request: Any, context: Any) -> Any:
        olds, news = _plain(request.olds), _plain(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=_struct(olds | news))
        outputs = self._resource(request.urn, context).update(request.id, olds, _stored(news))
        return provider_pb2.UpdateResponse(properties=_struct(outputs))

    def Delete(self, request: Any, context: Any) -> Any:
        self._resource(request.urn, context).delete(request.id, _plain(request.properties))
        return Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        account = self._account(context)
        try:
            match request.tok:
                case "aws:index/getCallerIdentity:getCallerIdentity":
                    result = account.caller_identity()
                case "aws:route53/getZone:getZone":
                    result = find_zone(account.route53, _plain(request.args)["name"])
                case _:
                    raise ValueError(f"the sandbox's stand-in for pulumi-aws has no {request.tok}")
        except (BotoCoreError, ClientError) as error:
            # Written with another framework than resources, whose bridge also logs the error.
            self._log(context, f"{said(error)}: reading STS Caller Identity")
            raise ValueError(f"reading STS Caller Identity: {said(error)}") from None
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(_struct(result))
        return response

    def Cancel(self, request: Any, context: Any) -> Any:
        return Empty()

    def _log(self, context: Any, error: str) -> None:
        said = engine_pb2.LogRequest(severity=engine_pb2.ERROR, message=error)
        with grpc.insecure_channel(self._engines.get(context.peer()) or sys.argv[1]) as channel:
            engine_pb2_grpc.EngineStub(channel).Log(said)


def _in_words(method: Callable[..., Any]) -> Callable[..., Any]:
    """
    *method*, whose exceptions reach the engine as their message alone, as from the real plugin.
    """

    def answer(self: Plugin, request: Any, context: Any) -> Any:
        try:
            return method(self, request, context)
        except (ValueError, BotoCoreError, ClientError) as error:
            return context.abort(grpc.StatusCode.UNKNOWN, said(error))

    return answer


for _name in (
    "CheckConfig",
    "Configure",
    "Check",
    "Diff",
    "Create",
    "Read",
    "Update",
    "Delete",
    "Invoke",
):
    setattr(Plugin, _name, _in_words(getattr(Plugin, _name)))


def _diff(changed: list[str], replaces: Sequence[str] = ()) -> Any:
    kinds = provider_pb2.DiffResponse
    changes = kinds.DIFF_SOME if changed else kinds.DIFF_NONE
    return kinds(changes=changes, diffs=changed, replaces=replaces)


def _stored(inputs: Properties) -> Properties:
    return {name: value for name, value in inputs.items() if name != "__defaults"}


_plain: Callable[[Struct], Properties] = MessageToDict


def _struct(values: Properties) -> Struct:
    struct = Struct()
    struct.update(values)
    return struct


if __name__ == "__main__":
    server = grpc.server(ThreadPoolExecutor(max_workers=128))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Plugin(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # the only output of a plugin
    server.wait_for_termination()
