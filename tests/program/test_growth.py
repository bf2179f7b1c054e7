"""If this fails, each domain of a stack file costs more than the one before it."""

import json

import pulumi
from pulumi.runtime import set_all_config
from pulumi.runtime.settings import reset_options

from byodkim_provider.program import aws_account
from byodkim_provider.program.stack import declare_stack
from tests.support.cloud import Engine


def declare(monkeypatch, config):
    """Run the program with this configuration."""
    monkeypatch.setattr(aws_account, "sign_in", lambda region: None)
    pulumi.runtime.set_mocks(Engine(), project="ses-byodkim", stack="dev", preview=False)
    values = {f"ses-byodkim:{name}": json.dumps(one) for name, one in config.items()}
    set_all_config({"aws:region": "eu-west-1"} | values)
    try:
        pulumi.runtime.test(declare_stack)()
    finally:
        reset_options()
        set_all_config({})


def outputs_gathered(monkeypatch, domains):
    """
    How many values the program, and the SDK for it, hand to `Output.all` for that many domains.
    """
    number = 0
    gather = pulumi.Output.all

    def count(*values, **named):
        nonlocal number
        number += len(values) + len(named)
        return gather(*values, **named)

    names = [f"d{number:03}.example" for number in range(domains)]
    with monkeypatch.context() as patch:
        patch.setattr(pulumi.Output, "all", staticmethod(count))
        domains = {name: {"generation": 1} for name in names}
        declare(monkeypatch, {"domains": domains, "defaults": {"dns": "manual"}})
    return number


def test_outputs(monkeypatch):
    """
    Twice as many domains are twice as many Outputs.

    `Output.all` makes one of each part of a value, so a list of all identities that it gets for
    each identity costs the square of their number.
    """
    two, four, eight = (outputs_gathered(monkeypatch, number) for number in (2, 4, 8))
    assert (eight - four) == 2 * (four - two)
