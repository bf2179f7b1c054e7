"""
What a run refuses, and what it deletes.

Everything that a run makes is, or is below, `byodkim-acceptance-<run>.<zone>`, in a zone that was
empty. A TXT record at that name is created first, and shows that the zone is delegated. What has
such a name, and its identity the run's tag, is deleted; nothing else is, and nothing is ever
overwritten.
"""

from __future__ import annotations

import re
from typing import Final

from botocore.exceptions import ClientError

from tests.acceptance.lab import PREFIX, TAG, Lab, Refused, Stop, below, plain

PRICE: Final = "under 1 US dollar: some Route 53 queries and, with --mail-to, some messages"


def run_in(name: str, zone: str) -> str:
    """The run that an identity or a record of that name belongs to, or ""."""
    found = re.fullmatch(rf"(?:.+[.@])?{PREFIX}([0-9a-f]{{8}})\.{re.escape(zone)}", plain(name))
    return found[1] if found else ""


def runs_here(lab: Lab) -> list[str]:
    """The runs that have left something in this zone and Region."""
    names = [*lab.identities(), *(each.name for each in lab.records())]
    return sorted({run_in(name, lab.zone) for name in names} - {""})


def refuse(lab: Lab) -> None:
    """Raise `Stop` if no run may begin here."""
    own = ((lab.zone, "NS"), (lab.zone, "SOA"))
    theirs = [str(each) for each in lab.records() if (each.name, each.kind) not in own]
    problems = [f"{lab.zone} is in use: {each}" for each in theirs]
    if runs_here(lab):
        problems.append("an earlier run was not cleaned up: --clean deletes it")
    others = [name for name in lab.identities() if not run_in(name, lab.zone)]
    problems += [f"{lab.region} has the identity {name}" for name in others]
    if problems:
        raise Stop("nothing was changed:\n  " + "\n  ".join(problems))


def begin(lab: Lab) -> None:
    """Refuse, or create the first record. SES asks the DNS, so the DNS has to know it."""
    refuse(lab)
    name = below(lab.run, lab.zone)
    lab.create_record(name, "TXT", f'"{TAG}"')
    for _ in range(7):
        answers = lab.look_up(name, lab.zone)
        missing = [each for each in answers if TAG not in (each.values or ())]
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
    deleted: list[str] = []
    problems: dict[str, str] = {}
    for pause in (0, 10):  # the list may not have what was made a moment ago
        lab.sleep(pause)
        for name in lab.identities():
            if run_in(name, lab.zone) != run or name in deleted:
                continue
            problems.pop(name, None)
            try:
                seen = lab.get(name)
                if seen and {"Key": TAG, "Value": run} not in seen.get("Tags", ()):
                    raise Stop(f"does not have the tag {TAG}={run}")
                lab.delete(name)
                deleted.append(name)
            except (ClientError, Refused, Stop) as error:
                problems[name] = str(error)
    for record in lab.records():
        if run_in(record.name, lab.zone) != run:
            continue
        if record.kind in ("TXT", "CNAME"):
            lab.remove_record(record.name, record.kind)
            deleted.append(str(record))
        else:
            problems[str(record)] = "was not made by a run"
    if problems:
        raise Stop("left: " + "; ".join(f"{name}: {why}" for name, why in problems.items()))
    return deleted
