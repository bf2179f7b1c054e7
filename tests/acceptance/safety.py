"""
What a run refuses, how it notices that somebody else uses zone or Region, and what it deletes.

Everything that a run makes is below `byodkim-acceptance-<run>.<zone>`. The TXT record at that name, the
mark, is created first and deleted last. It names the run and its Region. Identities have the run's tag too.
An identity is deleted if it has such a name and the tag; a record, if it is a TXT record without a routing
policy, or a CNAME record that leads to such a name, has such a name, and the zone has the run's mark. A run's
one tenant is named after it and has the tag too. Nothing else is deleted or overwritten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from tests.acceptance.lab import PREFIX, TAG, Lab, Record, Refused, Stop, below, plain, tenant_of

PRICE: Final = "under 1 US dollar: some Route 53 queries and, with --mail-to, about 60 messages"

TENANT_PRICE: Final = "; one tenant for some minutes, by AWS's price list"

MARK: Final = re.compile(
    rf"{TAG} made in (?P<region>[\w-]+) by `make acceptance`; --clean deletes all of "
    r"run (?P<run>[0-9a-f]{8})"
)
"""The value of the record that a run begins with."""

CLEANING_TRIES: Final = 9
"""Attempts for one call while cleaning up: about four minutes, as a person waits."""

NO_SET: Final = "byodkim-acceptance-no-such-set"
"""A configuration set that does not exist. A question asks for it."""


def run_in(name: str, zone: str) -> str:
    """The run that an identity or a record of that name belongs to, or ""."""
    found = re.fullmatch(rf"(?:.+[.@])?{PREFIX}([0-9a-f]{{8}})\.{re.escape(zone)}", plain(name))
    return found[1] if found else ""


def marks(lab: Lab, records: Sequence[Record]) -> dict[str, str]:
    """The Region of each run that has begun in this zone, by run."""
    found: dict[str, str] = {}
    for record in records:
        for text in record.texts:
            mark = MARK.fullmatch(text)
            if mark and record.name == below(mark["run"], lab.zone):
                found[mark["run"]] = mark["region"]
    return found


def foreign_records(lab: Lab, records: Sequence[Record], run: str = "") -> list[str]:
    """What is in the zone beside its NS and SOA records and the records of *run*."""
    return [
        shown(record)
        for record in records
        if (record.name, record.kind) not in ((lab.zone, "NS"), (lab.zone, "SOA"))
        and (record.is_routed or not run or run_in(record.name, lab.zone) != run)
    ]


def shown(record: Record) -> str:
    return f"{record.name} {record.kind}" + (" (routing policy)" if record.is_routed else "")


def refusals(lab: Lab, *, others: bool) -> list[str]:
    """Why no run may begin here. *others*: identities of others in the Region are fine."""
    records, names = lab.records.listed(), lab.identities()
    problems = [f"{lab.zone} is in use: {each}" for each in foreign_records(lab, records)]
    if marks(lab, records) or any(run_in(name, lab.zone) for name in names):
        problems.append("an earlier run was not cleaned up: --clean deletes it")
    if not others:
        theirs = [name for name in names if not run_in(name, lab.zone)]
        problems += [f"{lab.region} has the identity {name}; --others allows that" for name in theirs]
    return problems


def begin(lab: Lab, say: Callable[[str], None], *, others: bool) -> None:
    """Refuse, or create the mark and set the guard. SES asks the DNS, so the DNS has to know the mark."""
    if problems := refusals(lab, others=others):
        raise Stop("nothing was changed:\n  " + "\n  ".join(problems))
    lab.guard = guard(lab, say)
    name = below(lab.run, lab.zone)
    mark = f"{TAG} made in {lab.region} by `make acceptance`; --clean deletes all of run {lab.run}"
    lab.records.publish(name, [[mark]])
    for _ in range(7):
        answers = lab.look_up(name, lab.zone)
        missing = [each for each in answers if mark not in (each.values or ())]
        if not missing:
            return
        lab.sleep(10)
    servers = ", ".join(f"{each.server} ({each.failure or 'no such record'})" for each in missing)
    raise Stop(f"{lab.zone} is not delegated to its hosted zone: {name} can't be found at {servers}")


def guard(lab: Lab, say: Callable[[str], None]) -> Callable[[], None]:
    """A function that raises `Stop` if anything has appeared that is not the run's. It leaves that alone."""
    known = set(lab.identities())

    def check() -> None:
        try:
            names, records = lab.identities(), lab.records.listed()
        except (Refused, Stop) as error:
            say(f"could not check who else uses zone and Region, checking again later: {error}")
            return
        new = [name for name in names if name not in known and run_in(name, lab.zone) != lab.run]
        if new := [*new, *foreign_records(lab, records, lab.run)]:
            raise Stop(f"somebody else uses zone or Region: {', '.join(new)}")
        if lab.run not in marks(lab, records):
            raise Stop("this run was cleaned up while it ran")

    return check


def clean(lab: Lab, run: str, *, is_own: bool = False) -> list[str]:
    """
    Delete what *run* has made, and return the names. May be called again at any time.

    *is_own*: this process is the run, so its records are deleted even if somebody has deleted the mark.
    What can't be deleted does not keep the rest: `Stop` names all that is left, at the end.
    """
    lab.tries = lab.records.tries = CLEANING_TRIES
    records = lab.records.listed()
    region = marks(lab, records).get(run, "")
    if region and region != lab.region:
        raise Stop(f"run {run} was made in {region}: pass --region {region}")
    deleted: list[str] = []
    problems: dict[str, str] = {}

    def attempt(name: str, do: Callable[[], str]) -> None:
        problems.pop(name, None)
        try:
            if problem := do():
                problems[name] = problem
            elif name not in deleted:
                deleted.append(name)
        except (ClientError, Refused, Stop) as error:
            problems[name] = str(error)

    def delete_tenant(name: str) -> str:
        if {"Key": TAG, "Value": run} not in lab.tags_of_tenant(name):
            return f"does not have the tag {TAG}={run}"
        lab.call("delete_tenant", TenantName=name)  # its identities stay
        return ""

    def delete_identity(name: str) -> str:
        seen = lab.get(name)
        if seen and {"Key": TAG, "Value": run} not in seen.get("Tags", ()):
            return f"does not have the tag {TAG}={run}"
        lab.delete(name)
        return ""

    def delete_record(record: Record) -> str:
        if not (region or is_own):
            return f"the record {below(run, lab.zone)} is missing, which a run begins with: delete it by hand"
        leads_away = record.kind == "CNAME" and any(run_in(each, lab.zone) != run for each in record.texts)
        if record.kind not in ("TXT", "CNAME") or record.is_routed or leads_away:
            return "was not made by a run"
        lab.records.remove(record.name, record.kind)
        return ""

    if lab.tags_of_tenant(tenant_of(run)):
        attempt(f"tenant {tenant_of(run)}", lambda: delete_tenant(tenant_of(run)))
    for pause in (0, 10):  # the list may not have what was made a moment ago
        lab.sleep(pause)
        for name in lab.identities():
            if run_in(name, lab.zone) == run and name not in deleted:
                attempt(name, lambda name=name: delete_identity(name))  # type: ignore[misc]
    ours = [each for each in records if run_in(each.name, lab.zone) == run]
    ours.sort(key=lambda each: each.name == below(run, lab.zone))  # the mark comes last
    for record in ours:
        if record.name != below(run, lab.zone) or not problems:
            attempt(shown(record), lambda record=record: delete_record(record))  # type: ignore[misc]
    if problems:
        raise Stop("left: " + "; ".join(f"{name}: {why}" for name, why in problems.items()))
    return deleted


def runs_here(lab: Lab) -> list[str]:
    """The runs that have left something in this zone and Region."""
    records = lab.records.listed()
    names = [*lab.identities(), *(each.name for each in records)]
    return sorted({run_in(name, lab.zone) for name in names} - {""})


def policy(lab: Lab, mail_to: str, *, tenants: bool) -> dict[str, Any]:
    """The least that a run needs, as an IAM policy. IAM compares ARNs with case."""
    arn = f"arn:aws:ses:{lab.region}:{lab.account}"
    ours = f"*.{PREFIX}*.{lab.zone}"
    identities = [f"{arn}:identity/{name}" for name in (ours, f"{ours}.", ours.upper())]
    hosted_zone = f"arn:aws:route53:::hostedzone/{lab.zone_id}"
    names = [ours.removeprefix("*."), ours]
    kinds = ["CNAME", "TXT"]
    statements = [
        _allow(
            [
                "ses:CreateEmailIdentity",
                "ses:DeleteEmailIdentity",
                "ses:GetEmailIdentity",
                "ses:PutEmailIdentityDkimAttributes",
                "ses:PutEmailIdentityDkimSigningAttributes",
                "ses:TagResource",
                "ses:UntagResource",
            ],
            *identities,
        ),
        _allow(["ses:CreateEmailIdentity"], f"{arn}:configuration-set/{NO_SET}"),
        _allow(
            [
                "route53:ListHostedZones",
                "route53:ListHostedZonesByName",
                "ses:ListEmailIdentities",
                *(["ses:ListResourceTenants"] if tenants else []),
                "sts:GetCallerIdentity",
            ],
            "*",
        )
        | {"Sid": "ReadsThatIamCanNotNarrow"},
        _allow(["route53:GetHostedZone", "route53:ListResourceRecordSets"], hosted_zone),
        _allow(["route53:ChangeResourceRecordSets"], hosted_zone)
        | {
            "Condition": {
                "ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": kinds},
                "ForAllValues:StringLike": {"route53:ChangeResourceRecordSetsNormalizedRecordNames": names},
            }
        },
        _allow(["route53:GetChange"], "arn:aws:route53:::change/*"),
        _allow(["ses:GetTenant"], f"{arn}:tenant/{PREFIX}*"),
    ]
    if tenants:
        actions = [
            f"ses:{verb}Tenant{what}" for verb in ("Create", "Delete") for what in ("", "ResourceAssociation")
        ]
        statements.append(_allow(actions, f"{arn}:tenant/{PREFIX}*", identities[0]))
    if mail_to:  # an account in SES's own sandbox needs the recipient's identity too
        recipients = [f"{arn}:identity/{name}" for name in (mail_to, mail_to.partition("@")[2])]
        only = {"ForAllValues:StringEquals": {"ses:Recipients": [mail_to]}}
        statements.append(_allow(["ses:SendEmail"], identities[0], *recipients) | {"Condition": only})
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(actions: list[str], *resources: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}
