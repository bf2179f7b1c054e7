"""
What somebody else has changed in SES is an output, and a line of the refresh or of the preview,
once.
"""

import pytest

from byodkim_provider.resources.dkim_identity_provider import ByodkimIdentityProvider
from tests.support.fakes import REGION
from tests.support.world import DOMAIN


@pytest.fixture
def provider(world):
    return ByodkimIdentityProvider(lambda declared: world.outside, run=world.run)


def inputs(world):
    """As they are stored, so that nothing is a change but what SES has otherwise."""
    properties = world.declared().to_properties()
    return {
        name: one for name, one in properties.items() if name not in ("fingerprint", "record_name")
    } | {"secret_arn": "arn"}


def test_adopt_of_ones_own(world, provider):
    """From then on the identity stays, which the run says once."""
    stored = world.verified().to_outputs()
    declared = {**inputs(world), "adopt": True}
    assert provider.diff("id", stored, declared).changes
    said = [
        f"{DOMAIN} {REGION}: with `adopt`, the identity and its records stay when a later "
        "run removes them"
    ]
    assert world.progress.infos == said
    # Not again; and one that differs in SES may be another's.
    for before in (stored | {"adopt": True}, stored | {"signing_enabled": False}):
        provider.diff("id", before, declared)
    assert [one for one in world.progress.infos if "with `adopt`" in one] == said
