"""
What a DMARC verifier makes of a domain's mail: its policy, and whether DKIM and SPF fit it.

For information only: nothing here is published, and no verdict depends on it. The policy is
found as RFC 9989 says: at the domain, else at the nearest parent that has one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from byodkim_provider.dns.resolver import DnsResolver

POLICIES: Final = ("none", "quarantine", "reject")

STRICT: Final = "s"
RELAXED: Final = "r"


@dataclass(frozen=True, slots=True)
class Policy:
    """A DMARC record, as far as alignment needs it."""

    at: str
    """The domain whose `_dmarc` record it is."""
    policy: str
    """`none`, `quarantine` or `reject`, for the domain that was asked about."""
    adkim: str
    """`r` (relaxed) or `s` (strict)."""
    aspf: str


def lookup(resolver: DnsResolver, domain: str) -> Policy | None:
    """The policy that holds for mail from *domain*; None if there is none, or no server answers."""
    for at in _upwards(domain):
        found = {
            value
            for answer in resolver.txt(f"_dmarc.{at}", at)
            for value in answer.values or ()
            if value.replace(" ", "").lower().startswith("v=dmarc1")
        }
        if len(found) == 1:  # several records count as none
            return parse(found.pop(), at=at, domain=domain)
    return None


def parse(value: str, *, at: str, domain: str) -> Policy:
    """
    The policy in a record.

    >>> parse("v=DMARC1; p=reject; sp=none; adkim=s", at="example.com", domain="news.example.com")
    Policy(at='example.com', policy='none', adkim='s', aspf='r')
    """
    pairs = (part.partition("=") for part in value.split(";"))
    tags = {name.strip().lower(): text.strip().lower() for name, _, text in pairs}
    asked = tags.get("p") if at == domain else tags.get("sp", tags.get("p"))
    return Policy(
        at=at,
        policy=asked if asked in POLICIES else "none",
        adkim=STRICT if tags.get("adkim") == STRICT else RELAXED,
        aspf=STRICT if tags.get("aspf") == STRICT else RELAXED,
    )


def dkim_line(policy: Policy, domain: str) -> str:
    """Which mail the signature of *domain* fits."""
    if policy.adkim == STRICT:
        return f"DKIM fits mail from {domain} (adkim=s), and not from its sub-domains: declare each of them"
    return f"DKIM fits mail from {domain} and its sub-domains (adkim=r)"


def spf_fits(policy: Policy | None, domain: str, mail_from: str, status: str) -> bool:
    """Whether SPF fits mail from *domain*; without a policy, as the usual one (`aspf=r`) has it."""
    is_strict = policy is not None and policy.aspf == STRICT
    return bool(mail_from) and status == "SUCCESS" and (not is_strict or mail_from == domain)


def spf_line(policy: Policy, domain: str, region: str, mail_from: str, status: str) -> str:
    """Whether SPF fits mail from *domain* that this Region of SES sends. *mail_from* may be empty."""
    if not mail_from:
        return f"SPF in {region} does not fit: MAIL FROM is amazonses.com"
    if status != "SUCCESS":
        return f"SPF in {region} does not fit: MAIL FROM is to be {mail_from}, SES says {status or 'nothing'}"
    if policy.aspf == STRICT and mail_from != domain:
        return f"SPF in {region} does not fit: MAIL FROM is {mail_from}, not {domain} (aspf=s)"
    return f"SPF in {region} fits: MAIL FROM is {mail_from}, SUCCESS (aspf={policy.aspf})"


def _upwards(domain: str) -> Iterator[str]:
    """*domain* and its parents, without the top-level domain."""
    labels = domain.split(".")
    for number in range(len(labels) - 1):
        yield ".".join(labels[number:])
