"""If this fails, a domain in Python means something else than the same one in a stack file."""

import pulumi
import pytest
from pulumi.runtime.config import CONFIG
from pydantic.alias_generators import to_snake

from byodkim_provider import (
    ByodkimDomain,
    ByodkimDomainArgs,
    InvalidSettings,
    SuppliedKey,
)
from byodkim_provider.config.json_schema import json_schema
from tests.support.cases import cases, written_out
from tests.support.testdata import KEY_1 as KEY
from tests.support.testdata import KEY_2

LATER = pulumi.Output.from_input("later")


def test_every_key_of_a_stack_file():
    """Whatever a stack file may say of a domain, a program may too."""
    schema = json_schema()["$defs"]["WrittenDomain"]["properties"]
    of_a_program = {"domain", "dns_providers", "wait"}
    assert {to_snake(key) for key in schema} == ByodkimDomainArgs.model_fields.keys() - of_a_program


def test_region_of_the_stack():
    """A domain without `regions` is in the Region of the stack that runs."""
    args = ByodkimDomainArgs(domain="example.com", generation=1)
    configured = CONFIG.set({"aws:region": "eu-north-1"})
    try:
        assert args.settings().regions == ("eu-north-1",)
    finally:
        CONFIG.reset(configured)
    with pytest.raises(InvalidSettings, match="aws:region: required for example"):
        args.settings()


REFUSED = """
overlap_days: -1, tags: {'aws:x': y}
  overlapDays: must be at least 0, not -1
  tags["aws:x"]: names that begin with 'aws:' are reserved
dns_providers: 5
  dnsProviders: must be a Sequence, not 5
dns_providers: cloudflare
  dnsProviders: must be a list, not 'cloudflare'
dns_providers: [cloudflare]
  dnsProviders[0]: must be a DnsProvider, not 'cloudflare'
overlap_day: 1
  overlap_day: unknown key, did you mean 'overlapDays'?
"""


@cases(("given", "problems"), written_out(REFUSED))
def test_refused(given, problems):
    """All that is wrong is said when the arguments are made, in the spelling of a stack file."""
    given = {"domain": "example.com", "generation": 1} | given
    with pytest.raises(InvalidSettings) as refused:
        ByodkimDomainArgs(**given)
    assert list(refused.value.problems) == [f'domains["example.com"].{one}' for one in problems]
    assert isinstance(refused.value, pulumi.RunError)  # which Pulumi shows without a traceback


def test_a_part_is_refused():
    """A part made by itself raises this package's error, and never quotes a key."""
    with pytest.raises(InvalidSettings) as refused:
        SuppliedKey(selector="S1", private_key=KEY_2[:-9])
    key, selector = refused.value.problems
    assert key.startswith("SuppliedKey.privateKey: is not base64")
    assert selector.startswith("SuppliedKey.selector: 'S1' must be the one label")
    assert KEY_2[:40] not in str(refused.value)


@cases(
    ("given", "path"),
    {
        "generation": ({"generation": LATER}, "generation"),
        "zone": ({"dns": {"zone": LATER}}, "dns.zone"),
        "key": ({"keys": {1: {"selector": "s", "private_key": LATER}}}, "keys[1].privateKey"),
        "word": ({"dns_check": LATER}, "dnsCheck"),
    },
)
def test_output(given, path):
    """An Output is refused by its argument, with the way to a plain value."""
    with pytest.raises(InvalidSettings) as refused:
        ByodkimDomain("a", **{"domain": "example.com", "generation": 1} | given)
    [problem] = refused.value.problems
    assert problem.startswith(
        f'domains["example.com"].{path}: must be a plain value, not an Output'
    )


def test_arguments_twice():
    """Keyword arguments beside `args` would have no effect."""
    args = ByodkimDomainArgs(domain="example.com", generation=1)
    with pytest.raises(TypeError, match="not both"):
        ByodkimDomain("a", args, wait=True)


def test_a_part_does_not_show_its_key():
    """What Python shows of a supplied key is its selector."""
    assert "KEY" not in repr(SuppliedKey(selector="s1", private_key=KEY))
