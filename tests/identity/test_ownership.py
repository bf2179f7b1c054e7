"""How SES signs an identity's mail today, in words."""

from datetime import UTC, datetime

import pytest

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.identity.ownership import signs_today


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        ("AWS_SES", "Easy DKIM"),
        ("AWS_SES_AP_SOUTHEAST_2", "Easy DKIM, as a replica of ap-southeast-2"),
        ("EXTERNAL", "BYODKIM, signing with selector 's1'"),
        ("", "without DKIM"),
    ],
)
def test_signs_today(origin, words):
    """A replica names the Region whose key it has; no other origin does."""
    seen = SesIdentity("DOMAIN", "SUCCESS", True, origin, ("s1",), datetime(2026, 11, 28, tzinfo=UTC))
    assert signs_today(seen) == words
