"""What all dynamic providers have in common: how state names them, and how they refuse inputs."""

import importlib
import pickle
import pkgutil

import pytest
from pulumi.dynamic import ResourceProvider

from byodkim_provider import resources
from byodkim_provider.resources._provider import DynamicProvider, check_result

MODULES = [
    module
    for one in pkgutil.iter_modules(resources.__path__)
    if hasattr(module := importlib.import_module(f"{resources.__name__}.{one.name}"), "load_v1")
]


def test_all_are_found():
    """Each module of a dynamic resource has its loader."""
    loaded = {type(module.load_v1()) for module in MODULES}
    assert {one for one in subclasses(ResourceProvider) if one.__module__.startswith(resources.__name__)} == {
        *loaded,
        *(one for one in subclasses(ResourceProvider) if one.__module__.endswith("._provider")),
    }


def subclasses(cls):
    return {one for direct in cls.__subclasses__() for one in (direct, *subclasses(direct))}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_state_names_the_loader(module):
    """A provider is stored by the path of its loader, without anything that hangs on it."""
    provider = module.load_v1()
    provider.secret = "client"
    assert isinstance(provider, DynamicProvider)
    stored = pickle.dumps(provider)
    assert f"{module.__name__}\nload_v1".encode() in pickle.dumps(provider, 0)
    assert b"client" not in stored
    assert type(pickle.loads(stored)) is type(provider)
    assert provider.serialize_as_secret_always is False


def test_problems_are_printable():
    """A problem is one line whatever stands in it; a hint is a second one; no property is named."""
    refused = check_result({"a": 1}, ["a: 'x\ny'", "b: \x1b[2J\n  hint: do\nthat"])
    assert refused.inputs == {"a": 1}
    assert [(one.property, one.reason) for one in refused.failures] == [
        ("", "a: 'x\\ny'"),
        ("", "b: \\x1b[2J\n  hint: do\\nthat"),
    ]
