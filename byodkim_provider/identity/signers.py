"""Who still needs the record of a key: asked of SES before a record of ours leaves DNS."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from byodkim_provider.aws.connections import Connections
from byodkim_provider.aws.errors import NOT_ALLOWED
from byodkim_provider.aws.ses import SesClient
from byodkim_provider.errors import SesRefused
from byodkim_provider.identity.judgement import has_key
from byodkim_provider.identity.run import Run


@dataclass(frozen=True)
class SesSources:
    """What is asked of SES, by Region."""

    ses: Callable[[str], SesClient]
    names: Callable[[str], Collection[str]]
    """Names of the identities when this run first listed them."""

    @classmethod
    def of(cls, connections: Connections, account_id: str | None) -> SesSources:
        """SES in the account *account_id*."""
        return cls(
            lambda region: connections.ses(region, account_id),
            lambda region: connections.names(region, account_id),
        )


def with_earlier(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    """The Regions of a domain, with those that it had: what was adopted stays there, and goes on to sign."""
    return sorted({*olds.get("regions", ()), *news["regions"]})


def goes_on(domain: str, regions: Sequence[str], run: Run) -> bool:
    """Whether this run has seen or made SES sign with a key of *domain*: the domain stays with the stack."""
    return any(run.signs.get((region, domain)) for region in regions)


def holder(domain: str, regions: Sequence[str], selector: str, sources: SesSources, run: Run) -> str:
    """
    The identity of *domain* that signs with *selector*, so that its record has to stay; "" if none does.

    Raises `SesRefused` if SES does not say.
    """
    for region in regions:
        signs = run.signs.get((region, domain))
        if signs is not None:
            if signs == selector:
                return f"{domain} {region}"
            continue
        if not may_exist(domain, lambda region=region: sources.names(region)):  # type: ignore[misc]
            continue
        seen = sources.ses(region).get_email_identity(domain)
        if seen and has_key(selector, seen):
            return f"{domain} {region}"
    return ""


def may_exist(domain: str, names: Callable[[], Collection[str]]) -> bool:
    """Whether SES has the identity, by the *names* that it lists, or can't be asked for the list."""
    try:
        return domain in names()
    except SesRefused as refused:
        if refused.code not in NOT_ALLOWED:
            raise
        return True
