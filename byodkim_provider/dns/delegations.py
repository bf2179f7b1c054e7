"""
When a delegated zone may be deleted: once its parent zone no longer delegates to it.

If the zone is deleted earlier, somebody else may get the name servers that the parent still
names, and answer for the zone. So deletion takes two declared steps: `release`, which is refused
while the parent has NS records for the zone, and then the deletion. Values in, messages out; the
only lookup goes through a resolver.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from byodkim_provider.dns.resolver import Answer, DnsResolver
from byodkim_provider.dns.visibility import servers_asked


def still_delegated(domain: str, resolver: DnsResolver) -> str:
    """
    Why the delegated zone of *domain* can't be released; "" once the parent has no NS records for it.

    *resolver* must query authoritative servers: only their names show which servers serve a zone.
    """
    name = f"_domainkey.{domain}"
    answers = resolver.txt(name, domain)
    parents = resolver.txt(domain, domain)
    delegated_to = servers_asked(answers) - servers_asked(parents)
    if delegated_to:
        return (
            f"{domain}: the parent zone still delegates {name!r} to {', '.join(sorted(delegated_to))}\n"
            "  hint: nothing was changed; first put what mail still needs into the parent zone, then remove "
            f"its NS records of {name!r}, then release the zone"
        )
    if not any(_answers(one) for one in answers) or not any(_answers(one) for one in parents):
        failed = {f"{one.server}: {one.failure}" for one in (*answers, *parents) if one.failure}
        return (
            f"{domain}: whether the parent zone still delegates {name!r} can't be looked up "
            f"({', '.join(sorted(failed))})\n"
            "  hint: nothing was changed; try again later, or `dnsCheck: off` releases the zone unseen"
        )
    return ""


def removed_too_early(before: Mapping[str, bool], after: Mapping[str, bool]) -> Iterator[str]:
    """
    For each zone that would be deleted without having been released: what to do first.

    *before* and *after* map each domain with a delegated zone to whether the zone is released.
    """
    for domain in sorted(before.keys() - after.keys()):
        if not before[domain]:
            yield (
                f"{domain}: its zone '_domainkey.{domain}' is protected and takes two steps: first "
                "`release: true` beside its `delegate: true` and a `pulumi up` that succeeds, then remove it "
                "(docs/how-to/leaving.md)"
            )


def _answers(answer: Answer) -> bool:
    return answer.values is not None or bool(answer.target)
