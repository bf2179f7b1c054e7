"""The prober before a SES that is awkward: it does not take one thing for another."""

import dataclasses
from datetime import timedelta

import pytest

from sandbox.ses import identity
from sandbox.ses.switches import Switches
from tests.acceptance.direct import world
from tests.acceptance.lab import Lab
from tests.acceptance.observing import DAY, HOUR, UNKNOWN
from tests.acceptance.prober import probe, run_rounds
from tests.acceptance.probes import (
    another_key,
    lost_record,
    negative_cache,
    same_key,
    search_that_fails,
    tagged_record,
)
from tests.acceptance.probes_first import first_key
from tests.acceptance.test_observing import OTHERS, wrong

CODE = "0a1b2c3d"
PUT = "put_email_identity_dkim_signing_attributes"


class Between:
    """A client whose calls *change* makes: it gets the action, its parameters, and the call itself."""

    def __init__(self, client, change):
        self.model, self._client, self._change = client.model, client, change

    def __getattr__(self, action):
        call = getattr(self._client, action)
        return lambda **parameters: self._change(action, parameters, lambda: call(**parameters))


def found_by(outside, *probes, change=None):
    """What these probes find, the first one after SES's reads and checks were measured."""
    found = {}
    if change:
        outside.ses = Between(outside.ses, change)
    run_rounds(Lab(outside, CODE), [[one] for one in probes], lambda _: None, found.update)
    return found


def later_when(is_late, switches, seconds):
    """SES first checks after *seconds* what *is_late* is true of."""

    def change(action, parameters, call):
        usual = switches.first_check_seconds
        if action == PUT or action.startswith("create"):
            switches.first_check_seconds = seconds if is_late(action, parameters) else usual
        try:
            return call()
        finally:
            switches.first_check_seconds = usual

    return change


@pytest.mark.parametrize("caches", [False, True])
@pytest.mark.parametrize("late", ["first", "second"])
def test_checked_later_than_its_control(late, caches):
    """Whether "no such name" is remembered shows in checks of the name itself, whenever they come."""
    switches, created = Switches(caches_no_such_name=caches), []

    def is_late(_, parameters):
        created.append(name := parameters["EmailIdentity"])
        is_it = list(dict.fromkeys(created)).index(name) == 1  # after the one of the first probe
        return is_it and created.count(name) == (2 if late == "second" else 1)

    with world(switches) as outside:
        found = found_by(outside, first_key, negative_cache, change=later_when(is_late, switches, 2000))
    assert found["caches_no_such_name"] == (caches if late == "first" else UNKNOWN)


def pending_when_lost(action, _, call):
    """A record that is lost makes an identity PENDING."""
    answer = call()
    if action == "get_email_identity" and answer["DkimAttributes"]["Status"] == "TEMPORARY_FAILURE":
        answer["DkimAttributes"]["Status"] = "PENDING"
    return answer


@pytest.mark.parametrize("shown", ["filled", "empty"])
def test_ordinary_check_after_a_put(monkeypatch, shown):
    """What a scheduled check makes of a status is not taken for what a Put of the same key did."""
    monkeypatch.setattr(identity, "LONGEST_GAP", timedelta(seconds=100))

    with world(Switches(same_key_restarts=False, verification_info=shown)) as outside:
        found = found_by(outside, first_key, same_key, change=pending_when_lost)
    assert found.get("same_key_restarts", UNKNOWN) in (False, UNKNOWN)


def test_short_grace(monkeypatch):
    """An early FAILED after a Put means something only if an identity without a Put is not FAILED."""
    monkeypatch.setattr(identity, "GRACE", timedelta(hours=60))
    with world(Switches(same_key_restarts=False)) as outside:
        assert found_by(outside, first_key, same_key)["same_key_restarts"] == UNKNOWN


def cached(outside, seconds):
    """Reads of an identity show for *seconds* what the first one showed; a new one is there at once."""
    kept = {}

    def change(action, parameters, call):
        if action != "get_email_identity":
            return call()
        name, now = parameters["EmailIdentity"], outside.now()
        if name not in kept or now > kept[name][0] + seconds:
            kept[name] = now, call()
        at = kept[name][1]["ResponseMetadata"] | {"HTTPHeaders": call()["ResponseMetadata"]["HTTPHeaders"]}
        return {**kept[name][1], "ResponseMetadata": at}

    return change


@pytest.mark.parametrize(
    "others",
    [{}, OTHERS, {"tokens": "empty", "status_after_put": "NOT_STARTED"}],
    ids=["default", "others", "no tokens"],
)
@pytest.mark.parametrize("seconds", [40, 55, 100, 900])
def test_cached_reads(seconds, others):
    """Reads that lag although the first one did not are not taken for what SES did not do."""
    switches = Switches(**others)
    with world(switches) as outside:
        outside.ses = Between(outside.ses, cached(outside, seconds))
        report = probe(Lab(outside, CODE))
    assert wrong(report.settings, switches) == {}


@pytest.mark.parametrize("caches", [False, True])
def test_cached_reads_of_checks(caches):
    """Nor is the time from which on a check can have been made."""
    with world(Switches(caches_no_such_name=caches, first_check_seconds=660)) as outside:
        found = found_by(outside, first_key, negative_cache, change=cached(outside, 900))
    assert found["caches_no_such_name"] in (caches, UNKNOWN)


def test_servers_that_differ():
    """A read that shows a new identity may come from a server that is ahead of the next one."""
    with world(Switches()) as outside:
        reads = []

        def change(action, parameters, call):
            if action == "get_email_identity":
                reads.append(outside.now())
                if len(reads) % 2 == 0 and len(reads) < 10:
                    parameters = parameters | {"EmailIdentity": "another.example"}
                    return outside.ses._client.get_email_identity(**parameters)
            return call()

        found = found_by(outside, first_key, change=change)
    assert found["read_lag_seconds"] == 30


def test_tokens_that_differ():
    """One answer without tokens does not mean that there are none."""

    def change(action, _, call):
        answer = call()
        if action.startswith("create"):
            answer["DkimAttributes"]["Tokens"] = []
        return answer

    with world(Switches()) as outside:
        assert found_by(outside, first_key, change=change)["tokens"] == UNKNOWN


def test_lost_record_is_pending():
    """Any status but SUCCESS and FAILED shows that SUCCESS does not stay."""

    with world(Switches()) as outside:
        found = found_by(outside, lost_record, change=pending_when_lost)
    assert found["failed_check_keeps_success"] is False


def test_lost_record_is_not_checked(monkeypatch):
    """SUCCESS stays only if SES has checked meanwhile and missed."""
    monkeypatch.setattr(identity, "GRACE", timedelta(0))
    monkeypatch.setattr(identity, "LONGEST_GAP", timedelta(days=2))
    with world(Switches()) as outside:
        found = found_by(outside, lost_record)
    assert found["statuses of a lost record"] == ["SUCCESS", "FAILED"]
    assert found["failed_check_keeps_success"] == UNKNOWN


def test_put_that_is_checked_late():
    """`VerificationInfo` is not called stale because a Put is checked hours later than a Create."""
    switches = Switches()
    is_late = lambda action, _: action == PUT  # noqa: E731
    with world(switches) as outside:
        found = found_by(outside, first_key, another_key, change=later_when(is_late, switches, 3 * HOUR))
    assert found["verification_info"] == "filled"


@pytest.mark.parametrize("member", ["ErrorType", "LastSuccessTimestamp"])
@pytest.mark.parametrize("shown", ["filled", "stale", "frozen", "ownership"])
def test_info_without(member, shown):
    """What `VerificationInfo` lacks does not make it a kind that has it nowhere."""

    def change(action, _, call):
        answer = call()
        answer.get("VerificationInfo", {}).pop(member, None)
        return answer

    with world(Switches(verification_info=shown)) as outside:
        found = found_by(outside, first_key, another_key, change=change)
    assert found.get("verification_info", UNKNOWN) in (shown, UNKNOWN)


def test_restart_that_shows_late():
    """A restart after FAILED that reads show minutes later is a restart."""
    with world(Switches()) as outside:
        found = found_by(outside, first_key, search_that_fails, change=cached(outside, 55))
    assert found["failed_restarts"] is True


def test_tagged_record_is_checked_late():
    """A record does not fail to verify because its identity is checked hours later than the control."""
    switches, created = Switches(), []

    def is_late(_, parameters):
        created.append(parameters["EmailIdentity"])
        return len(created) == 2

    with world(switches) as outside:
        found = found_by(outside, first_key, tagged_record, change=later_when(is_late, switches, 3 * HOUR))
    assert found["verifies_tagged_records"] is True


def test_identity_that_is_gone():
    """A request of before that takes effect late may delete an identity: that is no "not verified"."""
    with world(Switches()) as outside:

        def change(action, parameters, call):
            answer = call()
            if action.startswith("create") and not deleted:
                deleted.append(outside.ses.model.remove(parameters["EmailIdentity"], outside.region))
            return answer

        deleted = []
        found = found_by(outside, tagged_record, change=change)
    assert list(found) == ["not known: tagged record"]


def test_machine_sleeps_over_a_search():
    """A restart whose search has ended unobserved is not taken for none."""
    with world(Switches()) as outside:
        wait, puts = outside.wait, []

        def change(action, _, call):
            puts.extend([1] if action == PUT else [])
            return call()

        def and_then(pause):
            wait(pause + (4 * DAY if len(puts) == 1 else 0))
            puts.extend([1] if puts else [])

        outside.ses = Between(outside.ses, change)
        found = found_by(dataclasses.replace(outside, wait=and_then), search_that_fails)
    assert found["failed_restarts"] == UNKNOWN
