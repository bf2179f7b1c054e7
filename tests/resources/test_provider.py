"""What all dynamic providers have in common: how state names them, and how they refuse inputs."""

import base64
import importlib
import pickle
import pkgutil

import pytest
from pulumi.dynamic import ResourceProvider
from pulumi.dynamic.dynamic import serialize_provider

from byodkim_provider import resources
from byodkim_provider.resources._provider import AwsProvider, DynamicProvider, check_result
from byodkim_provider.resources.sdk import InPluginProcess
from tests.contract.plugin import PROVIDERS

STORED = {
    "dkim_identity": PROVIDERS["ByodkimIdentity"],
    "dkim_key": PROVIDERS["DkimKey"],
    "dkim_verification": PROVIDERS["DkimVerification"],
    "dns_record": PROVIDERS["DnsRecord"],
    "record_guard": (
        "gASVOgAAAAAAAACMJ2J5b2RraW1fcHJvdmlkZXIucmVzb3VyY2VzLnJlY29yZF9ndWFyZJSMB2xvYWRfdjGUk5QpUpQu"
    ),
    "stack_id": PROVIDERS["StackId"],
}
"""`__provider` of each resource, by its module."""


def module(name):
    return importlib.import_module(f"{resources.__name__}.{name}")


def subclasses(cls):
    return {one for direct in cls.__subclasses__() for one in (direct, *subclasses(direct))}


def test_all_are_found():
    """Each module of a dynamic resource has its loader, and no provider is without one."""
    names = [one.name for one in pkgutil.iter_modules(resources.__path__)]
    assert [name for name in names if hasattr(module(name), "load_v1")] == list(STORED)
    ours = {one for one in subclasses(ResourceProvider) if one.__module__.startswith(resources.__name__)}
    assert ours == {
        *(type(module(name).load_v1()) for name in STORED),
        *(AwsProvider, DynamicProvider, InPluginProcess),
    }


@pytest.mark.parametrize("name", STORED)
def test_state_names_the_loader(name):
    """A provider is stored by the path of its loader, and what is stored loads the provider itself."""
    declared = InPluginProcess(module(name).load_v1)
    declared.secret = "client"
    assert serialize_provider(declared) == STORED[name]
    assert declared.serialize_as_secret_always is False
    loaded = pickle.loads(base64.b64decode(STORED[name]))
    assert isinstance(loaded, DynamicProvider)
    assert type(loaded).__module__ == f"{resources.__name__}.{name}_provider"


def test_problems_are_printable():
    """A problem is one line whatever stands in it; a hint is a second one; no property is named."""
    refused = check_result({"a": 1}, ["a: 'x\ny'", "b: \x1b[2J\n  hint: do\nthat"])
    assert refused.inputs == {"a": 1}
    assert [(one.property, one.reason) for one in refused.failures] == [
        ("", "a: 'x\\ny'"),
        ("", "b: \\x1b[2J\n  hint: do\\nthat"),
    ]
