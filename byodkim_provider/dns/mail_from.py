"""
The two records of a MAIL FROM domain: what SES wants them to be, and what is wrong with those in
DNS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

from byodkim_provider.messages import Message, Table
from byodkim_provider.messages.mail_from import MailFromMessages

if TYPE_CHECKING:  # a program needs no lookups
    from byodkim_provider.dns.resolver import DnsResolver

INCLUDE: Final = "include:amazonses.com"


_NAMES_SES_OR_OTHERS: Final = (
    rf" \+?{re.escape(INCLUDE)}\.?( |$)| \+?include:(?!amazonses\.com)| redirect="
)
"""In an SPF record: SES's own, or another record, which may name SES in its turn."""


def mail_from_records(region: str) -> Mapping[Literal["MX", "TXT"], str]:
    """
    The records of a MAIL FROM domain that SES in *region* asks for, by type.

    >>> mail_from_records("eu-west-1")
    {'MX': '10 feedback-smtp.eu-west-1.amazonses.com', 'TXT': 'v=spf1 include:amazonses.com ~all'}
    """
    return {"MX": f"10 feedback-smtp.{region}.amazonses.com", "TXT": f"v=spf1 {INCLUDE} ~all"}


def misconfiguration(
    kind: Literal["MX", "TXT"], found: Sequence[str], *, name: str, region: str, target: str = ""
) -> Message | None:
    """
    What is wrong with the values *found* at *name*, or with a CNAME to *target*; None: nothing.

    Another spelling of a right value is right. An SPF record that leads to another one (`include:`,
    `redirect=`) is not checked.
    """
    right = mail_from_records(region)[kind]
    # `0 .` says that there is no mail server (RFC 7505).
    hosts = [value.split()[-1].rstrip(".").lower() for value in found if value.strip()]
    hosts = [host for host in hosts if host]
    of_ses = r"feedback-smtp\.[a-z0-9-]+\.amazonses\.com"
    others = [host for host in hosts if not re.fullmatch(of_ses, host)]
    spf = [value.lower() for value in found if re.match("v=spf1( |$)", value, re.IGNORECASE)]
    if target:
        code = MailFromMessages.TAKEN
    elif kind == "MX" and others:
        code = MailFromMessages.RECEIVES
    elif kind == "MX" and hosts != right.split()[1:]:
        code = MailFromMessages.NO_MX
    elif kind == "TXT" and not spf:
        code = MailFromMessages.NO_SPF
    elif kind == "TXT" and len(spf) > 1:
        code = MailFromMessages.TWO_SPF
    elif kind == "TXT" and not re.search(_NAMES_SES_OR_OTHERS, spf[0]):
        code = MailFromMessages.OTHER_SPF
    else:
        return None
    return code(name=name, value=right, hosts=", ".join(others), include=INCLUDE, target=target)


def mail_from_misconfigurations(
    resolver: DnsResolver, domain: str, names: Mapping[str, str]
) -> dict[str, dict[Table, Message]]:
    """
    What is wrong at *names*, MAIL FROM domains of *domain* by Region: by Region and code.

    A server that does not answer is left out.
    """
    wrong: dict[str, dict[Table, Message]] = {region: {} for region in names}
    for region, name in names.items():
        for kind in mail_from_records(region):
            answers = resolver.look_up(name, domain, kind)
            answered = [answer for answer in answers if answer.values is not None]
            if not answered:
                continue
            target = next((answer.target for answer in answered if answer.target), "")
            found = sorted({value for answer in answered for value in answer.values or ()})
            message = misconfiguration(kind, found, name=name, region=region, target=target)
            if message:
                wrong[region][message.code] = message
    return wrong
