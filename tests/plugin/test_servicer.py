"""
Requests that no engine makes: any user of the machine can send them to the plugin's port. If this
failed, such a request would show a traceback, or a key that stands in it.
"""

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2

from byodkim_provider.plugin.servicer import Servicer
from tests.engine.search import load
from tests.support.leaks import KeySearch
from tests.support.testdata import pem

MISTAKE = ": a mistake in the plugin, or a request that no engine makes"

RECORD = {
    "zone": "example.com",
    "name": "s._domainkey.example.com",
    "value": "p=MII",
    "existing": "replace",
}


class Aborted(Exception):
    """What the engine gets."""


class Context:
    def abort(self, code, details):
        assert code == grpc.StatusCode.UNKNOWN
        raise Aborted(details)


def struct(values):
    made = Struct()
    made.update(values)
    return made


def urn(kind):
    return f"urn:pulumi:dev::own::byodkim:index:{kind}::name"


def refused(method, request):
    """What *method* answers to *request*."""
    with pytest.raises(Aborted) as aborted:
        getattr(Servicer("127.0.0.1:1"), method)(request, Context())
    text = str(aborted.value)
    assert "Traceback" not in text
    return text


def check(kind, news):
    return provider_pb2.CheckRequest(urn=urn(kind), news=struct(news))


@pytest.mark.parametrize(
    "one", ["", "x", "urn:pulumi:dev::own", urn("Other"), urn("../../x"), urn("load_v1")]
)
@pytest.mark.parametrize("method", ["Check", "Diff", "Create", "Read", "Update", "Delete"])
def test_types(method, one):
    """A resource that is not of this package, or is named as no engine names it."""
    kinds = {"Check": "Check", "Read": "Read"}
    request = getattr(provider_pb2, f"{kinds.get(method, method)}Request")(urn=one)
    if method == "Read":
        request.properties.update({"__provider": "x"})
    assert "the plugin `byodkim` has no type " in refused(method, request)


@pytest.mark.parametrize(
    "changes",
    [{"provider": pem("rsa2048.pkcs1")}, {"provider": 1}, {"provider": ["x"]}],
    ids=["a key", "a number", "a list"],
)
def test_mistake(changes):
    """An error that nobody foresaw says where it happened, and quotes nothing."""
    text = refused("Check", check("DnsRecord", {**RECORD, **changes}))
    assert MISTAKE in text
    assert not KeySearch([load(pem("rsa2048.pkcs1").encode())]).found_in(text)


def test_debug(monkeypatch):
    """A maintainer can have the traceback."""
    monkeypatch.setenv("BYODKIM_DEBUG", "1")
    with pytest.raises(Aborted, match="Traceback"):
        Servicer("127.0.0.1:1").Check(check("DnsRecord", {**RECORD, "provider": 1}), Context())


def test_former_resource():
    """What a state has of the time before the first release is deleted, and nothing happens."""
    request = provider_pb2.DeleteRequest(urn=urn("RecordGuard"), id="name", properties=struct({}))
    assert Servicer("127.0.0.1:1").Delete(request, Context()).ByteSize() == 0
