"""How much bad input the suite's tables refuse: each row is a test of its own, counted here."""

import math

from tests import test_property_types
from tests.aws import test_session
from tests.cli import test_commands, test_doctor, test_rotate
from tests.cli import test_records as test_cli_records
from tests.config import test_settings, test_stack_file
from tests.dkim import test_keys, test_records
from tests.identity import test_state
from tests.program import test_dns_providers

TABLES = (
    # Keys
    test_keys.test_refused,
    test_keys.test_generates_nothing_ses_refuses,
    # Names and values
    test_records.test_refused_domain,
    test_records.test_refused_selector,
    test_records.test_not_quoted,
    # Stack files
    test_settings.test_refused_in_a_domain,
    test_settings.test_refused_in_a_stack,
    test_settings.test_no_region,
    test_stack_file.test_refused,
    test_stack_file.test_no_stack_file,
    test_dns_providers.test_route53_zone_refused,
    # AWS settings
    test_session.test_bad_settings,
    test_session.test_refused_by_name,
    test_session.test_no_session,
    test_session.test_strange_answers_from_sts,
    # What comes over the wire, of the engine and of SES
    test_state.test_check_refuses,
    test_property_types.test_wrong,
    test_property_types.test_identity_inputs,
    test_property_types.test_verification_inputs,
    test_property_types.test_state_of_an_identity,
    # Command lines
    test_commands.test_wrong_usage,
    test_rotate.test_refused,
    test_cli_records.test_refused,
    test_doctor.test_no_nameserver,
)
"""Tests whose every row is an input that is refused, and that assert with which words."""


def rows(test):
    """How many tests pytest makes of it."""
    marks = [mark for mark in test.pytestmark if mark.name == "parametrize"]
    return math.prod(len(mark.args[1]) for mark in marks)


def test_at_least_three_hundred():
    """At least 300 bad inputs are refused by table."""
    counts = {f"{test.__module__}.{test.__name__}": rows(test) for test in TABLES}
    assert len(counts) == len(TABLES), "a table is listed twice"
    assert sum(counts.values()) >= 300, counts
