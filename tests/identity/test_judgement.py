"""If this fails, drift of an identity is not seen, or is called by another name."""

from dataclasses import replace
from datetime import timedelta

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.identity.judgement import differences, refreshed
from tests.support.cases import cases, written_out
from tests.support.identities import stored

DRIFT = """
instance: old
status: PENDING
key: null, origin: ''
status: GONE, origin: '', other_owner: ''
  GONE
signing_selector: s9
  SIGNS_WITH
origin: ''
  WITHOUT_DKIM
signing_enabled: false, status: FAILED
  DISABLED
status: FAILED, was_verified: true
  FAILED
status: PENDING, error_type: INVALID_VALUE, was_verified: true
  FELL_BACK
status: PENDING, error_type: INVALID_VALUE
  OTHER_VALUE
origin: AWS_SES, signing_selector: null, other_owner: 'b', signing_enabled: false
  TAKEN
  EASY_DKIM_NOW
  DISABLED
"""


@cases(("changes", "codes"), written_out(DRIFT))
def test_differences(changes, codes):
    """
    What SES's check shows counts only if nothing else differs; a key that was not sent yet has
    none.
    """
    assert codes == [message.code.name for message in differences(stored(**changes))]


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
