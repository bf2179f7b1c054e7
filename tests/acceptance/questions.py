"""
One question about SES a function: what is done to an identity of its own, and what the answer
means.

A question is a generator that yields for how many seconds it has nothing to do; all questions of a
round are asked at once. It returns answers by name: a switch of `sandbox.ses.switches`, or a fact
of its own words. `UNKNOWN` means that SES shows no difference. "Not yet" is "no" only where SES
shows a check that missed, or after half a day beside a control: an identity with a right key and
record, created later, that is verified.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding

from tests.acceptance.lab import (
    CREATE,
    PREFIX,
    TAG,
    Key,
    Lab,
    Refused,
    Seen,
    Unanswered,
)

UNKNOWN: Final = "unknown"

Findings = dict[str, Any]
Question = Generator[float, None, Findings]

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

SETTLE_SECONDS: Final = 75.0
"""
From Route 53's INSYNC until every resolver has the new state: the TTL of a run's records, and a
bit.
"""

PATIENCE_SECONDS: Final = DAY / 2
"""How long "not yet" has to last before it is "no". SES's gaps between checks grow."""

NEGATIVE_SECONDS: Final = 900.0
"""
How long a resolver may remember "no such name" of a zone in Route 53: the TTL of its SOA record.
"""

STARTED: Final = ("PENDING", "NOT_STARTED")
"""DKIM statuses of an identity whose key SES is searching for."""

LAGS: Final = (0, 5, 20, 60)
CHECKS: Final = (1, 60, 300, 660, 1800, 3600, 7200)
"""
Seconds that are distinguished. A value between two steps is reported as the later one, with its
bounds.
"""

AGREE_SECONDS: Final = 3.0
"""Between two reads that have to agree."""

NEVER: Final = {
    "identity_limit": "nobody creates 10,000 identities to find out",
    "requests_per_second": "AWS's quotas say one, and a search for more throttles others",
    "signs_while_pending": "a person reads the mail that `--mail-to` sends",
    "old_key_lingers_seconds": "a person reads the mail that `--mail-to` sends",
    "failed_restarts": "a search fails after three days",
    "failed_check_keeps_success": "a lost record is FAILED after five days",
    "lost_record_takes_back_verification": "a lost record is FAILED after five days",
}
"""Switches that no question asks about, and why."""


# Reading an identity; a read of what does not exist is empty


def status(seen: Seen) -> str:
    """The DKIM status, or "" without an identity."""
    return str(seen.get("DkimAttributes", {}).get("Status", ""))


def selector(seen: Seen) -> str:
    """The selector that SES shows for a key of one's own, or ""."""
    tokens = seen.get("DkimAttributes", {}).get("Tokens") or [""]
    return str(tokens[0])


def shown(seen: Seen) -> Seen:
    """All of a read but the time of the response."""
    return {name: value for name, value in seen.items() if name != "At"}


def info(seen: Seen) -> dict[str, Any]:
    """`VerificationInfo`."""
    return dict(seen.get("VerificationInfo", {}))


def checked_at(seen: Seen) -> float:
    """SES's time of the last check that it shows, or 0."""
    return float(info(seen).get("LastCheckedTimestamp", 0))


def found_at(seen: Seen) -> float:
    """The same of the last check that found the record."""
    return float(info(seen).get("LastSuccessTimestamp", 0))


def misses(seen: Seen, since: float) -> bool:
    """SES shows a check after *since*, its own time, that did not find the record."""
    return "ErrorType" in info(seen) and checked_at(seen) > max(since, found_at(seen))


def the_one(fits: Mapping[str, bool]) -> str:
    """What fits, if nothing else does."""
    found = [way for way, it_fits in fits.items() if it_fits]
    return found[0] if len(found) == 1 else UNKNOWN


# Waiting


def measured(grid: Sequence[float], more_than: float, at_most: float) -> tuple[Any, str]:
    """
    The first step of *grid* above *more_than*, and the bounds for the reader of the report, in
    whole seconds.

    `UNKNOWN` if *at_most* is as near to the next step.
    """
    above = [*(each for each in grid if each > more_than), 2 * grid[-1]]
    is_told = len(above) > 1 and at_most < (above[0] + above[1]) / 2
    bounds = f"at least {max(math.floor(more_than), 0)}, at most {math.ceil(at_most)}"
    return above[0] if is_told else UNKNOWN, bounds


def samples(grid: Sequence[float]) -> list[float]:
    """Moments soon before and soon after each step of *grid*."""
    return sorted([*(0.9 * each for each in grid if each), *(1.05 * each + 2 for each in grid)])


def watch(
    lab: Lab, domain: str, shows: Callable[[Seen], bool], *, every: float, at_most: float
) -> Generator[float, None, list[Seen]]:
    """
    Read *domain* until a read *shows* what is awaited: all reads, the last one after the time
    limit.
    """
    end = lab.now() + at_most
    reads: list[Seen] = []
    while True:
        asked = lab.now()
        reads.append(lab.get(domain))
        if shows(reads[-1]) or asked >= end:
            return reads
        yield every


def until_verified(lab: Lab, domain: str) -> Generator[float, None, None]:
    """Wait until SES has found the key."""
    every = lab.first_check / 2 + 15
    reads = yield from watch(
        lab, domain, lambda s: status(s) == "SUCCESS", every=every, at_most=6 * HOUR
    )
    if status(reads[-1]) != "SUCCESS":
        raise Unanswered(f"SES did not verify {domain} in 6 hours")


def verified(lab: Lab) -> Generator[float, None, tuple[str, Key]]:
    """A verified identity and its key."""
    domain, key = lab.published()
    lab.create(domain, key)
    yield lab.first_check + lab.lag + 10
    yield from until_verified(lab, domain)
    return domain, key


def control(lab: Lab) -> Generator[float, None, bool]:
    """Whether SES verifies a new identity whose record is right."""
    try:
        yield from verified(lab)
    except Unanswered:
        return False
    return True


def read_after_put(lab: Lab, domain: str, before: str, key: Key) -> Generator[float, None, Seen]:
    """
    A read that shows the Put of *key*: its selector is new, or two reads agree.

    A read soon after a Put may show the identity as it was before. *before*: the selector then.
    """
    yield lab.lag + 1
    seen = lab.get(domain)
    while before == key.selector or selector(seen) != key.selector:
        yield AGREE_SECONDS
        earlier, seen = seen, lab.get(domain)
        if shown(seen) == shown(earlier):
            break
    return seen


def put(
    lab: Lab, domain: str, key: Key, before: Seen
) -> Generator[float, None, tuple[float, Seen]]:
    """
    Put *key*: SES's time, and a read before SES's first check after it, empty if there is none.

    *before*: a read of before the Put.
    """
    put_at, answer = lab.now(), lab.put(domain, key)
    yield min(MINUTE / 2, max(lab.unchecked - lab.lag, 0) / 8)
    soon = yield from read_after_put(lab, domain, selector(before), key)
    if checked_at(soon) > answer["At"] or lab.now() >= put_at + lab.unchecked:
        soon = {}
    if soon and "DkimStatus" in answer:
        lab.puts.append((status(before), answer["DkimStatus"], status(soon)))
    return answer["At"], soon


def put_answer(lab: Lab) -> str:
    """The switch `put_answer`: the one way to answer that explains all Puts of the run."""
    ways = {
        "as Get": [answer == after for _, answer, after in lab.puts],
        "NOT_STARTED": [answer == "NOT_STARTED" for _, answer, _ in lab.puts],
        "before": [answer == before for before, answer, _ in lab.puts],
    }
    return the_one({way: bool(fits) and all(fits) for way, fits in ways.items()})


# The questions


def until_shown(
    lab: Lab, domain: str, sent: float, shows: Callable[[Seen], bool]
) -> Generator[float, None, tuple[float, float, Seen]]:
    """
    Read until three reads in a row show a call that was *sent* then, and has been answered.

    Returns the seconds for which reads did not show it, those after which they did, and the first
    read that did. A single read may come from a server that is ahead of the others.
    """
    answered = lab.now()
    missing = -1.0
    reads: list[tuple[float, Seen]] = []
    yield 1.2
    while len(reads) < 3:
        asked = lab.now()
        seen = lab.get(domain)
        if shows(seen):
            reads.append((lab.now() - sent, seen))
        else:
            missing, reads = asked - answered, []
        if asked > answered + 2 * MINUTE:
            raise Unanswered("reads lag by more than two minutes")
        yield 2.5
    seconds, seen = reads[0]
    return missing, seconds, seen


def first_key(lab: Lab) -> Question:
    """How far do reads lag, when does SES first check DNS, and does it show the selector?"""
    domain, key = lab.published()
    yield SETTLE_SECONDS
    sent = lab.now()
    created = lab.create(domain, key)
    at = lab.now()
    missing, lab.lag, soon = yield from until_shown(lab, domain, sent, bool)
    read_lag, bounds_of_lag = measured(LAGS, missing, lab.lag)
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
    first_check, bounds = measured(CHECKS, earlier, later)
    if first_check == UNKNOWN:
        raise Unanswered(f"seconds until SES's first check: {bounds}")
    lab.first_check, lab.unchecked = float(first_check), max(earlier, 0)
    shows = [each["DkimAttributes"] for each in (created, seen) if "DkimAttributes" in each]
    tokens = {tuple(each.get("Tokens") or ()) for each in shows}
    told, then = status(created), status(soon)
    new, sent = lab.key(), lab.now()
    lab.put(domain, new)
    missing, put_lag_seconds, _ = yield from until_shown(
        lab, domain, sent, lambda s: selector(s) == new.selector
    )
    put_lag, bounds_of_put_lag = measured(LAGS, missing, put_lag_seconds)
    lab.lag = max(lab.lag, put_lag_seconds)
    return {
        "create_answer": the_one({"as Get": told == then, "NOT_STARTED": told == "NOT_STARTED"}),
        "read_lag_seconds": read_lag,
        "put_lag_seconds": put_lag,
        "first_check_seconds": first_check,
        "seconds that reads lag": bounds_of_lag,
        "seconds that reads lag after a Put": bounds_of_put_lag,
        "seconds until the first check": bounds,
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
    put_at, soon = yield from put(lab, domain, key, before)
    if not (yield from control(lab)):
        raise Unanswered("SES verifies nothing now, so it shows no check that missed")
    yield 2 * lab.first_check + lab.lag
    *_, missed = yield from watch(
        lab, domain, lambda s: checked_at(s) > put_at, every=HOUR, at_most=PATIENCE_SECONDS
    )
    lab.publish(domain, key, key.p)

    def is_found(seen: Seen) -> bool:
        return status(seen) == "SUCCESS" and (
            status(missed) != "SUCCESS" or found_at(seen) > put_at
        )

    *_, found = yield from watch(lab, domain, is_found, every=HOUR / 3, at_most=DAY)
    after = status(soon)
    signed, signs = (seen["DkimAttributes"]["SigningEnabled"] for seen in (before, missed))
    return {
        "status_after_put": after if after in (*STARTED, "SUCCESS") else UNKNOWN,
        "put_enables_signing": UNKNOWN if signed else signs,
        "verification_info": _info(missed, found, put_at),
        "status after a Put, before the first check": after or UNKNOWN,
    }


def _info(missed: Seen, found: Seen, put_at: float) -> str:
    """
    The switch `verification_info`, from reads after a check that missed and after one that found.
    """
    if status(found) != "SUCCESS":
        return UNKNOWN  # SES did not find the key in a day
    if not info(found):
        return "empty"
    if "ErrorType" in info(found):
        return "sticky"
    if checked_at(missed) > put_at:
        is_owned = found_at(missed) > put_at
        return "filled" if "ErrorType" in info(missed) else "ownership" if is_owned else UNKNOWN
    if found_at(found) > put_at:
        return "stale"
    return UNKNOWN if checked_at(found) > put_at else "frozen"


def same_key(lab: Lab) -> Question:
    """
    Does a Put of the key that SES has make it check again? A Put of another key is the control.
    """
    domain, key = yield from verified(lab)
    _, same = yield from put(lab, domain, key, lab.get(domain))
    yield 2 * lab.first_check + lab.lag
    yield from until_verified(lab, domain)
    new = lab.key()
    lab.put(domain, new)
    other = yield from read_after_put(lab, domain, key.selector, new)
    is_known = same and status(other) in STARTED
    return {"same_key_restarts": status(same) in STARTED if is_known else UNKNOWN}


MAIL_AFTER: Final = (0, 30, 60, 120, 300, 600, 900, 2 * HOUR)
"""Seconds after a Put at which a message is sent."""


def mail_while_pending(lab: Lab) -> Question:
    """
    What is mail signed with after a Put of a key without a record, and how long with the old key?
    """
    domain, old = yield from verified(lab)
    new = lab.key()
    lab.put(domain, new)
    answered = lab.now()
    for moment in MAIL_AFTER:
        yield max(answered + moment - lab.now(), 0)
        seconds = lab.now() - answered
        lab.send(domain, f"{TAG} {lab.run}: {seconds:.0f} s after the Put")
    old_or_new = f"s={old.selector} is the old key, s={new.selector} the new one"
    return {"mail after a Put": f"read the DKIM-Signature with d={domain}: {old_or_new}"}


def negative_cache(lab: Lab) -> Question:
    """Does SES remember "no such name"? It checks one name twice within the zone's 15 minutes."""
    domain, key = lab.domain(), lab.key()
    unknown = {"caches_no_such_name": UNKNOWN}

    def first_check() -> Generator[float, None, Seen]:
        """A read after SES's first check, or the last one before."""
        at = lab.create(domain, key)["At"]
        yield lab.first_check * 0.8
        every, at_most = lab.first_check / 60 + 3, lab.first_check + HOUR
        return (
            yield from watch(
                lab, domain, lambda s: checked_at(s) > at, every=every, at_most=at_most
            )
        )[-1]

    first = yield from first_check()
    lab.delete(domain)
    if info(first).get("ErrorType") != "HOST_NOT_FOUND":
        return unknown
    lab.publish(domain, key, key.p)
    yield SETTLE_SECONDS
    second = yield from first_check()
    if not checked_at(first) < checked_at(second) < checked_at(first) + NEGATIVE_SECONDS:
        return unknown
    if status(second) == "SUCCESS":
        return {"caches_no_such_name": False}
    is_missed = misses(second, checked_at(first))
    return {"caches_no_such_name": True} if is_missed and (yield from control(lab)) else unknown


NO_KEY: Final = "key: base64 of no key"
TAGGED: Final = "record: v=DKIM1; k=rsa; p=…"
BEHIND_CNAME: Final = "record: behind a CNAME"
PEM: Final = "key: a whole PEM in base64"


def forms(lab: Lab) -> Question:
    """Which forms of a key does SES accept, and which forms of key and record does it verify?"""
    found: Findings = {}
    domains: dict[str, str] = {}
    for what in (NO_KEY, PEM, TAGGED, BEHIND_CNAME):
        yield 0  # Route 53 takes a minute for each record, and the other questions have to go on
        domain, key = lab.domain(), lab.key()
        if what == BEHIND_CNAME:
            target = f"{key.selector}.{lab.domain()}"
            lab.create_record(target, "TXT", f'"{key.p}"')
            lab.create_record(key.record_name(domain), "CNAME", target)
        else:
            lab.publish(domain, key, f"v=DKIM1; k=rsa; {key.p}" if what == TAGGED else key.p)
        pem = key.encoded(encoding=Encoding.PEM)
        sent = {NO_KEY: "bm8ga2V5", PEM: pem}.get(what, key.encoded())
        attributes = key.attributes | {"DomainSigningPrivateKey": sent}
        found[what] = outcome(lab, CREATE, **lab.new(domain), DkimSigningAttributes=attributes)
        if found[what] == ACCEPTED:
            domains[what] = domain
    missed = "accepted; SES verified nothing in that time"
    decided = {"verified": True}
    if (yield from control(lab)):
        yield PATIENCE_SECONDS
        missed = f"accepted, not verified in {PATIENCE_SECONDS / HOUR:.0f} hours"
        decided[missed] = False
    for what, domain in domains.items():
        found[what] = "verified" if status(lab.get(domain)) == "SUCCESS" else missed
    return found | {
        "follows_cname": decided.get(found[BEHIND_CNAME], UNKNOWN),
        "verifies_tagged_records": decided.get(found[TAGGED], UNKNOWN),
        "refuses_bad_keys": "BadRequestException" in found[NO_KEY],
    }


ACCEPTED: Final = "200"


def outcome(lab: Lab, action: str, **parameters: Any) -> str:
    """SES's error of a call without names of the run, or `ACCEPTED`."""
    try:
        lab.call(action, **parameters)
    except Refused as refused:
        return without_names(lab, str(refused))
    return ACCEPTED


def without_names(lab: Lab, text: str) -> str:
    """*text* with `…` for names of the run, so that two runs can be compared."""
    ours = f"{PREFIX}{lab.run}"  # with which every name of the run begins
    return lab.masked(" ".join("…" if ours in word.lower() else word for word in text.split(" ")))


QUESTIONS: Final = (another_key, same_key, negative_cache, forms)
"""
What is asked at once. `first_key` comes before them; `mail_while_pending` needs somebody who reads
mail.
"""
