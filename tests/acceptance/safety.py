"""
What a run may not begin with, what it may delete, and how it notices that something foreign has appeared.

A run makes everything below `byodkim-acceptance-<run>.<zone>`, where a TXT record of its own stands first and
goes last, tags its identities with the run, and calls bucket and rule set after it. Only what has all of
that is deleted, and only of the run that is named.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from tests.acceptance.errors import Refused, Stop
from tests.acceptance.lab import TAG, Lab, Outside, Record, below, run_in

PRICE: Final = (
    "under 2 US dollars: a few hundred messages and some Route 53 queries; the zone itself costs 0.50 a month"
)

APEX: Final = {"NS", "SOA"}

MADE: Final = {"TXT", "MX"}
"""Types of the records that runs make."""

CLEANING_PATIENCE: Final = 300.0
"""For how long cleaning up tries to reach a service, in seconds: somebody waits for it."""


def refusals(outside: Outside, *, others: bool, resumes: str = "") -> list[str]:
    """Why no run may begin here; *others*: identities of others in the Region are all right."""
    runs = {run: names for run, names in left(outside).items() if run != resumes}
    way_out = f"make acceptance CLEANUP={{}} ZONE={outside.zone} REGION={outside.region}"
    return [
        *_foreign_records(outside, {resumes, *runs}),
        *([] if others else [f"{outside.region} has the identity {name}" for name in foreign(outside)]),
        *(
            f"an earlier run left {name}: {way_out.format(run)}"
            for run, names in runs.items()
            for name in names
            if not name.startswith("bucket ")  # a bucket may be of a run in another Region
        ),
    ]


def mark(outside: Outside, run: str) -> None:
    """The record that says whose the names below it are."""
    text = f"{TAG} made by make acceptance and taken away by CLEANUP={run}"
    outside.records.publish(below(run, outside.zone), [[text]])


def is_marked(outside: Outside, run: str) -> bool:
    """The run has begun here and was not cleaned up."""
    return any((one.name, one.kind) == (below(run, outside.zone), "TXT") for one in outside.records.listed())


def guard(outside: Outside, run: str, known: Collection[str]) -> None:
    """Stop if anything is there that is not this *run*'s and was not *known* at its beginning."""
    new = [
        f"{outside.region} has the identity {name}"
        for name in _identities(outside)
        if name not in known and run_in(name, outside.zone) != run
    ]
    problems = [*_foreign_records(outside, {run}), *new]
    if problems:
        raise Stop(f"something that is not this run's has appeared: {'; '.join(problems)}")
    if not is_marked(outside, run):
        raise Stop("this run was cleaned up while it ran")


def foreign(outside: Outside) -> list[str]:
    """Identities in the Region that no run has made."""
    return [name for name in _identities(outside) if not run_in(name, outside.zone)]


def left(outside: Outside) -> dict[str, list[str]]:
    """By run, what there is of it: identities, records, receipt rule sets of the Region, buckets."""
    found: dict[str, list[str]] = {}
    for name in _identities(outside):
        found.setdefault(run_in(name, outside.zone), []).append(name)
    for name, kind, _ in outside.records.listed():
        found.setdefault(run_in(name, outside.zone), []).append(f"{name} {kind}")
    found.pop("", None)
    for run, names in _mailboxes(outside).items():
        found.setdefault(run, []).extend(names)
    return found


def clean(outside: Outside, run: str, *, part: str = "") -> list[str]:
    """
    Delete what *run* has made, or that *part* of it; the names of it. Once more is no harm.

    One thing that can't be deleted keeps nothing else: `Stop` names all that is still there, at the end.
    """
    patience, outside.patience = outside.patience, min(outside.patience, CLEANING_PATIENCE)
    try:
        return _clean(outside, run, part)
    finally:
        outside.patience = patience


def _clean(outside: Outside, run: str, part: str) -> list[str]:
    base = below(run, outside.zone)
    top = f"{part}.{base}" if part else base
    deleted: list[str] = []
    problems: list[str] = []

    def is_ours(name: str) -> bool:
        return run_in(name, outside.zone) == run and (name == top or name.endswith((f".{top}", f"@{top}")))

    def attempt(what: str, do: Callable[[], Any]) -> Any:
        try:
            return do()
        except (Stop, Refused, ClientError, BotoCoreError) as error:
            problems.append(f"{what}: {error}")
            return []

    lab = Lab(outside, "clean")
    for name in filter(is_ours, attempt("identities", lambda: _identities(outside))):
        if _has_tag(attempt(name, lambda name=name: lab.get(name)), run):
            attempt(name, lambda name=name: deleted.append(lab.delete(name) or name))
        else:
            problems.append(f"{name} does not have the tag {TAG}={run}")
    records = [one for one in attempt("records", outside.records.listed) if is_ours(one.name)]
    if records and not part and not any((one.name, one.kind) == (base, "TXT") for one in records):
        problems.append(f"{base} does not have the record of a run, so all below it was left")
        records = []
    for record in sorted(records, key=lambda one: one.name == base):  # the mark goes last
        if record.kind not in MADE or record.set_identifier:
            problems.append(f"{_shown(record)} was not made by a run")
        elif record.name != base or not problems:
            attempt(
                _shown(record),
                lambda it=record: deleted.append(outside.records.remove(it.name, it.kind) or _shown(it)),
            )
    if not part:
        deleted += attempt("mail", lambda: outside.mailboxes.remove(run))
    if problems:
        raise Stop(f"left: {'; '.join(problems)}")
    return deleted


def _has_tag(seen: Any, run: str) -> bool:
    return bool(seen) and {"Key": TAG, "Value": run} in seen["Tags"]


def _shown(record: Record) -> str:
    routed = f" {record.set_identifier!r}" if record.set_identifier else ""
    return f"{record.name} {record.kind}{routed}"


def _foreign_records(outside: Outside, runs: Collection[str]) -> Iterator[str]:
    for record in outside.records.listed():
        name, kind, set_identifier = record
        if (name == outside.zone and kind in APEX) or (
            not set_identifier and run_in(name, outside.zone) in set(runs) - {""}
        ):
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
        yield f"{outside.zone} is in use: {_shown(record)}" + (f", {why}" if why else "")


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
