"""
The two records of a MAIL FROM domain: what SES wants them to be, and what is wrong with those in
DNS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from byodkim_provider.dns.panels import RecordType
from byodkim_provider.messages import Message, Table
from byodkim_provider.messages.cli import MailFromMessages

if TYPE_CHECKING:  # a program needs no lookups
    from byodkim_provider.dns.resolver import DnsResolver

INCLUDE: Final = "include:amazonses.com"


_NAMES_SES_OR_OTHERS: Final = (
    rf" \+?{re.escape(INCLUDE)}\.?( |$)| \+?include:(?!amazonses\.com)| redirect="
)
"""In an SPF record: SES's own, or another record, which may name SES in its turn."""


def mail_from_records(region: str) -> Mapping[RecordType, str]:
    """
    The records of a MAIL FROM domain that SES in *region* asks for, by type.

    >>> mail_from_records("eu-west-1")
    {'MX': '10 feedback-smtp.eu-west-1.amazonses.com', 'TXT': 'v=spf1 include:amazonses.com ~all'}
    """
    return {"MX": f"10 feedback-smtp.{region}.amazonses.com", "TXT": f"v=spf1 {INCLUDE} ~all"}


def mistake(
    kind: RecordType, found: Sequence[str], *, name: str, region: str, target: str = ""
) -> Message | None:
    """
    What is wrong with the values *found* at *name*, or a CNAME to *target*; spelling is no mistake.

    An SPF record that leads to another one (`include:`, `redirect=`) is not checked.
    """
    right = mail_from_records(region)[kind]
    spf = [value.lower() for value in found if re.match("v=spf1( |$)", value, re.IGNORECASE)]
    # `0 .` says that there is no mail server (RFC 7505).
    hosts = [
        host for value in found for last in value.split()[-1:] if (host := last.rstrip(".").lower())
    ]
    others = [
        host
        for host in hosts
        if not re.fullmatch(r"feedback-smtp\.[a-z0-9-]+\.amazonses\.com", host)
    ]
    mistakes: Mapping[RecordType, Mapping[MailFromMessages, bool]] = {
        "MX": {
            MailFromMessages.NO_MX: not hosts,
            MailFromMessages.RECEIVES: bool(others),
            MailFromMessages.TWO_MX: len(hosts) > 1,
            MailFromMessages.OTHER_REGION: hosts != right.split()[1:],
        },
        "TXT": {
            MailFromMessages.NO_SPF: not spf,
            MailFromMessages.TWO_SPF: len(spf) > 1,
            MailFromMessages.OTHER_SPF: not re.search(_NAMES_SES_OR_OTHERS, "".join(spf)),
        },
    }
    fields = {"name": name, "value": right, "hosts": ", ".join(others or hosts), "include": INCLUDE}
    found_there = {MailFromMessages.TAKEN: bool(target), **mistakes[kind]}
    return next((one(**fields, target=target) for one, is_so in found_there.items() if is_so), None)


def mail_from_mistakes(
    resolver: DnsResolver, domain: str, names: Mapping[str, str]
) -> dict[str, dict[Table, Message]]:
    """
    What is wrong at *names*, MAIL FROM domains of *domain*, by Region and code; silence is no
    mistake.
    """
    wrong: dict[str, dict[Table, Message]] = {region: {} for region in names}
    for region, name in names.items():
        for kind in mail_from_records(region):
            answers = resolver.mx(name, domain) if kind == "MX" else resolver.txt(name, domain)
            said = [one for one in answers if one.values is not None]
            target = next((one.target for one in said if one.target), "")
            found = sorted({value for one in said for value in one.values or ()})
            if said and (is_so := mistake(kind, found, name=name, region=region, target=target)):
                wrong[region][is_so.code] = is_so
    return wrong
