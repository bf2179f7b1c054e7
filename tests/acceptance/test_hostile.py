"""A hostile world, by the command's own entry: a clear stop and a clean zone, or the right answer."""

import re

import pytest

from sandbox.ses.switches import Fault, Switches
from tests.acceptance import safety
from tests.acceptance.account import code_in, literal_in
from tests.acceptance.errors import Stop
from tests.acceptance.lab import run_of
from tests.acceptance.test_safety import Expiring
from tests.support.fakes import REGION

APEX = {"NS", "SOA"}


@pytest.fixture(autouse=True)
def product(account):
    """The product does its job."""
    account.product = lambda _: []


def in_the_midst(account, do, *, days=0):
    """*do* happens once, when the prober has worked for a while, and for so many *days*."""
    wait, done = account.where.wait, []

    def and_then(seconds):
        wait(seconds)
        if len(account.where.ses.model.log) > 60 and not done and account.where.now() > days * 86400:
            done.append(do())

    account.where.wait = and_then


def is_clean(account):
    """Nothing of a run is left, and the zone has what it had before it."""
    return safety.left(account.where) == {} and {one[1] for one in account.where.records.listed()} == APEX


def test_foreign_identity(account):
    """An identity of somebody else appears: the run stops and names it, and it alone is left."""
    model = account.where.ses.model
    in_the_midst(account, lambda: model.put_easy_dkim("theirs.example", REGION))
    status, printed = account.run()
    assert status == 1
    assert re.search(r"^stopped: something that is not this run's has appeared: .*theirs", printed, re.M)
    assert list(model.identities(REGION)) == ["theirs.example"]
    assert is_clean(account)


def test_rate_limit(account):
    """Somebody uses up the rate for hours: the run stops, says so, and cleans up once SES answers again."""
    fault = Fault("throttle", operation="GetEmailIdentity", times=200)
    in_the_midst(account, lambda: account.where.ses.model.inject(fault))
    status, printed = account.run()
    assert status == 1
    assert re.search(r"^stopped: SES throttles get_email_identity", printed, re.M)
    assert is_clean(account)


@pytest.mark.parametrize(("fault", "times"), [("throttle", 130), ("500", 40)])
def test_an_hour_of_errors(account, fault, times):
    """Reads that SES throttles, or fails at, for an hour are made again later, and nothing is lost."""
    fault = Fault(fault, operation="GetEmailIdentity", times=times)
    in_the_midst(account, lambda: account.where.ses.model.inject(fault), days=1)
    status, printed = account.run()
    assert (status, "not known" in printed) == (0, False)
    assert "failed_restarts=True" in literal_in(printed)
    assert is_clean(account)


@pytest.mark.parametrize("code", ["ExpiredTokenException", "RequestExpired", "SignatureDoesNotMatch"])
def test_expired_credentials(account, code):
    """Credentials expire, or the clock is off by too much: a stop, with the command that cleans up."""
    client = account.where.ses
    in_the_midst(
        account, lambda: setattr(account.where, "ses", Expiring(client, after=0, calls=10**6, code=code))
    )
    status, printed = account.run()
    assert status == 1
    text = rf"AWS takes these credentials no more \({code}\): renew them, or set this machine's clock"
    assert re.search(rf"^stopped: .*{text}", printed, re.M)
    account.where.ses = client
    assert not is_clean(account)
    (command,) = re.findall(r"once that is over: make acceptance CLEANUP=(\w+)", printed)
    assert command == run_of(code_in(printed))
    assert account.run(CLEANUP=command)[0] == 0
    assert is_clean(account)


def test_goes_on_with_new_credentials(account):
    """Where they expire, nothing can be deleted either: the run goes on once there are new ones."""
    client, records = account.where.ses, account.where.records

    def expire():
        account.where.ses = Expiring(client, after=0, calls=10**6)
        account.where.records = ExpiredZone()

    in_the_midst(account, expire)
    status, printed = account.run()
    assert (status, "nothing was deleted: Route 53: ExpiredToken" in printed) == (1, True)
    assert "or RESUME, as nothing was deleted" in printed
    account.where.ses, account.where.records = client, records
    status, again = account.run(RESUME=code_in(printed))
    assert (status, account.times, "tokens='selector'" in literal_in(again)) == (0, 1, True)
    assert is_clean(account)


class ExpiredZone:
    """Records of a zone that these credentials do not lead to any more."""

    def __getattr__(self, _):
        return self

    def __call__(self, *_, **__):
        raise Stop("Route 53: ExpiredToken")


@pytest.mark.parametrize("seconds", [60, -60], ids=["fast", "slow"])
def test_clock_off_by_a_minute(account, seconds):
    """The machine's clock is off by a minute: that is less than AWS takes, and nothing found is affected."""
    clock = account.where.ses.model.clock
    account.where.now = lambda: clock.now().timestamp() + seconds
    status, printed = account.run()
    assert status == 0
    found = eval(literal_in(printed), {"Switches": Switches})
    assert found == Switches()
    unknown = re.findall(r"# (\w+): unknown", printed)
    assert unknown == ["signs_while_pending", "old_key_lingers_seconds"]  # RECEIVE=no
    assert "not known" not in printed
    assert is_clean(account)
