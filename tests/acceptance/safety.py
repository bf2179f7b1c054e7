"""
What a run refuses, and what it deletes.

Everything that a run makes is, or is below, `byodkim-acceptance-<run>.<zone>`, in a zone that was
empty. A TXT record at that name is created first, and shows that the zone is delegated. What has
such a name, and its identity the run's tag, is deleted; nothing else is, and nothing is ever
overwritten.
"""

import re

from tests.acceptance.lab import TAG, Lab, Refused, Stop, below, plain


def run_in(name: str, zone: str) -> str:
    """The run that an identity or a record of that name belongs to, or ""."""
    found = re.fullmatch(rf"(?:.+[.@])?{below('([0-9a-f]{8})', re.escape(zone))}", plain(name))
    return found[1] if found else ""


def runs_here(lab: Lab) -> list[str]:
    """The runs that have left something in this zone and Region."""
    names = [*lab.identities(), *(record["Name"] for record in lab.records())]
    return sorted({run_in(name, lab.zone) for name in names} - {""})


def refuse(lab: Lab) -> None:
    """Raise `Stop` if no run may begin here."""
    problems = []
    if runs_here(lab):
        problems.append(f"an earlier run was not cleaned up: {lab.clean_command}")
    for record in lab.records():
        if plain(record["Name"]) != lab.zone or record["Type"] not in ("NS", "SOA"):
            problems.append(f"{lab.zone} is in use: {shown(record)}")
    for name in lab.identities():
        if not run_in(name, lab.zone):
            problems.append(f"{lab.region} has the identity {name}")
    if problems:
        raise Stop("nothing was changed:\n  " + "\n  ".join(problems))


def begin(lab: Lab) -> None:
    """Create the first record. SES asks the DNS, so the DNS has to know it."""
    name = below(lab.run, lab.zone)
    lab.create_record(name, "TXT", f'"{TAG}"')
    for _ in range(7):
        answers = lab.look_up(name, lab.zone)
        missing = [answer.server for answer in answers if TAG not in (answer.values or ())]
        if not missing:
            return
        lab.sleep(10)
    raise Stop(f"{lab.zone} is not delegated to its hosted zone: {name} is not at {missing}")


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
                if not seen:
                    continue
                if {"Key": TAG, "Value": run} not in seen["Tags"]:
                    raise Stop(f"does not have the tag {TAG}={run}")
                lab.delete(name)
                deleted.append(name)
            except (Refused, Stop) as error:
                problems[name] = str(error)
    for record in lab.records():
        if run_in(record["Name"], lab.zone) != run:
            continue
        if record["Type"] in ("TXT", "CNAME"):
            lab.change("DELETE", record)
            deleted.append(shown(record))
        else:
            problems[shown(record)] = "was not made by a run"
    if problems:
        raise Stop("left: " + "; ".join(f"{name}: {why}" for name, why in problems.items()))
    return deleted


def shown(record: dict[str, str]) -> str:
    return f"{plain(record['Name'])} {record['Type']}"
