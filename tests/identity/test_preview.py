"""If this fails, a preview says another thing than the update does."""

from dataclasses import replace

import pytest
import yaml

from byodkim_provider.identity import lifecycle
from byodkim_provider.resources.dkim_identity_provider import ByodkimIdentityProvider
from tests.support.world import World

LINE = "example.com eu-west-1: generation 1 → 2, s2 visible at 2 of 2 servers"


CHANGES = """
generation: 1
generation: 1, dns_wait_seconds: 5
generation: 1, tags: {team: mail}
generation: 2
generation: 1, stored: {signing_enabled: false}
generation: 2, stored: {key: null}
"""


@pytest.mark.parametrize("row", CHANGES.strip().splitlines())
def test_preview_and_update(world: World, row):
    """
    A change is shown if the update stores or calls anything, and a switch is announced if it makes
    one.
    """
    changes = yaml.safe_load(f"{{{row}}}")
    generation = changes["generation"]
    stored = replace(world.verified(), **changes.pop("stored", {}))
    world.publish(generation)
    declared = replace(world.declared(generation), **changes)
    inputs = declared.to_properties() | {"secret_arn": "arn"}
    del inputs["fingerprint"], inputs["record_name"]
    shown = ByodkimIdentityProvider(run=world.run).diff("", stored.to_outputs(), inputs)
    assert ([], []) == (world.calls(), shown.replaces)
    after = lifecycle.carry_out(stored, declared, lambda: world.key(generation), world.outside)
    assert shown.changes == (after != stored or bool(world.calls()))
    switches = [line for line in world.progress.infos if "→" in line]
    assert switches == ([LINE] if generation == 2 and stored.key else [])
