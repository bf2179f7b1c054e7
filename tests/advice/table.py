"""
The test that follows each advice.

An advice that is new, or says something else, belongs in here with a test that does what it says.
"""

from __future__ import annotations

from typing import Final

from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.messages.cli import CliMessages, FindingMessages
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.messages.dkim import DkimMessages
from byodkim_provider.messages.hosts import HostMessages, RecordMessages
from byodkim_provider.messages.identity import (
    IdentityMessages,
)
from byodkim_provider.messages.program import ProgramMessages

FOLLOWED: Final = {
    # -- calls to AWS
    AwsMessages.NOT_CALLED: "advice/test_aws.py::test_no_answer_from_sts",
    AwsMessages.PROXY: "advice/test_aws.py::test_refused_or_lost",
    AwsMessages.POLICY: "advice/test_identities.py::test_not_allowed",
    AwsMessages.SIGN_IN: "advice/test_aws.py::test_no_answer_from_sts",
    AwsMessages.ASK_STS: "advice/test_aws.py::test_no_answer_from_sts",
    AwsMessages.TRY_AGAIN: "advice/test_identities.py::test_one_more_run",
    AwsMessages.RUN_AGAIN: "engine/test_interrupt.py::test_waits_end_at_once",
    AwsMessages.SES_UNCONFIRMED: "advice/test_identities.py::test_one_more_run",
    AwsMessages.SES_THROTTLED: "advice/test_identities.py::test_one_more_run",
    AwsMessages.SES_LIMIT: "advice/test_identities.py::test_as_many_as_ses_allows",
    AwsMessages.SES_PERHAPS_GONE: "advice/test_identities.py::test_signing_of_one_that_is_gone",
    AwsMessages.HELD_BY_TENANT: "engine/test_held.py::test_held_by_a_tenant",
    AwsMessages.HELD_BY_TENANTS: "engine/test_held.py::test_held_by_a_tenant",
    AwsMessages.HELD_BY_CERTIFICATES: "engine/test_held.py::test_held_by_a_certificate",
    AwsMessages.SECRET_UNCONFIRMED: "advice/test_aws.py::test_refused_or_lost",
    AwsMessages.SECRET_MADE: "advice/test_aws.py::test_refused_or_lost",
    AwsMessages.INTERRUPTED_BEFORE_ANSWER: "engine/test_interrupt.py::test_waits_end_at_once",
    AwsMessages.INTERRUPTED_BEFORE_CALL: "engine/test_interrupt.py::test_waits_end_at_once",
    AwsMessages.NO_SESSION: "advice/test_aws.py::test_no_session",
    AwsMessages.OTHER_ACCOUNT: "advice/test_aws.py::test_wrong_account",
    AwsMessages.NOT_ALLOWED_ACCOUNT: "aws/test_session.py::test_allowed_accounts",
    AwsMessages.FORBIDDEN_ACCOUNT: "aws/test_session.py::test_allowed_accounts",
    AwsMessages.ONE_REDIRECTED: "aws/test_session.py::test_half_redirected",
    # -- DNS hosts
    RecordMessages.NEW_KEY: "hosts/test_http_hosts.py::test_expired",
    RecordMessages.OVER_CONFIGURATION: "engine/test_dns_rfc2136.py::test_secret_changed",
    RecordMessages.EITHER: "engine/test_dns_rfc2136.py::test_secret_changed",
    HostMessages.NO_SECRET: "hosts/test_contract.py::test_wrong_secret",
    HostMessages.SECRET: "hosts/test_contract.py::test_wrong_secret",
    HostMessages.URL: "hosts/test_http_hosts.py::test_cpanel_url",
    HostMessages.NO_TLS: "hosts/test_http_hosts.py::test_no_address",
    HostMessages.NO_PROOF: "hosts/test_http_hosts.py::test_no_address",
    HostMessages.ADDRESS: "hosts/test_http_hosts.py::test_no_address",
    HostMessages.STAND_IN: "hosts/test_http_hosts.py::test_stand_in_elsewhere",
    HostMessages.OTHER_VALUE: "hosts/test_contract.py::test_foreign_value",
    HostMessages.OTHER_KEY: "hosts/test_publish.py::test_slot_with_another_value",
    HostMessages.CNAME: "hosts/test_contract.py::test_foreign_value",
    HostMessages.DNAME: "hosts/test_rfc2136.py::test_in_the_way",
    HostMessages.NO_ZONE: "hosts/test_http_hosts.py::test_not_allowed",
    HostMessages.SEVERAL_ZONES: "hosts/test_http_hosts.py::test_cloudflare_two_zones",
    HostMessages.NO_SOA: "hosts/test_http_hosts.py::test_cpanel_secondary",
    HostMessages.LONG_VALUE: "hosts/test_http_hosts.py::test_godaddy_long_value",
    HostMessages.NOT_AUTHORITATIVE: "hosts/test_rfc2136.py::test_delegated_away",
    HostMessages.OTHER_ZONE: "hosts/test_rfc2136.py::test_zone_cut",
    HostMessages.NO_NAME: "hosts/test_rfc2136.py::test_settings_that_are_none",
    HostMessages.KEY_NAME: "hosts/test_rfc2136.py::test_settings_that_are_none",
    HostMessages.NOT_BASE64: "hosts/test_rfc2136.py::test_settings_that_are_none",
    HostMessages.CLOCKS: "hosts/test_rfc2136.py::test_clocks_differ",
    **dict.fromkeys(
        (
            HostMessages.UNKNOWN_KEY,
            HostMessages.OTHER_SECRET,
            HostMessages.NOTAUTH,
            HostMessages.NOTZONE,
            HostMessages.REFUSED,
            HostMessages.NOTIMP,
            HostMessages.FORMERR,
            HostMessages.OTHER_RCODE,
        ),
        "engine/test_dns_rfc2136.py::test_secrets",
    ),
    RecordMessages.BUSY: "hosts/test_http_hosts.py::test_dreamhost_limits",
    RecordMessages.UNCONFIRMED: "hosts/test_contract.py::test_too_slow",
    RecordMessages.INTERRUPTED: "engine/test_interrupt.py::test_waits_end_at_once",
    RecordMessages.INTERRUPTED_LATER: "hosts/test_publish.py::test_interrupted",
    # -- rotation
    IdentityMessages.STILL_IN_USE: "identity/test_rules.py::test_the_list_that_was_named_is_allowed",
    IdentityMessages.SAME_SLOT: "identity/test_rules.py::test_a_slot_that_signs_gets_no_other_key",
    IdentityMessages.SLOT_IN_USE: "identity/test_rules.py::test_a_slot_that_was_emptied_gets_no_key_yet",
    IdentityMessages.STILL_IN_USE_KEY: "advice/test_identities.py::test_exchanged_key",
    IdentityMessages.ROTATED_LATELY: "advice/test_commands.py::test_too_early_today",
    IdentityMessages.OTHER_ACCOUNT: "advice/test_identities.py::test_another_account",
    IdentityMessages.OTHER_KEY: "advice/test_identities.py::test_second_key",
    IdentityMessages.SECOND_KEY: "identity/test_rules.py::test_a_new_key_under_a_new_selector",
    IdentityMessages.KEEP: "identity/test_rules.py::test_a_slot_that_was_emptied_gets_no_key_yet",
    IdentityMessages.NEXT_ONE: "advice/test_identities.py::test_next_one",
    # -- zones
    ProgramMessages.NONE: "advice/engine/test_places.py::test_zones_and_records",
    ProgramMessages.SEVERAL: "advice/engine/test_places.py::test_zones_and_records",
    ProgramMessages.NOT_THERE: "advice/engine/test_places.py::test_zones_and_records",
    ProgramMessages.TAKEN: "engine/test_mail_from.py::test_what_stands_there",
    ProgramMessages.EXTERNAL_IDS: "program/test_dns_providers.py::test_external_ids_of_one_role",
    ProgramMessages.TWICE: "engine/test_dns_rfc2136.py::test_new_server",
    ProgramMessages.SECOND_KEY: "advice/test_identities.py::test_second_key_in_route53",
    ProgramMessages.OTHER_VALUE: "advice/engine/test_places.py::test_zones_and_records",
    IdentityMessages.CORRECT: "advice/engine/test_state.py::test_record_and_state",
    IdentityMessages.MADE_AGAIN: "advice/engine/test_state.py::test_record_and_state",
    IdentityMessages.NO_ZONE: "identity/test_lifecycle.py::test_create_where_no_zone_is_seen",
    IdentityMessages.PASTE: "engine/test_dns.py::test_new_domains_wait_for_their_records",
    IdentityMessages.LEAKED_KEY: "identity/test_lifecycle.py::test_no_switch_to_a_published_private_key",
    IdentityMessages.ASKED_FOR: "engine/test_dns_moves.py::test_from_route53_to_cloudflare",
    IdentityMessages.EXCHANGED: "identity/test_lookups.py::test_refuse_leaving",
    DkimMessages.NO_VALUE: "engine/test_cname.py::test_failure_between",
    DkimMessages.STILL_SIGNS: "engine/test_cname.py::test_region_that_left",
    DkimMessages.TAKEN: "engine/test_cname.py::test_retired_and_destroyed",
    DkimMessages.OTHERS: "engine/test_cname.py::test_refusals",
    DkimMessages.OTHER_STANDS: "engine/test_cname.py::test_an_old_state",
    DkimMessages.OTHER_SELECTOR: "engine/test_cname.py::test_to_cname_and_back",
    # -- identities
    IdentityMessages.NOBODYS: "engine/test_existing.py::test_adopt",
    IdentityMessages.OTHER_STACKS: "advice/test_identities.py::test_of_another_stack",
    IdentityMessages.OTHER_RESOURCES: "engine/test_leaving.py::test_rename",
    IdentityMessages.OF_SAME_NAME: "engine/test_leaving.py::test_state_is_lost",
    IdentityMessages.SEVERAL: "engine/test_drift.py::test_drift",
    IdentityMessages.LOST: "advice/test_identities.py::test_taken_by_another_stack",
    IdentityMessages.MANAGED: "identity/test_lifecycle.py::test_managed_by_aws",
    IdentityMessages.OTHER_SELECTOR: "advice/test_identities.py::test_of_another_stack",
    IdentityMessages.REPLACED: "engine/test_cname.py::test_replacement_and_rotation",
    IdentityMessages.EASY_DKIM: "engine/test_existing.py::test_adopt",
    IdentityMessages.UNKNOWN_TO_STATE: "advice/test_identities.py::test_what_the_state_has_not_heard_of",
    IdentityMessages.REGIONS_AT_ONCE: "identity/test_verification.py::test_regions_may_leave",
    IdentityMessages.NOT_VERIFIED: "engine/test_verification.py::test_limit",
    IdentityMessages.INTERRUPTED: "engine/test_interrupt.py::test_waits_end_at_once",
    AwsMessages.NOT_SHOWN_YET: "identity/test_lifecycle.py::test_create_while_reads_lag",
    # -- the commands
    CliMessages.NO_PROJECT: "advice/test_commands.py::test_outside_the_project",
    CliMessages.NO_PROJECT_HERE: "advice/test_commands.py::test_outside_the_project",
    CliMessages.TABS: "advice/test_stack_file.py::test_from_nothing",
    CliMessages.ENCRYPTED_MAP: "advice/test_stack_file.py::test_from_nothing",
    CliMessages.OTHER_DOMAIN_HERE: "advice/test_commands.py::test_mistyped",
    CliMessages.NO_RECORD: "advice/test_commands.py::test_no_record",
    CliMessages.OWN_PROGRAM: "engine/test_examples.py::test_several_accounts",
    CliMessages.NOT_MADE: "advice/test_commands.py::test_not_made_yet",
    CliMessages.WAITS_FOR_DNS: "advice/test_commands.py::test_not_made_yet",
    CliMessages.OTHER_GENERATION: "advice/test_commands.py::test_not_made_yet",
    CliMessages.NO_WAY_BACK: "advice/test_commands.py::test_no_way_back",
    CliMessages.NO_STANDBY: "advice/test_commands.py::test_no_standby",
    CliMessages.SLOT_TAKEN: "docs/test_dns.py::test_paste_once",
    CliMessages.ELSEWHERE: "advice/test_commands.py::test_not_editable",
    CliMessages.NO_MAP: "advice/test_commands.py::test_not_editable",
    CliMessages.NOT_READ: "advice/test_commands.py::test_not_editable",
    CliMessages.SHARED_FILE: "cli/test_scan_add.py::test_domains_of_the_project_file",
    CliMessages.NOT_ASKED: "cli/test_scan_add.py::test_first_wave",
    CliMessages.NOTHING_CHANGED: "advice/test_commands.py::test_run_that_did_not_begin",
    CliMessages.UP_FAILED: "advice/test_commands.py::test_run_that_failed",
    SettingMessages.IN_STATE: "advice/engine/test_state.py::test_record_and_state",
    # -- keys in Secrets Manager
    AwsMessages.DELETED: "advice/test_aws.py::test_scheduled_for_deletion",
    AwsMessages.GONE: "advice/test_aws.py::test_gone",
    AwsMessages.OTHER_KEY: "advice/test_aws.py::test_another_version",
}
"""
Tests below `tests/`, by the code of a message, or of a part of a hint, that has a command or a
setting.
"""

DOCUMENTED: Final = (
    *(DkimMessages.DOMAINS, DkimMessages.SELECTORS, DkimMessages.PARTS, DkimMessages.KEYS),
    *(
        SettingMessages.PROBLEMS,
        SettingMessages.WARNINGS,
        CliMessages.NOTES,
        FindingMessages.FINDINGS,
    ),
    *(IdentityMessages.NOTES, ProgramMessages.PROGRAMS, ProgramMessages.NOTES),
    *(AwsMessages.REDIRECTED, AwsMessages.LONG_NAME, AwsMessages.NAME),
)
"""
Sections and messages whose advice only the page has: warnings and lists of problems show texts
alone.
"""
