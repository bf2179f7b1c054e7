"""If this fails, what is stored of an identity is lost on its way through Pulumi."""

from dataclasses import replace

import pytest

from byodkim_provider.identity.state import Declared, Stored
from tests.support.cases import cases
from tests.support.zones import slots, zone


@cases(
    ("listed", "found"),
    {
        "with cname": ((slots(),), ["ses1", "ses2", "ses3", "ses1"]),
        "in the middle of a move": (
            (zone("manual"), slots(from_generation=3)),
            [None, None, "ses3", "ses1"],
        ),
    },
)
def test_slot(world, listed, found):
    """A generation has the slot of the zone that it stands in, published or not."""
    declared = world.declared(3, published=(2, 3, 4), zones=listed)
    assert found == [declared.slot(generation) for generation in (1, 2, 3, 4)]


@pytest.mark.parametrize(("generation", "panel"), [(2, "wix"), (3, "godaddy")])
def test_by_hand(world, generation, panel):
    """The panel is that into which the record of the key that signs is pasted."""
    listed = zone("manual", panel="wix"), zone("manual", panel="godaddy", from_generation=3)
    declared = world.declared(generation, published=(2, 3, 4), zones=listed)
    assert declared.by_hand.panel == panel


def later(one):
    return replace(one, from_generation=2)


HERE, PASTED, LATE = zone("route53:Z1"), zone("manual"), zone("dreamhost:example.com")


@cases(
    ("listed", "waits"),
    {
        "pasted later": ((HERE, later(PASTED)), [(120, False), (0, True)]),
        "shown late": ((HERE, later(LATE)), [(120, False), (0, True)]),
        "both": ((HERE, later(HERE), later(PASTED)), [(120, False), (120, True)]),
    },
)
def test_wait_for_this_record(world, listed, waits):
    """
    A run waits for the record of the generation that signs: in the zones of others nobody looks.
    """
    declared = [world.declared(one, published=(1, 2, 3), zones=listed) for one in (1, 2)]
    assert waits == [(one.wait_seconds, one.is_slow) for one in declared]


def test_old_state_is_readable():
    """
    Outputs that lack everything but what is needed to know the identity are read with the defaults.
    """
    declared = {
        name: name
        for name in ("domain", "region", "selector", "fingerprint", "record_value", "owner")
    }
    of_key = {"generation": 1, "published": (1, 2)}
    read = Stored.from_outputs({**declared, **of_key, "instance": "i", "status": "PENDING"})
    assert Stored(declared=Declared(**declared, **of_key), instance="i") == read
