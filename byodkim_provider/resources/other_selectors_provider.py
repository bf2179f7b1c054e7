"""
The selectors of others that a delegated `_domainkey` would hide, and what carries them on.

DNS is asked when the delegation or one of its `keep` is new, and never again. That happens in
`check`, so that a preview refuses what would break others' mail and shows what it carries over.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, UpdateResult

from byodkim_provider.dkim import records
from byodkim_provider.dns import kept_records
from byodkim_provider.dns.delegations import still_delegated
from byodkim_provider.dns.resolver import Answer, DnsResolver, resolver_for
from byodkim_provider.resources._provider import AwsProvider, check_result

KNOWN: Final = (
    *("google",),  # Google Workspace
    *("selector1", "selector2"),  # Microsoft 365
    *("k1", "k2", "k3"),  # Mailchimp, Mandrill
    *("mandrill", "mte1", "mte2"),
    *("s1", "s2", "smtpapi", "em"),  # SendGrid
    *("mailjet", "sib", "brevo1", "brevo2", "mail"),  # Mailjet, Brevo
    *("mx", "pic", "krs", "mailo", "smtp"),  # Mailgun
    *("fm1", "fm2", "fm3"),  # Fastmail
    *("protonmail", "protonmail2", "protonmail3"),
    *("zoho", "zmail", "sig1"),  # Zoho, iCloud
    *("ctct1", "ctct2", "cm", "pm"),  # Constant Contact, Campaign Monitor, Postmark
    *("default", "dkim", "dkim1", "dkim2", "key1", "key2", "x"),  # cPanel and whoever chose by himself
)
"""Selectors that mail services give out, or that people choose: DNS can't list what there is."""

AT_ONCE: Final = 10
"""Lookups at a time."""


Records = dict[str, kept_records.Record]
"""By selector."""


class ForeignSelectorsProvider(AwsProvider):
    """Looks up what is new; keeps no state."""

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        domain, values = news["domain"], news.get("values", {})
        keep = {selector: values.get(selector) for selector in news.get("keep", ())}
        same_domain = olds.get("domain") == domain
        known: Records = olds.get("carried", {}) if same_domain else {}
        # Dozens of names are looked up: a server that does not answer is not to delay each of them.
        resolver_of = partial(resolver_for, resolvers=news.get("dns_resolvers", ()), silent=set())
        resolver = resolver_of(news.get("dns_check", "authoritative"))
        given, problems = _given(domain, values)
        looked_up, not_found = carried(
            domain,
            [selector for selector, value in keep.items() if value is None and selector not in known],
            resolver,
            keep=keep,
            delegated=same_domain,
        )
        problems += not_found
        if not same_domain and resolver:
            selectors = {*KNOWN, *self._easy_dkim(domain, news.get("regions", ()))}
            problems += hidden(domain, selectors - {*keep, *news.get("own", ())}, resolver, keep)
        if news.get("release") and not (same_domain and olds.get("release")) and resolver:
            # Recursive resolvers remember a delegation for days, and say nothing of who serves it.
            problems += filter(None, [still_delegated(domain, resolver_of("authoritative") or resolver)])
        # Filled in here and not in `create`, so that a preview knows the records.
        records_to_keep = {
            selector: one for selector, one in {**known, **looked_up, **given}.items() if selector in keep
        }
        return check_result({**news, "carried": records_to_keep}, problems)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        replaces = ["domain"] if olds["domain"] != news["domain"] else []
        changed = olds.get("carried") != news.get("carried")
        released = olds.get("release", False) != news.get("release", False)
        return DiffResult(changes=changed or released or bool(replaces), replaces=replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(props["domain"], props)

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(news)

    def _easy_dkim(self, domain: str, regions: Sequence[str]) -> set[str]:
        """Selectors with which SES itself signs: three CNAMEs a Region, under names no list can know."""
        identities = [self._connections.ses(region, None).get_email_identity(domain) for region in regions]
        return {
            token
            for identity in identities
            if identity and identity.origin.startswith("AWS_SES")
            for token in identity.tokens
        }


def hidden(
    domain: str, candidates: Collection[str], resolver: DnsResolver, keep: Mapping[str, str | None]
) -> list[str]:
    """
    A problem for each of these selectors that *domain* has in use, or one if DNS does not answer.

    *keep* is what is carried over already, by selector.
    """
    selectors = sorted(candidates)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(
            pool.map(lambda one: resolver.txt(records.record_name(one, domain), domain), selectors)
        )
    silent = [one for one in answers if not _answered(one)]
    if silent:
        why = ", ".join(sorted({f"{answer.server}: {answer.failure}" for answer in silent[0]}))
        return [
            f"{domain}: what a delegated _domainkey would hide can't be looked up ({why}); "
            "`dnsCheck: off` delegates unseen"
        ]
    found = [selector for selector, one in zip(selectors, answers, strict=True) if _is_in_use(one)]
    written = kept_records.as_written({**keep, **dict.fromkeys(found)})
    return [
        f"{domain}: a delegated _domainkey would hide {records.record_name(selector, domain)!r}; "
        f"`keep: {written}` carries it over"
        for selector in found
    ]


def carried(
    domain: str,
    selectors: Sequence[str],
    resolver: DnsResolver | None,
    *,
    keep: Mapping[str, str | None],
    delegated: bool = False,
) -> tuple[Records, list[str]]:
    """
    The records of *selectors* as they stand in DNS, and why some can't be carried over.

    *keep* is all that is to be carried over. *delegated*: the zone exists already. A lookup then
    follows the delegation, which hides what the parent zone has.
    """
    found: Records = {}
    failed: dict[str, ValueError] = {}
    for selector in selectors:
        try:
            found[selector] = _looked_up(
                records.record_name(selector, domain), domain, resolver, delegated=delegated
            )
        except ValueError as error:
            failed[selector] = error
    written = kept_records.as_written({**keep, **dict.fromkeys(failed, "…")})
    return found, [
        f"{domain}: keep can't carry over {records.record_name(selector, domain)!r}: {error}; "
        f"give its value, a key or the target of a CNAME: `keep: {written}`"
        for selector, error in failed.items()
    ]


def _given(domain: str, values: Mapping[str, str]) -> tuple[Records, list[str]]:
    """The records that *values* describe, by selector, and what is wrong with some."""
    given: Records = {}
    problems: list[str] = []
    for selector, value in values.items():
        try:
            given[selector] = kept_records.from_value(value)
        except ValueError as error:
            problems.append(f"{domain}: keep: {selector}: {error}")
    return given, problems


def _looked_up(
    name: str, domain: str, resolver: DnsResolver | None, *, delegated: bool
) -> kept_records.Record:
    """What stands at the name; raises ValueError with why that can't be determined or copied."""
    if resolver is None:
        raise ValueError("it has to be looked up, and `dnsCheck` is off")
    answers = resolver.txt(name, domain)
    if not _answered(answers):
        raise ValueError("no server answers")
    targets = {answer.target for answer in answers if answer.target}
    texts = {answer.values for answer in answers if answer.values and not answer.target}
    if len(targets) + len(texts) > 1:
        raise ValueError("the servers disagree")
    if targets:
        return kept_records.as_cname(targets)
    if not texts:
        hidden = ", or the delegation hides it" if delegated else ""
        raise ValueError(f"there is no TXT or CNAME record{hidden}")
    (values,) = texts
    return kept_records.as_txt(values)


def _answered(answers: Sequence[Answer]) -> bool:
    return any(answer.values is not None or answer.target for answer in answers)


def _is_in_use(answers: Sequence[Answer]) -> bool:
    """Whether a verifier finds a key there. Not every TXT record: a wildcard answers for any name."""
    if any(answer.target for answer in answers):
        return True
    values = [value for answer in answers for value in answer.values or ()]
    return any(re.search(r"v\s*=\s*DKIM1|(^|;)\s*p\s*=\s*[A-Za-z0-9+/]{40}", value) for value in values)
