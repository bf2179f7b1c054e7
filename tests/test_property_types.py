"""If this fails, a value of another type gets into a state or a call, and is not named."""

from dataclasses import fields
from typing import Annotated

import pytest
from pydantic import Field

from byodkim_provider import property_types
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.identity.state import INPUTS, Declared, Stored
from byodkim_provider.resources.dkim_identity_provider import ByodkimIdentityProvider
from byodkim_provider.resources.dkim_key_provider import DkimKeyProvider
from byodkim_provider.resources.dkim_verification_provider import DkimVerificationProvider
from tests.support.cases import cases, written_out
from tests.support.world import World

IDENTITY = """
domain: 1.0
  domain: must be text, not 1.0
supplied_keys: {x: y}
  supplied_keys.x: must be a whole number, not 'x'
dns_resolvers: [dns.example]
  dns_resolvers[0]: must be an address like '1.1.1.1', '1.1.1.1:53' or '[::1]:53', with a port
    of 1 to 65535, not 'dns.example'
zones: [{provider: manual, name_servers: ns1}]
  zones[0].name_servers: must be a list, not 'ns1'
"""


@cases(("changes", "problems"), written_out(IDENTITY))
def test_identity_inputs(world: World, changes, problems):
    """An identity is not looked at further with an input of another type."""
    failures = ByodkimIdentityProvider().check({}, world.inputs(**changes)).failures
    assert [(one.property, one.reason) for one in failures] == [("", problems[0])]


def test_a_constraint_without_words_of_ours():
    """A constraint that nobody has used yet is said in pydantic's words, and is no crash."""
    model = property_types.model_of({"tags": Annotated[list[str], Field(max_length=1)]})
    [problem] = property_types.problems({"tags": ["a", "b"]}, model)
    assert problem.startswith("tags: must be valid (List should have at most 1 item")


def test_an_input_is_declared_once():
    """Whatever a program gives is checked, echoed in the state and compared, by its field alone."""
    inputs = INPUTS.model_fields.keys()
    in_state = {one.name for one in fields(Declared)}
    assert in_state == inputs - {"private_key", "secret_arn"}


VERIFICATION = """
identities: {}
  identities: must be a list, not a map
identities: [{region: r, selector: s}]
  identities[0].domain: required
identities: [{domain: d, region: r, selector: s, key_set_at: soon}]
  identities[0].key_set_at: must be a time in ISO 8601, not 'soon'
timeout_minutes: 1.0e+9
  timeout_minutes: must be at most 4320.0, not 1000000000.0
on_timeout: explode
  on_timeout: must be 'warn' or 'fail', not 'explode'
"""


@cases(("changes", "problems"), written_out(VERIFICATION))
def test_verification_inputs(changes, problems):
    """A verification is not begun with an input of another type."""
    failures = DkimVerificationProvider().check({}, {"identities": [], **changes}).failures
    assert [one.reason for one in failures] == problems


STATE = """
instance: null
  in the state, instance: required
signed_until: {'1': soon}
  in the state, signed_until.1: must be a time in ISO 8601, not 'soon'
published: [1.5]
  in the state, published[0]: must be a whole number, not 1.5
"""


@cases(("changes", "problems"), written_out(STATE))
def test_state_of_an_identity(world: World, changes, problems):
    """A state edited by hand is refused, and the message names what restores an earlier version."""
    outputs = world.created(1).to_outputs()
    with pytest.raises(InvalidSettings) as refused:
        Stored.from_outputs({**outputs, **changes})
    assert refused.value.problems == tuple(problems)
    assert "`pulumi stack import`" in refused.value.hint


@pytest.mark.parametrize(
    ("call", "arguments"),
    [("diff", ({}, {})), ("update", ({}, {})), ("read", ({},)), ("delete", ({},))],
)
def test_state_of_a_key(call, arguments):
    """Without its public half there is nothing to go on with."""
    with pytest.raises(InvalidSettings) as refused:
        getattr(DkimKeyProvider(), call)("id", *arguments)
    assert refused.value.problems == tuple(
        f"in the state, {name}: required" for name in ("domain", "selector", "fingerprint")
    )
