"""
One question about SES a function: what is done to an identity of its own, and what the answer
means.

A question is a generator that yields for how many seconds it has nothing to do, so that all can be
asked at once. It returns answers by name: a switch of `sandbox.ses.switches`, or a fact of its own
words. `UNKNOWN` means that SES shows no difference. "Not yet" is "no" only where SES shows a check
that missed, or after half a day beside a control: an identity with a right key and record, created
later, that is verified.
"""

import math
from collections.abc import Callable, Generator, Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding

from tests.acceptance.lab import TAG, Key, Lab, Refused, Seen, Unanswered

UNKNOWN: Final = "unknown"

Findings = dict[str, Any]
Question = Generator[float, None, Findings]

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

SETTLE_SECONDS: Final = 75.0
"""From Route 53's INSYNC until every resolver has the new state: a record's TTL, and a bit."""

PATIENCE_SECONDS: Final = DAY / 2
"""How long "not yet" has to last before it is "no". SES's gaps between checks grow."""

NEGATIVE_SECONDS: Final = 900.0
"""How long a resolver may remember "no such name" of a zone in Route 53: its SOA record's TTL."""

STARTED: Final = ("PENDING", "NOT_STARTED")
"""DKIM statuses of an identity whose key SES is searching for."""

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


def info(seen: Seen) -> dict[str, Any]:
    """`VerificationInfo`."""
    return dict(seen.get("VerificationInfo", {}))


def checked_at(seen: Seen) -> float:
    """SES's time of the last check that it shows, or 0."""
    return float(info(seen).get("LastCheckedTimestamp", 0))


def found_at(seen: Seen) -> float:
    """The same of the last check that found the record."""
    return float(info(seen).get("LastSuccessTimestamp", 0))


def is_verified(seen: Seen) -> bool:
    return status(seen) == "SUCCESS"


def the_one(fits: Mapping[str, bool]) -> str:
    """What fits, if nothing else does."""
    found = [way for way, it_fits in fits.items() if it_fits]
    return found[0] if len(found) == 1 else UNKNOWN


# Waiting


def watch(
    lab: Lab, domain: str, shows: Callable[[Seen], bool], *, every: float, at_most: float
) -> Generator[float, None, Seen]:
    """Read *domain* until a read *shows* what is awaited, or the time is over: the last read."""
    end = lab.now() + at_most
    while True:
        asked = lab.now()
        seen = lab.get(domain)
        if shows(seen) or asked >= end:
            return seen
        yield every


def until_verified(lab: Lab, domain: str) -> Generator[float, None, None]:
    """Wait until SES has found the key."""
    every = lab.first_check / 2 + 15
    seen = yield from watch(lab, domain, is_verified, every=every, at_most=6 * HOUR)
    if not is_verified(seen):
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


def put(lab: Lab, domain: str, key: Key) -> Generator[float, None, tuple[Seen, Seen]]:
    """
    Put *key*: SES's response, and a read that shows the Put, before SES's first check after it.

    The read is empty if SES may have checked DNS before it.
    """
    sent = lab.now()
    answer = lab.put(domain, key)
    yield lab.lag + 1
    seen = lab.get(domain)
    if checked_at(seen) > answer["At"] or lab.now() >= sent + lab.unchecked:
        return answer, {}
    return answer, seen


def until_shown(
    lab: Lab, domain: str, sent: float, shows: Callable[[Seen], bool]
) -> Generator[float, None, tuple[str, float, Seen]]:
    """
    Read until three reads in a row show a call that was *sent* then, and has been answered.

    Returns the bounds of the lag in words, its upper bound, and the first read that showed the
    call. A single read may come from a server that is ahead of the others.
    """
    answered = lab.now()
    missing = 0.0
    reads: list[tuple[float, Seen]] = []
    while len(reads) < 3:
        yield 1.2
        asked = lab.now()
        seen = lab.get(domain)
        if shows(seen):
            reads.append((lab.now() - sent, seen))
        else:
            missing = asked - answered
            reads = []
        if asked > answered + 2 * MINUTE:
            raise Unanswered("reads lag by more than two minutes")
    at_most, seen = reads[0]
    return bounds(missing, at_most), at_most, seen


def bounds(at_least: float, at_most: float) -> str:
    return f"{math.floor(at_least)} to {math.ceil(at_most)}"


# The questions


def first_key(lab: Lab) -> Question:
    """How far do reads lag, when does SES first check DNS, and does it show the selector?"""
    domain, key = lab.published()
    yield SETTLE_SECONDS
    sent = lab.now()
    created = lab.create(domain, key)
    at = lab.now()
    read_lag, lag, soon = yield from until_shown(lab, domain, sent, bool)
    lab.lag = lag
    seen = lab.get(domain)
    while not is_verified(seen):
        lab.unchecked = max(lab.now() - at - lag - 2, 0)
        if lab.unchecked > 2 * HOUR:
            raise Unanswered(f"SES did not verify {domain} in two hours")
        yield 2 + lab.unchecked / 20
        seen = lab.get(domain)
    lab.first_check = lab.now() - sent
    if checked_at(seen):
        lab.first_check = min(lab.first_check, checked_at(seen) - created["At"] + 1)
    new = lab.key()
    sent = lab.now()
    lab.put(domain, new)
    put_lag, lag, _ = yield from until_shown(
        lab, domain, sent, lambda read: selector(read) == new.selector
    )
    lab.lag = max(lab.lag, lag)
    answer = status(created)
    return {
        "create_answer": the_one(
            {"as Get": answer == status(soon), "NOT_STARTED": answer == "NOT_STARTED"}
        ),
        "read_lag_seconds": read_lag,
        "put_lag_seconds": put_lag,
        "first_check_seconds": bounds(lab.unchecked, lab.first_check),
        "response to a Create": sorted(set(created) - {"At"}),
        "Tokens are the selector": selector(created) == selector(seen) == key.selector,
        "verification info of a new identity": sorted(info(seen)),
    }


def another_key(lab: Lab) -> Question:
    """What does a Put of another key change, and what does `VerificationInfo` show after it?"""
    domain, _ = yield from verified(lab)
    lab.call("put_email_identity_dkim_attributes", EmailIdentity=domain, SigningEnabled=False)
    yield lab.lag + 1
    before, key = lab.get(domain), lab.key()
    answer, soon = yield from put(lab, domain, key)
    put_at, answered, after = answer["At"], answer["DkimStatus"], status(soon)
    if not (yield from control(lab)):
        raise Unanswered("SES verifies nothing now, so it shows no check that missed")
    yield 2 * lab.first_check + lab.lag
    missed = yield from watch(
        lab, domain, lambda s: checked_at(s) > put_at, every=HOUR, at_most=PATIENCE_SECONDS
    )
    lab.create_record(key.record_name(domain), "TXT", f'"{key.p}"')

    def is_found(seen: Seen) -> bool:
        return is_verified(seen) and (not is_verified(missed) or found_at(seen) > put_at)

    found = yield from watch(lab, domain, is_found, every=HOUR / 3, at_most=DAY)
    ways = {
        "as Get": answered == after,
        "NOT_STARTED": answered == "NOT_STARTED",
        "before": answered == status(before),
    }
    signed, signs = (seen["DkimAttributes"]["SigningEnabled"] for seen in (before, missed))
    return {
        "status_after_put": after or UNKNOWN,
        "put_answer": the_one(ways) if soon else UNKNOWN,
        "put_enables_signing": UNKNOWN if signed else signs,
        "verification_info": _info(missed, found, put_at),
    }


def _info(missed: Seen, found: Seen, put_at: float) -> str:
    """
    The switch `verification_info`, from reads after a check that missed and after one that found.
    """
    if not is_verified(found):
        return UNKNOWN  # SES did not find the key in a day
    if not info(found):
        return "empty"
    if "ErrorType" in info(found):
        return "sticky"
    if checked_at(missed) > put_at:
        if "ErrorType" in info(missed):
            return "filled"
        return "ownership" if found_at(missed) > put_at else UNKNOWN
    if found_at(found) > put_at:
        return "stale"
    return UNKNOWN if checked_at(found) > put_at else "frozen"


def same_key(lab: Lab) -> Question:
    """
    Does a Put of the key that SES has make it check again? A Put of another key is the control.
    """
    domain, key = yield from verified(lab)
    _, same = yield from put(lab, domain, key)
    yield 2 * lab.first_check + lab.lag
    yield from until_verified(lab, domain)
    _, other = yield from put(lab, domain, lab.key())
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
        text = {"Data": f"{TAG} {lab.run}: {lab.now() - answered:.0f} s after the Put"}
        lab.call(
            "send_email",
            FromEmailAddress=f"acceptance@{domain}",
            Destination={"ToAddresses": [lab.mail_to]},
            Content={"Simple": {"Subject": text, "Body": {"Text": text}}},
        )
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
        )

    first = yield from first_check()
    lab.delete(domain)
    if info(first).get("ErrorType") != "HOST_NOT_FOUND":
        return unknown
    lab.create_record(key.record_name(domain), "TXT", f'"{key.p}"')
    yield SETTLE_SECONDS
    second = yield from first_check()
    if not checked_at(first) < checked_at(second) < checked_at(first) + NEGATIVE_SECONDS:
        return unknown
    if is_verified(second):
        return {"caches_no_such_name": False}
    is_missed = "ErrorType" in info(second) and checked_at(second) > found_at(second)
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
        name, value = key.record_name(domain), f'"{key.p}"'
        if what == BEHIND_CNAME:
            target = f"{key.selector}.{lab.domain()}"
            lab.create_record(target, "TXT", value)
            lab.create_record(name, "CNAME", target)
        else:
            lab.create_record(
                name, "TXT", f'"v=DKIM1; k=rsa; {key.p}"' if what == TAGGED else value
            )
        sent = {NO_KEY: "bm8ga2V5", PEM: key.encoded(Encoding.PEM)}.get(what, key.encoded())
        try:
            lab.create(domain, key, DomainSigningPrivateKey=sent)
            domains[what] = domain
        except Refused as refused:
            found[what] = str(refused)
    missed = "accepted; SES verified nothing in that time"
    decided = {"verified": True}
    if (yield from control(lab)):
        yield PATIENCE_SECONDS
        missed = f"accepted, not verified in {PATIENCE_SECONDS / HOUR:.0f} hours"
        decided[missed] = False
    for what, domain in domains.items():
        found[what] = "verified" if is_verified(lab.get(domain)) else missed
    return found | {
        "follows_cname": decided.get(found[BEHIND_CNAME], UNKNOWN),
        "verifies_tagged_records": decided.get(found[TAGGED], UNKNOWN),
        "refuses_bad_keys": "BadRequestException" in found[NO_KEY],
    }


QUESTIONS: Final = (another_key, same_key, negative_cache, forms)
"""
What is asked at once. `first_key` comes before them; `mail_while_pending` needs somebody who reads
mail.
"""
