"""If this fails, the plugin reads a value of Pulumi's wire as another one."""

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.rpc import UNKNOWN

from byodkim_provider.errors import InvalidSettings
from byodkim_provider.plugin.values import plain, plain_inputs, wire
from byodkim_provider.resources.sdk import is_unknown, secret

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


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ({"domain": UNKNOWN}, "domain"),
        ({"regions": ["eu-west-1", UNKNOWN]}, "regions"),
    ],
    ids=["value", "in a list"],
)
def test_unknown_inputs(sent, name):
    """An input that a preview can't know is refused by its name."""
    with pytest.raises(InvalidSettings) as refused:
        plain_inputs(struct(**sent))
    assert str(refused.value) == (
        f"{name}: is not known before resources are made, and what is declared depends on it\n"
        "  hint: give it a plain value"
    )


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ({"domain": secret("example.com")}, "domain"),
        ({"tags": {"cost": secret("x")}}, "tags"),
        (
            {"configurationSet": {SIGNATURE: OUTPUT, "value": "x", "secret": True}},
            "configurationSet",
        ),
        ({"keysOfOthers": secret("x")}, "keysOfOthers"),
    ],
    ids=["value", "in a map", "output", "another name"],
)
def test_secret_inputs(sent, name):
    """
    A secret that would stand in the state in plain text is refused by its name, not its value.
    """
    with pytest.raises(InvalidSettings) as refused:
        plain_inputs(struct(**sent))
    assert str(refused.value) == (
        f"{name}: is a secret, which would stand in the stack's state in plain text\n"
        "  hint: give it a plain value; only what is below `keys` may be a secret"
    )


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
