"""What is deleted and what stays, and what CLEANUP and RESUME say before, while and after that."""

import dataclasses

import pytest

from sandbox.ses.switches import Fault, Switches
from tests.acceptance import __main__ as acceptance
from tests.acceptance import safety
from tests.acceptance.account import Refusing, code_in, left, literal_in
from tests.acceptance.direct import ZONE, DirectClient, world
from tests.acceptance.errors import Stop
from tests.acceptance.journal import Journal
from tests.acceptance.lab import PREFIX, TAG, Lab, below, run_of
from tests.support.fakes import REGION

CODE = "0a1b2c3d"
RUN = run_of(CODE)
OTHER = run_of("another code")


def test_only_its_own_is_deleted(here):
    """Without the tag an identity stays, whatever it is called, and so does a record of another type."""
    lab = Lab(here, CODE)
    safety.mark(here, RUN)
    untagged, tagged = lab.domain(), lab.domain()
    here.ses.model.put_easy_dkim(untagged, REGION)
    here.ses.model.put_identity(
        "other.example", REGION, selector="a", private_key="AAAA", tags={TAG: lab.run}
    )
    lab.create(tagged)
    lab.publish(tagged, lab.key())
    here.records.others.append((f"in.{below(lab.run, ZONE)}", "CNAME"))
    with pytest.raises(Stop, match="left: ") as caught:
        safety.clean(here, RUN)
    assert f"{untagged} does not have the tag {TAG}={RUN}" in str(caught.value)
    assert f"in.{below(lab.run, ZONE)} CNAME was not made by a run" in str(caught.value)
    # The mark stays as long as something is below it.
    assert left(here) == [*sorted([untagged, "other.example"]), below(RUN, ZONE)]


def test_no_tags(here):
    """An identity that SES shows without tags is not this run's, and keeps nothing else."""
    safety.mark(here, RUN)
    lab = Lab(here, CODE)
    untagged, tagged = lab.domain(), lab.domain()
    lab.create(tagged)
    here.ses.model.put_easy_dkim(untagged, REGION)
    here = dataclasses.replace(here, ses=WithoutEmptyTags(here.ses))
    with pytest.raises(Stop, match=f"{untagged} does not have the tag"):
        safety.clean(here, RUN)
    assert left(here) == [untagged, below(RUN, ZONE)]


class WithoutEmptyTags:
    """A client of an SES whose answers leave an empty list of tags out."""

    def __init__(self, client):
        self.model, self._client = client.model, client

    def __getattr__(self, action):
        def call(**parameters):
            answer = getattr(self._client, action)(**parameters)
            return {name: value for name, value in answer.items() if (name, value) != ("Tags", [])}

        return call


def test_only_this_run_is_deleted(here):
    """What another run has is left, also where one asks for the same zone and Region."""
    for code in (CODE, "another code"):
        lab = Lab(here, code)
        safety.mark(here, lab.run)
        domain = lab.domain()
        lab.create(domain)
        lab.publish(domain, lab.key())
    assert set(safety.left(here)) == {RUN, OTHER}
    before = safety.left(here)[OTHER]
    assert len(safety.clean(here, RUN)) == 3
    assert safety.left(here) == {OTHER: before}


def test_records_without_the_mark(here):
    """A name that only looks like a run's is left: the record that a run begins with is not there."""
    name = f"x.{below(RUN, ZONE)}"
    here.records.publish(name, [["theirs"]])
    by_hand = f"all below it was left; delete by hand what is a run's: {name} TXT"
    with pytest.raises(Stop, match=f"does not have the record of a run, so {by_hand}$"):
        safety.clean(here, RUN, is_known=False)
    assert left(here) == [name]
    here.records.publish(below(RUN, ZONE), [["theirs"]])
    with pytest.raises(Stop, match=f"left: {below(RUN, ZONE)} TXT was not made by a run"):
        safety.clean(here, RUN)
    assert left(here) == [below(RUN, ZONE)]


@pytest.mark.parametrize("has_transcript", [True, False], ids=["transcript", "another folder"])
def test_cleaned_up_without_the_mark(account, tmp_path, monkeypatch, has_transcript):
    """What a run made after its mark was taken away goes by its transcript, or is named one by one."""
    account.cut(after=60)
    _, printed = account.run()
    run = run_of(code_in(printed))
    record = f"x.{below(run, ZONE)}"
    assert account.run(CLEANUP=run)[0] == 0
    account.where.records.publish(record, [["late"]])
    command = f"make acceptance CLEANUP={run} ZONE={ZONE} REGION={REGION}"
    way_out = f"{command} where its transcript is; without that, delete by hand: {record} TXT\n"
    assert way_out in account.run(CLEANUP="1")[1]
    assert f"an earlier run left {record} TXT: {way_out}" in account.run()[1]
    if has_transcript:
        assert account.run(CLEANUP=run) == (0, f"deleted: {record} TXT\n")
        return
    (tmp_path / "another").mkdir()
    monkeypatch.chdir(tmp_path / "another")
    status, said = account.run(CLEANUP=run)
    assert (status, f"delete by hand what is a run's: {record} TXT" in said) == (1, True)
    account.where.records.remove(record)
    assert account.run(CLEANUP=run) == (0, "deleted: nothing was there\n")


def test_another_region(here):
    """The mark names the Region of a run: cleaning up in another one refuses, and names the right command."""
    lab = Lab(here, CODE)
    safety.mark(here, RUN)
    lab.create(lab.domain())
    before = left(here)
    elsewhere = dataclasses.replace(here, region="us-east-1", ses=DirectClient(here.ses.model, "us-east-1"))
    with pytest.raises(Stop, match=rf"nothing was deleted: .*CLEANUP={RUN} ZONE={ZONE} REGION={REGION}$"):
        safety.clean(elsewhere, RUN)
    assert left(here) == before
    assert len(safety.clean(here, RUN)) == 2


def test_another_zone(here):
    """A run without a record here may be another zone's: its mailbox stays, unless the zone is known."""

    class Mailboxes:
        def listed(self):
            return {RUN: [f"bucket {PREFIX}{RUN}"]}

        def remove(self, run):
            return [f"bucket {PREFIX}{run}"]

    here = dataclasses.replace(here, mailboxes=Mailboxes())
    with pytest.raises(Stop, match=rf"left: bucket {PREFIX}{RUN}: run {RUN} has no record in {ZONE}"):
        safety.clean(here, RUN, is_known=False)
    assert safety.clean(here, RUN) == [f"bucket {PREFIX}{RUN}"]


@pytest.mark.parametrize("kept", [str.upper, "{}.".format], ids=["capitals", "a final dot"])
def test_names_as_ses_keeps_them(here, kept):
    """An identity that SES keeps in capitals or with a final dot is this run's, and goes."""
    lab = Lab(here, CODE)
    safety.mark(here, RUN)
    name = lab.domain()
    lab.create(name)
    client = Renaming(here.ses, {name: kept(name)})
    here = dataclasses.replace(here, ses=client)
    assert kept(name) in safety.left(here)[RUN]
    assert kept(name) in safety.clean(here, RUN)
    assert left(here) == []


class Renaming:
    """A client of an SES that keeps some names in another form."""

    def __init__(self, client, kept):
        self.model, self._client, self._kept = client.model, client, kept

    def __getattr__(self, action):
        known = {form: name for name, form in self._kept.items()}

        def call(**parameters):
            if "EmailIdentity" in parameters:
                parameters["EmailIdentity"] = known[parameters["EmailIdentity"]]
            answer = getattr(self._client, action)(**parameters)
            for one in answer.get("EmailIdentities", ()):
                one["IdentityName"] = self._kept[one["IdentityName"]]
            return answer

        return call


def test_listed_late(here):
    """What SES lists only seconds after it was made, as after a kill, is found all the same."""
    with world(Switches(read_lag_seconds=5)) as here:
        lab = Lab(here, CODE)
        safety.mark(here, RUN)
        lab.create(lab.domain())
        safety.clean(here, RUN)
        here.wait(60)
        assert left(here) == []


def test_part(here):
    """The product's part can be cleaned up alone; the mark of the run stays."""
    lab = Lab(here, CODE)
    safety.mark(here, RUN)
    for domain in (lab.domain(), f"product.{below(RUN, ZONE)}"):
        lab.create(domain)
        lab.publish(domain, lab.key("k1"))
    assert safety.clean(here, RUN, part="product") == [
        f"product.{below(RUN, ZONE)}",
        f"k1._domainkey.product.{below(RUN, ZONE)} TXT",
    ]
    assert len(left(here)) == 3


def test_what_fails_keeps_nothing_else(here):
    """An identity that can't be deleted, or a service that fails, is named; the rest goes."""
    lab = Lab(here, CODE)
    safety.mark(here, RUN)
    stays, goes = lab.domain(), lab.domain()
    for domain in (stays, goes):
        lab.create(domain)
    lab.publish(goes, lab.key())

    class Mailboxes:
        def remove(self, run):
            raise Stop("bucket: AccessDenied")

    here = dataclasses.replace(here, mailboxes=Mailboxes())
    here.ses.model.inject(Fault("access_denied", operation="DeleteEmailIdentity", domain=stays, times=2))
    with pytest.raises(Stop) as caught:
        safety.clean(here, RUN)
    assert f"{stays}: 403 AccessDeniedException" in str(caught.value)
    assert "mail: bucket: AccessDenied" in str(caught.value)
    assert left(here) == [stays, below(RUN, ZONE)]


def test_what_fails_once(here):
    """An identity that can be deleted only in the second attempt is not said to be left."""
    lab = Lab(here, CODE)
    safety.mark(here, RUN)
    lab.create(domain := lab.domain())
    here.ses.model.inject(Fault("access_denied", operation="DeleteEmailIdentity", domain=domain))
    assert safety.clean(here, RUN) == [domain, f"{below(RUN, ZONE)} TXT"]


def test_clean_twice(here):
    """Cleaning up once more finds nothing and is no error."""
    lab = Lab(here, CODE)
    safety.mark(here, RUN)
    lab.create(lab.domain())
    assert len(safety.clean(here, RUN)) == 2
    assert safety.clean(here, RUN) == []


def test_no_network_while_it_cleans_up(here):
    """Without network cleaning up gives up after five minutes, however much there is, and names it all."""
    lab = Lab(here, CODE)
    safety.mark(here, RUN)
    for _ in range(20):
        lab.create(lab.domain())
    here.ses.model.inject(Fault("drop", operation="GetEmailIdentity", times=1000))
    begun = here.now()
    with pytest.raises(Stop, match=r"(GetEmailIdentity|get_email_identity).*; ") as caught:
        safety.clean(here, RUN)
    assert here.now() - begun < 3 * safety.CLEANING_PATIENCE
    assert str(caught.value).count("get_email_identity") == 20
    assert below(RUN, ZONE) in left(here)


def test_cleaned_up_meanwhile(account, tmp_path, monkeypatch):
    """What was cleaned up can't be resumed, from this folder or another one, and a new run begins."""
    for folder in (tmp_path, tmp_path / "another"):
        account.cut(after=60)
        _, printed = account.run()
        code = code_in(printed)
        folder.mkdir(exist_ok=True)
        monkeypatch.chdir(folder)
        status, cleaned = account.run(CLEANUP=code)
        assert (status, cleaned.count(below(run_of(code), ZONE)) > 3) == (0, True)
        monkeypatch.chdir(tmp_path)
        status, again = account.run(RESUME=code)
        assert (status, "that run was cleaned up" in again) == (1, True)
        assert "nothing was changed" in again
    assert safety.left(account.where) == {}


def test_cleanup_names_the_run(account):
    """Without the name of a run CLEANUP deletes nothing; it says what there is, and the command for it."""
    account.cut(after=60)
    _, printed = account.run()
    run = run_of(code_in(printed))
    before = safety.left(account.where)
    status, printed = account.run(CLEANUP="1")
    assert status == 1
    assert f"make acceptance CLEANUP={run} ZONE={ZONE} REGION={REGION}" in printed
    assert safety.left(account.where) == before
    assert account.run(CLEANUP=run)[0] == 0
    assert account.run(CLEANUP="1") == (0, "no run has left anything\n")
    assert account.run(CLEANUP=run) == (0, "deleted: nothing was there\n")


@pytest.mark.parametrize("has_transcript", [True, False], ids=["transcript", "another folder"])
def test_cleaned_up_in_part(account, tmp_path, monkeypatch, has_transcript):
    """A run whose clean-up failed can't go on, as its identities are gone; RESUME names CLEANUP."""
    account.cut(after=60)
    _, printed = account.run()
    code, mailboxes = code_in(printed), account.where.mailboxes
    account.where.mailboxes = Refusing()
    if not has_transcript:
        (tmp_path / "another").mkdir()
        monkeypatch.chdir(tmp_path / "another")
    assert account.run(CLEANUP=code)[0] == 1
    monkeypatch.chdir(tmp_path)
    status, again = account.run(RESUME=code)
    assert (status, "that run was cleaned up" in again) == (1, True)
    assert f"make acceptance CLEANUP={run_of(code)} ZONE={ZONE} REGION={REGION}" in again
    account.where.mailboxes = mailboxes
    assert account.run(CLEANUP=code)[0] == 0
    assert safety.left(account.where) == {}


def test_shown_again_before_it_is_cleaned_up(account):
    """A run that has ended, but could not be cleaned up, shows its report, and how to clean up."""
    account.product = lambda _: []
    account.where.mailboxes = Refusing()
    status, printed = account.run()
    assert (status, "not cleaned up: " in printed) == (1, True)
    status, again = account.run(RESUME=code_in(printed))
    assert (status, "not all of it was cleaned up: make acceptance CLEANUP=" in again) == (1, True)
    assert literal_in(again) == literal_in(printed)


@pytest.mark.parametrize("has_transcript", [True, False], ids=["transcript", "no transcript"])
def test_cleanup_elsewhere(account, tmp_path, monkeypatch, has_transcript):
    """CLEANUP with another Region than the run's deletes nothing, and names the right one."""
    account.cut(after=60)
    _, printed = account.run()
    code, before = code_in(printed), safety.left(account.where)
    if not has_transcript:
        (tmp_path / "another").mkdir()
        monkeypatch.chdir(tmp_path / "another")
    account.where.region = "us-east-1"
    status, said = account.run(CLEANUP=code, REGION="us-east-1")
    assert (status, "nothing was deleted" in said) == (1, True)
    assert f"CLEANUP={run_of(code)} ZONE={ZONE} REGION={REGION}" in said
    assert f"CLEANUP={run_of(code)} ZONE={ZONE} REGION={REGION}" in account.run(CLEANUP="1")[1]
    account.where.region = REGION
    assert safety.left(account.where) == before
    assert account.run(CLEANUP=code)[0] == 0


def test_full_disk(account, monkeypatch):
    """A transcript that can't be written ends the run, and keeps nothing from being cleaned up."""

    def full(journal, _):
        if journal.path:
            raise OSError("no space left on device")

    account.product = lambda _: monkeypatch.setattr(Journal, "_write", full) or []
    with pytest.raises(OSError, match="no space"):
        account.run()
    assert safety.left(account.where) == {}


def test_a_zone_needs_its_region(monkeypatch, capsys):
    """Without the Region a clean-up would look for a run's identities in another one, and find none."""
    monkeypatch.setenv("ZONE", "lab.example.org")
    monkeypatch.delenv("REGION", raising=False)
    assert acceptance.main() == 1
    assert "ZONE= goes with REGION=" in capsys.readouterr().out
