"""If this fails, a value of another type gets into a state or a call, and is not named."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any

import pytest
from pydantic import AwareDatetime, Field, Strict

from byodkim_provider.errors import InvalidSettings
from byodkim_provider.identity.state import INPUTS, Declared, Stored
from byodkim_provider.property_types import Flag, Line, Resolver, Whole, model_of, problems
from byodkim_provider.resources.declared import ByodkimIdentityArgs
from byodkim_provider.resources.dkim_identity_provider import ByodkimIdentityProvider
from byodkim_provider.resources.dkim_key_provider import DkimKeyProvider
from byodkim_provider.resources.dkim_verification_provider import DkimVerificationProvider
from tests.support.world import World

RESOLVER_LIKE = "an address like '1.1.1.1', '1.1.1.1:53' or '[::1]:53', with a port of 1 to 65535"

TYPES = {
    "text": str,
    "line": Line,
    "flag": Flag,
    "-3 to 9": Annotated[float, Strict(), Field(ge=-3, le=9)],
    "whole": Whole,
    "time": AwareDatetime,
    "map": Mapping[str, Any],
    "texts by generation": Mapping[int, str],
    "times by generation": Mapping[int, AwareDatetime],
    "lines by name": Mapping[str, tuple[Line, ...]],
    "lines": tuple[Line, ...],
    "maps": tuple[Mapping[str, Any], ...],
    "wholes": tuple[Whole, ...],
    "resolver": Resolver,
}

RIGHT = {
    "text": ["", "a", "é"],
    "line": ["", "mail.bücher.example"],
    "flag": [True, False],
    "-3 to 9": [0, 1.5, -3],
    "whole": [0, 3.0, -1],
    "time": ["2026-11-25T12:00:00Z", "2026-11-25T12:00:00+01:00"],
    "map": [{}, {"a": [1]}],
    "texts by generation": [{}, {"1": "s1:abc"}],
    "times by generation": [{"1": "2026-11-25T12:00:00Z"}],
    "lines by name": [{"a": []}, {"a": ["b"]}],
    "lines": [[], ["a"], ("a",)],
    "maps": [[], [{}]],
    "wholes": [[], [1.0, 2]],
    "resolver": ["1.1.1.1", "1.1.1.1:53", "[::1]", "[::1]:53"],
}

WRONG = [
    ("text", True, "x: must be text, not true"),
    ("text", {}, "x: must be text, not a map"),
    ("line", "two\nlines", "x: must be a single-line string, not 9 characters"),
    ("line", "x" * 1001, "x: must be a single-line string, not 1001 characters"),
    ("flag", "true", "x: must be true or false, not 'true'"),
    ("-3 to 9", True, "x: must be a number, not true"),
    ("-3 to 9", 9.5, "x: must be at most 9.0, not 9.5"),
    ("whole", float("nan"), "x: must be a whole number, not nan"),
    ("whole", 1.5, "x: must be a whole number, not 1.5"),
    ("time", "2026-11-25T12:00:00", "x: must be a time in ISO 8601, not '2026-11-25T12:00:00'"),
    ("map", [], "x: must be a map, not a list"),
    ("texts by generation", {"one": "a"}, "x[\"one\"]: must be a whole number, not 'one'"),
    ("times by generation", {"1": "soon"}, "x[\"1\"]: must be a time in ISO 8601, not 'soon'"),
    ("lines by name", {"a": ["b", 1.0]}, 'x["a"][1]: must be text, not 1.0'),
    ("lines", ["a", None], "x[1]: must be text, not null"),
    ("maps", [[]], "x[0]: must be a map, not a list"),
    ("wholes", ["1"], "x[0]: must be a whole number, not '1'"),
    ("resolver", "1.1.1.1:0", f"x: must be {RESOLVER_LIKE}, not '1.1.1.1:0'"),
    ("resolver", "user@1.1.1.1", f"x: must be {RESOLVER_LIKE}, not 'user@1.1.1.1'"),
]


@pytest.mark.parametrize(
    ("kind", "value"), [(kind, one) for kind in RIGHT for one in RIGHT[kind]], ids=repr
)
def test_right(kind, value):
    """What is of the type has no problem, and neither has what is absent."""
    model = model_of(dict.fromkeys("xyz", TYPES[kind]))
    assert problems({"x": value, "y": None}, model) == []


@pytest.mark.parametrize(("kind", "value", "problem"), WRONG, ids=repr)
def test_wrong(kind, value, problem):
    """What is not of the type is named, with the way to it and with what was expected."""
    assert problems({"x": value}, model_of({"x": TYPES[kind]})) == [problem]


def test_required():
    """What has to be there and is not is named first."""
    properties = {"a": 1.0, "b": None}
    assert problems(properties, model_of({"a": str}), required=("b", "c")) == [
        "b: required",
        "c: required",
        "a: must be text, not 1.0",
    ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"domain": 1.0}, "domain: must be text, not 1.0"),
        ({"private_key": {}}, "private_key: must be text, not a map"),
        ({"generation": "1"}, "generation: must be a whole number, not '1'"),
        (
            {"supplied_keys": {"x": "y"}},
            "supplied_keys[\"x\"]: must be a whole number, not 'x'",
        ),
        (
            {"dns_resolvers": ["dns.example"]},
            f"dns_resolvers[0]: must be {RESOLVER_LIKE}, not 'dns.example'",
        ),
        (
            {"zones": [{"provider": "manual", "name_servers": "ns1"}]},
            "zones[0][\"name_servers\"]: must be a list, not 'ns1'",
        ),
        (
            {"dns_check": "maybe"},
            "dns_check: must be 'authoritative' or 'off', not 'maybe'",
        ),
        ({"owner": ""}, "owner: required, it says whose the identity is"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_identity_inputs(world: World, changes, problem):
    """An identity is not looked at further with an input of another type."""
    failures = ByodkimIdentityProvider().check({}, world.inputs(**changes)).failures
    assert [(one.property, one.reason) for one in failures] == [("", problem)]


def test_an_input_is_declared_once():
    """Whatever a program gives is checked, echoed in the state and compared, by its field alone."""
    inputs = INPUTS.model_fields.keys()
    of_args = {one.name for one in fields(ByodkimIdentityArgs)}
    assert of_args < inputs
    in_state = {one.name for one in fields(Declared)}
    assert in_state == inputs - {"private_key", "secret_arn"}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"identities": {}}, "identities: must be a list, not a map"),
        ({"identities": [{"region": "r", "selector": "s"}]}, "identities[0].domain: required"),
        (
            {"identities": [{"domain": "d", "region": "r", "selector": "s", "key_set_at": "soon"}]},
            "identities[0].key_set_at: must be a time in ISO 8601, not 'soon'",
        ),
        (
            {
                "identities": [
                    {"domain": "d", "region": "r", "selector": "s", "signed_until": {"1": "soon"}}
                ]
            },
            "identities[0].signed_until[\"1\"]: must be a time in ISO 8601, not 'soon'",
        ),
        ({"timeout_minutes": "ten"}, "timeout_minutes: must be a number, not 'ten'"),
        ({"timeout_minutes": -1.0}, "timeout_minutes: must be at least 0.0, not -1.0"),
        ({"timeout_minutes": 1e9}, "timeout_minutes: must be at most 4320.0, not 1000000000.0"),
        ({"on_timeout": "explode"}, "on_timeout: must be 'warn' or 'fail', not 'explode'"),
    ],
    ids=["no list", "missing", "time", "times", "number", "negative", "for ever", "word"],
)
def test_verification_inputs(changes, problem):
    """A verification is not begun with an input of another type."""
    failures = DkimVerificationProvider().check({}, {"identities": [], **changes}).failures
    assert [one.reason for one in failures] == [problem]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"instance": None}, "in the state, instance: required"),
        ({"status": 1.0}, "in the state, status: must be text, not 1.0"),
        (
            {"signed_until": {"1": "soon"}},
            "in the state, signed_until[\"1\"]: must be a time in ISO 8601, not 'soon'",
        ),
        (
            {"key_set_at": "soon"},
            "in the state, key_set_at: must be a time in ISO 8601, not 'soon'",
        ),
        ({"published": [1.5]}, "in the state, published[0]: must be a whole number, not 1.5"),
        ({"overlap_days": "x"}, "in the state, overlap_days: must be a whole number, not 'x'"),
    ],
    ids=["missing", "text", "times", "time", "list", "number"],
)
def test_state_of_an_identity(world: World, changes, problem):
    """A state edited by hand is refused, and the message names what restores an earlier version."""
    outputs = world.created(1).to_outputs()
    with pytest.raises(InvalidSettings) as refused:
        Stored.from_outputs({**outputs, **changes})
    assert refused.value.problems == (problem,)
    assert "`pulumi stack import`" in refused.value.hint


@pytest.mark.parametrize("call", ["diff", "update", "read", "delete"])
def test_state_of_a_key(call):
    """Without its private key there is nothing to go on with."""
    arguments = {
        "diff": ("id", {}, {}),
        "update": ("id", {}, {}),
        "read": ("id", {}),
        "delete": ("id", {}),
    }
    with pytest.raises(InvalidSettings) as refused:
        getattr(DkimKeyProvider(), call)(*arguments[call])
    assert refused.value.problems == tuple(
        f"in the state, {name}: required"
        for name in ("domain", "selector", "fingerprint", "private_key")
    )
