"""
What somebody else has changed in SES is an output, and a line of the refresh or of the preview,
once.
"""

import pytest

from byodkim_provider.resources.dkim_identity_provider import ByodkimIdentityProvider
from tests.support.fakes import REGION
from tests.support.world import DOMAIN

DISABLED = "DKIM signatures are disabled"


@pytest.fixture
def provider(world):
    return ByodkimIdentityProvider(lambda declared: world.outside, run=world.run)


def inputs(world):
    """As they are stored, so that nothing is a change but what SES has otherwise."""
    properties = world.declared().to_properties()
    return {
        name: one for name, one in properties.items() if name not in ("fingerprint", "record_name")
    } | {"secret_arn": "arn"}


def test_outputs(world, provider):
    """A refresh stores what it has found, and what is repaired is stored no more."""
    stored = world.verified().to_outputs()
    assert provider.read("id", stored).outs["drift"] == []
    world.model.change(DOMAIN, REGION, signing_enabled=False)
    seen = provider.read("id", stored).outs
    assert (seen["drift"], seen["signing_enabled"]) == ([DISABLED], False)
    repaired = provider.update(
        "id", seen, {**inputs(world), "private_key": world.key(1).pkcs1_base64()}
    ).outs
    assert (repaired["drift"], repaired["signing_enabled"]) == ([], True)


def test_preview_of_another_run(world, provider):
    """The preview after a refresh names the reason of the change that it shows."""
    stored = world.verified().to_outputs()
    assert not provider.diff("id", stored, inputs(world)).changes
    assert world.progress.infos == []
    drifted = stored | {"signing_enabled": False}
    assert provider.diff("id", drifted, inputs(world)).changes
    assert world.progress.infos == [
        f"{DOMAIN} {REGION}: {DISABLED}; `pulumi up` repairs that, or says what to do"
    ]


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
