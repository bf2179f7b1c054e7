"""A value of another type than a property has is refused by its name, before anything is done with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Annotated, Literal

import pytest

from byodkim_provider import property_types
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.identity.state import INPUTS, OUTPUTS, Declared, KeyInSes, Stored
from byodkim_provider.property_types import (
    FLAG,
    LINE,
    MAP,
    NUMBER,
    RESOLVER,
    STRING,
    TIME,
    WHOLE,
    by_generation,
    list_of,
    map_of,
)
from byodkim_provider.resources.declared import ByodkimIdentityArgs
from byodkim_provider.resources.dkim_identity_provider import ByodkimIdentityProvider
from byodkim_provider.resources.dkim_key_provider import DkimKeyProvider
from byodkim_provider.resources.dkim_verification_provider import DkimVerificationProvider
from tests.support.world import World

RESOLVERS = "a list of addresses like '1.1.1.1', '1.1.1.1:53' or '[::1]:53', with a port of 1 to 65535"

KINDS = {
    one.name: one
    for one in (
        *(STRING, LINE, FLAG, NUMBER, WHOLE, TIME, MAP),
        *(map_of(STRING), map_of(list_of(LINE)), map_of(list_of(STRING))),
        *(by_generation(STRING), by_generation(TIME)),
        *(list_of(STRING), list_of(LINE), list_of(MAP), list_of(WHOLE), list_of(RESOLVER)),
    )
}

RIGHT = [
    ("a string", ["", "a", "é"]),
    ("a single-line string", ["", "mail.bücher.example"]),
    ("true or false", [True, False]),
    ("a number", [0, 1.5, -3]),
    ("a whole number", [0, 3.0, -1]),
    ("a time in ISO 8601", ["2026-11-25T12:00:00Z", "2026-11-25T12:00:00+01:00"]),
    ("a map", [{}, {"a": [1]}]),
    ("a map of strings", [{}, {"a": "b"}]),
    ("a map of strings keyed by generation", [{}, {"1": "s1:abc"}]),
    ("a map of lists of single-line strings", [{"a": []}, {"a": ["b"]}]),
    ("a map of times keyed by generation", [{"1": "2026-11-25T12:00:00Z"}]),
    ("a list of single-line strings", [[], ["a"], ("a",)]),
    ("a list of maps", [[], [{}]]),
    ("a list of whole numbers", [[], [1.0, 2]]),
    (RESOLVERS, [["1.1.1.1", "1.1.1.1:53", "[::1]", "[::1]:53"]]),
]

WRONG = [
    ("a string", 1.0, "1.0"),
    ("a string", True, "true"),
    ("a string", ["a"], "a list"),
    ("a string", {}, "a map"),
    ("a single-line string", "two\nlines", "9 characters"),
    ("a single-line string", "\x1b[2J", "'\\x1b[2J'"),
    ("a single-line string", "x" * 1001, "1001 characters"),
    ("a list of single-line strings", ["\x00"], "a list"),
    ("true or false", "true", "'true'"),
    ("true or false", 1.0, "1.0"),
    ("a number", "1", "'1'"),
    ("a number", True, "true"),
    ("a number", float("inf"), "inf"),
    ("a number", float("nan"), "nan"),
    ("a whole number", 1.5, "1.5"),
    ("a whole number", 2.0**60, "1.152921504606847e+18"),
    ("a whole number", [1.0], "a list"),
    ("a time in ISO 8601", "yesterday", "'yesterday'"),
    ("a time in ISO 8601", "2026-11-25T12:00:00", "'2026-11-25T12:00:00'"),
    ("a time in ISO 8601", 5.0, "5.0"),
    ("a map", [], "a list"),
    ("a map of strings", {"a": 1.0}, "a map"),
    ("a map of strings", "a", "'a'"),
    ("a map of strings keyed by generation", {"one": "s1:abc"}, "a map"),
    ("a map of strings keyed by generation", {"-1": "s1:abc"}, "a map"),
    ("a map of strings keyed by generation", {"9" * 17: "s1:abc"}, "a map"),
    ("a map of lists of single-line strings", {"a": "b"}, "a map"),
    ("a map of lists of single-line strings", {"a": [1.0]}, "a map"),
    ("a map of lists of strings", {"a": [1.0]}, "a map"),
    ("a list of strings", [1.0], "a list"),
    ("a map of times keyed by generation", {"1": "soon"}, "a map"),
    ("a map of times keyed by generation", {"x": "2026-11-25T12:00:00Z"}, "a map"),
    ("a list of single-line strings", "text", "'text'"),
    ("a list of single-line strings", ["a", None], "a list"),
    ("a list of maps", [[]], "a list"),
    ("a list of maps", {}, "a map"),
    ("a list of whole numbers", [1.5], "a list"),
    ("a list of whole numbers", ["1"], "a list"),
    (RESOLVERS, ["ns1.example.com"], "a list"),
    (RESOLVERS, ["1.1.1.1:99999"], "a list"),
    (RESOLVERS, ["1.1.1.1:0"], "a list"),
    (RESOLVERS, ["[::1"], "a list"),
    (RESOLVERS, ["user@1.1.1.1"], "a list"),
    (RESOLVERS, ["1.1.1.1/53"], "a list"),
    (RESOLVERS, [53.0], "a list"),
]


@pytest.mark.parametrize(
    ("kind", "value"), [(kind, value) for kind, values in RIGHT for value in values], ids=repr
)
def test_right(kind, value):
    """What is of the type has no problem, and neither has what is absent."""
    kind = KINDS[kind]
    assert property_types.problems({"x": value, "y": None}, {"x": kind, "y": kind, "z": kind}) == []


@pytest.mark.parametrize(("kind", "value", "shown"), WRONG, ids=repr)
def test_wrong(kind, value, shown):
    """What is not of the type is named with what was expected."""
    assert property_types.problems({"x": value}, {"x": KINDS[kind]}) == [f"x: must be {kind}, not {shown}"]


def test_required():
    """What has to be there and is not is named first."""
    properties = {"a": 1.0, "b": None}
    assert property_types.problems(properties, {"a": STRING}, required=("b", "c")) == [
        "b: required",
        "c: required",
        "a: must be a string, not 1.0",
    ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"domain": 1.0}, "domain: must be a single-line string, not 1.0"),
        ({"private_key": {}}, "private_key: must be a string, not a map"),
        ({"generation": "1"}, "generation: must be a whole number, not '1'"),
        ({"generation": 1.5}, "generation: must be a whole number, not 1.5"),
        ({"published": 1.0}, "published: must be a list of whole numbers, not 1.0"),
        ({"tags": ["a"]}, "tags: must be a map of strings, not a list"),
        (
            {"supplied_keys": {"x": "y"}},
            "supplied_keys: must be a map of strings keyed by generation, not a map",
        ),
        ({"dns_resolvers": ["dns.example"]}, f"dns_resolvers: must be {RESOLVERS}, not a list"),
        (
            {"name_servers": {"manual": "ns1"}},
            "name_servers: must be a map of lists of single-line strings, not a map",
        ),
        ({"adopt": "yes"}, "adopt: must be true or false, not 'yes'"),
        ({"dns_check": "maybe"}, "dns_check: must be 'authoritative', 'recursive' or 'off', not 'maybe'"),
        ({"owner": ""}, "owner: required, it says whose the identity is"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_identity_inputs(world: World, changes, problem):
    """An identity is not looked at further with an input of another type."""
    inputs = {
        "domain": "example.com",
        "region": "eu-west-1",
        "selector": "s1",
        "private_key": world.key(1).pkcs1_base64(),
        "owner": "p/s/n",
    }
    failures = ByodkimIdentityProvider().check({}, {**inputs, **changes}).failures
    assert [(one.property, one.reason) for one in failures] == [("", problem)]


def test_an_input_is_declared_once():
    """Whatever a program gives is checked, echoed in the state and compared, by its field alone."""
    key = {"private_key", "secret_arn"}
    assert {one.name for one in fields(ByodkimIdentityArgs)} | {"owner", "stack"} == {*INPUTS}
    only_for_lookups = {"zone_roles", "zone_external_ids"}
    assert {one.name for one in fields(Declared)} == {*INPUTS} - key - only_for_lookups | {"fingerprint"}


def test_every_property_has_a_type():
    """A property that is added later is checked, too."""
    outputs = {one.name for one in (*fields(Declared), *fields(Stored))} - {"declared", "key"}
    of_key = {"key_set_at", "key_set_by", "signing_since", "status"}
    assert (outputs | of_key | {"record_name"}, len(of_key)) == (OUTPUTS.keys(), len(fields(KeyInSes)))


@dataclass(frozen=True)
class Imaginary:
    """An input of each type."""

    word: Literal["on", "off"] = "on"
    text: str | None = None
    numbers: tuple[int, ...] = ()
    times: Mapping[int, datetime] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    resolvers: Annotated[tuple[str, ...], list_of(RESOLVER)] = ()


def test_a_type_follows_from_the_annotation():
    """Strict for what a program gives, loose for what is stored; read and written without more code."""
    strict = [kind.name for kind in property_types.kinds_of(Imaginary, strict=True).values()]
    assert strict == [
        "'on' or 'off'",
        "a single-line string",
        "a list of whole numbers",
        "a map of times keyed by generation",
        "a map of lists of single-line strings",
        RESOLVERS,
    ]
    stored = [kind.name for kind in property_types.kinds_of(Imaginary).values()]
    assert stored == [
        "a string",
        "a string",
        "a list of whole numbers",
        "a map of times keyed by generation",
        "a map of lists of strings",
        "a list of strings",
    ]
    plain = {
        "word": "off",
        "numbers": [1, 2],
        "times": {"3": "2026-11-25T12:00:00Z"},
        "lists": {"a": ["b"]},
        "resolvers": ["1.1.1.1"],
    }
    value = Imaginary(**property_types.read(Imaginary, {**plain, "numbers": [1.0, 2.0], "other": 1}))
    assert value.numbers == (1, 2)
    assert value.times == {3: property_types.moment("2026-11-25T12:00:00Z")}
    assert property_types.written(value) == plain


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"identities": {}}, "identities: must be a list of maps, not a map"),
        ({"identities": [{"region": "r", "selector": "s"}]}, "identities[0].domain: required"),
        (
            {"identities": [{"domain": "d", "region": "r", "selector": "s", "key_set_at": "soon"}]},
            "identities[0].key_set_at: must be a time in ISO 8601, not 'soon'",
        ),
        ({"timeout_minutes": "ten"}, "timeout_minutes: must be 0 to 4320, not 'ten'"),
        ({"timeout_minutes": -1.0}, "timeout_minutes: must be 0 to 4320, not -1.0"),
        ({"timeout_minutes": 1e9}, "timeout_minutes: must be 0 to 4320, not 1000000000.0"),
        ({"on_timeout": "explode"}, "on_timeout: must be 'warn' or 'fail', not 'explode'"),
    ],
    ids=["no list", "missing", "time", "number", "negative", "for ever", "word"],
)
def test_verification_inputs(changes, problem):
    """A verification is not begun with an input of another type."""
    failures = DkimVerificationProvider().check({}, {"identities": [], **changes}).failures
    assert [one.reason for one in failures] == [problem]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"instance": None}, "in the state, instance: required"),
        ({"status": 1.0}, "in the state, status: must be a string, not 1.0"),
        (
            {"signed_until": {"1": "soon"}},
            "in the state, signed_until: must be a map of times keyed by generation, not a map",
        ),
        ({"key_set_at": "soon"}, "in the state, key_set_at: must be a time in ISO 8601, not 'soon'"),
        ({"published": ["1"]}, "in the state, published: must be a list of whole numbers, not a list"),
        ({"overlap_days": "10"}, "in the state, overlap_days: must be a whole number, not '10'"),
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
    arguments = {"diff": ("id", {}, {}), "update": ("id", {}, {}), "read": ("id", {}), "delete": ("id", {})}
    with pytest.raises(InvalidSettings) as refused:
        getattr(DkimKeyProvider(), call)(*arguments[call])
    assert refused.value.problems == tuple(
        f"in the state, {name}: required" for name in ("domain", "selector", "private_key")
    )
