"""
The two records of a custom MAIL FROM domain: what they have to be, and what is wrong with those in DNS.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

from byodkim_provider.messages import Message
from byodkim_provider.messages.cli import MailFromFinding

if TYPE_CHECKING:  # a program needs the values alone
    from byodkim_provider.dns.resolver import DnsResolver

Kind = Literal["MX", "TXT"]

INCLUDE: Final = "include:amazonses.com"
_SPF: Final = re.compile("v=spf1( |$)", re.IGNORECASE)
_OF_SES: Final = re.compile(r"feedback-smtp\.[a-z0-9-]+\.amazonses\.com")


def values(region: str) -> Mapping[Kind, str]:
    """
    What SES in *region* asks for, by type.

    >>> values("eu-west-1")
    {'MX': '10 feedback-smtp.eu-west-1.amazonses.com', 'TXT': 'v=spf1 include:amazonses.com ~all'}
    """
    return {"MX": f"10 feedback-smtp.{region}.amazonses.com", "TXT": f"v=spf1 {INCLUDE} ~all"}


def problems(kind: Kind, found: Sequence[str], *, name: str, region: str) -> Iterator[Message]:
    """
    What is wrong with the values *found* at *name*; nothing if only the spelling is another one.

    >>> list(problems("TXT", ["v=spf1 include:amazonses.com -all"], name="b.example.com", region="eu-west-1"))
    []
    """
    shown = {"name": name, "value": values(region)[kind]}
    if kind == "TXT":
        spf = [value for value in found if _SPF.match(value)]
        if len(spf) != 1:
            yield MailFromFinding.NO_SPF(**shown) if not spf else MailFromFinding.TWO_SPF(name=name)
        elif INCLUDE not in spf[0].lower().split():
            yield MailFromFinding.OTHER_SPF(name=name, include=INCLUDE)
        return
    # `0 .` says that there is no mail server (RFC 7505).
    hosts = [host for value in found if (host := value.split()[-1].rstrip(".").lower())]
    others = [host for host in hosts if not _OF_SES.fullmatch(host)]
    if not hosts:
        yield MailFromFinding.NO_MX(**shown)
    elif others:
        yield MailFromFinding.RECEIVES(name=name, hosts=", ".join(others))
    elif len(hosts) > 1:
        yield MailFromFinding.TWO_MX(**shown)
    elif (of_mx := hosts[0].split(".")[1]) != region:
        yield MailFromFinding.OTHER_REGION(region=of_mx, **shown)


def examine(resolver: DnsResolver, name: str, *, domain: str, region: str) -> list[Message]:
    """What is wrong at *name*, the MAIL FROM domain of *domain*; of a type that no server shows, nothing."""
    found: list[Message] = []
    for kind, answers in (("MX", resolver.mx(name, domain)), ("TXT", resolver.txt(name, domain))):
        said = [one for one in answers if one.values is not None]
        if target := next((one.target for one in said if one.target), ""):
            return [MailFromFinding.TAKEN(name=name, target=target)]
        if said:
            seen = sorted({value for one in said for value in one.values or ()})
            found += problems(kind, seen, name=name, region=region)  # type: ignore[arg-type]
    return found
