"""
What a test sets on the emulated SES: how it behaves where SES's behaviour is not known, and what
goes wrong.

Every switch is a question that AWS's documents leave open. The default is the likelier answer;
the other one has to work too. All may be changed while the emulator runs.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True)
class Switches:
    """Open questions about SES, each with one of its possible answers."""

    status_after_put: Literal["PENDING", "NOT_STARTED", "SUCCESS"] = "PENDING"
    """
    DKIM status from a Put to the first check of DNS. SUCCESS: stays if it was that, else PENDING.
    """

    create_answer: Literal["as Get", "NOT_STARTED"] = "NOT_STARTED"
    """
    DKIM status in the answer to a Create with a key: NOT_STARTED, or what Get says from then on.
    """

    put_answer: Literal["as Get", "NOT_STARTED", "before"] = "NOT_STARTED"
    """
    `DkimStatus` in the answer to a Put: NOT_STARTED, what Get says from then on, or the one before.
    """

    failed_check_keeps_success: bool = False
    """A status SUCCESS stays while SES does not find the record, until it gives up."""

    lost_record_takes_back_verification: bool = False
    """
    When the record of a verified key is lost, `VerificationStatus` goes the way of the DKIM status.
    """

    signs_while_pending: Literal["nothing", "old", "new"] = "nothing"
    """
    With which key mail is signed while a new one is not verified; *old* is nothing if there was
    none.
    """

    old_key_lingers_seconds: float = 0
    """How long after a Put mail is still signed with the key before, whatever the status says."""

    same_key_restarts: bool = True
    """
    A Put of the key and selector that SES holds already makes it check again; else it changes
    nothing.
    """

    failed_restarts: bool = True
    """The same, for an identity that has FAILED."""

    verification_info: Literal["sticky", "filled", "empty", "stale", "ownership", "frozen"] = (
        "sticky"
    )
    """
    What `VerificationInfo` shows: the last lookup of the key, and beside SUCCESS an old error as
    well; the last lookup alone; nothing; until SUCCESS, what it showed before the last Put; the
    identity's ownership, which every lookup confirms whatever the DKIM status; or its ownership as
    first confirmed, which never changes.
    """

    caches_no_such_name: bool = False
    """
    SES's resolver remembers "no such name" for 15 minutes (the negative TTL of a Route 53 zone).
    """

    read_lag_seconds: float = 0
    """
    Get and List return the state as it was that long ago: for a new identity, that there is none.
    """

    put_lag_seconds: float = 0
    """How long after a Put of a key Get returns the identity as it was before that Put."""

    put_enables_signing: bool = False
    """PutEmailIdentityDkimSigningAttributes switches signing on where it was disabled."""

    follows_cname: bool = True
    """A record behind a CNAME verifies; else SES finds no record there."""

    verifies_tagged_records: bool = True
    """A record `v=DKIM1; k=rsa; p=…` verifies; else the bare `p=…` of AWS's guide alone does."""

    refuses_bad_keys: bool = False
    """A private key that SES can't sign with is refused; else it is stored, and never verifies."""

    requests_per_second: float | None = 1
    """Calls an account may make in each Region before it gets a 429; None for any number."""

    first_check_seconds: float = 300
    """From a Create or Put to SES's first check of DNS; the gaps between later checks double."""

    identity_limit: int = 10_000
    """Identities an account may have in each Region."""


FaultKind = Literal["throttle", "500", "access_denied", "drop", "timeout", "garbage"]


@dataclass(frozen=True, slots=True)
class Fault:
    """
    Something that goes wrong with the next calls it fits.

    *before*: SES does nothing; *after*: the work is done, only the answer is lost. `drop` closes
    the connection without an answer, `timeout` keeps it open without one, `garbage` answers 200
    with a web page.
    """

    kind: FaultKind
    when: Literal["before", "after"] = "before"
    operation: str | None = None
    """Name of the API action, or any."""
    domain: str | None = None
    """Identity that the call is about, or any."""
    times: int = 1
