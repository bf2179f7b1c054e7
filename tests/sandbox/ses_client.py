"""
What the tests of the SES emulator share: a real boto3 client before it, a zone that is a dict,
keys.
"""

from __future__ import annotations

import base64
import functools
import json
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from byodkim_provider.dkim import keys
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.dkim.records import record_value
from sandbox.clock import SandboxClock
from sandbox.ses.emulator import SesEmulator, Switches

DOMAIN = "example.com"
REGION = "eu-west-1"

CHECK_SECONDS = 60
"""From a Put to the first check: far more than a test takes, so that none comes by itself."""


@dataclass(frozen=True)
class Key:
    """An RSA key in the forms that SES, DNS and a careless user have it."""

    selector: str
    pair: SigningKey

    @property
    def sent(self) -> dict[str, str]:
        """As `SigningAttributes`."""
        return sent(self.selector, self.pair.pkcs1_der)

    @property
    def p(self) -> str:
        return record_value(self.pair.public_key_der)

    @property
    def record_name(self) -> str:
        return f"{self.selector}._domainkey.{DOMAIN}"


def sent(selector: str, private_key: bytes) -> dict[str, str]:
    """`SigningAttributes` with whatever somebody takes for a private key."""
    encoded = base64.b64encode(private_key).decode()
    return {"DomainSigningSelector": selector, "DomainSigningPrivateKey": encoded}


@functools.cache
def key(selector: str, bits: int = 1024) -> Key:
    """The same key for the same selector, small because the tests make several."""
    return Key(selector, keys.generate(bits))


@dataclass
class World:
    """
    A running emulator, the DNS it sees, the clock it goes by, and who sent the mail that arrived.
    """

    ses: SesEmulator = field(init=False)
    clock: SandboxClock = field(default_factory=SandboxClock)
    dns: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    mx: tuple[str, ...] | None = ()
    senders: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ses = SesEmulator(
            look_up_txt=lambda name: self.dns.get(name, ()),
            look_up_mx=lambda _: self.mx,
            clock=self.clock,
            switches=Switches(requests_per_second=None, first_check_seconds=CHECK_SECONDS),
            deliver=lambda sender, *_: self.senders.append(sender.partition("@")[2]),
        )

    def client(self, region: str = REGION, **config: Any) -> Any:
        """A boto3 client that tries once."""
        return _client(self.ses.url, region, json.dumps(config))

    def publish(self, key: Key, value: str | None = None) -> None:
        self.dns[key.record_name] = (value or key.p,)

    def check(self) -> None:
        """SES makes its first check of DNS after a Create or Put."""
        self.clock.advance(CHECK_SECONDS)

    def switch(self, **switches: Any) -> None:
        self.ses.switches = replace(self.ses.switches, **switches)

    def verified(self, key: Key) -> Any:
        """A client, after the identity with *key* has been created and verified."""
        self.publish(key)
        self.client().create_email_identity(EmailIdentity=DOMAIN, DkimSigningAttributes=key.sent)
        self.check()
        assert self.status() == "SUCCESS"
        return self.client()

    def put(self, key: Key) -> Any:
        return self.client().put_email_identity_dkim_signing_attributes(
            EmailIdentity=DOMAIN, SigningAttributesOrigin="EXTERNAL", SigningAttributes=key.sent
        )

    def get(self) -> Any:
        return self.client().get_email_identity(EmailIdentity=DOMAIN)

    def status(self) -> str:
        return str(self.get()["DkimAttributes"]["Status"])

    def signs_with(self, domain: str = DOMAIN) -> str | None:
        """The selector under mail sent now."""
        signing = self.ses.signing_key(domain, REGION)
        return signing[0] if signing else None


@functools.cache
def _session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="AKIDSANDBOX", aws_secret_access_key="secret")


@functools.cache
def _client(url: str, region: str, config: str) -> Any:
    settings = Config(**{"retries": {"total_max_attempts": 1}, **json.loads(config)})
    return _session().client("sesv2", region, endpoint_url=url, config=settings)


def answer_of(call: Any, **parameters: Any) -> tuple[int, str, str]:
    """HTTP status, code and text of the error that *call* gets."""
    try:
        call(**parameters)
    except ClientError as error:
        status, problem = (
            error.response["ResponseMetadata"]["HTTPStatusCode"],
            error.response["Error"],
        )
        return status, problem["Code"], problem["Message"]
    return 200, "", ""
