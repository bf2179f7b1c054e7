"""
What SES makes of a SendEmail: the message as it leaves, with a DKIM signature.

SES's second signature, with `d=amazonses.com`, is left out: no receiver takes it for the sender's.
"""

import base64
import binascii
import email
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses
from typing import Any, Final

import dkim

from sandbox.ses.identity import HeldKey
from sandbox.ses.rules import SesError

Deliver = Callable[[str, Sequence[str], bytes], None]
"""
Takes a message to where it is received: envelope sender, envelope recipients, content with CRLF.
"""

CANONICALIZATION: Final = (b"relaxed", b"simple")
"""
Header and body, as in every `DKIM-Signature` by SES that is to be found in public mail archives.
"""


def message(sent: Mapping[str, Any]) -> EmailMessage:
    """The message that the parameters of a SendEmail describe; texts of errors assumed."""
    content = sent["Content"]
    if "Simple" in content:
        return _simple(sent, content["Simple"])
    if "Raw" in content:
        return _raw(sent, content["Raw"]["Data"])
    raise SesError("BadRequestException", "Templates are not possible here.")


def _simple(sent: Mapping[str, Any], content: Mapping[str, Any]) -> EmailMessage:
    if content.get("Attachments"):
        raise SesError("BadRequestException", "Attachments are not possible here.")
    destination = sent.get("Destination") or {}
    made = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    for name, values in (
        ("From", [sent["FromEmailAddress"]] if "FromEmailAddress" in sent else None),
        ("To", destination.get("ToAddresses")),
        ("Cc", destination.get("CcAddresses")),
        ("Reply-To", sent.get("ReplyToAddresses")),
    ):
        if values:
            made[name] = ", ".join(values)
    made["Subject"] = content["Subject"]["Data"]
    for header in content.get("Headers") or ():
        made[header["Name"]] = header["Value"]
    text, html = (content["Body"].get(kind) for kind in ("Text", "Html"))
    if text or not html:
        made.set_content(text["Data"] if text else "")
    if html:
        add = made.add_alternative if text else made.set_content
        add(html["Data"], subtype="html")
    return made


def _raw(sent: Mapping[str, Any], data: str | bytes) -> EmailMessage:
    try:
        content = base64.b64decode(data, validate=True) if isinstance(data, str) else data
    except binascii.Error:
        raise SesError("SerializationException", None) from None
    made = email.message_from_bytes(content, policy=SMTP)
    if "From" not in made and sent.get("FromEmailAddress"):
        made["From"] = sent["FromEmailAddress"]
    return made


def recipients(sent: Mapping[str, Any], made: EmailMessage) -> list[str]:
    """Whom *made* goes to: the request's destination, else what its own headers say."""
    destination = sent.get("Destination") or {}
    named = [address for group in destination.values() for address in group or ()]
    return addresses(
        *(named or [value for name in ("To", "Cc", "Bcc") for value in made.get_all(name, ())])
    )


def addresses(*values: str) -> list[str]:
    """The bare addresses in *values* of address headers."""
    return [address for _, address in getaddresses([str(value) for value in values]) if address]


def stamp(made: EmailMessage, *, message_id: str, at: datetime, region: str) -> bytes:
    """
    *made* as it leaves, unsigned: with SES's own `Message-ID` and `Date`, whatever it had, without
    `Bcc`.

    https://docs.aws.amazon.com/ses/latest/dg/header-fields.html
    """
    for name in ("Message-ID", "Date", "Bcc"):
        del made[name]
    made["Message-ID"] = f"<{message_id}@{region}.amazonses.com>"
    made["Date"] = format_datetime(at)
    return made.as_bytes()


def signed(content: bytes, key: HeldKey, *, domain: str) -> bytes:
    """
    *content* with a signature of *domain* on top, over those headers it has that RFC 6376 advises
    to sign.

    The `t=` in it is the machine's time, not the sandbox's: dkimpy reads no other clock.
    """
    present = {name for name, _ in dkim.rfc822_parse(content)[0]}
    pem = b"-----BEGIN RSA PRIVATE KEY-----\n%s-----END RSA PRIVATE KEY-----\n"
    signer = key.selector.encode(), domain.encode(), pem % base64.encodebytes(key.pkcs1_der)
    headers = sorted(name for name in present if name.lower() in dkim.DKIM.SHOULD)
    signature: bytes = dkim.sign(
        content, *signer, canonicalize=CANONICALIZATION, include_headers=headers
    )
    return signature + content
