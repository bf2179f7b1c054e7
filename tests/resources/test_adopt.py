"""If this fails, nobody hears that an identity stays for good once it has `adopt`."""

from byodkim_provider.resources.dkim_identity_provider import ByodkimIdentityProvider
from tests.support.fakes import REGION
from tests.support.world import DOMAIN


def test_adopt_of_ones_own(world):
    """From then on the identity stays, which the run says once."""
    provider = ByodkimIdentityProvider(lambda declared: world.outside, run=world.run)
    stored = world.verified().to_outputs()
    declared = world.declared(adopt=True).to_properties() | {"secret_arn": "arn"}
    del declared["fingerprint"], declared["record_name"]
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
