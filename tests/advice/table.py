"""
The test that follows each advice.

An advice that is new, or says something else, belongs in here with a test that does what it says.
"""

from __future__ import annotations

from typing import Final

from byodkim_provider.messages.aws import AwsCall, AwsProblem, AwsStep
from byodkim_provider.messages.cli import CliNote, CliProblem, Finding
from byodkim_provider.messages.config import SettingProblem, SettingWarning
from byodkim_provider.messages.dkim import DomainProblem, KeyForm, KeyProblem, SelectorProblem, SlotProblem
from byodkim_provider.messages.hosts import HostProblem, HostStep, RecordProblem
from byodkim_provider.messages.identity import (
    Existing,
    IdentityNote,
    IdentityProblem,
    RecordStep,
    RotationProblem,
    RotationStep,
)
from byodkim_provider.messages.key_store import Secret
from byodkim_provider.messages.program import GuardProblem, ProgramNote, ProgramProblem, ZoneProblem

FOLLOWED: Final = {
    # -- calls to AWS
    AwsStep.NOT_CALLED: "advice/test_aws.py::test_no_answer_from_sts",
    AwsStep.PROXY: "advice/test_aws.py::test_refused_or_lost",
    AwsStep.POLICY: "advice/test_identities.py::test_not_allowed",
    AwsStep.SIGN_IN: "advice/test_aws.py::test_no_answer_from_sts",
    AwsStep.ASK_STS: "advice/test_aws.py::test_no_answer_from_sts",
    AwsStep.TRY_AGAIN: "advice/test_identities.py::test_one_more_run",
    AwsStep.RUN_AGAIN: "engine/test_interrupt.py::test_waits_end_at_once",
    AwsStep.SES_UNCONFIRMED: "advice/test_identities.py::test_one_more_run",
    AwsStep.SES_THROTTLED: "advice/test_identities.py::test_one_more_run",
    AwsStep.SES_LIMIT: "advice/test_identities.py::test_as_many_as_ses_allows",
    AwsStep.SES_PERHAPS_GONE: "advice/test_identities.py::test_signing_of_one_that_is_gone",
    AwsStep.HELD_BY_TENANT: "engine/test_held.py::test_held_by_a_tenant",
    AwsStep.HELD_BY_TENANTS: "engine/test_held.py::test_held_by_a_tenant",
    AwsStep.HELD_BY_CERTIFICATES: "engine/test_held.py::test_held_by_a_certificate",
    AwsStep.SECRET_UNCONFIRMED: "advice/test_aws.py::test_refused_or_lost",
    AwsStep.SECRET_MADE: "advice/test_aws.py::test_refused_or_lost",
    AwsCall.INTERRUPTED_BEFORE_ANSWER: "engine/test_interrupt.py::test_waits_end_at_once",
    AwsCall.INTERRUPTED_BEFORE_CALL: "engine/test_interrupt.py::test_waits_end_at_once",
    AwsProblem.NO_SESSION: "advice/test_aws.py::test_no_session",
    AwsProblem.OTHER_ACCOUNT: "advice/test_aws.py::test_wrong_account",
    AwsProblem.NOT_ALLOWED_ACCOUNT: "aws/test_session.py::test_allowed_accounts",
    AwsProblem.FORBIDDEN_ACCOUNT: "aws/test_session.py::test_allowed_accounts",
    AwsProblem.ONE_REDIRECTED: "aws/test_session.py::test_half_redirected",
    # -- DNS hosts
    HostStep.NEW_KEY: "hosts/test_http_hosts.py::test_expired",
    HostStep.OVER_CONFIGURATION: "engine/test_dns_rfc2136.py::test_secret_changed",
    HostStep.EITHER: "engine/test_dns_rfc2136.py::test_secret_changed",
    HostProblem.NO_SECRET: "hosts/test_contract.py::test_wrong_secret",
    HostProblem.SECRET: "hosts/test_contract.py::test_wrong_secret",
    HostProblem.URL: "hosts/test_http_hosts.py::test_cpanel_url",
    HostProblem.NO_TLS: "hosts/test_http_hosts.py::test_no_address",
    HostProblem.NO_PROOF: "hosts/test_http_hosts.py::test_no_address",
    HostProblem.ADDRESS: "hosts/test_http_hosts.py::test_no_address",
    HostProblem.STAND_IN: "hosts/test_http_hosts.py::test_stand_in_elsewhere",
    HostProblem.OTHER_VALUE: "hosts/test_contract.py::test_foreign_value",
    HostProblem.OTHER_KEY: "hosts/test_publish.py::test_slot_with_another_value",
    HostProblem.CNAME: "hosts/test_contract.py::test_foreign_value",
    HostProblem.DNAME: "hosts/test_rfc2136.py::test_renamed_above",
    HostProblem.NO_ZONE: "hosts/test_http_hosts.py::test_cloudflare_no_zone",
    HostProblem.SEVERAL_ZONES: "hosts/test_http_hosts.py::test_cloudflare_two_zones",
    HostProblem.NO_SOA: "hosts/test_http_hosts.py::test_cpanel_secondary",
    HostProblem.LONG_VALUE: "hosts/test_http_hosts.py::test_godaddy_limits",
    HostProblem.NOT_AUTHORITATIVE: "hosts/test_rfc2136.py::test_delegated_away",
    HostProblem.OTHER_ZONE: "hosts/test_rfc2136.py::test_zone_cut",
    HostProblem.NO_NAME: "hosts/test_rfc2136.py::test_settings_that_are_none",
    HostProblem.KEY_NAME: "hosts/test_rfc2136.py::test_settings_that_are_none",
    HostProblem.NOT_BASE64: "hosts/test_rfc2136.py::test_settings_that_are_none",
    HostProblem.CLOCKS: "hosts/test_rfc2136.py::test_clocks_differ",
    **dict.fromkeys(
        (
            HostProblem.UNKNOWN_KEY,
            HostProblem.OTHER_SECRET,
            HostProblem.NOTAUTH,
            HostProblem.NOTZONE,
            HostProblem.REFUSED,
            HostProblem.NOTIMP,
            HostProblem.FORMERR,
            HostProblem.OTHER_RCODE,
        ),
        "engine/test_dns_rfc2136.py::test_secrets",
    ),
    RecordProblem.BUSY: "hosts/test_http_hosts.py::test_dreamhost_limits",
    RecordProblem.UNCONFIRMED: "hosts/test_contract.py::test_too_slow",
    RecordProblem.INTERRUPTED: "engine/test_interrupt.py::test_waits_end_at_once",
    RecordProblem.INTERRUPTED_LATER: "hosts/test_publish.py::test_interrupted",
    # -- rotation
    RotationProblem.STILL_IN_USE: "identity/test_rules.py::test_the_list_that_was_named_is_allowed",
    RotationProblem.SLOT_IN_USE: "identity/test_rules.py::test_a_slot_that_was_emptied_gets_no_key_yet",
    RotationProblem.STILL_IN_USE_KEY: "advice/test_identities.py::test_exchanged_key",
    RotationProblem.ROTATED_LATELY: "advice/test_commands.py::test_too_early_today",
    RotationProblem.OTHER_ACCOUNT: "advice/test_identities.py::test_another_account",
    RotationProblem.OTHER_KEY: "advice/test_identities.py::test_second_key",
    RotationProblem.SECOND_KEY: "identity/test_rules.py::test_a_new_key_under_a_new_selector",
    RotationStep.KEEP: "identity/test_rules.py::test_a_slot_that_was_emptied_gets_no_key_yet",
    RotationStep.NEXT_ONE: "advice/test_identities.py::test_next_one",
    # -- zones
    ZoneProblem.NONE: "advice/engine/test_places.py::test_zones_and_records",
    ZoneProblem.SEVERAL: "advice/engine/test_places.py::test_zones_and_records",
    ZoneProblem.NOT_THERE: "advice/engine/test_places.py::test_zones_and_records",
    ZoneProblem.TAKEN: "engine/test_mail_from.py::test_what_stands_there",
    ZoneProblem.EXTERNAL_IDS: "program/test_dns_providers.py::test_external_ids_of_one_role",
    ZoneProblem.TWICE: "engine/test_dns_rfc2136.py::test_new_server",
    GuardProblem.SECOND_KEY: "advice/test_identities.py::test_second_key_in_route53",
    GuardProblem.OTHER_VALUE: "advice/engine/test_places.py::test_zones_and_records",
    RecordStep.CORRECT: "advice/engine/test_state.py::test_record_and_state",
    RecordStep.MADE_AGAIN: "advice/engine/test_state.py::test_record_and_state",
    RecordStep.NO_ZONE: "identity/test_lifecycle.py::test_create_where_no_zone_is_seen",
    RecordStep.PASTE: "engine/test_dns.py::test_new_domains_wait_for_their_records",
    RecordStep.OTHER_GENERATION: "identity/test_lifecycle.py::test_no_switch_to_a_published_private_key",
    IdentityProblem.ASKED_FOR: "engine/test_dns_moves.py::test_from_route53_to_cloudflare",
    IdentityProblem.EXCHANGED: "identity/test_dns_moves.py::test_refuse_leaving",
    SlotProblem.NO_VALUE: "engine/test_cname.py::test_continue_on_error",
    SlotProblem.STILL_SIGNS: "engine/test_cname.py::test_region_that_left",
    SlotProblem.TAKEN: "engine/test_cname.py::test_retired_and_destroyed",
    SlotProblem.OTHERS: "engine/test_cname.py::test_refusals",
    SlotProblem.OTHER_SELECTOR: "engine/test_cname.py::test_to_cname_and_back",
    # -- identities
    Existing.NOBODYS: "engine/test_existing.py::test_adopt",
    Existing.OTHER_STACKS: "advice/test_identities.py::test_of_another_stack",
    Existing.OTHER_RESOURCES: "engine/test_leaving.py::test_rename",
    Existing.OF_SAME_NAME: "engine/test_leaving.py::test_state_is_lost",
    Existing.LOST: "advice/test_identities.py::test_taken_by_another_stack",
    Existing.MANAGED: "identity/test_lifecycle.py::test_managed_by_aws",
    Existing.OTHER_SELECTOR: "advice/test_identities.py::test_of_another_stack",
    Existing.REPLACED: "engine/test_cname.py::test_replacement_and_rotation",
    Existing.EASY_DKIM: "engine/test_existing.py::test_adopt",
    IdentityProblem.UNKNOWN_TO_STATE: "advice/test_identities.py::test_what_the_state_has_not_heard_of",
    IdentityProblem.REGIONS_AT_ONCE: "identity/test_verification.py::test_regions_may_leave",
    IdentityProblem.NOT_VERIFIED: "engine/test_verification.py::test_limit",
    IdentityProblem.INTERRUPTED: "engine/test_interrupt.py::test_waits_end_at_once",
    AwsStep.NOT_SHOWN_YET: "identity/test_lifecycle.py::test_create_while_reads_lag",
    # -- the commands
    CliProblem.NO_PROJECT: "advice/test_commands.py::test_outside_the_project",
    CliProblem.NO_PROJECT_HERE: "advice/test_commands.py::test_outside_the_project",
    CliProblem.TABS: "advice/test_stack_file.py::test_from_nothing",
    CliProblem.ENCRYPTED_MAP: "advice/test_stack_file.py::test_from_nothing",
    CliProblem.OTHER_DOMAIN_HERE: "advice/test_commands.py::test_mistyped",
    CliProblem.NO_RECORD: "advice/test_commands.py::test_no_record",
    CliProblem.OWN_PROGRAM: "engine/test_examples.py::test_several_accounts",
    CliProblem.NOT_MADE: "advice/test_commands.py::test_not_made_yet",
    CliProblem.WAITS_FOR_DNS: "advice/test_commands.py::test_not_made_yet",
    CliProblem.OTHER_GENERATION: "advice/test_commands.py::test_not_made_yet",
    CliProblem.NO_WAY_BACK: "advice/test_commands.py::test_no_way_back",
    CliProblem.NO_STANDBY: "advice/test_commands.py::test_no_standby",
    CliProblem.SLOT_TAKEN: "docs/test_dns.py::test_paste_once",
    CliProblem.ELSEWHERE: "advice/test_commands.py::test_not_editable",
    CliProblem.NO_MAP: "advice/test_commands.py::test_not_editable",
    CliProblem.NOT_READ: "advice/test_commands.py::test_not_editable",
    CliProblem.SHARED_FILE: "cli/test_scan_add.py::test_domains_of_the_project_file",
    CliProblem.NOT_ASKED: "cli/test_scan_add.py::test_first_wave",
    CliProblem.NOTHING_CHANGED: "advice/test_commands.py::test_run_that_did_not_begin",
    CliProblem.UP_FAILED: "advice/test_commands.py::test_run_that_failed",
    SettingProblem.IN_STATE: "advice/engine/test_state.py::test_record_and_state",
    # -- keys in Secrets Manager
    Secret.DELETED: "advice/test_aws.py::test_scheduled_for_deletion",
    Secret.GONE: "advice/test_aws.py::test_gone",
    Secret.OTHER_KEY: "advice/test_aws.py::test_another_version",
}
"""Tests below `tests/`, by the code of a message, or of a part of a hint, that has a command or a setting."""

DOCUMENTED: Final = (
    *(DomainProblem, KeyForm, KeyProblem, SelectorProblem, SettingProblem, SettingWarning, CliNote, Finding),
    *(IdentityNote, ProgramProblem, ProgramNote),
    *(AwsProblem.REDIRECTED, Secret.LONG_NAME, Secret.NAME),
)
"""Advice that only the page on errors has: a warning, or one of several problems, shows its text alone."""
