"""What all dynamic providers have in common: how state names them, and how they refuse inputs."""

import base64
import pickle

import pytest
from pulumi.dynamic import ResourceProvider
from pulumi.dynamic.dynamic import serialize_provider

from byodkim_provider import resources
from byodkim_provider.resources import declared, load_v1
from byodkim_provider.resources._provider import DynamicProvider, check_result
from byodkim_provider.resources.sdk import InPluginProcess
from tests.contract.plugin import PROVIDERS

STORED = PROVIDERS
"""`__provider` of each resource."""


def subclasses(cls):
    return {one for direct in cls.__subclasses__() for one in (direct, *subclasses(direct))}


def test_all_are_found():
    """Each resource has its provider, and no provider is without one."""
    names = {one.__name__ for one in subclasses(declared.OurResource)}
    assert {*STORED} == {*resources.PROVIDERS} == names
    providers = {type(load_v1(name)) for name in STORED}
    ours = {
        one for one in subclasses(ResourceProvider) if one.__module__.startswith(resources.__name__)
    }
    assert ours == {*providers, DynamicProvider, InPluginProcess}


@pytest.mark.parametrize("name", STORED)
def test_state_names_the_loader(name):
    """
    A provider is stored by the name of its resource, and what is stored loads the provider itself.
    """
    stub = InPluginProcess(name)
    stub.secret = "client"
    assert serialize_provider(stub) == STORED[name]
    assert stub.serialize_as_secret_always is False
    loaded = pickle.loads(base64.b64decode(STORED[name]))
    assert isinstance(loaded, DynamicProvider)
    assert type(loaded) is type(load_v1(name))


def test_problems_are_printable():
    """A problem is one line whatever stands in it; a hint is a second one; no property is named."""
    refused = check_result({"a": 1}, ["a: 'x\ny'", "b: \x1b[2J\n  hint: do\nthat"])
    assert refused.inputs == {"a": 1}
    assert [(one.property, one.reason) for one in refused.failures] == [
        ("", "a: 'x\\ny'"),
        ("", "b: \\x1b[2J\n  hint: do\\nthat"),
    ]
