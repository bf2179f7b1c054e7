"""
One question about SES a function: what is done to an identity of its own, and what the answer means.

A question is a generator that yields for how many seconds it has nothing to do; all questions of a round
are asked at once. It returns answers by name: a switch of `sandbox.ses.switches`, or a fact of its own words.
`UNKNOWN` means that SES shows no difference. "Not yet" is "no" only where SES shows a check that missed, or
after half a day beside a control: an identity with a right key and record, created later, that is verified.
"""

from __future__ import annotations

import base64
import email
import math
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.acceptance.lab import CREATE, PUT, TAG, Key, Lab, Refused, Unanswered, quoted
from tests.acceptance.safety import NO_SET

UNKNOWN: Final = "unknown"

Findings = dict[str, Any]
Question = Generator[float, None, Findings]
Seen = dict[str, Any]

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

SETTLE_SECONDS: Final = 75.0
"""From Route 53's INSYNC until every resolver has the new state: the TTL of a run's records, and a bit."""

PATIENCE_SECONDS: Final = DAY / 2
"""How long "not yet" has to last before it is "no". SES's gaps between checks grow."""

NEGATIVE_SECONDS: Final = 900.0
"""How long a resolver may remember "no such name" of a zone in Route 53: the TTL of its SOA record."""

STARTED: Final = ("PENDING", "NOT_STARTED")
"""DKIM statuses of an identity whose key SES is searching for."""

LAGS: Final = (0, 5, 10, 30, 60)
CHECKS: Final = (1, 60, 300, 660, 1800, 3600, 7200)
LINGERS: Final = (0, 30, 60, 120, 300, 600, 900)
"""Seconds that are distinguished. A value between two steps is reported as the later one, with its bounds."""

RATES: Final = (10, 5, 2, 1)
"""Calls a second that are distinguished."""

BURST, SUSTAINED = 48, 12
"""
Calls at once, at most, to use up what SES allows above its rate; and calls at a rate, after a throttled call,
that show that SES sustains it.
"""

NEVER: Final = {
    "identity_limit": "nobody creates 10,000 identities to find out",
    "replicas_follow": "a run works in one Region",
}
"""Switches that no question asks about, and why."""


class Turn(NamedTuple):
    """
    The end of a watch: the last read, and whether it shows what was awaited.

    It turned *after* the beginning of the last read that did not show it (minus infinity if there was none).
    """

    seen: Seen | None
    found: bool
    after: float
    by: float


# Reading an identity


def status(seen: Seen | None) -> str:
    """The DKIM status, or "" without an identity."""
    return str((seen or {}).get("DkimAttributes", {}).get("Status", ""))


def info(seen: Seen | None) -> dict[str, Any]:
    """`VerificationInfo`."""
    return dict((seen or {}).get("VerificationInfo", {}))


def checked_at(seen: Seen | None) -> float:
    """SES's time of the last check that it shows, or 0."""
    return float(info(seen).get("LastCheckedTimestamp", 0))


def misses(seen: Seen | None, since: float) -> bool:
    """SES shows a check after *since*, its own time, that did not find the record."""
    shown = info(seen)
    is_missed = "ErrorType" in shown and shown.get("LastSuccessTimestamp", 0) < checked_at(seen)
    return is_missed and checked_at(seen) > since


# Waiting


def step(grid: Sequence[float], more_than: float, at_most: float) -> Any:
    """The first step of *grid* above *more_than*; `UNKNOWN` if *at_most* is as near to the next one."""
    above = [*(each for each in grid if each > more_than), 2 * grid[-1]]
    return above[0] if len(above) > 1 and at_most < (above[0] + above[1]) / 2 else UNKNOWN


def bounds(more_than: float, at_most: float) -> str:
    """The same for the reader of the report, in whole seconds."""
    return f"at least {max(math.floor(more_than), 0)}, at most {math.ceil(at_most)}"


def samples(grid: Sequence[float]) -> list[float]:
    """Moments soon before and soon after each step of *grid*."""
    return sorted([*(0.9 * each for each in grid if each), *(1.05 * each + 2 for each in grid)])


def watch(
    lab: Lab, domain: str, shows: Callable[[Seen | None], bool], *, every: float, at_most: float
) -> Generator[float, None, Turn]:
    """Read *domain* until the read *shows* what is awaited; one read is made after the time limit too."""
    end, after = lab.now() + at_most, -math.inf
    while True:
        asked = lab.now()
        seen = lab.get(domain)
        if shows(seen) or asked >= end:
            return Turn(seen, shows(seen), after, lab.now())
        after = asked
        yield every


def until_verified(lab: Lab, domain: str) -> Generator[float, None, None]:
    """Wait until SES has found the key."""
    every = lab.first_check / 2 + 15
    turn = yield from watch(lab, domain, lambda s: status(s) == "SUCCESS", every=every, at_most=6 * HOUR)
    if not turn.found:
        raise Unanswered(f"SES did not verify {domain} in 6 hours")


def published(lab: Lab) -> tuple[str, Key]:
    """A name and a key whose record is in DNS."""
    domain, key = lab.domain(), lab.key()
    lab.publish(domain, key)
    return domain, key


def verified(lab: Lab) -> Generator[float, None, tuple[str, Key]]:
    """A verified identity and its key."""
    domain, key = published(lab)
    lab.create(domain, key)
    yield lab.first_check + lab.lag + 10
    yield from until_verified(lab, domain)
    return domain, key


def control(lab: Lab) -> Generator[float, None, bool]:
    """Whether SES verifies a new identity whose record is right."""
    try:
        domain, _ = yield from verified(lab)
    except Unanswered:
        return False
    lab.delete(domain)
    return True


Puts = list[tuple[str, str, str]]
"""The DKIM status before a Put, in its response, and after it; nothing where one is not known."""


def put(
    lab: Lab, domain: str, key: Key, before: str
) -> Generator[float, None, tuple[Seen, Seen | None, Puts]]:
    """Put *key*: the response, and a read before SES's first check after it, None if there is none."""
    put_at, answer = lab.now(), lab.put(domain, key)
    yield lab.lag + 1 + min(MINUTE / 2, max(lab.unchecked - lab.lag, 0) / 8)
    soon = lab.get(domain)
    if checked_at(soon) > answer["At"] or lab.now() >= put_at + lab.unchecked:
        soon = None
    is_known = soon and "DkimStatus" in answer
    return answer, soon, [(before, answer["DkimStatus"], status(soon))] if is_known else []


def put_answer(puts: Puts) -> str:
    """The switch `put_answer`: the one way to answer a Put that explains all *puts*."""
    fits = {
        "as Get": all(answer == after for _, answer, after in puts),
        "NOT_STARTED": all(answer == "NOT_STARTED" for _, answer, _ in puts),
        "before": all(answer == before for before, answer, _ in puts),
    }
    found = [way for way, all_fit in fits.items() if all_fit]
    return found[0] if puts and len(found) == 1 else UNKNOWN


# The questions


def first_key(lab: Lab) -> Question:
    """How far do reads lag, when does SES first check DNS, and does it show the selector?"""
    domain, key = published(lab)
    yield SETTLE_SECONDS
    sent = lab.now()
    created = lab.create(domain, key)
    at = lab.now()
    missing, soon = -1.0, ""
    shown: list[float] = []
    yield 1.2
    while len(shown) < 3:  # a single read may come from a server that is ahead of the others
        asked = lab.now()
        if seen := lab.get(domain):
            shown.append(lab.now() - sent)
            soon = soon or status(seen)
        else:
            missing, shown = asked - at, []
        if asked > at + 2 * MINUTE:
            raise Unanswered("reads lag by more than two minutes")
        yield 2.5
    lab.lag = shown[0]
    earlier = -1.0
    for moment in samples(CHECKS):
        yield max(at + moment + lab.lag - lab.now(), 0)
        asked = lab.now()
        seen = lab.get(domain)
        if status(seen) == "SUCCESS":
            break
        earlier = asked - lab.lag - at
    else:
        raise Unanswered(f"SES did not verify {domain} in two hours")
    later = lab.now() - sent
    if checked_at(seen):
        later = min(later, checked_at(seen) - created["At"] + 1)
    found = step(CHECKS, earlier, later)
    if found == UNKNOWN:
        raise Unanswered(f"SES first checked DNS after {earlier:.0f} to {later:.0f} s")
    lab.first_check, lab.unchecked = float(found), max(earlier, 0)
    lab.delete(domain)
    lab.remove_record(key.record_name(domain))
    shows = [each["DkimAttributes"] for each in (created, seen or {}) if "DkimAttributes" in each]
    tokens = {tuple(each.get("Tokens") or ()) for each in shows}
    ways = {"as Get": status(created) == soon, "NOT_STARTED": status(created) == "NOT_STARTED"}
    fits = [way for way, it_fits in ways.items() if it_fits]
    return {
        "create_answer": fits[0] if len(fits) == 1 else UNKNOWN,
        "read_lag_seconds": step(LAGS, missing, lab.lag),
        "first_check_seconds": found,
        "seconds that reads lag": bounds(missing, lab.lag),
        "seconds until the first check": bounds(earlier, later),
        "response to a Create": sorted(set(created) - {"At"}),
        "Tokens are the selector": tokens == {(key.selector,)},
        "verification info of a new identity": sorted(info(seen)),
    }


def another_key(lab: Lab) -> Question:
    """What does a Put of another key change, and what does `VerificationInfo` show after it?"""
    domain, _ = yield from verified(lab)
    lab.call("put_email_identity_dkim_attributes", EmailIdentity=domain, SigningEnabled=False)
    yield lab.lag + 1
    before, key = lab.get(domain), lab.key()
    answer, soon, puts = yield from put(lab, domain, key, status(before))
    if not (yield from control(lab)):
        raise Unanswered("SES verifies nothing now, so it shows no check that missed")
    yield 2 * lab.first_check + lab.lag
    missed = yield from watch(
        lab, domain, lambda s: checked_at(s) > answer["At"], every=HOUR, at_most=PATIENCE_SECONDS
    )
    lab.publish(domain, key)

    def is_found(seen: Seen | None) -> bool:
        turned = status(missed.seen) != "SUCCESS" or info(seen).get("LastSuccessTimestamp", 0) > answer["At"]
        return status(seen) == "SUCCESS" and turned

    found = yield from watch(lab, domain, is_found, every=HOUR / 3, at_most=DAY)
    lab.delete(domain)
    after = status(soon)
    signed, signs = ((seen or {})["DkimAttributes"]["SigningEnabled"] for seen in (before, missed.seen))
    return {
        "puts": puts,
        "status_after_put": after if after in (*STARTED, "SUCCESS") else UNKNOWN,
        "put_enables_signing": UNKNOWN if signed else signs,
        "verification_info": _info(missed.seen, found.seen, answer["At"]),
        "status after a Put, before the first check": after or UNKNOWN,
    }


def _info(missed: Seen | None, found: Seen | None, put_at: float) -> str:
    """The switch `verification_info`, from reads after a check that missed and after one that found."""
    pending, after = info(missed), info(found)
    if status(found) != "SUCCESS":
        return UNKNOWN  # SES did not find the key in a day
    if not after:
        return "empty"
    if "ErrorType" in after:
        return "sticky"
    if checked_at(missed) > put_at:
        succeeds = pending.get("LastSuccessTimestamp", 0) > put_at
        return "filled" if "ErrorType" in pending else "ownership" if succeeds else UNKNOWN
    if after.get("LastSuccessTimestamp", 0) > put_at:
        return "stale"
    return UNKNOWN if checked_at(found) > put_at else "frozen"


def same_key(lab: Lab) -> Question:
    """Does a Put of the key that SES has make it check again? A Put of another key is the control."""
    domain, key = yield from verified(lab)
    _, same, puts = yield from put(lab, domain, key, "SUCCESS")
    yield 2 * lab.first_check + lab.lag
    yield from until_verified(lab, domain)
    lab.put(domain, lab.key())
    yield lab.lag + 1
    other = lab.get(domain)
    lab.delete(domain)
    is_known = same and status(other) in STARTED
    return {"puts": puts, "same_key_restarts": status(same) in STARTED if is_known else UNKNOWN}


def mail_while_pending(lab: Lab) -> Question:
    """What is mail signed with after a Put of a key without a record, and how long with the old key?"""
    found = {"signs_while_pending": UNKNOWN, "old_key_lingers_seconds": UNKNOWN}
    if not lab.send:
        return found
    domain, old = yield from verified(lab)
    new, asked = lab.key(), lab.now()
    lab.put(domain, new)
    answered = lab.now()
    words = {old.selector: "old", new.selector: "new", "": "nothing"}
    mail: list[tuple[float, float, str]] = []
    for moment in [*samples(LINGERS), 2 * HOUR]:
        yield max(answered + moment - lab.now(), 0)
        sent = lab.now() - answered
        content = lab.send(domain, f"{TAG} {lab.run}: {moment:.0f} s after the Put")
        if content is not None:
            signed = words.get(selector_of(content, domain), UNKNOWN)
            mail.append((sent, lab.now() - asked, signed))
    is_over = status(lab.get(domain)) in ("", "FAILED")
    lab.delete(domain)
    if not mail:
        old_or_new = f"s={old.selector} is the old key, s={new.selector} the new one"
        return found | {"mail after a Put": f"read the DKIM-Signature with d={domain}: {old_or_new}"}
    last_old = max((sent for sent, _, signed in mail if signed == "old"), default=-1.0)
    rest = {signed for sent, _, signed in mail if sent > last_old} or {"old"}
    if is_over or len(rest) > 1:
        return found
    found["signs_while_pending"] = rest.pop()
    if found["signs_while_pending"] != "old":
        first_other = min(arrived for sent, arrived, _ in mail if sent > last_old)
        found["old_key_lingers_seconds"] = step(LINGERS, last_old, first_other)
        found["seconds that the old key lingers"] = bounds(last_old, first_other)
    return found


def selector_of(content: bytes, domain: str) -> str:
    """`s=` of the signature of *domain* in a message, or ""."""
    for value in email.message_from_bytes(content).get_all("DKIM-Signature", ()):
        tags = dict(re.sub(r"\s", "", tag).split("=", 1) for tag in value.split(";") if "=" in tag)
        if tags.get("d") == domain:
            return tags["s"]
    return ""


def negative_cache(lab: Lab) -> Question:
    """Does SES remember "no such name"? It checks one name twice within the zone's 15 minutes."""
    domain, key = lab.domain(), lab.key()
    unknown = {"caches_no_such_name": UNKNOWN}

    def checks() -> Generator[float, None, Turn]:
        at = lab.create(domain, key)["At"]
        yield lab.first_check * 0.8
        every, at_most = lab.first_check / 60 + 3, lab.first_check + HOUR
        return (yield from watch(lab, domain, lambda s: checked_at(s) > at, every=every, at_most=at_most))

    first = yield from checks()
    lab.delete(domain)
    if not first.found or info(first.seen).get("ErrorType") != "HOST_NOT_FOUND":
        return unknown
    lab.publish(domain, key)
    yield SETTLE_SECONDS
    second = yield from checks()
    is_missed = misses(second.seen, checked_at(first.seen))
    lab.delete(domain)
    if not second.found or checked_at(second.seen) >= checked_at(first.seen) + NEGATIVE_SECONDS:
        return unknown
    if status(second.seen) == "SUCCESS":
        return {"caches_no_such_name": False}
    return {"caches_no_such_name": True} if is_missed and (yield from control(lab)) else unknown


def search_that_fails(lab: Lab) -> Question:
    """How long does SES search for a key, and does a Put of the same key restart a search that FAILED?"""
    domain, key = lab.domain(), lab.key()
    lab.create(domain, key)
    begun = lab.now()
    failed = yield from watch(lab, domain, lambda s: status(s) == "FAILED", every=2 * HOUR, at_most=5 * DAY)
    if not failed.found:
        return {"failed_restarts": UNKNOWN}
    puts: Puts = []
    after = ["FAILED"]
    for attempt in (key, lab.key()):  # the second one is the control: another key restarts the search
        _, _, found = yield from put(lab, domain, attempt, after[-1])
        puts += found
        yield HOUR  # a search without a record goes on for days
        after.append(status(lab.get(domain)))
    lab.delete(domain)
    restarts = after[1] in STARTED if after[2] in STARTED else UNKNOWN
    return {"puts": puts, "failed_restarts": restarts, "hours until FAILED": hours(failed, begun)}


def lost_record(lab: Lab) -> Question:
    """What becomes of a verified identity whose record is removed?"""
    domain, key = yield from verified(lab)
    lab.remove_record(key.record_name(domain))
    begun = lab.now()
    yield SETTLE_SECONDS
    since = (lab.get(domain) or {})["At"]
    statuses, is_kept = ["SUCCESS"], False

    def is_over(seen: Seen | None) -> bool:
        nonlocal is_kept
        statuses.append(status(seen))
        is_kept = is_kept or (status(seen) == "SUCCESS" and misses(seen, since))
        return status(seen) == "FAILED"

    turn = yield from watch(lab, domain, is_over, every=3 * HOUR, at_most=6 * DAY)
    yield PATIENCE_SECONDS  # what follows from FAILED need not come with it
    seen = lab.get(domain) or {}
    lab.delete(domain)
    turned = set(statuses) - {"SUCCESS", "FAILED", ""}
    takes_back = seen.get("VerificationStatus") != "SUCCESS" if turn.found else UNKNOWN
    return {
        "failed_check_keeps_success": False if turned else True if is_kept and turn.found else UNKNOWN,
        "lost_record_takes_back_verification": takes_back,
        "statuses of a lost record": list(dict.fromkeys(statuses)),
        "hours until a lost record is FAILED": hours(turn, begun) if turn.found else UNKNOWN,
    }


def hours(turn: Turn, begun: float) -> str:
    """Between which hours it was that the watch ended."""
    return f"{(turn.after - begun) / HOUR:.0f} to {(turn.by - begun) / HOUR:.0f}"


def gaps(lab: Lab) -> Question:
    """How far apart are SES's checks for a record that does not exist, in four hours?"""
    domain = lab.domain()
    lab.create(domain, lab.key())
    checks, end = set(), lab.now() + 4 * HOUR
    while lab.now() < end:
        checks.add(checked_at(lab.get(domain)))
        yield 2 * MINUTE
    lab.delete(domain)
    minutes = [round((after - at) / 60) for at, after in pairwise(sorted(checks - {0.0}))]
    return {"minutes between checks": f"at most {minutes}" if minutes else UNKNOWN}


def forms(lab: Lab) -> Question:
    """Which forms of a key does SES accept, and which forms of key and record does it verify?"""
    found: Findings = {}
    tried: dict[str, str] = {}
    for what, (options, encode, values) in FORMS.items():
        yield 0  # Route 53 takes a minute for each record, and the other questions have to go on
        domain, key = lab.domain(), lab.key(**options)
        if what == BEHIND_CNAME:
            target = f"{key.selector}.{lab.domain()}"
            lab.create_record(target, "TXT", quoted([key.p]))
            lab.create_record(key.record_name(domain), "CNAME", target)
        else:
            lab.publish(domain, key, *values(key.p))
        attributes = {"DomainSigningSelector": key.selector, "DomainSigningPrivateKey": encode(key)}
        try:
            lab.create(domain, DkimSigningAttributes=attributes)
            tried[what] = domain
        except Refused as refused:
            found[what] = without_names(lab, str(refused))
    missed = "accepted; SES verified nothing in that time"
    decided = {"verified": True}
    if (yield from control(lab)):
        yield PATIENCE_SECONDS
        missed = f"accepted, not verified in {PATIENCE_SECONDS / HOUR:.0f} hours"
        decided[missed] = False
    for what, domain in tried.items():
        found[what] = "verified" if status(lab.get(domain)) == "SUCCESS" else missed
        lab.delete(domain)
    return found | {
        "follows_cname": decided.get(found[BEHIND_CNAME], UNKNOWN),
        "verifies_tagged_records": decided.get(found["record: v=DKIM1; k=rsa; p=…"], UNKNOWN),
        "refuses_bad_keys": "BadRequestException" in found["key: base64 of no key"],
    }


def elliptic_key() -> str:
    """A private key that is no RSA key, in base64."""
    key = ec.generate_private_key(ec.SECP256R1())
    return base64.b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()


BEHIND_CNAME: Final = "record: behind a CNAME"
Form = tuple[dict[str, int], Callable[[Key], str], Callable[[str], list[list[str]]]]
FORMS: Final[Mapping[str, Form]] = {
    **{
        f"key: PKCS#1, {bits} bits": ({"bits": bits}, Key.encoded, lambda _: [])
        for bits in (1024, 1536, 2048)
    },
    "key: exponent 3": ({"exponent": 3}, Key.encoded, lambda _: []),
    "key: PKCS#8": ({}, lambda key: key.encoded(PrivateFormat.PKCS8), lambda _: []),
    "key: a whole PEM in base64": ({}, lambda key: key.encoded(encoding=Encoding.PEM), lambda _: []),
    "key: not RSA": ({}, lambda _: elliptic_key(), lambda _: []),
    "key: base64 of no key": ({}, lambda _: "bm8ga2V5", lambda _: []),
    "record: final semicolon": ({}, Key.encoded, lambda p: [[f"{p};"]]),
    "record: v=DKIM1; k=rsa; p=…": ({}, Key.encoded, lambda p: [[f"v=DKIM1; k=rsa; {p}"]]),
    "record: with t=s and a note": ({}, Key.encoded, lambda p: [[f"v=DKIM1; t=s; n=note; {p}"]]),
    "record: cut into strings anywhere": ({}, Key.encoded, lambda p: [[p[:7], p[7:100], p[100:]]]),
    "record: blanks in the key": ({}, Key.encoded, lambda p: [[f"{p[:50]} {p[50:]}"]]),
    "record: two at the name": ({}, Key.encoded, lambda p: [[p], ["v=spf1 -all"]]),
    BEHIND_CNAME: ({}, Key.encoded, lambda _: []),
}
"""By form: how its key is made, how it is sent, and the record's values; none of them: the bare form."""


def refusals(lab: Lab) -> Question:
    """What does SES say, word by word, to requests that it refuses, and to names that may be none?"""
    domain, gone, key = lab.domain(), lab.domain(), lab.key()
    lab.create(domain, key)
    yield lab.lag
    of_gone, of_ours, tag = {"EmailIdentity": gone}, {"EmailIdentity": domain}, {"Key": "a", "Value": "b"}
    ours, theirs = {"ResourceArn": lab.arn(domain)}, {"ResourceArn": lab.arn(gone)}
    half = {"DomainSigningSelector": key.selector}
    both = key.attributes | {"NextSigningKeyLength": "RSA_2048_BIT"}
    address = {"EmailIdentity": f"a@{gone}", "DkimSigningAttributes": key.attributes}
    table: dict[str, tuple[str, dict[str, Any]]] = {
        "create what exists": (CREATE, of_ours),
        "create with an unknown configuration set": (CREATE, of_gone | {"ConfigurationSetName": NO_SET}),
        "create with half a key": (CREATE, of_gone | {"DkimSigningAttributes": half}),
        "create with a key and a length": (CREATE, of_gone | {"DkimSigningAttributes": both}),
        "create an address with a key": (CREATE, address),
        "get what does not exist": ("get_email_identity", of_gone),
        "delete what does not exist": ("delete_email_identity", of_gone),
        "put a key to what does not exist": (PUT, of_gone | {"SigningAttributesOrigin": "AWS_SES"}),
        "put no key": (PUT, of_ours | {"SigningAttributesOrigin": "EXTERNAL"}),
        "enable signing of what does not exist": ("put_email_identity_dkim_attributes", of_gone),
        "tag what does not exist": ("tag_resource", theirs | {"Tags": [tag]}),
        "no tags": ("tag_resource", ours | {"Tags": []}),
        "one tag twice": ("tag_resource", ours | {"Tags": [tag, tag]}),
        "name: upper case": (CREATE, {"EmailIdentity": gone.upper()}),
        "name: final dot": (CREATE, {"EmailIdentity": f"{gone}."}),
        "name: not ASCII": (CREATE, {"EmailIdentity": f"ü.{gone}"}),
        "name: a blank": (CREATE, {"EmailIdentity": f"a b.{gone}"}),
    }
    found: Findings = {}
    for what, (action, parameters) in table.items():
        tags = {"Tags": lab.tags} if action == CREATE else {}
        found[what] = outcome(lab, action, **parameters, **tags)
        if found[what] == "200" and action == CREATE:
            lab.delete(parameters["EmailIdentity"])
    lab.delete(domain)
    return found


def tenant(lab: Lab) -> Question:
    """Does SES refuse to delete an identity that a tenant has, in which words, and what frees it?"""
    domain, name = lab.domain(), {"TenantName": lab.tenant}
    held = name | {"ResourceArn": lab.arn(domain)}
    associate, delete = "create_tenant_resource_association", "delete_email_identity"
    lab.call("create_tenant", **name, Tags=lab.tags)
    lab.create(domain, lab.key())
    yield lab.lag + 1
    found = {
        "associate what does not exist": outcome(lab, associate, **name, ResourceArn=lab.arn(lab.domain())),
        "associate": outcome(lab, associate, **held),
        "associate twice": outcome(lab, associate, **held),
        "delete what a tenant has": outcome(lab, delete, EmailIdentity=domain),
    }
    yield lab.lag + 1
    tenants = lab.call("list_resource_tenants", ResourceArn=lab.arn(domain))["ResourceTenants"]
    found["tenants of an identity"] = [sorted(each) for each in tenants]
    found["end an association"] = outcome(lab, "delete_tenant_resource_association", **held)
    yield lab.lag + 1
    found["delete what a tenant had"] = outcome(lab, delete, EmailIdentity=domain)
    yield lab.lag + MINUTE  # a name may be in use for a moment after its Delete
    lab.create(domain, lab.key())
    yield lab.lag + 1
    lab.call(associate, **held)
    found["delete a tenant that has an identity"] = outcome(lab, "delete_tenant", **name)
    yield lab.lag + 1
    found["delete once the tenant is gone"] = outcome(lab, delete, EmailIdentity=domain)
    return found


def outcome(lab: Lab, action: str, **parameters: Any) -> str:
    """SES's error of a call without names of the run, or 200."""
    try:
        lab.call(action, **parameters)
    except Refused as refused:
        return without_names(lab, str(refused))
    return "200"


def without_names(lab: Lab, text: str) -> str:
    """*text* with `…` for names of the run, so that two runs can be compared."""
    ours = lab.tenant  # with which every other name of the run begins
    return lab.masked(" ".join("…" if ours in word.lower() else word for word in text.split(" ")))


def rate(lab: Lab) -> Question:
    """How many calls a second does SES sustain?"""
    yield 0
    lab.sleep(10)  # the guard makes calls too
    domain, calls_left = lab.domain(), iter(range(70))

    def passed(pause: float, calls: int) -> tuple[int, bool]:
        """How many calls were not throttled, and whether they were made as fast as intended."""
        begun = lab.now()
        for number in range(calls):
            if next(calls_left, None) is None:
                raise Unanswered("no rate was sustained in 70 calls")
            lab.sleep(pause)
            code = lab.unpaced(domain)
            if code == 429:
                return number, True
            if code != 404:
                raise Unanswered(f"a read of what does not exist was answered with {code}")
        return calls, lab.now() - begun <= calls * (1.1 * pause or 1 / RATES[0])

    burst, was_fast = passed(0, BURST)
    found: Findings = {"calls at once before one was throttled": burst if burst < BURST else f"over {BURST}"}
    if burst == BURST:
        return found | {"requests_per_second": None if was_fast else UNKNOWN}
    for each in RATES:  # without a rest, in which SES could save up for another burst
        count, is_fast = passed(1.1 / each, SUSTAINED)
        if count == SUSTAINED and is_fast:
            return found | {"requests_per_second": each if was_fast else UNKNOWN}
        was_fast = is_fast
    return found | {"requests_per_second": UNKNOWN}


HOURS: Final = (another_key, same_key, mail_while_pending, negative_cache, forms, refusals, gaps)
DAYS: Final = (search_that_fails, lost_record)
TENANTS: Final = (tenant,)
