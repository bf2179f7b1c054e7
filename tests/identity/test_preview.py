"""A preview says what the update does: both begin with the same plan."""

from dataclasses import replace

from byodkim_provider.identity import lifecycle
from byodkim_provider.resources.dkim_identity_provider import ByodkimIdentityProvider
from tests.support.cases import cases
from tests.support.fakes import REGION
from tests.support.world import World

LINE = "example.com eu-west-1: generation 1 → 2, s2 visible at 2 of 2 servers"


def nothing(stored):
    return stored


def drifted(stored):
    return replace(stored, signing_enabled=False)


def awaiting(stored):
    return replace(stored, key=None)


@cases(
    ("before", "generation", "changes", "is_change", "line"),
    {
        "nothing": (nothing, 1, {}, False, ""),
        "renamed with aliases": (nothing, 1, {"owner": "ses-byodkim/dev/renamed"}, False, ""),
        "wait": (nothing, 1, {"dns_wait_seconds": 5}, True, ""),
        "standby": (nothing, 1, {"published": (1, 2, 3)}, True, ""),
        "Regions": (nothing, 1, {"regions": (REGION, "us-east-1")}, True, ""),
        "tags": (nothing, 1, {"tags": {"team": "mail"}}, True, ""),
        "adopt": (nothing, 1, {"adopt": True}, True, ""),
        "switch": (nothing, 2, {}, True, LINE),
        "drifted": (drifted, 1, {}, True, ""),
        "awaiting": (awaiting, 1, {}, True, ""),
        "another key while awaiting": (awaiting, 2, {}, True, ""),
    },
)
def test_preview_and_update(world: World, before, generation, changes, is_change, line):
    """A change is shown if the update stores or calls anything, and a switch is announced if it makes one."""
    stored = before(world.verified())
    world.publish(generation)
    declared = world.declared(generation, **changes)
    outputs, properties = stored.to_outputs(), declared.to_properties()
    inputs = {name: value for name, value in properties.items() if name not in ("fingerprint", "record_name")}
    shown = ByodkimIdentityProvider(run=world.run).diff("", outputs, inputs | {"secret_arn": "arn"})
    assert ([], []) == (world.calls(), shown.replaces)
    after = lifecycle.update(stored, declared, lambda: world.key(generation), world.outside)
    assert (is_change, is_change) == (shown.changes, after != stored or bool(world.calls()))
    assert [line] * bool(line) == [one for one in world.progress.infos if "→" in one]
