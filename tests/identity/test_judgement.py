"""If this fails, drift of an identity is not seen, or is called by another name."""

from dataclasses import replace
from datetime import timedelta

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.identity.judgement import differences, refreshed
from byodkim_provider.identity.state import GONE
from byodkim_provider.messages.identity import IdentityMessages as M
from tests.support.cases import cases
from tests.support.identities import stored

EASY = {"origin": "AWS_SES", "signing_selector": None}
WRONG_VALUE = {"status": "PENDING", "error_type": "INVALID_VALUE"}


@cases(
    ("changes", "codes"),
    {
        "as it was": ({}, []),
        "pending": ({"status": "PENDING"}, []),
        "awaiting DNS": ({"key": None, "origin": ""}, []),
        "gone": ({"status": GONE, "origin": "", "other_owner": ""}, [M.GONE]),
        "other selector": ({"signing_selector": "s9"}, [M.SIGNS_WITH]),
        "without DKIM": ({"origin": ""}, [M.WITHOUT_DKIM]),
        "disabled and failed": ({"signing_enabled": False, "status": "FAILED"}, [M.DISABLED]),
        "failed": ({"status": "FAILED", "was_verified": True}, [M.FAILED]),
        "fell back": (WRONG_VALUE | {"was_verified": True}, [M.FELL_BACK]),
        "other value": (WRONG_VALUE, [M.OTHER_VALUE]),
        "several": (
            {**EASY, "other_owner": "'b'", "signing_enabled": False},
            [M.TAKEN, M.EASY_DKIM_NOW, M.DISABLED],
        ),
    },
)
def test_differences(changes, codes):
    """
    What SES's check shows counts only if nothing else differs; a key that was not sent yet has
    none.
    """
    assert codes == [message.code for message in differences(stored(**changes))]


@cases(
    ("age", "success", "tokens", "verified"),
    {
        "stale read": (timedelta(seconds=1), None, (), False),
        "status kept": (timedelta(seconds=1), -timedelta(hours=1), ("s2",), False),
        "found since": (timedelta(minutes=5), timedelta(minutes=4), ("s2",), True),
        "long since": (timedelta(minutes=30), -timedelta(hours=1), (), True),
        "another key": (timedelta(minutes=30), None, ("s1",), False),
    },
)
def test_verified(age, success, tokens, verified):
    """SUCCESS that SES shows so soon after a Put may be about the key before."""
    before = stored()
    since = before.key.key_set_at
    seen = SesIdentity("DOMAIN", "SUCCESS", True, "EXTERNAL", tokens, since + age)
    seen = replace(seen, last_success=None if success is None else since + success)
    assert verified == refreshed(before, seen).was_verified
