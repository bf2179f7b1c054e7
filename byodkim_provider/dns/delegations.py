"""
When a delegated zone may go: once the parent zone does not delegate to it any more.

Whoever gets hold of name servers that a parent still delegates to answers for the zone. So its
removal takes two declared steps: `release`, which is refused while the NS records stand there,
and then the removal itself. Values in, texts out; the one lookup goes through a resolver.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from byodkim_provider.dns.resolver import Answer
from byodkim_provider.dns.visibility import Resolver, servers_asked

__all__ = ["removed_too_early", "still_delegated"]


def still_delegated(domain: str, resolver: Resolver) -> str:
    """
    Why the delegated zone of *domain* can't be released; "" once the parent zone has let go.

    *resolver* asks authoritative servers: only their names tell who serves what.
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
    What to do first, for each zone that is to go and was never released.

    Both say of each domain with a delegated zone whether that is released.
    """
    for domain in sorted(before.keys() - after.keys()):
        if not before[domain]:
            yield (
                f"{domain}: its zone '_domainkey.{domain}' is protected and takes two steps: first `dns: "
                "{delegate: true, release: true}` and a `pulumi up` that succeeds, then remove it "
                "(docs/leaving.md)"
            )


def _answers(answer: Answer) -> bool:
    return answer.values is not None or bool(answer.target)
