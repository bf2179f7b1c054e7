"""If this fails, a preview says another thing than the update does."""

from dataclasses import replace

from byodkim_provider.identity import lifecycle
from byodkim_provider.resources.dkim_identity_provider import ByodkimIdentityProvider
from tests.support.cases import cases
from tests.support.world import World

LINE = "example.com eu-west-1: generation 1 → 2, s2 visible at 2 of 2 servers"


@cases(
    ("before", "generation", "changes"),
    {
        "nothing": ({}, 1, {}),
        "wait": ({}, 1, {"dns_wait_seconds": 5}),
        "tags": ({}, 1, {"tags": {"team": "mail"}}),
        "switch": ({}, 2, {}),
        "drifted": ({"signing_enabled": False}, 1, {}),
        "another key while awaiting": ({"key": None}, 2, {}),
    },
)
def test_preview_and_update(world: World, before, generation, changes):
    """
    A change is shown if the update stores or calls anything, and a switch is announced if it makes
    one.
    """
    stored = replace(world.verified(), **before)
    world.publish(generation)
    declared = world.declared(generation, **changes)
    inputs = declared.to_properties() | {"secret_arn": "arn"}
    del inputs["fingerprint"], inputs["record_name"]
    shown = ByodkimIdentityProvider(run=world.run).diff("", stored.to_outputs(), inputs)
    assert ([], []) == (world.calls(), shown.replaces)
    after = lifecycle.carry_out(stored, declared, lambda: world.key(generation), world.outside)
    assert shown.changes == (after != stored or bool(world.calls()))
    switches = [line for line in world.progress.infos if "→" in line]
    assert switches == ([LINE] if generation == 2 and stored.key else [])
