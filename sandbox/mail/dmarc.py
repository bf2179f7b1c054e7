"""
What a receiver makes of a message by DMARC: pyspf judges SPF, dmarc (pydmarc) alignment and policy.
"""

import email
import warnings
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any, Final

import dmarc

from sandbox.mail.dns import LookUp
from sandbox.mail.sink import Message

with warnings.catch_warnings():
    warnings.simplefilter(
        "ignore"
    )  # escapes in docstrings, where it was installed without being compiled
    import spf

CLIENT: Final = "127.0.0.1"  # all mail of the sandbox comes from here


@dataclass(frozen=True, slots=True)
class DmarcVerdict:
    spf: str
    """`pass`, `softfail`, `none` …, for the domain of the envelope's sender."""
    spf_aligned: bool
    dkim_aligned: bool
    disposition: str
    """`none` if DMARC passes, or has no policy; else what the policy asks for."""

    @property
    def is_aligned_twice(self) -> bool:
        return self.spf_aligned and self.dkim_aligned


class _Query(spf.query):  # type: ignore[misc]  # pyspf has no types
    """SPF by *look_up*, which knows TXT records: the sandbox's records name addresses."""

    def __init__(self, sender: str, look_up: LookUp) -> None:
        super().__init__(i=CLIENT, s=sender, h="smtp-out.sandbox.test", strict=True)
        self._look_up = look_up

    def dns(
        self, name: str, qtype: str, cnames: Any = None, ignore_void: bool = False
    ) -> list[Any]:
        if qtype != "TXT":
            return []
        values = self._look_up(str(name).rstrip(".")).values
        if values is None:
            raise spf.TempError("DNS does not answer")
        return [(value.encode(),) for value in values]


def judge_dmarc(message: Message, look_up: LookUp) -> DmarcVerdict:
    """What a receiver that looks DNS up now says of *message*."""
    result, _, _ = _Query(message.sender, look_up).check()
    domain = parseaddr(email.message_from_bytes(message.content)["From"])[1].rpartition("@")[2]
    by_spf = dmarc.SPF(message.sender.rpartition("@")[2], dmarc.SPFResult(result))
    passes = message.verdict.result == "pass"
    outcome = dmarc.DKIMResult.PASS if passes else dmarc.DKIMResult.FAIL
    by_dkim = dmarc.DKIM(message.verdict.domain or domain, outcome)
    at, record = _record(domain, look_up)
    # Without a record, alignment is judged as if the policy were "none".
    policy = dmarc.DMARCPolicy(record or "v=DMARC1; p=none", domain, None if at == domain else at)
    disposition = "none"
    try:
        policy.verify(spf=by_spf, dkim=by_dkim)
    except dmarc.PolicyRejectError:
        disposition = "reject"
    except dmarc.PolicyQuarantineError:
        disposition = "quarantine"
    except dmarc.PolicyNoneError:
        pass
    return DmarcVerdict(result, policy.isaligned(by_spf), policy.isaligned(by_dkim), disposition)


def _record(domain: str, look_up: LookUp) -> tuple[str, str]:
    """The nearest policy at *domain* or above it (RFC 9989), and whose it is; "" for none."""
    at = domain
    while "." in at:
        found = [one for one in look_up(f"_dmarc.{at}").values or () if one.startswith("v=DMARC1")]
        if len(found) == 1:
            return at, found[0]
        at = at.partition(".")[2]
    return domain, ""
