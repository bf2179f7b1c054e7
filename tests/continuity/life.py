"""
One domain's life: the engine's model, SES, DNS, mail, and the moves that people and fate make.

A move raises `AssertionError` as soon as a message fails. No chance here: what happens, and
when, is the caller's choice.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import pytest

from byodkim_provider.config import settings
from byodkim_provider.dkim import generations, keys, records
from byodkim_provider.errors import InvalidSettings
from sandbox.mail.sink import MailSink
from sandbox.ses.identity import HeldKey
from sandbox.ses.switches import Switches
from tests.continuity.dns import CNAMES, Dns
from tests.continuity.model import Engine, Outcome, Providers
from tests.continuity.outside import Host, Mishap, Mishaps, Records, Ses, SteadyClock
from tests.continuity.traffic import REGIONS, Traffic
from tests.support import simulation
from tests.support.fakes import FakeSes
from tests.support.simulation import DOMAIN, KEYS_ZONE, RETURNS_ZONE, Declaration, pool, program

Written = Mapping[str, Any]
"""What stands under the domain in the stack file."""


FOREIGN: Final = 0
"""Number in the pool of a stranger's key."""

PLAIN: Final = {"provider": "route53", "zoneId": "Z0EXAMPLE"}

SECOND: Final = {"provider": "route53", "zoneId": "Z0SECOND"}

SLOTS: Final = {"provider": "route53", "zone": KEYS_ZONE, "cname": "ses"}

BOUNCES: Final = {"label": "bounce", "onMxFailure": "reject"}

RETURNS: Final = {"label": "returns", "zone": RETURNS_ZONE, "onMxFailure": "reject"}
"""In a zone of its own."""

SLOTS_AT_A_HOST: Final = SLOTS | {
    "provider": "rfc2136",
    "server": "192.0.2.53",
    "keyName": "byodkim",
}


class Life:
    """Of `example.com`. To be closed."""

    def __init__(self, switches: Switches) -> None:
        self.clock = SteadyClock()
        self.dns = Dns(self.clock)
        self.mishaps = Mishaps()
        sink = MailSink(look_up=self.dns.look_up, clock=self.clock)
        self.ses = Ses(
            self.mishaps,
            look_up_txt=lambda name: self.dns.look_up(name).values,
            look_up_mx=lambda name: self.dns.look_up(f"{name} MX").values,
            clock=self.clock,
            switches=switches,
            deliver=sink.receive,
        )
        self.traffic = Traffic(self.ses, sink, self.dns)
        self.clock.on_advance(self.traffic.flow)
        self.engine = Engine(self._process)
        self.checks_dns = True
        """Whether the product looks a record up before it tells SES."""
        self.written: Written = {}
        self.before: Written = {}
        """What was written before the last edit that was not refused."""
        self.elsewhere: set[str] = set()
        """Regions that no stack declares, where the application sends all the same."""
        self._quiet: set[str] = set()
        """Regions where the application sends no more, though they are still declared."""
        self.replaced = pytest.MonkeyPatch()
        """What of the product is replaced, until the life is closed."""
        self._keys_made = 0
        for place, name, ours in simulation.replaced(self._next_key):
            self.replaced.setattr(place, name, ours)

    def close(self) -> None:
        """The product gets back what was replaced."""
        self.replaced.undo()

    # What people do

    def up(
        self,
        written: Written | None = None,
        mishaps: Sequence[Mishap] = (),
        *,
        has_preview: bool = True,
    ) -> Outcome:
        """
        Write that and run `pulumi up`. What its preview refuses is undone, and has changed nothing.
        """
        written = self.written if written is None else written
        everything = self._everything()
        try:
            declared = program(written)
        except InvalidSettings:
            return "refused"
        domain = settings.domain(DOMAIN, written)
        self.traffic.has_slots |= any(dns.cname for dns in domain.dns)
        if has_preview and self.engine.preview(declared) is None:
            assert everything == self._everything(), "a refused preview changed something"
            return "refused"
        if written != self.written:
            self.before, self.written = self.written, written
        self._give_up(declared, overridden=domain.overlap_days == 0)
        self._send_from({*domain.regions, *self._stored_regions})
        self.mishaps.plan(*mishaps)
        outcome = self.engine.up(declared)
        self.mishaps.plan()
        self._send_from({*domain.regions, *self._stored_regions})
        return outcome

    def to(self, generation: int, *mishaps: Mishap, **more: Any) -> Outcome:
        """`up` with that generation, in one zone and Region unless *more* says otherwise."""
        written = {"generation": generation, "regions": [REGIONS[0]], "dns": PLAIN, **more}
        return self.up(written, mishaps)

    def leave(self) -> Outcome:
        """Remove the domain from the stack file, and run `pulumi up`."""
        return self.engine.up(program(None))

    def move_name_servers(self) -> None:
        """The registrar gets those of the other zone of the domain, once it shows all records."""
        ready = self.up() == "done" and self.engine.preview(program(self.written)) == []
        self.wait(1)
        if ready and not self.is_disturbed:
            self.dns.delegated = "Z0SECOND" if self.dns.delegated == "Z0EXAMPLE" else "Z0EXAMPLE"

    def refresh(self, mishaps: Sequence[Mishap] = ()) -> Outcome:
        """Run `pulumi refresh`."""
        self.mishaps.plan(*mishaps)
        outcome = self.engine.refresh()
        self.mishaps.plan()
        return outcome

    def look_again(self) -> None:
        """A refresh, before which people remove what a stranger has put into a slot."""
        if self.refresh() == "failed" and self.dns.tampered:
            self._remove_other_values()
            self.refresh()

    def wait(self, hours: float) -> None:
        """Time passes, with mail all the time."""
        self.clock.advance(timedelta(hours=hours))

    def stop_sending(self, region: str) -> None:
        """
        The application uses that Region no more, and what it sent there has arrived or been given
        up.
        """
        self._quiet.add(region)
        self._send_from(self.traffic.regions)
        self.clock.advance(self.traffic.overlap)

    @property
    def generation(self) -> int:
        """Which is to sign."""
        return int(self.written["generation"])

    @property
    def published(self) -> tuple[int, ...]:
        """Which are to be in DNS."""
        return tuple(self.written.get("published") or generations.published(self.generation))

    @property
    def regions(self) -> list[str]:
        """Which are to have an identity."""
        return list(self.written["regions"])

    # What strangers do

    def disable_signing(self, region: str) -> None:
        """Somebody clears the console's check box."""
        self._disturb(region)
        self.ses.change(DOMAIN, region, signing_enabled=False)

    def put_foreign_key(self, region: str) -> None:
        """Somebody gives SES a key of his own, whose record is wherever he put it."""
        self._disturb(region)
        key = HeldKey.of("foreign", pool(FOREIGN).pkcs1_base64())
        self.ses.change(
            DOMAIN, region, key=key, origin="EXTERNAL", changed=self.clock.now(), status="SUCCESS"
        )

    def delete_identity(self, region: str) -> None:
        """Somebody deletes the identity in the console."""
        self._disturb(region)
        self.ses.remove(DOMAIN, region)

    def tamper(self, name: str, *, delete: bool) -> None:
        """Somebody deletes a record, or puts another key there."""
        self._disturb(*REGIONS)
        self.dns.tamper(
            name, None if delete else records.record_value(pool(FOREIGN).public_key_der)
        )

    def is_known(self, region: str) -> bool:
        """Whether SES has an identity there, and the state knows what it was told."""
        return self._told(region) is not None and self._told(region) == self._believed(region)

    @property
    def is_disturbed(self) -> bool:
        """Whether what a stranger did is still not made good."""
        return bool(self.traffic.disturbed or self.dns.tampered)

    @property
    def is_in_doubt(self) -> bool:
        """Whether SES knows more than the state: an answer was lost."""
        return any(self._told(region) not in (None, self._believed(region)) for region in REGIONS)

    # What has to come of it

    def settle(self) -> None:
        """Nothing goes wrong any more: after two runs at most all is as it was declared."""
        outcomes = [self.up()]
        # What these texts say is done first.
        said = [str(error) for error in self.engine.errors]
        if any("run `pulumi up --refresh`" in one for one in said):
            self.look_again()
        if unheard := [one for one in said if "which is not in the state" in one]:
            lists = re.findall(r"`published: \[(.*?)\]`", "".join(unheard))
            self.up(
                {
                    **self.written,
                    "published": sorted({int(g) for one in lists for g in one.split(",")}),
                }
            )
        if any("would leave DNS with their zone" in one for one in said):
            self.up({**self.written, "mailFrom": None})
        self._rotate_first()
        if any(re.search("another (key|value)", one) for one in said):
            self._remove_other_values()
            if self.up() != "done":
                written = self._as_slots_are()
                if self.up(written) != "done" and not self._rotate_first():
                    # An identity that is gone counts as signing with a key that a jump has driven
                    # from its slot: only the override that the refusal names leads on.
                    assert any("`overlapDays: 0`" in str(one) for one in self.engine.errors)
                    self.up({**written, "overlapDays": 0})
                    self.up(written)
        self.wait(2)
        outcomes.append(self.up())
        assert outcomes[1] == "done", (outcomes, self.engine.errors)
        planned = self.engine.preview(program(self.written))
        assert planned == [], (planned, self.engine.errors)
        self.wait(2)
        signing = self.engine.state[f"{DOMAIN}/{self.generation}"].outputs["fingerprint"]
        for region in self.regions:
            assert self._told(region) == signing, f"{region}: SES signs with {self._told(region)}"
            assert self.ses.signing_key(DOMAIN, region), f"{region}: SES signs with nothing"

    # How

    def _rotate_first(self) -> bool:
        """
        Rotate to the generation that a refusal names: the one in the settings has the slot that
        signs.
        """
        said = "".join(map(str, self.engine.errors))
        following = re.search(r"rotate to `generation: (\d+)` first", said)
        if not following:
            return False
        written = {**self.written, "generation": int(following[1]), "published": None}
        if self.up(written) == "refused":
            # What the refusal names: what may be published today, or else the override, if a key
            # that a jump has driven from its slot can't be published again.
            published = self.engine.errors[0].message.fields["today"]
            if self.up({**written, "published": published}) == "refused":
                self.up({**written, "overlapDays": 0})
        return True

    def _remove_other_values(self) -> None:
        """People remove what is in the way of a slot's key: what is no key that the stack has."""
        kept = [
            one.outputs["record_value"]
            for one in self.engine.state.values()
            if one.kind == "DkimKey"
        ]
        for name in self.dns.zone.keys() & set(CNAMES.values()):
            if self.dns.zone[name] not in kept:
                self.dns.tamper(name, None)

    def _as_slots_are(self) -> dict[str, Any]:
        """The settings with which each slot keeps the key of the stack that it has."""
        numbers = {
            one.outputs["record_value"]: int(name.split("/")[1])
            for name, one in self.engine.state.items()
            if one.kind == "DkimKey"
        }
        standing = [numbers[value] for value in self.dns.zone.values() if value in numbers]
        holders = {generations.slot(number): number for number in standing}
        generation = self.generation
        if holders.get(generations.slot(generation), generation) != generation:
            stored = [self.engine.state[f"{DOMAIN}/{one}"] for one in self._stored_regions]
            generation = max(int(one.outputs["generation"]) for one in stored)
        wanted = {generation, *self.published}
        published = {holders.get(generations.slot(number), number) for number in wanted}
        return {**self.written, "generation": generation, "published": sorted(published)}

    def _send_from(self, regions: set[str]) -> None:
        self._quiet &= regions
        self.traffic.regions = (regions | self.elsewhere) - self._quiet

    @property
    def _stored_regions(self) -> set[str]:
        return {
            one.inputs["region"]
            for one in self.engine.state.values()
            if one.kind == "ByodkimIdentity"
        }

    def _told(self, region: str) -> str | None:
        """Fingerprint of the key with which SES has been told to sign."""
        identity = self.ses.identities(region).get(DOMAIN)
        return identity.fingerprint if identity else None

    def _believed(self, region: str) -> str | None:
        """Fingerprint of the key with which SES signs as far as the state knows."""
        stored = self.engine.state.get(f"{DOMAIN}/{region}")
        return stored.outputs["fingerprint"] if stored else None

    def _disturb(self, *regions: str) -> None:
        self.traffic.disturbed |= set(regions)

    def _give_up(self, declared: Mapping[str, Declaration], *, overridden: bool) -> None:
        """
        Note which records go by the user's override, whether this run gets so far or the next one.
        """
        for name, one in self.engine.state.items():
            if one.kind == "DkimKey":
                if name not in declared and overridden:
                    self.traffic.give_up(one.outputs["fingerprint"])
                elif name in declared and one.outputs["record_value"] in self.dns.zone.values():
                    self.traffic.take_up(one.outputs["fingerprint"])

    def _process(self) -> Providers:
        run = simulation.new_run(self.clock, self.dns, checks_dns=self.checks_dns)
        return simulation.process(
            Records(self.dns, self.mishaps, self.clock),
            lambda host, _: Host(host.label, self.dns, self.mishaps, self.clock),
            "Zmlyc3Q=",
            ses=lambda region: FakeSes(self.ses, region),
            names=self.ses.identities,
            run=run,
        )

    def _next_key(self, _bits: int) -> keys.SigningKey:
        """A life never gets a key twice; the next life gets the same ones."""
        self._keys_made += 1
        return pool(self._keys_made)

    def _everything(self) -> Any:
        """All that a run can change, to be compared."""
        identities = [self.ses.identities(region) for region in REGIONS]
        changes = [call for call in self.ses.log if not call.operation.startswith(("Get", "List"))]
        return dict(self.engine.state), str(self.dns.zones), identities, len(changes)
