"""If this fails, a preview says another thing than the update does."""

from dataclasses import replace

from byodkim_provider.identity import lifecycle
from byodkim_provider.resources.dkim_identity_provider import ByodkimIdentityProvider
from tests.support.cases import cases
from tests.support.fakes import REGION
from tests.support.world import World

LINE = "example.com eu-west-1: generation 1 → 2, s2 visible at 2 of 2 servers"


@cases(
    ("before", "generation", "changes", "is_change", "line"),
    {
        "nothing": ({}, 1, {}, False, ""),
        "renamed with aliases": ({}, 1, {"owner": "ses-byodkim/dev/renamed"}, False, ""),
        "wait": ({}, 1, {"dns_wait_seconds": 5}, True, ""),
        "standby": ({}, 1, {"published": (1, 2, 3)}, True, ""),
        "Regions": ({}, 1, {"regions": (REGION, "us-east-1")}, True, ""),
        "tags": ({}, 1, {"tags": {"team": "mail"}}, True, ""),
        "adopt": ({}, 1, {"adopt": True}, True, ""),
        "switch": ({}, 2, {}, True, LINE),
        "drifted": ({"signing_enabled": False}, 1, {}, True, ""),
        "awaiting": ({"key": None}, 1, {}, True, ""),
        "another key while awaiting": ({"key": None}, 2, {}, True, ""),
    },
)
def test_preview_and_update(world: World, before, generation, changes, is_change, line):
    """
    A change is shown if the update stores or calls anything, and a switch is announced if it makes
    one.
    """
    stored = replace(world.verified(), **before)
    world.publish(generation)
    declared = world.declared(generation, **changes)
    outputs, properties = stored.to_outputs(), declared.to_properties()
    inputs = {
        name: value
        for name, value in properties.items()
        if name not in ("fingerprint", "record_name")
    }
    shown = ByodkimIdentityProvider(run=world.run).diff("", outputs, inputs | {"secret_arn": "arn"})
    assert ([], []) == (world.calls(), shown.replaces)
    after = lifecycle.carry_out(stored, declared, lambda: world.key(generation), world.outside)
    assert (is_change, is_change) == (shown.changes, after != stored or bool(world.calls()))
    assert [line] * bool(line) == [one for one in world.progress.infos if "→" in one]
