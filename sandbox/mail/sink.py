"""
A mail server that takes what SES sends, judges it as any receiver does, and keeps it.

Real SMTP on a free loopback port. What a message is worth is decided in `verdict`; it is
judged when it arrives and, as mail can be days on its way, as often after that as a test likes.
"""

from __future__ import annotations

import email
import functools
import smtplib
import socket
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from aiosmtpd.controller import Controller

from sandbox.clock import SandboxClock
from sandbox.mail.dns import Cache, Found, LookUp
from sandbox.mail.verdict import Result, Verdict, judge

SMTP_SECONDS: Final = 10.0
"""How long one step of a delivery may take."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message and what a receiver says of it at one moment."""

    at: datetime
    """When it arrived."""
    sender: str
    """Of the envelope, as are the recipients."""
    recipients: tuple[str, ...]
    content: bytes = field(repr=False)
    verdict: Verdict

    @property
    def id(self) -> str:
        """The `MessageId` that SendEmail answered."""
        message_id: str = email.message_from_bytes(self.content)["Message-ID"] or ""
        return message_id.strip().strip("<>").partition("@")[0]  # the header is folded


class MailSink:
    """
    The mail server of everybody mail is sent to, whatever the domain. Any thread may use it.

    In `DnsServer.queries` its questions are the ones for TXT with "recursion desired".
    """

    def __init__(self, *, look_up: LookUp, clock: SandboxClock, caching: bool = False) -> None:
        self.caching = caching
        """Whether its resolver remembers what it found, or did not find, as long as the TTL allows."""
        self.folder: Path | None = None
        """Where each message is written too, as `<MessageId>.eml`, for other processes."""
        self._clock = clock
        self._ask = look_up
        self._cache = Cache(look_up, clock)
        self._messages: list[Message] = []
        self._server: _Server | None = None

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1, while it runs."""
        if not self._server:
            raise RuntimeError("the mail server is not running")
        return self._server.port

    @property
    def messages(self) -> tuple[Message, ...]:
        """All that arrived, oldest first, with the verdict of that moment."""
        return tuple(self._messages)

    @property
    def results(self) -> Counter[Result]:
        """How many messages passed, failed and were unsigned when they arrived."""
        return Counter(message.verdict.result for message in self.messages)

    def verify_again(self, younger_than: timedelta) -> list[Message]:
        """Messages no older than that, as judged by a receiver that gets them only now."""
        now = self._clock.now()
        look_up = functools.cache(self._look_up)  # within one moment DNS says one thing
        return [
            replace(message, verdict=judge(message.content, look_up))
            for message in self.messages
            if now - message.at <= younger_than
        ]

    def reset(self) -> None:
        """No message has arrived. A resolver that remembers still does."""
        self._messages.clear()

    def receive(self, sender: str, recipients: Sequence[str], content: bytes) -> None:
        """A message arrives, without SMTP. A `Deliver`, as `deliver` is."""
        verdict = judge(content, self._look_up)
        message = Message(self._clock.now(), sender, tuple(recipients), content, verdict)
        if self.folder:
            # As whoever delivers it last notes the envelope (RFC 5321 section 4.4).
            noted = f"Return-Path: <{sender}>\r\n".encode() + content
            (self.folder / f"{message.id}.eml").write_bytes(noted)
        self._messages.append(message)

    def deliver(self, sender: str, recipients: Sequence[str], content: bytes) -> None:
        """Bring a message here by SMTP, as another mail server does. It has arrived when this returns."""
        with smtplib.SMTP("127.0.0.1", self.port, "smtp-out.sandbox.test", SMTP_SECONDS) as connection:
            connection.sendmail(sender, recipients, content)

    def start(self) -> None:
        """It takes mail from now on."""
        self._server = _Server(self)
        self._server.start()

    def stop(self) -> None:
        """It takes no mail any more; what arrived stays."""
        if self._server:
            self._server.stop()
        self._server = None

    def _look_up(self, name: str) -> Found:
        return self._cache(name) if self.caching else self._ask(name)


class _Server(Controller):
    """aiosmtpd in a thread. A class because its own `Controller` does not say which free port it got."""

    def __init__(self, sink: MailSink) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        # Connections inherit it. Without, the lines of the greeting wait 40 ms for each other.
        self._listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        port = self._listening.getsockname()[1]
        super().__init__(_Handler(sink), "127.0.0.1", port, server_hostname="mx.sandbox.test")

    def _create_server(self) -> Awaitable[Any]:
        listening: Awaitable[Any] = self.loop.create_server(self._factory_invoker, sock=self._listening)
        return listening


class _Handler:
    def __init__(self, sink: MailSink) -> None:
        self._sink = sink

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """The end of a message: it has arrived."""
        self._sink.receive(envelope.mail_from, envelope.rcpt_tos, envelope.content)
        return "250 OK"
