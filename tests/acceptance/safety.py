"""
What a run refuses, and what it deletes.

Everything that a run makes is below `byodkim-acceptance-<run>.<zone>`. The TXT record at that name,
the mark, is created first and deleted last. It names the run and its Region. Identities have the
run's tag too. An identity is deleted if it has such a name and the tag; a record, if it is a TXT
record without a routing policy, or a CNAME record that leads to such a name, has such a name, and
the zone has the run's mark. Nothing else
is deleted or overwritten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import ClientError

from tests.acceptance.lab import (
    PREFIX,
    TAG,
    Lab,
    Record,
    Refused,
    Stop,
    below,
    plain,
    quoted,
)

PRICE: Final = "under 1 US dollar: some Route 53 queries and, with --mail-to, some messages"

MARK: Final = TAG + " made in {region} by `make acceptance`; --clean deletes all of run {run}"
"""The value of the record that a run begins with."""


def run_in(name: str, zone: str) -> str:
    """The run that an identity or a record of that name belongs to, or ""."""
    found = re.fullmatch(rf"(?:.+[.@])?{PREFIX}([0-9a-f]{{8}})\.{re.escape(zone)}", plain(name))
    return found[1] if found else ""


def marks(lab: Lab, records: Sequence[Record]) -> dict[str, str]:
    """The Region of each run that has begun in this zone, by run."""
    pattern = MARK.format(region=r"(?P<region>[\w-]+)", run="(?P<run>[0-9a-f]{8})")
    found = [(each.name, re.fullmatch(pattern, text)) for each in records for text in each.texts]
    return {m["run"]: m["region"] for name, m in found if m and name == below(m["run"], lab.zone)}


def refuse(lab: Lab) -> None:
    """Raise `Stop` if no run may begin here."""
    records, names = lab.records(), lab.identities()
    own = ((lab.zone, "NS"), (lab.zone, "SOA"))
    theirs = [str(each) for each in records if (each.name, each.kind) not in own]
    problems = [f"{lab.zone} is in use: {each}" for each in theirs]
    if marks(lab, records) or any(run_in(name, lab.zone) for name in names):
        problems.append("an earlier run was not cleaned up: --clean deletes it")
    others = [name for name in names if not run_in(name, lab.zone)]
    problems += [f"{lab.region} has the identity {name}" for name in others]
    if problems:
        raise Stop("nothing was changed:\n  " + "\n  ".join(problems))


def begin(lab: Lab) -> None:
    """Refuse, or create the mark. SES asks the DNS, so the DNS has to know the mark."""
    refuse(lab)
    name, mark = below(lab.run, lab.zone), MARK.format(region=lab.region, run=lab.run)
    lab.create_record(name, "TXT", quoted([mark]))
    for _ in range(7):
        answers = lab.look_up(name, lab.zone)
        missing = [each for each in answers if mark not in (each.values or ())]
        if not missing:
            return
        lab.sleep(10)
    servers = ", ".join(f"{each.server} ({each.failure or 'no such record'})" for each in missing)
    raise Stop(
        f"{lab.zone} is not delegated to its hosted zone: {name} can't be found at {servers}"
    )


def clean(lab: Lab, run: str) -> list[str]:
    """
    Delete what *run* has made, and return the names. May be called again at any time.

    What can't be deleted does not keep the rest: `Stop` names all that is left, at the end.
    """
    top, records = below(run, lab.zone), lab.records()
    region = marks(lab, records).get(run, "")
    if region and region != lab.region:
        raise Stop(f"run {run} was made in {region}: pass --region {region}")
    deleted: list[str] = []
    problems: dict[str, str] = {}

    @contextmanager
    def deleting(name: str) -> Iterator[None]:
        problems.pop(name, None)
        try:
            yield
        except (ClientError, Refused, Stop) as error:
            problems[name] = str(error)

    def check_tag(tags: Sequence[dict[str, str]]) -> None:
        if {"Key": TAG, "Value": run} not in tags:
            raise Stop(f"does not have the tag {TAG}={run}")

    for pause in (0, 10):  # the list may not have what was made a moment ago
        lab.sleep(pause)
        for name in lab.identities():
            if run_in(name, lab.zone) == run and name not in deleted:
                with deleting(name):
                    if seen := lab.get(name):
                        check_tag(seen.get("Tags", ()))
                    lab.delete(name)
                    deleted.append(name)
    for record in sorted(records, key=lambda each: each.name == top):  # the mark comes last
        if run_in(record.name, lab.zone) == run and (record.name != top or not problems):
            with deleting(str(record)):
                if not region:
                    raise Stop(
                        f"the record {top} is missing, which a run begins with: delete it by hand"
                    )
                targets = record.texts if record.kind == "CNAME" else ()
                leads_away = any(run_in(target, lab.zone) != run for target in targets)
                if record.kind not in ("TXT", "CNAME") or record.is_routed or leads_away:
                    raise Stop("was not made by a run")
                lab.remove_record(record.name, record.kind)
                deleted.append(str(record))
    if problems:
        raise Stop("left: " + "; ".join(f"{name}: {why}" for name, why in problems.items()))
    return deleted


def runs_here(lab: Lab) -> list[str]:
    """The runs that have left something in this zone and Region."""
    names = [*lab.identities(), *(each.name for each in lab.records())]
    return sorted({run_in(name, lab.zone) for name in names} - {""})
