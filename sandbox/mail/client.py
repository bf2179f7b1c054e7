"""
An application that sends mail through SES, as the domain's owner has it: a real SDK and no more.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import boto3

from sandbox.mail.sink import Message

if TYPE_CHECKING:
    from sandbox.world import (
        Sandbox,
    )  # with moto, which a command that sends one message does not need

RECIPIENT: Final = "somebody@elsewhere.test"
BODY: Final = {"Text": {"Data": "All is well.\n"}}


def send(sandbox: Sandbox, domain: str, region: str, *, tenant: str = "") -> Message:
    """The message as it arrived, after SES in *region* was asked to send one from *domain*."""
    client = _client(sandbox.ses.url, region, sandbox.aws.access_key, sandbox.aws.secret_key)
    message_id = send_by(client, domain, tenant=tenant)
    return next(message for message in reversed(sandbox.mail.messages) if message.id == message_id)


def send_by(client: Any, domain: str, *, tenant: str = "") -> str:
    """The `MessageId` of one message from *domain*. Raises `ClientError` as SES refuses it."""
    answer = client.send_email(
        FromEmailAddress=f"Hello <hello@{domain}>",
        Destination={"ToAddresses": [RECIPIENT]},
        Content={"Simple": {"Subject": {"Data": f"News from {domain}"}, "Body": BODY}},
        **({"TenantName": tenant} if tenant else {}),
    )
    return str(answer["MessageId"])


@functools.cache
def _client(url: str, region: str, key: str, secret: str) -> Any:
    session = boto3.Session(key, secret)
    return session.client("sesv2", region, endpoint_url=url)
