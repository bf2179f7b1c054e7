"""If this fails, the plugin reads a value of Pulumi's wire as another one."""

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.rpc import UNKNOWN

from byodkim_provider.errors import InvalidSettings
from byodkim_provider.plugin.values import plain, plain_inputs, wire
from byodkim_provider.resources.sdk import is_unknown, secret
from tests.support.cases import cases

SIGNATURE = "4dabf18193072939515e22adb298388d"

OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"


def struct(**values):
    made = Struct()
    made.update(values)
    return made


def test_inputs():
    """A component gets secrets and outputs in plain."""
    sent = struct(
        generation=2,
        regions=["eu-west-1"],
        keys={"1": {"selector": "own", "privateKey": secret("key")}},
        domain={SIGNATURE: OUTPUT, "value": "example.com"},
        tags=None,
    )
    expected = {
        "generation": 2,
        "regions": ["eu-west-1"],
        "keys": {"1": {"selector": "own", "privateKey": "key"}},
        "domain": "example.com",
    }
    assert plain_inputs(sent) == expected


UNKNOWN_INPUT = """\
{}: is not known before resources are made, and what is declared depends on it
  hint: give it a plain value"""
SECRET = """\
{}: is a secret, which would stand in the stack's state in plain text
  hint: give it a plain value; only what is below `keys` may be a secret"""
SECRET_OUTPUT = {SIGNATURE: OUTPUT, "value": "x", "secret": True}


@cases(
    ("name", "value", "problem"),
    {
        "unknown": ("domain", UNKNOWN, UNKNOWN_INPUT),
        "unknown in a list": ("regions", ["eu-west-1", UNKNOWN], UNKNOWN_INPUT),
        "secret": ("domain", secret("example.com"), SECRET),
        "secret in a map": ("tags", {"cost": secret("x")}, SECRET),
        "secret output": ("configurationSet", SECRET_OUTPUT, SECRET),
        "another name": ("keysOfOthers", secret("x"), SECRET),
    },
)
def test_refused_inputs(name, value, problem):
    """
    What a preview can't know, or would stand in the state in plain text, is refused by its name.
    """
    with pytest.raises(InvalidSettings) as refused:
        plain_inputs(struct(**{name: value}))
    assert str(refused.value) == problem.format(name)


def test_secret_keys():
    """Keys may be secrets, each or all of them."""
    each = {"1": {"selector": secret("own"), "privateKey": secret("key")}}
    for sent in (each, secret(each), {SIGNATURE: OUTPUT, "value": each, "secret": True}):
        expected = {"keys": {"1": {"selector": "own", "privateKey": "key"}}}
        assert plain_inputs(struct(keys=sent)) == expected


def test_resource():
    """A provider gets secrets in plain and marks for unknowns, which go back as they came."""
    sent = struct(private_key=secret("key"), selector=UNKNOWN, tags={"team": secret("us")})
    got = plain(sent)
    assert got["private_key"] == "key"
    assert got["tags"] == {"team": "us"}
    assert is_unknown(got["selector"])
    back = MessageToDict(wire(got, sent))
    assert back == {
        "private_key": secret("key"),
        "selector": UNKNOWN,
        "tags": secret({"team": "us"}),
    }


def test_unknown_secret():
    """A secret that a preview can't know is unknown, not absent."""
    sent = struct(private_key=secret(UNKNOWN))
    got = plain(sent)
    assert is_unknown(got["private_key"])
    assert MessageToDict(wire(got, sent)) == {"private_key": secret(UNKNOWN)}


def test_secret_outputs():
    """
    An output is a secret if an input of its name is, or if the provider says so; and is marked
    once.
    """
    outputs = {
        "private_key": secret("key"),
        "tags": {"team": "us"},
        "selector": "s1",
        "drift": None,
    }
    made = MessageToDict(
        wire(outputs, struct(private_key=secret("key"), tags=secret({"team": "us"})))
    )
    assert made == {"private_key": secret("key"), "tags": secret({"team": "us"}), "selector": "s1"}
