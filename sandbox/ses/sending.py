"""
What SES makes of a SendEmail with a plain text: the message as it leaves, with a DKIM signature.

SES's second signature, with `d=amazonses.com`, is left out: no receiver takes it for the sender's.
"""

import base64
from collections.abc import Callable, Mapping
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Final

import dkim

from sandbox.ses.identity import HeldKey

Deliver = Callable[[str, bytes], None]
"""
Takes a message to where it is received: envelope sender, content with CRLF.
"""

CANONICALIZATION: Final = (b"relaxed", b"simple")
"""
Header and body, as in every `DKIM-Signature` by SES that is to be found in public mail archives.
"""


def message(sent: Mapping[str, Any], *, message_id: str, at: datetime, region: str) -> bytes:
    """The message that the parameters of a SendEmail with a plain text describe, unsigned."""
    content = sent["Content"]["Simple"]
    made = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    made["From"] = sent["FromEmailAddress"]
    made["To"] = ", ".join(sent["Destination"]["ToAddresses"])
    made["Subject"] = content["Subject"]["Data"]
    made["Message-ID"] = f"<{message_id}@{region}.amazonses.com>"
    made["Date"] = format_datetime(at)
    made.set_content(content["Body"]["Text"]["Data"])
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
