"""
A stand-in for the plugin `pulumi-resource-cloudflare`: DnsRecord, and the lookups around it.

Run by the engine as a process of its own, as `resource_aws` is. Like the real one it
compares what is declared with what the API keeps: a short name, or a value that is not quoted
and split, shows as a change in every run.
"""

# ruff: noqa: N802 # the protocol's method names

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from importlib.metadata import version
from typing import Any, Final

from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox.pulumi.resource_aws import serve

KNOWN: Final = ("name", "type", "content", "ttl", "comment", "zoneId")
"""Inputs of DnsRecord that are supported; all others are refused."""

REQUIRED: Final = ("name", "type", "ttl", "zoneId")

Properties = dict[str, Any]


class Gone(ValueError):
    """The API has no such record."""


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """The methods that the engine calls, named as in the protocol."""

    def __init__(self) -> None:
        self._url = os.environ.get("CLOUDFLARE_BASE_URL", "")
        self._token = os.environ.get("CLOUDFLARE_API_TOKEN", "")

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=version("pulumi-cloudflare"))

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        settings = {key.removeprefix("cloudflare:config:"): value for key, value in request.variables.items()}
        self._url = settings.get("baseUrl", self._url)
        self._token = settings.get("apiToken", self._token)
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:
        inputs = MessageToDict(request.news)
        problems = [f"Missing required argument: {name}" for name in REQUIRED if inputs.get(name) is None]
        problems += [
            f"not known to the sandbox: {name}" for name in sorted(inputs.keys() - {*KNOWN, "__defaults"})
        ]
        failures = [provider_pb2.CheckFailure(reason=problem) for problem in problems]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:
        olds, news = MessageToDict(request.olds), MessageToDict(request.news)
        changed = [name for name in KNOWN if olds.get(name) != news.get(name)]
        kinds = provider_pb2.DiffResponse
        changes = kinds.DIFF_SOME if changed else kinds.DIFF_NONE
        replaces = [name for name in changed if name == "zoneId"]
        return kinds(changes=changes, diffs=changed, replaces=replaces)

    def Create(self, request: Any, context: Any) -> Any:
        inputs = MessageToDict(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        made = self._api("POST", f"/zones/{inputs['zoneId']}/dns_records", inputs)
        return provider_pb2.CreateResponse(id=made["id"], properties=_outputs(made, inputs))

    def Read(self, request: Any, context: Any) -> Any:
        outputs = MessageToDict(request.properties)
        try:
            found = self._api("GET", f"/zones/{outputs['zoneId']}/dns_records/{request.id}")
        except Gone:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=request.id, properties=_outputs(found, outputs))

    def Update(self, request: Any, context: Any) -> Any:
        news = MessageToDict(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=request.news)
        put = self._api("PUT", f"/zones/{news['zoneId']}/dns_records/{request.id}", news)
        return provider_pb2.UpdateResponse(properties=_outputs(put, news))

    def Delete(self, request: Any, context: Any) -> Any:
        outputs = MessageToDict(request.properties)
        with suppress(Gone):
            self._api("DELETE", f"/zones/{outputs['zoneId']}/dns_records/{request.id}")
        return Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        given = MessageToDict(request.args)
        match request.tok:
            case "cloudflare:index/getZones:getZones":
                wanted = {"name": given["name"]} if "name" in given else {}
                found = self._api("GET", "/zones?" + urllib.parse.urlencode(wanted))
                result: Properties = {"results": [_zone(one) for one in found]}
            case "cloudflare:index/getZone:getZone":
                result = _zone(self._api("GET", f"/zones/{given['zoneId']}"))
            case "cloudflare:index/getDnsRecords:getDnsRecords":
                query = urllib.parse.urlencode({"type": given["type"], "name.exact": given["name"]["exact"]})
                found = self._api("GET", f"/zones/{given['zoneId']}/dns_records?{query}")
                # The real plugin has "" where the API has no comment.
                result = {"results": [one | {"comment": one["comment"] or ""} for one in found]}
            case _:
                raise ValueError(f"the sandbox's stand-in for pulumi-cloudflare has no {request.tok}")
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").update(result)
        return response

    def Cancel(self, request: Any, context: Any) -> Any:
        return Empty()

    def _api(self, method: str, path: str, inputs: Properties | None = None) -> Any:
        """The `result` of a request; raises `Gone`, or ValueError with what the API says."""
        body = json.dumps({**inputs, "ttl": int(inputs["ttl"])}).encode() if inputs else None
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request) as reply:
                return json.load(reply)["result"]
        except urllib.error.HTTPError as error:
            [problem] = json.load(error)["errors"]
            kind = Gone if problem["code"] == 81044 else ValueError
            raise kind(f"{method} {path}: {error.code} {problem}") from None


def _zone(zone: Properties) -> Properties:
    return {
        "id": zone["id"],
        "name": zone["name"],
        "nameServers": zone["name_servers"],
        "status": zone["status"],
    }


def _outputs(record: Properties, inputs: Properties) -> Struct:
    outputs = Struct()
    kept = {
        name: record[name]
        for name in ("name", "type", "content", "ttl", "comment")
        if record[name] is not None
    }
    outputs.update(kept | {"zoneId": inputs["zoneId"]})
    return outputs


if __name__ == "__main__":
    serve(Plugin())
