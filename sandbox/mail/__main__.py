"""
Send a test mail, and print what a receiver makes of it: `python -m sandbox.mail DOMAIN`.

For a second shell of `python -m sandbox.shell`: the message is read from the folder that keeps all mail.
"""

from __future__ import annotations

import email
import os
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import boto3

from sandbox import second_shell
from sandbox.mail.client import send_by
from sandbox.mail.dmarc import judge_dmarc
from sandbox.mail.dns import ask
from sandbox.mail.sink import Message
from sandbox.mail.verdict import judge

REGION: Final = "eu-west-1"
"""The Region of the tutorial."""


def main(domain: str) -> int:
    """Send one mail and judge it; 0 if its signature verifies."""
    message_id = send_by(boto3.client("sesv2", region_name=REGION), domain)
    content = (Path(os.environ["SANDBOX_MAIL"]) / f"{message_id}.eml").read_bytes()
    headers, look_up = email.message_from_bytes(content), partial(ask, resolver=os.environ["SANDBOX_DNS"])
    verdict = judge(content, look_up)
    print(f"From: {headers['From']}")
    if verdict.result == "unsigned":
        print("no signature")
    else:
        print(f"signature: d={verdict.domain} s={verdict.selector}")
        print(f"verifies: {'yes' if verdict.result == 'pass' else f'no, {verdict.reason}'}")
    sender = headers["Return-Path"].strip("<>")
    found = judge_dmarc(Message(datetime.now(UTC), sender, (), content, verdict), look_up)
    print(f"SPF: {found.spf}, MAIL FROM {sender.rpartition('@')[2]}")
    fits = {"DKIM": found.dkim_aligned, "SPF": found.spf_aligned}
    by = " and ".join(name for name, does in fits.items() if does)
    print(f"DMARC: {f'passes by {by}' if by else 'fails'}")
    return 0 if verdict.result == "pass" else 1


if __name__ == "__main__":
    sys.exit(
        second_shell.run(main, "mail", "Send a test mail, and print what a receiver makes of it.", "DOMAIN")
    )
