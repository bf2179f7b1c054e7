"""
What the tests of the SES emulator share: an account, a zone that is a dict, keys.
"""

import base64
import functools
from dataclasses import dataclass, field, replace
from typing import Any

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

    def call(self, operation: str, **parameters: Any) -> Any:
        """SES's answer; raises `SesError`."""
        return self.ses.call(operation, REGION, parameters)

    def create(self, attributes: dict[str, str]) -> Any:
        """The identity, with *attributes* for a key."""
        return self.call(
            "CreateEmailIdentity", EmailIdentity=DOMAIN, DkimSigningAttributes=attributes
        )

    def publish(self, key: Key, value: str | None = None) -> None:
        self.dns[key.record_name] = (value or key.p,)

    def check(self) -> None:
        """SES makes its first check of DNS after a Create or Put."""
        self.clock.advance(CHECK_SECONDS)

    def switch(self, **switches: Any) -> None:
        self.ses.switches = replace(self.ses.switches, **switches)

    def verified(self, key: Key) -> None:
        """The identity with *key* has been created and verified."""
        self.publish(key)
        self.create(key.sent)
        self.check()
        assert self.status() == "SUCCESS"

    def put(self, key: Key) -> Any:
        return self.call(
            "PutEmailIdentityDkimSigningAttributes",
            EmailIdentity=DOMAIN,
            SigningAttributesOrigin="EXTERNAL",
            SigningAttributes=key.sent,
        )

    def get(self) -> Any:
        return self.call("GetEmailIdentity", EmailIdentity=DOMAIN)

    def status(self) -> str:
        return str(self.get()["DkimAttributes"]["Status"])

    def signs_with(self, domain: str = DOMAIN) -> str | None:
        """The selector under mail sent now."""
        signing = self.ses.signing_key(domain, REGION)
        return signing[0] if signing else None
