"""
All that is outside in one value, and short words for what a test of an identity's life needs.

The fakes themselves, and the rules they keep, are in `fakes`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from byodkim_provider.dkim import generations, records
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.identity import lifecycle, verification
from byodkim_provider.identity.run import Run, Services
from byodkim_provider.identity.state import Declared, Stored
from byodkim_provider.identity.verdicts import Entry, Verdict
from byodkim_provider.property_types import read
from sandbox.ses.identity import Identity
from sandbox.ses.model import SesModel
from sandbox.ses.switches import Switches
from tests.support.fakes import REGION, FakeClock, FakeProgress, FakeResolver, FakeSes

DOMAIN: Final = "example.com"
STACK_ID: Final = "0123456789abcdef"
OWNER: Final = f"{STACK_ID}/example.com/eu-west-1"
STACK: Final = "ses-byodkim/dev"


@dataclass
class World:
    """All that is outside, and what a test of one domain needs to say about it."""

    keys: Sequence[SigningKey]
    """Of generation 1, 2 …"""
    clock: FakeClock = field(default_factory=FakeClock)
    progress: FakeProgress = field(default_factory=FakeProgress)
    resolver: FakeResolver = field(default_factory=FakeResolver)
    run: Run = field(init=False)
    names: dict[str, frozenset[str]] = field(init=False)
    """What SES had, by Region, as this run has listed it."""
    model: SesModel = field(init=False)
    client: type[FakeSes] = FakeSes
    """Another one is slow, or shows what the model does not."""

    def __post_init__(self) -> None:
        self.next_run()
        self.model = SesModel(
            look_up_txt=lambda name: self.resolver.records.get(name, ()),
            clock=self.clock,
            switches=Switches(requests_per_second=None),
        )

    def switch(self, **switches: Any) -> None:
        """SES behaves so from now on."""
        for name, value in switches.items():
            setattr(self.model.switches, name, value)

    @property
    def outside(self) -> Services:
        """For one call; no other Region has identities."""
        return Services(run=self.run, ses=self.ses, names=self.listed)

    def listed(self, region: str) -> frozenset[str]:
        """Names of SES's identities, asked for once in a run."""
        if region not in self.names:
            listed = self.ses(region).list_email_identities()
            self.names[region] = frozenset(one.name for one in listed)
        return self.names[region]

    def ses(self, region: str = REGION) -> FakeSes:
        return self.client(self.model, region)

    def key(self, generation: int) -> SigningKey:
        return self.keys[generation - 1]

    def declared(self, generation: int = 1, /, **changes: Any) -> Declared:
        """
        An identity that signs with the key of *generation*, whose selector is `s<generation>`.
        """
        key = self.key(generation)
        declared: dict[str, Any] = {
            "domain": DOMAIN,
            "region": REGION,
            "selector": f"s{generation}",
            "fingerprint": key.fingerprint,
            "record_value": records.record_value(key.public_key_der),
            "owner": OWNER,
            "stack": STACK,
            "generation": generation,
            "published": generations.published(generation),
        }
        return Declared(**declared | changes)

    def inputs(self, **changes: Any) -> dict[str, Any]:
        """Of a new identity that signs with the first key, as a program gives them."""
        key = self.key(1)
        return {
            "domain": DOMAIN,
            "region": REGION,
            "selector": "s1",
            "private_key": key.pkcs1_base64(),
            "record_value": records.record_value(key.public_key_der),
            "owner": OWNER,
            "stack": STACK,
            "generation": 1,
            "published": [1, 2],
            **changes,
        }

    def publish(self, *generations: int, domain: str = DOMAIN) -> None:
        """The records of these generations are in DNS."""
        for generation in generations:
            declared = self.declared(generation, domain=domain)
            self.resolver.records[declared.record_name] = (declared.record_value,)

    def created(self, generation: int = 1, /, **changes: Any) -> Stored:
        """
        An identity that an earlier run just made, with its record in DNS; the log of calls is
        empty.
        """
        declared = self.declared(generation, **changes)
        self.publish(generation, domain=declared.domain)
        stored = self.create(generation, **changes)
        assert stored.key
        self.forget()
        self.next_run()
        return stored

    def verified(self, generation: int = 1, /, *, standby: bool = False, **changes: Any) -> Stored:
        """
        The same, and SES has found the record; with *standby* the next generation's is in DNS, too.
        """
        stored = self.created(generation, **changes)
        if standby:
            self.publish(generation + 1, domain=stored.declared.domain)
        self.clock.advance(timedelta(hours=1))
        assert self.identity(stored.declared.domain).confirmed
        return stored

    def create(self, generation: int = 1, /, **changes: Any) -> Stored:
        declared = self.declared(generation, **changes)
        return lifecycle.carry_out(None, declared, lambda: self.key(generation), self.outside)

    def update(self, stored: Stored, generation: int, /, **changes: Any) -> Stored:
        declared = self.declared(generation, **changes)
        return lifecycle.carry_out(stored, declared, lambda: self.key(generation), self.outside)

    def read(self, stored: Stored) -> Stored:
        return lifecycle.read(stored, self.outside)

    def delete(self, stored: Stored) -> None:
        lifecycle.delete(stored, self.outside)

    def foresee(self, **changes: Any) -> str:
        return lifecycle.foresee(self.declared(**changes), self.outside)

    def change(self, **changes: Any) -> None:
        """Somebody, or time, changes what SES has of the domain."""
        self.model.change(DOMAIN, REGION, **changes)

    def put(
        self,
        selector: str,
        region: str = REGION,
        tags: Mapping[str, str] | None = None,
        *,
        generation: int = 1,
    ) -> None:
        """Somebody else has made the identity, with the key of *generation*, and it is verified."""
        private_key = self.key(generation).pkcs1_base64()
        self.model.put_identity(
            DOMAIN, region, selector=selector, private_key=private_key, tags=tags
        )

    def next_run(self) -> None:
        """What follows is another run, in another process."""
        self.run = Run(
            lambda: self.progress,
            self.clock,
            lambda check, _resolvers: None if check == "off" else self.resolver,
        )
        self.names = {}

    def in_dns(self, selector: str | None) -> bool:
        """Whether mail with this signature verifies; unsigned mail has none that could fail."""
        return selector is None or records.record_name(selector, DOMAIN) in self.resolver.records

    def identity(self, domain: str = DOMAIN) -> Identity:
        """What SES really has, whatever its reads say."""
        return self.model.identities(REGION)[domain]

    def signs_with(self, domain: str = DOMAIN) -> str | None:
        """The selector under mail that is sent now; None: unsigned."""
        signing = self.model.signing_key(domain, REGION)
        return signing[0] if signing else None

    def calls(self) -> list[str]:
        """The actions that SES was asked for, oldest first."""
        return [call.operation for call in self.model.log]

    def forget(self) -> None:
        """What was called, looked up and said so far is not asserted."""
        self.model.reset_log()
        self.resolver.looked_up.clear()
        self.progress = FakeProgress()

    def verify(
        self,
        *stored: Stored,
        before: Sequence[Verdict] = (),
        timeout_minutes: float = 30,
        on_timeout: verification.OnTimeout = "warn",
    ) -> list[Verdict]:
        return verification.verify(
            [self.entry(one) for one in stored],
            before,
            self.outside,
            timeout_minutes=timeout_minutes,
            on_timeout=on_timeout,
        )

    def entry(self, stored: Stored) -> Entry:
        """
        What the verification is told of an identity: its outputs, after a trip through Pulumi.
        """
        return read(Entry, stored.to_outputs())
