"""
Pulumi's engine, as far as the resources of one domain can tell: what it asks, in which order, what
it stores.

The providers are the product's own; they get plain dicts with floats and unknowns, as from
the engine. A preview asks `check` and `diff` of everything and does nothing; an update asks
again, step by step, and stores each step's outcome at once. What failed stores nothing, what
depends on it is skipped, and nothing is deleted after a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from pulumi.dynamic import ResourceProvider
from pulumi.output import Unknown
from pulumi.runtime.rpc import unwrap_rpc_secret

from byodkim_provider.errors import ByodkimError, InvalidSettings
from byodkim_provider.identity.run import Services
from byodkim_provider.resources._provider import StackIdProvider
from byodkim_provider.resources.dkim_identity_provider import ByodkimIdentityProvider
from byodkim_provider.resources.dkim_key_provider import DkimKeyProvider
from byodkim_provider.resources.dkim_verification_provider import DkimVerificationProvider
from byodkim_provider.resources.inputs import TxtRecord

Properties = dict[str, Any]

Known = Mapping[str, Properties]
"""Outputs of the resources so far, by name."""

Outcome = Literal["done", "failed", "killed", "refused"]

Kind = Literal["stack_id", "key", "record", "identity", "verification"]

OUTPUTS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "stack_id": ("id",),
    "key": ("selector", "private_key", "record_name", "record_value", "fingerprint"),
    "record": (),
    "identity": ("key_set_at", "key_set_by", "record_value", "slots_before"),
    "verification": (),
}
"""Of each kind, the outputs that others read and a preview can't know."""


UNKNOWN: Final = Unknown()  # type: ignore[no-untyped-call]


class Killed(BaseException):
    """The process of the plugin, or of the engine, is gone in the middle of a call."""


class Zones(dict[str, str]):
    """The zones of Route 53, of which none is ever deleted."""

    def zones(self) -> Mapping[str, str]:
        return self

    def __contains__(self, zone_id: object) -> bool:
        return True


@dataclass(frozen=True)
class Providers:
    """The providers of one run: a preview and its update are two processes, and so is each run."""

    key: ResourceProvider
    record: ResourceProvider
    identity: ResourceProvider
    verification: ResourceProvider
    stack_id: ResourceProvider = field(default_factory=StackIdProvider)

    @classmethod
    def of_a_process(cls, record: Any, services: Services) -> Providers:
        """The product's own, and *record* for the DNS provider's."""
        return cls(
            DkimKeyProvider(run=services.run),
            record,
            ByodkimIdentityProvider(
                lambda _: services,
                run=services.run,
                route53=lambda *_: Zones(),  # type: ignore[arg-type,return-value]
            ),
            DkimVerificationProvider(lambda _: services, run=services.run),
        )


@dataclass(frozen=True)
class Declaration:
    """A resource as the program declares it. *inputs* reads the outputs of what it depends on."""

    kind: Kind
    depends: tuple[str, ...]
    inputs: Callable[[Known], Properties]
    waits: tuple[str, ...] = ()
    """What comes before it without being one of its dependencies."""
    record: Callable[[Known], TxtRecord] | None = None
    """What a hook before its creation and its changes gets."""
    stays: bool = False
    """It is kept when it leaves the stack (`retain_on_delete`)."""

    def is_without(self, missing: Collection[str]) -> bool:
        """Whether it can't be made for want of any of *missing*."""
        return not {*missing}.isdisjoint((*self.depends, *self.waits))


@dataclass(frozen=True)
class Stored:
    """A resource in the stack's state."""

    kind: Kind
    depends: tuple[str, ...]
    id: str
    inputs: Properties
    outputs: Properties
    stays: bool = False

    @property
    def known(self) -> Properties:
        """What others can read of it."""
        return {**self.outputs, "id": self.id}


@dataclass
class Engine:
    """One stack: its state, and the runs that change it."""

    processes: Callable[[], Providers]
    goes_on: bool = True
    """
    Whether what a failed step does not touch is done all the same: the engine has many at work at
    once.
    """
    skips: Collection[Kind] = ()
    """
    With `--target`: kinds of resources that a run leaves as they are; then it deletes nothing.
    """
    state: dict[str, Stored] = field(default_factory=dict)
    errors: list[ByodkimError] = field(default_factory=list)
    """What the last run failed with, or was refused with."""

    def preview(self, declared: Mapping[str, Declaration]) -> list[str] | None:
        """
        `pulumi preview`: names of what would be made, changed or deleted; None if it is refused.
        """
        planned = self._plan(declared)
        return None if self.errors else planned

    def up(self, declared: Mapping[str, Declaration]) -> Outcome:
        """`pulumi up`, after a preview that refused nothing."""
        self.errors = []
        try:
            self._update(declared, self.processes())
        except Killed:
            return "killed"
        return "failed" if self.errors else "done"

    def refresh(self) -> Outcome:
        """`pulumi refresh`: what there is goes into the state."""
        self.errors = []
        providers = self.processes()
        try:
            for name, stored in list(self.state.items()):
                self._read(name, stored, getattr(providers, stored.kind))
        except ByodkimError as error:
            self.errors.append(error)
        except Killed:
            return "killed"
        return "failed" if self.errors else "done"

    def _plan(self, declared: Mapping[str, Declaration]) -> list[str]:
        """Names of what would be made, changed or deleted, as far as nothing is refused."""
        self.errors = []
        providers = self.processes()
        known: dict[str, Properties] = {}
        planned: list[str] = []
        missing: set[str] = set()
        for name, declaration in declared.items():
            provider: ResourceProvider = getattr(providers, declaration.kind)
            old = self.state.get(name)
            if declaration.is_without(missing) or declaration.kind in self.skips:
                missing |= set() if old else {name}
                known |= {name: old.known} if old else {}
                continue
            try:
                inputs = self._checked(provider, declaration.inputs(known), old)
                changes = not old or self._differs(provider, old, inputs)
                if changes:
                    self._before_write(declaration, provider, known, inputs, old)
            except ByodkimError as error:
                self.errors.append(error)
                return planned
            if changes or not old:
                planned.append(name)
                known[name] = inputs | dict.fromkeys(OUTPUTS[declaration.kind], UNKNOWN)
            else:
                known[name] = old.known
        return planned + [name for name in self.state if name not in declared and not self.skips]

    def _update(self, declared: Mapping[str, Declaration], providers: Providers) -> None:
        failed: set[str] = set()
        for name, declaration in declared.items():
            if declaration.kind in self.skips:
                failed |= set() if name in self.state else {name}
                continue
            if declaration.is_without(failed) or (failed and not self.goes_on):
                failed.add(name)
                continue
            try:
                self._step(name, declaration, getattr(providers, declaration.kind))
            except ByodkimError as error:
                self.errors.append(error)
                failed.add(name)
        if not failed and not self.skips:
            self._delete(
                {name: old for name, old in self.state.items() if name not in declared}, providers
            )

    def _step(self, name: str, declaration: Declaration, provider: ResourceProvider) -> None:
        old = self.state.get(name)
        outputs = {name: stored.known for name, stored in self.state.items()}
        inputs = self._checked(provider, declaration.inputs(outputs), old)
        if not old:
            self._before_write(declaration, provider, outputs, inputs, old)
            made = provider.create(inputs)
            new = made.id, as_sent(made.outs)
        elif self._differs(provider, old, inputs):
            self._before_write(declaration, provider, outputs, inputs, old)
            new = old.id, as_sent(provider.update(old.id, old.outputs, inputs).outs)
        else:
            new = old.id, old.outputs
        self.state[name] = Stored(
            declaration.kind, declaration.depends, new[0], inputs, new[1], declaration.stays
        )

    @staticmethod
    def _before_write(
        declaration: Declaration,
        provider: Any,
        known: Known,
        inputs: Properties,
        old: Stored | None,
    ) -> None:
        if declaration.record:
            provider.before_write(declaration.record(known), inputs, is_new=old is None)

    def _delete(self, leaving: dict[str, Stored], providers: Providers) -> None:
        """Delete what nothing else depends on first, a level at a time, until one fails."""
        while leaving:
            deepest = max(_depth(name, leaving) for name in leaving)
            for name in [name for name in leaving if _depth(name, leaving) == deepest]:
                self._delete_one(name, leaving[name], providers)
                if self.errors:
                    return
            leaving = {name: one for name, one in leaving.items() if name in self.state}

    def _delete_one(self, name: str, old: Stored, providers: Providers) -> None:
        provider: ResourceProvider = getattr(providers, old.kind)
        try:
            if not old.stays:
                provider.delete(old.id, old.outputs)
        except ByodkimError as error:
            self.errors.append(error)
        else:
            del self.state[name]

    def _read(self, name: str, stored: Stored, provider: ResourceProvider) -> None:
        found = provider.read(stored.id, stored.outputs)
        if found.id is None:
            del self.state[name]
            return
        outputs = as_sent(found.outs)
        # The engine asks for this too, and a refresh must not fail of it.
        provider.diff(stored.id, outputs, stored.inputs)
        self.state[name] = replace(stored, outputs=outputs)

    def _checked(
        self, provider: ResourceProvider, news: Properties, old: Stored | None
    ) -> Properties:
        result = provider.check(old.inputs if old else {}, as_sent(news))
        if result.failures:
            raise InvalidSettings([failure.reason for failure in result.failures])
        checked: Properties = as_sent(result.inputs)
        return checked

    def _differs(self, provider: ResourceProvider, old: Stored, inputs: Properties) -> bool:
        difference = provider.diff(old.id, old.outputs, inputs)
        assert not difference.replaces
        return bool(difference.changes)


def _depth(name: str, among: Mapping[str, Stored]) -> int:
    """Of a resource, the longest way down its dependencies *among* those that go with it."""
    below = [one for one in among[name].depends if one in among]
    return 1 + max((_depth(one, among) for one in below), default=0)


def as_sent(value: Any) -> Any:
    """
    As it is after a trip through the engine: numbers are floats, None is left out, secrets are
    plain.
    """
    if isinstance(value, str):  # most values are
        return value
    if isinstance(value, dict):
        if (plain := unwrap_rpc_secret(value)) is not value:
            return as_sent(plain)
        return {name: as_sent(one) for name, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [as_sent(one) for one in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value
