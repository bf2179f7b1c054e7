"""
What a run may not begin with, what it may delete, and how it notices that something foreign has appeared.

A run makes everything below `byodkim-acceptance-<run>.<zone>`, where a TXT record of its own stands first and
goes last, tags its identities with the run, and calls bucket and rule set after it. Only what has all of
that is deleted, and only of the run that is named. Where that record is gone, the run's transcript will do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from byodkim_provider.dns.resolver import DnsResolver
from tests.acceptance.errors import PATIENCE, Refused, Stop
from tests.acceptance.lab import TAG, Lab, Outside, Record, below, plain, run_in

PRICE: Final = (
    "under 2 US dollars: a few hundred messages and some Route 53 queries; the zone itself costs 0.50 a month"
)

APEX: Final = {"NS", "SOA"}

MADE: Final = {"TXT", "MX"}
"""Types of the records that runs make."""

MARK: Final = re.compile(
    rf"{TAG} made by make acceptance in (?P<region>[\w-]+) and taken away by "
    r"CLEANUP=(?P<run>[0-9a-f]{8})(?P<ends>, as it is now)?"
)
"""The text of the record that a run begins with."""

CLEANING_PATIENCE: Final = 300.0
"""For how long cleaning up tries to reach services, in seconds, all failures together: somebody waits."""

UNREACHED: Final = {"garbage", "interrupted", "no address", "no resolver", "no time", "silent", "unreachable"}
"""Failures of a lookup that say nothing of the zone."""

DNS_TRIES: Final = 7
"""Lookups of the run's mark, 10 seconds apart: name servers may be late by some seconds."""

SETTLE_SECONDS: Final = 10.0
"""Until identities are listed once more: a list may lag, and not have what was made just now."""


def refusals(outside: Outside, *, others: bool, resumes: str = "") -> list[str]:
    """Why no run may begin here; *others*: identities of others in the Region are all right."""
    runs = {run: names for run, names in left(outside).items() if run != resumes}
    return [
        *_foreign(outside.zone, outside.records.listed(), {resumes, *runs}),
        *([] if others else [f"{outside.region} has the identity {name}" for name in foreign(outside)]),
        *(
            f"an earlier run left {name}: {way_out(outside, run, [name])}"
            for run, names in runs.items()
            for name in names
            if not name.startswith("bucket ")  # a bucket may be of a run in another Region
        ),
    ]


def mark(outside: Outside, run: str, *, ends: bool = False) -> None:
    """The record that says whose the names below it are, in which Region, and if the run *ends*."""
    text = f"{TAG} made by make acceptance in {outside.region} and taken away by CLEANUP={run}"
    strings = [[text + (", as it is now" if ends else "")]]
    outside.records.publish(below(run, outside.zone), strings, waits=not ends)


def refuse_undelegated(outside: Outside, run: str, resolver: DnsResolver, say: Callable[[str], None]) -> None:
    """`Stop` if DNS does not have the run's mark, as SES asks the DNS and not Route 53."""
    name = below(run, outside.zone)
    for _ in range(DNS_TRIES):
        answers = resolver.txt(name, outside.zone)
        without = [one for one in answers if not any(map(MARK.fullmatch, one.values or ()))]
        wrong = [one for one in without if one.failure not in UNREACHED]
        if not wrong:
            break
        outside.wait(10)
    servers = ", ".join(f"{one.server} ({one.failure or 'no such record'})" for one in wrong or without)
    if wrong:
        raise Stop(
            f"{outside.zone} is not delegated to its hosted zone in Route 53: the record {name} is there, "
            f"and not at {servers}; set the NS records in the zone above"
        )
    if without:
        say(f"could not look up whether {outside.zone} is delegated to its hosted zone: {servers}")


def marked_in(outside: Outside, run: str, records: Collection[Record] = (), *, ends: bool = True) -> str:
    """
    The Region of the run that has begun in this zone, or "". *ends*: also while it is cleaned up.

    *records* are the zone's, if they were listed already.
    """
    name = below(run, outside.zone)
    at_name = (one for one in records or outside.records.listed() if one[:2] == (name, "TXT"))
    found = (MARK.fullmatch(text) for one in at_name for text in one.texts)
    of_run = [one for one in found if one and one["run"] == run and (ends or not one["ends"])]
    return of_run[0]["region"] if of_run else ""


def is_marked(outside: Outside, run: str, records: Collection[Record] = ()) -> bool:
    """The run has begun here, and nobody has begun to clean it up."""
    return marked_in(outside, run, records, ends=False) == outside.region


def way_out(outside: Outside, run: str, names: Collection[str] = ()) -> str:
    """How what *run* has left is deleted: *names*, as `left` has them."""
    if region := marked_in(outside, run):
        return clean_up_command(run, outside.zone, region)
    command = clean_up_command(run, outside.zone, outside.region)
    if records := [name for name in names if name.endswith(tuple(f" {kind}" for kind in MADE))]:
        return f"{command} where its transcript is; without that, delete by hand: {', '.join(records)}"
    if any(" " not in name for name in names):
        return command  # identities have the run's tag
    return (
        f"run {run} has no record in {outside.zone}; clean it up with the ZONE and REGION that it had, "
        "where its transcript is; without that, by hand"
    )


def clean_up_command(run: str, zone: str, region: str) -> str:
    """What is typed to clean up *run*."""
    return f"make acceptance CLEANUP={run} ZONE={zone} REGION={region}"


def guard(outside: Outside, run: str, say: Callable[[str], None]) -> Callable[[], None]:
    """
    What raises `Stop` if it sees anything that is not this *run*'s and was not there when it was made.

    A look that fails is no finding: the next one comes later. Only twelve hours without any end the run.
    """
    known = frozenset(foreign(outside))
    seen_at = outside.now()

    def look() -> None:
        nonlocal seen_at
        try:
            quick = replace(outside, patience=CLEANING_PATIENCE)
            identities, records = _identities(quick), outside.records.listed()
        except Stop as failed:
            if outside.now() - seen_at >= PATIENCE:
                raise Stop(f"nobody knows whether others use zone and Region: {failed}") from None
            say(f"could not look for what is not this run's, and looks again later: {failed}")
            return
        seen_at = outside.now()
        new = [
            f"{outside.region} has the identity {name}"
            for name in identities
            if name not in known and run_in(name, outside.zone) != run
        ]
        if problems := [*_foreign(outside.zone, records, {run}), *new]:
            raise Stop(f"something that is not this run's has appeared: {'; '.join(problems)}")
        if not is_marked(outside, run, records):
            raise Stop("this run was cleaned up while it ran")

    return look


def foreign(outside: Outside) -> list[str]:
    """Identities in the Region that no run has made."""
    return [name for name in _identities(outside) if not run_in(name, outside.zone)]


def left(outside: Outside) -> dict[str, list[str]]:
    """By run, what there is of it: identities, records, receipt rule sets of the Region, buckets."""
    found: dict[str, list[str]] = {}
    for name in _identities(outside):
        found.setdefault(run_in(name, outside.zone), []).append(name)
    for record in outside.records.listed():
        found.setdefault(run_in(record.name, outside.zone), []).append(f"{record.name} {record.kind}")
    found.pop("", None)
    for run, names in _mailboxes(outside).items():
        found.setdefault(run, []).extend(names)
    return found


def clean(
    outside: Outside,
    run: str,
    *,
    part: str = "",
    is_known: bool = True,
    begins: Callable[[], None] = lambda: None,
) -> list[str]:
    """
    Delete what *run* has made, or that *part* of it; the names of it. Once more is no harm.

    First the mark says so, and then *begins* is called: if that fails, nothing is deleted.
    One thing that can't be deleted keeps nothing else: `Stop` names all that is still there, at the end.
    Without its mark, records and mailbox are deleted only if the run *is_known* to be of this zone.
    """
    patience, outside.patience = outside.patience, min(outside.patience, CLEANING_PATIENCE)
    cleaning = _Cleaning(outside, run, part)
    try:
        try:
            is_marked = cleaning.marked()
        except Stop as stop:
            raise Stop(f"nothing was deleted: {stop}") from None
        begins()
        return cleaning.done(is_marked=is_marked, is_known=is_known or is_marked)
    finally:
        outside.patience = patience


class _Cleaning:
    """One attempt to delete what a run has made. A class for what it has deleted, and what went wrong."""

    def __init__(self, outside: Outside, run: str, part: str) -> None:
        self._outside, self._run, self._part = outside, run, part
        self._base = below(run, outside.zone)
        self._top = f"{part}.{self._base}" if part else self._base
        self._deleted: list[str] = []
        self._problems: dict[str, str] = {}

    def marked(self) -> bool:
        """Whether the run has a mark here. From then on it can't be resumed, from no folder."""
        region = marked_in(self._outside, self._run)
        if region and region != self._outside.region:
            raise Stop(f"that run is in {region}: {way_out(self._outside, self._run)}")
        if region and not self._part:
            mark(self._outside, self._run, ends=True)
        return bool(region)

    def done(self, *, is_marked: bool, is_known: bool) -> list[str]:
        """What was deleted. The mark goes last, so that until then the rest can be found by it."""
        self._delete_identities()
        self._delete_records(is_marked=is_marked, is_known=is_known)
        if not self._part:
            self._delete_mailbox(is_known=is_known)
            if is_marked or self._deleted:
                self._outside.wait(SETTLE_SECONDS)
                self._delete_identities()
            if is_marked and not self._problems:
                self._delete_record(Record(self._base, "TXT"))
        if self._problems:
            raise Stop(f"left: {'; '.join(f'{what}{why}' for what, why in self._problems.items())}")
        return self._deleted

    def _is_ours(self, name: str) -> bool:
        name = plain(name)
        is_below = name == self._top or name.endswith((f".{self._top}", f"@{self._top}"))
        return is_below and run_in(name, self._outside.zone) == self._run

    def _attempt(self, what: str, do: Callable[[], Any]) -> Any:
        """What *do* returns, or nothing. All failures together have the patience of one."""
        begun = self._outside.now()
        try:
            done = do()
            self._problems.pop(what, None)  # of the attempt before that
            return done
        except (Stop, Refused, ClientError, BotoCoreError) as error:
            self._problems[what] = f": {error}"
            self._outside.patience = max(self._outside.patience - (self._outside.now() - begun), 0)
            return []

    def _delete_identities(self) -> None:
        lab = Lab(self._outside, "clean")
        for name in filter(self._is_ours, self._attempt("identities", lambda: _identities(self._outside))):
            if name in self._deleted:
                continue  # a list of before that
            seen = self._attempt(name, lambda name=name: lab.get(name))
            if seen and {"Key": TAG, "Value": self._run} not in seen.get("Tags", ()):
                self._problems[name] = f" does not have the tag {TAG}={self._run}"
            elif seen:
                self._attempt(name, lambda name=name: self._deleted.append(lab.delete(name) or name))

    def _delete_records(self, *, is_marked: bool, is_known: bool) -> None:
        listed = self._attempt("records", self._outside.records.listed)
        records = [one for one in listed if self._is_ours(one.name)]
        if records and not self._part and not is_known:
            by_hand = f"delete by hand what is a run's: {', '.join(map(_shown, records))}"
            why = f" does not have the record of a run, so all below it was left; {by_hand}"
            self._problems[self._base] = why
            return
        for record in records:
            is_at_mark = record[:2] == (self._base, "TXT")
            if record.kind not in MADE or record.set_identifier or (is_at_mark and not is_marked):
                self._problems[_shown(record)] = " was not made by a run"
            elif not is_at_mark:
                self._delete_record(record)

    def _delete_record(self, record: Record) -> None:
        def delete() -> None:
            self._outside.records.remove(record.name, record.kind, waits=False)  # nobody waits for DNS
            self._deleted.append(_shown(record))

        self._attempt(_shown(record), delete)

    def _delete_mailbox(self, *, is_known: bool) -> None:
        if is_known:
            self._deleted += self._attempt("mail", lambda: self._outside.mailboxes.remove(self._run))
        elif names := self._attempt("mail", lambda: _mailboxes(self._outside).get(self._run, [])):
            self._problems[", ".join(names)] = f": {way_out(self._outside, self._run)}"


def _shown(record: Record) -> str:
    routed = f" {record.set_identifier!r}" if record.set_identifier else ""
    return f"{record.name} {record.kind}{routed}"


def _foreign(zone: str, records: Collection[Record], runs: Collection[str]) -> Iterator[str]:
    """What says that somebody uses the zone, beside *runs*."""
    for record in records:
        name, kind, set_identifier = record[:3]
        is_of_runs = not set_identifier and run_in(name, zone) in set(runs) - {""}
        if is_of_runs or (name == zone and kind in APEX):
            continue
        why = (
            "it receives mail"
            if kind == "MX"
            else "it has a policy for mail"
            if name.startswith("_dmarc.")
            else "it has a routing policy"
            if set_identifier
            else ""
        )
        yield f"{zone} is in use: {_shown(record)}" + (f", {why}" if why else "")


def _mailboxes(outside: Outside) -> dict[str, list[str]]:
    try:
        return outside.mailboxes.listed()
    except (ClientError, BotoCoreError) as error:
        raise Stop(f"buckets and receipt rule sets: {error}; POLICY=1 prints what is needed") from None


def _identities(outside: Outside) -> list[str]:
    lab, names, more = Lab(outside, "list"), [], {}
    while True:
        try:
            page = lab.call("list_email_identities", PageSize=1000, **more)
        except Refused as refused:
            raise Stop(f"ListEmailIdentities: {refused}; POLICY=1 prints what is needed") from None
        names += [one["IdentityName"] for one in page["EmailIdentities"]]
        if not page.get("NextToken"):
            return names
        more = {"NextToken": page["NextToken"]}
