"""How an identity in SES differs from what is declared, as values and as texts."""

from datetime import timedelta

import pytest

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.identity.judgement import Difference, described, differences, of_key, refreshed
from byodkim_provider.identity.state import GONE
from tests.identity.test_rules import stored

EASY = {"origin": "AWS_SES", "signing_selector": None}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"status": "PENDING"}, []),
        ({"status": "TEMPORARY_FAILURE"}, []),
        ({"signing_selector": "s2"}, []),
        ({"key": None, "origin": ""}, []),
        ({"status": GONE, "origin": "", "other_owner": ""}, [Difference("GONE")]),
        (EASY, [Difference("OTHER_ORIGIN", "AWS_SES")]),
        ({"signing_selector": "s9"}, [Difference("OTHER_SELECTOR", "s9")]),
        ({"signing_enabled": False, "status": "FAILED"}, [Difference("DISABLED")]),
        ({"status": "FAILED", "was_verified": True}, [Difference("FAILED", "FAILED")]),
        (
            {"status": "PENDING", "was_verified": True, "error_type": "INVALID_VALUE"},
            [Difference("FELL_BACK", "PENDING (INVALID_VALUE: another value in DNS)")],
        ),
        (
            {"status": "PENDING", "error_type": "INVALID_VALUE"},
            [Difference("OTHER_VALUE", "PENDING (INVALID_VALUE: another value in DNS)")],
        ),
        (
            {**EASY, "other_owner": "'b'", "other_instance": "i2", "signing_enabled": False},
            [
                Difference("OTHER_OWNER", "'b'"),
                Difference("OTHER_INSTANCE"),
                Difference("OTHER_ORIGIN", "AWS_SES"),
                Difference("DISABLED"),
            ],
        ),
    ],
    ids=[
        "as it was",
        "pending",
        "record gone for a while",
        "SES returned its selector",
        "awaiting DNS",
        "gone",
        "Easy DKIM",
        "other selector",
        "disabled and failed",
        "failed",
        "fell back",
        "other value",
        "several",
    ],
)
def test_differences(changes, expected):
    """What SES's check shows counts only if nothing else differs; a key that was not sent yet has none."""
    assert expected == list(differences(stored(**changes)))


@pytest.mark.parametrize("selector", [None, "s2"])
def test_a_selector_that_ses_does_not_return(selector):
    """SES may return no selector: that is no difference."""
    assert [] == of_key("s2", origin="EXTERNAL", signs_with=selector, enabled=True)


@pytest.mark.parametrize(
    ("age", "success", "tokens", "verified"),
    [
        (timedelta(seconds=1), None, (), False),
        (timedelta(seconds=1), -timedelta(hours=1), ("s2",), False),
        (timedelta(minutes=5), timedelta(minutes=4), ("s2",), True),
        (timedelta(minutes=30), -timedelta(hours=1), (), True),
        (timedelta(minutes=30), None, ("s1",), False),
    ],
    ids=["stale read", "status kept", "found since", "long since", "another key"],
)
def test_verified(age, success, tokens, verified):
    """SUCCESS that SES shows so soon after a Put may be about the key before."""
    before = stored()
    seen = SesIdentity(
        identity_type="DOMAIN",
        dkim_status="SUCCESS",
        signing_enabled=True,
        origin="EXTERNAL",
        tokens=tokens,
        at=before.key.set_at + age,
        last_success=None if success is None else before.key.set_at + success,
    )
    assert verified == refreshed(before, seen).was_verified


def test_without_dkim():
    """An identity that nobody gave a key has no origin to name."""
    assert "is without DKIM" == described(of_key("s1", origin="", signs_with=None, enabled=True)[0], "s1")


def test_texts_quote_what_they_name():
    """A brace in a name of somebody else's stays as it is."""
    assert "signs with selector '{seen}', not '{s}'" == described(
        Difference("OTHER_SELECTOR", "{seen}"), "{s}"
    )
