"""Where all mail that SES sends arrives: judged as any receiver does, and kept."""

import email
import functools
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from sandbox.clock import SandboxClock
from sandbox.mail.dns import LookUp
from sandbox.mail.verdict import Result, Verdict, judge


@dataclass(frozen=True, slots=True)
class Message:
    """A message and what a receiver says of it at one moment."""

    at: datetime
    """When it arrived."""
    sender: str
    """Of the envelope."""
    content: bytes = field(repr=False)
    verdict: Verdict

    @property
    def id(self) -> str:
        """The `MessageId` that SendEmail answered."""
        message_id: str = email.message_from_bytes(self.content)["Message-ID"] or ""
        return message_id.strip().strip("<>").partition("@")[0]  # the header is folded


class MailSink:
    """The mailbox of everybody mail is sent to, whatever the domain. Any thread may use it."""

    def __init__(self, *, look_up: LookUp, clock: SandboxClock) -> None:
        self.look_up = look_up
        self.folder: Path | None = None
        """Where each message is written too, as `<MessageId>.eml`, for other processes."""
        self._clock = clock
        self.messages: list[Message] = []
        """All that arrived, oldest first, with the verdict of that moment."""

    @property
    def results(self) -> Counter[Result]:
        """How many messages passed, failed and were unsigned when they arrived."""
        return Counter(message.verdict.result for message in self.messages)

    def verify_again(self, younger_than: timedelta) -> list[Message]:
        """Messages no older than that, as judged by a receiver that gets them only now."""
        now = self._clock.now()
        look_up = functools.cache(self.look_up)  # within one moment DNS says one thing
        return [
            replace(message, verdict=judge(message.content, look_up))
            for message in self.messages
            if now - message.at <= younger_than
        ]

    def receive(self, sender: str, content: bytes) -> None:
        verdict = judge(content, self.look_up)
        message = Message(self._clock.now(), sender, content, verdict)
        if self.folder:
            # As whoever delivers it last notes the envelope (RFC 5321 section 4.4).
            noted = f"Return-Path: <{sender}>\r\n".encode() + content
            (self.folder / f"{message.id}.eml").write_bytes(noted)
        self.messages.append(message)
