"""How an identity in SES differs from what is declared, as values and as texts."""

from dataclasses import replace
from datetime import timedelta

import pytest

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.identity.judgement import differences, of_key, refreshed
from byodkim_provider.identity.ownership import signs_today
from byodkim_provider.identity.state import GONE
from byodkim_provider.messages.identity import IdentityMessages as M
from tests.support.cases import cases
from tests.support.fakes import START
from tests.support.identities import stored

EASY = {"origin": "AWS_SES", "signing_selector": None}
WRONG_VALUE = {"status": "PENDING", "error_type": "INVALID_VALUE"}
OWNERS = [M.TAKEN(owner="'b'"), M.OTHER_INSTANCE()]
SAID = "PENDING (INVALID_VALUE: another value in DNS)"


@cases(
    ("changes", "expected"),
    {
        "as it was": ({}, []),
        "pending": ({"status": "PENDING"}, []),
        "record gone for a while": ({"status": "TEMPORARY_FAILURE"}, []),
        "SES returned its selector": ({"signing_selector": "s2"}, []),
        "awaiting DNS": ({"key": None, "origin": ""}, []),
        "gone": ({"status": GONE, "origin": "", "other_owner": ""}, [M.GONE()]),
        "Easy DKIM": (EASY, [M.EASY_DKIM_NOW(origin="AWS_SES", selector="s2")]),
        "other selector": ({"signing_selector": "s9"}, [M.SIGNS_WITH(seen="s9", selector="s2")]),
        "disabled and failed": ({"signing_enabled": False, "status": "FAILED"}, [M.DISABLED()]),
        "failed": ({"status": "FAILED", "was_verified": True}, [M.FAILED(status="FAILED")]),
        "fell back": (WRONG_VALUE | {"was_verified": True}, [M.FELL_BACK(status=SAID)]),
        "other value": (WRONG_VALUE, [M.OTHER_VALUE(status=SAID)]),
        "several": (
            {**EASY, "other_owner": "'b'", "other_instance": "i2", "signing_enabled": False},
            [*OWNERS, M.EASY_DKIM_NOW(origin="AWS_SES", selector="s2"), M.DISABLED()],
        ),
    },
)
def test_differences(changes, expected):
    """
    What SES's check shows counts only if nothing else differs; a key that was not sent yet has
    none.
    """
    assert expected == list(differences(stored(**changes)))


@pytest.mark.parametrize("selector", [None, "s2"])
def test_a_selector_that_ses_does_not_return(selector):
    """SES may return no selector: that is no difference."""
    assert [] == of_key("s2", origin="EXTERNAL", signs_with=selector, enabled=True)


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


def test_without_dkim():
    """An identity that nobody gave a key has no origin to name."""
    assert "is without DKIM" == str(of_key("s1", origin="", signs_with=None, enabled=True)[0])


def test_texts_quote_what_they_name():
    """A brace in a name of somebody else's stays as it is."""
    [found] = of_key("{s}", origin="EXTERNAL", signs_with="{seen}", enabled=True)
    assert "signs with selector '{seen}', not '{s}'" == str(found)


@pytest.mark.parametrize(
    ("origin", "words"), [("EXTERNAL", "BYODKIM, signing with selector 's1'"), ("", "without DKIM")]
)
def test_signs_today(origin, words):
    """How SES signs mail, in words; Easy DKIM is in the lines about a take-over."""
    assert words == signs_today(SesIdentity("DOMAIN", "SUCCESS", True, origin, ("s1",), START))
