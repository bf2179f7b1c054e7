"""If this fails, an identity counts as verified that is not, or a run waits or asks too much."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from byodkim_provider.errors import InvalidSettings
from byodkim_provider.identity import verification
from byodkim_provider.identity.state import TAKEN_OVER, UNCONFIRMED
from byodkim_provider.identity.verdicts import (
    NOT_ASKED,
    Verdict,
    judged,
    needs_poll,
    refuse_exchange,
)
from byodkim_provider.messages.identity import IdentityMessages
from byodkim_provider.progress import stopping
from sandbox.ses.identity import easy_dkim_keys
from sandbox.ses.switches import Fault
from tests.support.cases import cases
from tests.support.errors import raises
from tests.support.fakes import ATTEMPTS, LIST_PAGE_SIZE, REGION, START, FakeResolver, FakeSes
from tests.support.world import DOMAIN

GET, LIST = "GetEmailIdentity", "ListEmailIdentities"

HOUR = timedelta(hours=1)

STATUS_AFTER_PUT = ["PENDING", "NOT_STARTED", "SUCCESS"]
INFO = ["filled", "empty", "stale", "ownership", "frozen", "sticky"]

GIVEN_UP = {"status": "FAILED", "verification_status": "FAILED"}
EASY = {"origin": "AWS_SES", "key": easy_dkim_keys()[0]}


def several(world, number, **changes):
    """New identities: their names sort as they come."""
    return [
        world.created(domain=f"d{one:02}.example.com", **changes) for one in range(1, number + 1)
    ]


def switched(world, look_seconds=30, domain=DOMAIN, **switches):
    """
    An identity that was verified and has just got another key, which SES looks for after a while.
    """
    world.switch(**switches)
    old = world.verified(domain=domain, standby=True)
    world.switch(first_check_seconds=look_seconds)
    new = world.update(old, 2, domain=domain)
    world.forget()
    return new


def outcome(verdicts):
    return [(verdict.status, verdict.verified, verdict.reason) for verdict in verdicts]


FOUND = ("SUCCESS", True, "")


def statuses(verdicts):
    return [verdict.status for verdict in verdicts]


# --- what it costs


def test_fifty_new_identities(world):
    """Fifty new identities cost one List a look, not a read each."""
    world.switch(first_check_seconds=30)
    stored = several(world, 50)
    verdicts = world.verify(*stored)
    looks = {call.at for call in world.model.log}
    assert [FOUND] * 50 == outcome(verdicts)
    assert [LIST] * -(-50 // LIST_PAGE_SIZE) * len(looks) == world.calls()
    first, last = world.progress.updates
    assert first.startswith("0 of 50 verified after 0 s of at most 30 min, waiting for d01.exa")
    assert last == "50 of 50 verified after 30 s of at most 30 min"


@pytest.mark.parametrize("number", [1, 3], ids=["read", "listed"])
def test_one_look_at_what_was_pending(world, number):
    """
    A customer who never adds the record does not cost every `up` ten minutes; one look finds it,
    too.
    """
    stored = several(world, number)
    records, world.resolver.records = world.resolver.records, {}
    before = world.verify(*stored)
    waited = world.clock.monotonic()
    world.forget()
    after = world.verify(*stored, before=before)
    assert (waited, ["PENDING"] * number) == (world.clock.monotonic(), statuses(after))
    assert [] == world.progress.updates + world.progress.infos, "nothing is waited for"
    assert {1: [GET], 3: [LIST]}[number] == world.calls()
    world.resolver.records = records
    world.clock.advance(HOUR)
    assert [FOUND] * number == outcome(world.verify(*stored, before=after))


# --- which verdict counts


TOLD = [*product(("PENDING", "SUCCESS"), ("as Get", "NOT_STARTED")), ("NOT_STARTED", "before")]
"""What SES says of a key after a Put, when it is read and in its answer."""


@pytest.mark.parametrize("keeps", [False, True], ids=["", "failed look keeps SUCCESS"])
@pytest.mark.parametrize("info", INFO)
@pytest.mark.parametrize(("status", "answer"), TOLD)
def test_a_verdict_is_about_the_new_key(world, status, answer, info, keeps):
    """
    Whatever SES says after a switch, nothing counts as verified before SES has found the new key.
    """
    world.switch(status_after_put=status, put_answer=answer, verification_info=info)
    world.switch(failed_check_keeps_success=keeps, read_lag_seconds=5)
    (verdict,) = world.verify(switched(world))
    assert world.identity().confirmed
    # SUCCESS all the time tells nothing where SES's times never move with the key.
    tells = info not in ("empty", "frozen") or status != "SUCCESS"
    expected = ("SUCCESS", True) if tells else (UNCONFIRMED, False)
    assert expected == (verdict.status, verdict.verified)


@pytest.mark.parametrize("status", STATUS_AFTER_PUT)
@pytest.mark.parametrize("info", INFO)
@pytest.mark.parametrize("keeps", [False, True])
def test_a_key_that_ses_does_not_find(world, status, info, keeps):
    """
    A key that SES looks for and does not find is never verified, whatever is left of the one
    before.
    """
    if (status, info, keeps) == ("SUCCESS", "ownership", True):
        return  # SES says then that it succeeded, though not with the key: nobody could tell
    world.switch(status_after_put=status, verification_info=info, failed_check_keeps_success=keeps)
    stored = switched(world)
    world.resolver.records.pop("s2._domainkey.example.com")
    (verdict,) = world.verify(stored)
    tells = info in ("filled", "sticky") or not keeps or status != "SUCCESS"
    assert (False, not tells) == (verdict.verified, verdict.settled)


@pytest.mark.parametrize("on_timeout", ["warn", "fail"])
def test_unconfirmed(world, on_timeout):
    """
    SUCCESS all the time, and never a sign of a check: said once, and no run waits for it again.
    """
    stored = switched(world, status_after_put="SUCCESS", verification_info="frozen")
    verdicts = world.verify(stored, on_timeout=on_timeout)
    assert [(UNCONFIRMED, False)] == [(one.status, one.verified) for one in verdicts]
    assert HOUR + timedelta(minutes=30) == world.clock.now() - START
    [warning] = world.progress.warnings
    assert str(IdentityMessages.UNCONFIRMED(selector="s2")) in warning
    assert world.progress.updates[0].startswith("0 of 1 verified after 0 s of")
    world.forget()
    assert verdicts == world.verify(stored, before=verdicts, on_timeout=on_timeout)
    assert ([], []) == (world.calls(), world.progress.warnings)


@pytest.mark.parametrize(
    ("checked", "succeeded", "error", "verified"),
    [
        (60, 61, "HOST_NOT_FOUND", True),
        (None, 60, "", True),
        (60, None, "", True),
        (60, None, "HOST_NOT_FOUND", False),
        (60, -60, "HOST_NOT_FOUND", False),
        (60, -60, "", False),
        (-60, None, "", False),
        (None, None, "", False),
    ],
)
def test_the_times_beside_success(world, checked, succeeded, error, verified):
    """
    A success after our call counts; a check alone only where SES tells neither a success nor an
    error.
    """
    entry = world.entry(switched(world))

    def at(seconds):
        return None if seconds is None else entry.key_set_at + timedelta(seconds=seconds)

    times = {"at": at(120), "last_checked": at(checked), "last_success": at(succeeded)}
    seen = world.ses().get_email_identity(DOMAIN)
    seen = replace(seen, dkim_status="SUCCESS", error_type=error, **times)
    assert verified == judged(entry, seen, seen_unverified=False).verified


@cases(
    ("checked", "error", "verified"),
    {
        "missed": (1, "HOST_NOT_FOUND", False),
        "no answer from DNS": (1, "DNS_SERVER_ERROR", True),
        "no error": (1, "", True),
        "an old error beside a later success": (-1, "HOST_NOT_FOUND", True),
    },
)
def test_the_last_check_of_what_is_taken_over(world, checked, error, verified):
    """An identity that has its key already is verified, unless SES has missed that key since."""
    entry = replace(world.entry(world.verified()), key_set_by=TAKEN_OVER)
    seen = world.ses().get_email_identity(DOMAIN)
    seen = replace(seen, last_checked=START + checked * HOUR, last_success=START, error_type=error)
    assert verified == judged(entry, seen, seen_unverified=False).verified
    assert judged(entry, seen, seen_unverified=True).verified


@pytest.mark.parametrize("info", INFO)
def test_failed_from_before_the_put(world, info):
    """After FAILED the same key was put again: the old verdict does not end the new wait."""
    world.switch(verification_info=info, first_check_seconds=30)
    old = world.verified()
    world.change(status="FAILED")
    failed = world.read(old)
    world.clock.advance(HOUR)
    world.switch(read_lag_seconds=5)
    assert [FOUND] == outcome(world.verify(world.update(failed, 1)))


# --- the time limit


def test_rounds(world):
    """The pauses become longer, up to the last of the intervals, and none goes beyond the limit."""
    world.switch(first_check_seconds=3600)
    stored = world.created()
    began = world.clock.now()
    world.verify(stored, timeout_minutes=1.25)
    seconds = [(call.at - began).total_seconds() for call in world.model.log[-9:]]
    assert [0, 2, 5, 10, 18, 30, 50, 70, 75] == seconds


@pytest.mark.parametrize("waited", [True, False], ids=["pending", "new"])
def test_a_refused_region(world, waited):
    """
    A refused call changes nothing of what an entry has seen or still waits for; other Regions go
    on.
    """
    world.switch(first_check_seconds=30)
    here = several(world, 2)
    there = world.created(region="us-east-1")
    known = Verdict(
        entry=world.entry(here[0]),
        status="PENDING",
        verified=False,
        waited=waited,
        seen_unverified=True,
    )
    world.model.inject(Fault("access_denied", operation=LIST, times=ATTEMPTS))
    first, second, verified = world.verify(*here, there, before=[known], timeout_minutes=1)
    assert (first.status, first.waited, first.seen_unverified) == (NOT_ASKED, waited, True)
    assert (second.status, second.waited, second.seen_unverified) == (NOT_ASKED, False, False)
    assert verified.verified
    assert world.calls().count(LIST) == 1


@pytest.mark.parametrize("number", [1, 2], ids=["read", "listed"])
def test_an_identity_that_is_gone(world, number):
    """It is no longer waited for, and the next command makes it again."""
    stored = several(world, number)
    for one in stored:
        world.model.remove(one.declared.domain, REGION)
    verdicts = world.verify(*stored, timeout_minutes=0)
    assert ["GONE"] * number == statuses(verdicts)
    assert "`pulumi up --refresh`" in verdicts[0].reason


class SlowSes(FakeSes):
    """A call takes as long as SES's rate makes it."""

    SECONDS = 1.1

    def _make(self, operation, domain, /, **sent):
        self._model.clock.advance(self.SECONDS)
        return super()._make(operation, domain, **sent)


class SlowResolver(FakeResolver):
    """A lookup takes as long as a name server that is silent makes it."""

    def __init__(self, world, *silent):
        super().__init__(failures=dict.fromkeys(silent, "silent"))
        self.clock = world.clock
        world.resolver = self

    def txt(self, name, domain):
        self.clock.advance(5)
        return super().txt(name, domain)


def test_a_thousand_switches(world):
    """
    A round of polls ends with the time limit; what there was no time for has its wait in the next
    run.
    """
    entry = world.entry(switched(world))
    entries = [replace(entry, domain=f"d{one:04}.example.com") for one in range(1000)]
    world.client, start = SlowSes, world.clock.monotonic()
    verdicts = verification.verify(
        entries, (), world.outside, timeout_minutes=10, on_timeout="warn"
    )
    assert 600 <= world.clock.monotonic() - start <= 600 + SlowSes.SECONDS
    polled = [verdict for verdict in verdicts if verdict.status != NOT_ASKED]
    left_out = verdicts[len(polled) :]
    assert 500 < len(polled) < 600
    assert {False} == {one.waited for one in left_out}
    [warning] = [text for text in world.progress.warnings if "no time was left" in text]
    assert warning.startswith(str(left_out[0].entry))


def test_silent_name_servers(world):
    """Name servers that don't answer prolong the run by a minute, not by the number of domains."""
    stored = several(world, 100)
    resolver = SlowResolver(world, "ns1.example.net", "ns2.example.net")
    verdicts = world.verify(*stored, timeout_minutes=1)
    # Ten at once, each of which ends its lookups.
    assert world.clock.monotonic() <= 60 + verification.DIAGNOSIS_SECONDS + 10 * 5 * 5
    assert len(resolver.looked_up) < 100
    assert all(verdict.reason.startswith("SES has not found the key yet; ") for verdict in verdicts)


# --- the end of the wait


def test_failed_ends_the_wait(world):
    """
    SES looks no more, so nothing is left to wait for; the next command is the one that tells it
    again.
    """
    stored = world.created()
    world.change(**GIVEN_UP)
    (verdict,) = world.verify(stored)
    assert ("FAILED", START) == (verdict.status, world.clock.now())
    assert verdict.reason.endswith("; `pulumi up --refresh` sends the key to SES again")


class SesOfAnotherZone(FakeSes):
    """Whose zone SES saw tells a wrong delegation."""

    def get_email_identity(self, domain):
        return replace(super().get_email_identity(domain), soa_seen="ns1.registrar.example")


def of_another_zone(world):
    """Nobody sees the record."""
    stored = world.created()
    world.resolver.records, world.client = {}, SesOfAnotherZone
    return stored


def made_failed(world):
    """
    SES makes nothing of the same key: being told it again will not help, only another key will.
    """
    world.switch(failed_restarts=False)
    old = world.verified()
    world.change(status="FAILED")
    return world.update(world.read(old), 1)


@cases(
    ("make", "said"),
    {
        "a wrong delegation": (of_another_zone, "; at the zone of ns1.registrar.example; "),
        "one that stays failed": (made_failed, "rotate to the next generation"),
        "a switch": (made_failed, "; after a rotation, `byodkim rotate example.com --back` goes "),
    },
)
def test_what_a_diagnosis_says(world, make, said):
    """Who is pending is told what was seen, and what to do."""
    (verdict,) = world.verify(make(world))
    assert said in verdict.reason


@pytest.mark.parametrize(
    "changes", [EASY, {"signing_enabled": False}], ids=["Easy DKIM", "disabled"]
)
def test_diagnosis_of_what_no_check_changes(world, changes):
    """
    What somebody has changed in SES is repaired after a refresh alone, however often it is checked.
    """
    stored = world.verified()
    world.change(**changes)
    (verdict,) = world.verify(stored, timeout_minutes=0)
    assert not verdict.verified
    assert verdict.reason.endswith("; `pulumi up --refresh` repairs that, or says what to do")
    repaired = world.update(world.read(stored), 1, accept_unsigned_window=changes == EASY)
    assert [FOUND] == outcome(world.verify(repaired))


def test_fail_at_the_limit(world):
    """With `onTimeout: fail` the run fails at the limit, with what is pending and why."""
    world.switch(first_check_seconds=1)
    verified, pending = world.created(domain="example.org"), world.created()
    world.resolver.records.pop("s1._domainkey.example.com")
    with raises("NotVerified") as caught:
        world.verify(verified, pending, timeout_minutes=1, on_timeout="fail")
    fields = caught.value.message.fields
    assert fields["pending"] == (
        "example.com eu-west-1: PENDING, SES has not found the key yet; SES last checked 29 s ago "
        "(HOST_NOT_FOUND: no such name); 0 of 2 servers show the key, ns1.example.net and "
        "ns2.example.net: no TXT record; the next `pulumi up` checks again"
    )


# --- interruption


@pytest.mark.parametrize("on_timeout", ["warn", "fail"])
@pytest.mark.parametrize("number", [1, 3], ids=["read", "listed"])
def test_interrupted(world, number, on_timeout):
    """
    Ctrl-C ends the wait at once; what is pending is said and stored, and no call is made for it.
    """
    world.switch(first_check_seconds=3600)
    stored = several(world, number)
    world.clock.after(4, stopping.set)
    verdicts = world.verify(*stored, on_timeout=on_timeout)
    assert ["PENDING"] * number == statuses(verdicts)
    assert (4, 2) == (world.clock.monotonic(), len(world.calls()))
    assert [text.partition(" after 4 s: ")[0] for text in world.progress.warnings] == [
        f"{verdict.entry}: PENDING" for verdict in verdicts
    ]
    assert [] == world.resolver.looked_up
    stopping.clear()
    world.verify(*stored, before=verdicts, timeout_minutes=1)
    assert world.clock.monotonic() == 64, "the next run waits for them again"


# --- what is stored


@cases(
    ("change", "is_due"),
    {
        "how to look": ({"key_set_by": "", "record_value": "", "dns_check": "off"}, False),
        "selector": ({"selector": "s2"}, True),
        "told again": ({"key_set_at": START + HOUR}, True),
        "Region": ({"region": "us-east-1"}, True),
    },
)
def test_to_look_at(world, change, is_due):
    """
    A verification is due if SES was told something since, not if only the way of looking changed.
    """
    before = world.verify(world.created())
    assert not needs_poll([before[0].entry], before)
    assert is_due == needs_poll([replace(before[0].entry, **change)], before)


@cases(
    ("after", "domain", "told", "is_refused"),
    {
        "one exchanged": (["us-east-1", "ap-south-1"], DOMAIN, True, False),
        "another domain": (["ap-south-1"], "example.org", True, False),
        "the domain leaves": ([], DOMAIN, True, False),
        "all exchanged": (["ap-south-1"], DOMAIN, True, True),
        "all exchanged before SES was told": (["ap-south-1"], DOMAIN, False, False),
    },
)
def test_regions_may_leave(world, after, domain, told, is_refused):
    """
    A Region leaves if another stays, or with its domain.

    The last of a domain's identities does not leave for another: it alone knows which keys signed.
    """
    entry = world.entry(world.created())
    entry = entry if told else replace(entry, key_set_at=None)
    before = [
        Verdict(entry=replace(entry, region=region), status="SUCCESS", verified=True)
        for region in ("eu-west-1", "us-east-1")
    ]
    entries = [replace(entry, region=region, domain=domain) for region in after]
    with pytest.raises(InvalidSettings) if is_refused else nullcontext():
        refuse_exchange(entries, before)
