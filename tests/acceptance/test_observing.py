"""The prober in a world where time passes unobserved: it says "unknown" then, and never the wrong setting."""

import dataclasses
import random

import pytest

from sandbox.ses.switches import Switches
from sandbox.world import Sandbox
from tests.acceptance.direct import ZONE, ZoneAsDict, world
from tests.acceptance.journal import Journal
from tests.acceptance.lab import Lab
from tests.acceptance.observing import DAY, HOUR, SETTLE_SECONDS, UNKNOWN, nearest
from tests.acceptance.prober import probe, run_rounds
from tests.acceptance.probes import another_key, negative_cache, tagged_record
from tests.acceptance.probes_first import first_key
from tests.acceptance.probes_mail import mail_while_pending
from tests.acceptance.targets import Route53, in_sandbox
from tests.acceptance.test_prober import SETTINGS, UNTOLD
from tests.support.fakes import REGION, FakeClock

CODE = "0a1b2c3d"
OTHERS = {
    "failed_check_keeps_success": True,
    "lost_record_takes_back_verification": True,
    "same_key_restarts": False,
    "failed_restarts": False,
    "caches_no_such_name": True,
    "verifies_tagged_records": False,
    "status_after_put": "SUCCESS",
    "signs_while_pending": "old",
    "old_key_lingers_seconds": 600,
}
"""Where "not yet" or "not seen" is near to the other answer."""


def wrong(found, set_to, *, but=()):
    """What was claimed and is not so."""
    return {
        name: value
        for name, value in found.items()
        if name not in but and value not in (UNKNOWN, getattr(set_to, name))
    }


@pytest.mark.parametrize(
    ("more_than", "at_most", "step"),
    [
        (-1, 2, 0),
        (4, 6, 5),
        (5, 7, 10),
        (20, 28, 30),
        (4, 11, UNKNOWN),
        (50, 89, 60),
        (50, 90, UNKNOWN),
        (61, 90, UNKNOWN),
    ],
)
def test_nearest(more_than, at_most, step):
    """What lies between two steps is the next one; of several, or if it may be near to another, none is."""
    assert nearest((0, 5, 10, 30, 60), more_than, at_most) == step


@pytest.mark.parametrize(
    ("name", "seconds", "step", "bounds"),
    [
        ("first_check_seconds", 420, 660, "at least 317, at most 421"),
        ("first_check_seconds", 5000, 7200, "at least 3782, at most 5001"),
        ("old_key_lingers_seconds", 85, 120, "at least 65, at most 110"),
        ("old_key_lingers_seconds", 200, 300, "at least 128, at most 272"),
        ("old_key_lingers_seconds", 1200, UNKNOWN, "at least 947, at most 7202"),
    ],
)
def test_between_steps(name, seconds, step, bounds):
    """Seconds between two steps are rounded up, and the report has their bounds."""
    is_mail, found = name == "old_key_lingers_seconds", {}
    with world(Switches(**{name: seconds})) as outside:
        run_rounds(Lab(outside, CODE), [[first_key], [mail_while_pending]], lambda _: None, found.update)
    said = found["seconds that the old key lingers" if is_mail else "seconds until the first check"]
    assert (found[name], said) == (step, bounds)
    assert found["seconds that reads lag"] == "at least 0, at most 2"


def sleeping(outside, at, seconds):
    """The machine sleeps once, for *seconds*, in the wait that ends after *at*."""
    wait, slept = outside.wait, []

    def and_then(pause):
        wait(pause)
        if not slept and outside.now() >= at:
            slept.append(1)
            wait(seconds)

    return dataclasses.replace(outside, wait=and_then)


GAPS = [
    (at, seconds)
    for source in [random.Random(13)]
    for at, seconds in [
        (300, 2 * DAY),
        (700, HOUR / 2),
        (800, HOUR / 3),
        (1000, HOUR),
        (1100, 4 * DAY),
        (2 * HOUR, 8 * DAY),
        (12 * HOUR, 5 * DAY),
        *((source.uniform(0, 1600), source.choice([HOUR / 4, HOUR, DAY])) for _ in range(4)),
    ]
]


@pytest.mark.parametrize("others", [{}, OTHERS], ids=["default", "others"])
@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: f"{gap[1] / HOUR:.1f} h after {gap[0]:.0f} s")
def test_gap(gap, others):
    """A machine that slept, or a run that was resumed late: what was not observed is not claimed."""
    set_to = Switches(**others)
    with world(set_to) as outside:
        report = probe(Lab(sleeping(outside, *gap), CODE))
    assert wrong(report.settings, set_to) == {}


def test_without_a_gap():
    """Without one all of that is found, so that "unknown" means something."""
    set_to = Switches(**OTHERS)
    with world(set_to) as outside:
        report = probe(Lab(outside, CODE))
    assert report.open == []
    untold = {name for name, is_untold in UNTOLD.items() if is_untold(set_to)}
    assert {name for name in SETTINGS if report.settings[name] == UNKNOWN} == untold


@pytest.mark.parametrize("others", [{}, OTHERS], ids=["default", "others"])
@pytest.mark.parametrize("later", [1000, 3000, 10**7], ids=["slower", "much slower", "not at all"])
def test_late_checks(later, others):
    """Where SES checks DNS later than it did for the first key, "not yet" is not read as "no"."""
    set_to = Switches(**others)
    with world(set_to) as outside:
        wait = outside.wait

        def and_then(pause):
            wait(pause)
            if outside.now() > 420:  # the first key was verified
                set_to.first_check_seconds = later

        report = probe(Lab(dataclasses.replace(outside, wait=and_then), CODE))
    assert wrong(report.settings, set_to, but=("first_check_seconds", "old_key_lingers_seconds")) == {}
    assert ("not known: tagged record" in report.facts) is (later == 10**7)
    if later == 10**7:
        for name in ("verifies_tagged_records", "caches_no_such_name", "verification_info"):
            assert report.settings[name] == UNKNOWN


class SlowZone(ZoneAsDict):
    """Route 53: a change is PENDING for a time, and at its INSYNC some resolvers still have the old state."""

    def __init__(self, outside):
        super().__init__()
        self.outside, self.values = outside, outside.records.values
        self.changes = []

    def publish(self, name, strings):
        self._change(lambda: super(SlowZone, self).publish(name, strings))

    def remove(self, name, kind="TXT"):
        self._change(lambda: super(SlowZone, self).remove(name, kind))

    def _change(self, do):
        self.outside.wait(40)
        visible = self.outside.now() + SETTLE_SECONDS - 5
        self.changes.append((visible, do))

    def wait(self, seconds):
        """As the wait of before, with the changes that become visible meanwhile."""
        end = self.outside.now() + seconds
        while self.changes and self.changes[0][0] <= end:
            at, do = self.changes.pop(0)
            self.outside.wait(max(at - self.outside.now(), 0))
            do()
        self.outside.wait(max(end - self.outside.now(), 0))


@pytest.mark.parametrize("seconds", [1, 60, 300])
@pytest.mark.parametrize("others", [{}, OTHERS], ids=["default", "others"])
def test_slow_dns(seconds, others):
    """The time that Route 53 and resolvers take is not taken for SES's."""
    set_to = Switches(first_check_seconds=seconds, **others)
    with world(set_to) as outside:
        zone = SlowZone(outside)
        slow = dataclasses.replace(outside, records=zone, wait=zone.wait)
        report = probe(Lab(slow, CODE))
    assert wrong(report.settings, set_to) == {}
    assert report.settings["first_check_seconds"] == seconds
    assert report.settings["verifies_tagged_records"] == set_to.verifies_tagged_records
    assert report.settings["caches_no_such_name"] == set_to.caches_no_such_name
    if seconds == 300:
        assert report.settings["same_key_restarts"] == set_to.same_key_restarts


class SlowRoute53:
    """The sandbox's Route 53, whose changes take time; name servers have them some seconds after INSYNC."""

    def __init__(self, sandbox, client):
        self._now, self._zones = sandbox.clock.monotonic, sandbox.aws.zones
        self._states, self._in_sync, self.pending = [(0, self._zones())], 0, 0
        client.meta.events.register("after-call.route53.ChangeResourceRecordSets", self._changed)
        client.meta.events.register("after-call.route53.GetChange", self._asked)

    def zones(self):
        """What the name servers have."""
        return [zones for since, zones in self._states if since <= self._now()][-1]

    def _changed(self, **_):
        self._in_sync = self._now() + 35
        self._states.append((self._in_sync + 20, self._zones()))

    def _asked(self, parsed, **_):
        if self._now() < self._in_sync:
            self.pending += 1
            parsed["ChangeInfo"]["Status"] = "PENDING"


def test_slow_route53(monkeypatch):
    """Nor is it over the wire, where a change is PENDING until INSYNC."""
    set_to = Switches(first_check_seconds=60, requests_per_second=None)
    found = {}
    with Sandbox(clock=FakeClock(), switches=set_to) as sandbox:
        sandbox.add_zone(ZONE)
        where = in_sandbox(sandbox, ZONE, REGION)
        client = where.clients("route53")
        slow = SlowRoute53(sandbox, client)
        monkeypatch.setattr(sandbox.aws, "zones", slow.zones)
        where.records = Route53(client, where.zone_id, where.wait)
        rounds = [[first_key], [negative_cache, tagged_record, another_key]]
        assert run_rounds(Lab(where, CODE), rounds, lambda _: None, found.update) == []
    assert slow.pending > 10
    asked = ("first_check_seconds", "read_lag_seconds", "caches_no_such_name", "verifies_tagged_records")
    assert {name: found[name] for name in asked} == {name: getattr(set_to, name) for name in asked}
    assert found["verification_info"] in (set_to.verification_info, UNKNOWN)


def test_first_probe_fails():
    """The others find out what they can without it, and claim nothing that needs it."""
    set_to = Switches(read_lag_seconds=200)
    with world(set_to) as outside:
        report = probe(Lab(outside, CODE))
    assert report.open == ["first key"]
    assert report.facts["not known: first key"] == "reads lag by more than two minutes"
    assert wrong(report.settings, set_to) == {}
    assert report.settings["verifies_tagged_records"] is True
    assert report.settings["lost_record_takes_back_verification"] is False
    assert report.settings["status_after_put"] == UNKNOWN


def test_asked_again(tmp_path):
    """A run that is resumed asks what is open, and nothing else; the same is shown then from the journal."""
    path = tmp_path / "journal"
    with world(Switches()) as outside:
        asleep = sleeping(outside, 100, DAY)
        first = probe(Lab(asleep, CODE, Journal(path)))
        assert first.open == ["first key"]
        calls = len(outside.ses.model.log)
        resumed = probe(Lab(outside, CODE, Journal(path)), again=True)
        asked = len(outside.ses.model.log) - calls
        assert 0 < asked < 30
        again = probe(Lab(dataclasses.replace(outside, ses=None, records=None), CODE, Journal(path)))
    assert resumed.open == again.open == []
    assert not [fact for fact in resumed.facts if fact.startswith("not known")]
    assert resumed.settings["first_check_seconds"] == 300
    assert (resumed.settings, resumed.facts) == (again.settings, again.facts)


class Odd:
    """A client whose answers lack *member*."""

    def __init__(self, client, member, action):
        self.model, self._client, self._member, self._action = client.model, client, member, action

    def __getattr__(self, action):
        def call(**parameters):
            answer = getattr(self._client, action)(**parameters)
            if action == self._action:
                answer.pop(self._member, None)
            return answer

        return call


@pytest.mark.parametrize(
    ("action", "member", "open_"),
    [
        ("create_email_identity", "DkimAttributes", []),
        ("get_email_identity", "VerificationStatus", []),
        ("put_email_identity_dkim_signing_attributes", "DkimStatus", []),
        ("get_email_identity", "DkimAttributes", None),
    ],
)
def test_odd_answers(action, member, open_):
    """What SES does not say is not known; it ends no run."""
    with world(Switches()) as outside:
        outside.ses = Odd(outside.ses, member, action)
        report = probe(Lab(outside, CODE))
    assert wrong(report.settings, Switches()) == {}
    assert open_ is None or report.open == open_
    assert report.settings["requests_per_second"] == 1
