"""
Pulumi's engine, as far as the resources of one domain can tell: what it asks, in which order, what
it stores.

The providers are the product's own; they get plain dicts with floats and unknowns, as from
the engine. A preview asks `check` and `diff` of everything and does nothing; an update asks
again, step by step, and stores each step's outcome at once. What failed stores nothing, what
waits for it is skipped, and nothing is deleted after a failure.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pulumi.runtime.rpc import unwrap_rpc_secret

from byodkim_provider.errors import ByodkimError, InvalidSettings
from tests.support.simulation import UNKNOWN, Declaration, Properties

Outcome = Literal["done", "failed", "killed", "refused"]

Providers = Mapping[str, Any]
"""
By kind of resource, of one run: a preview and its update are two processes, and so is each run.
"""


class Killed(BaseException):
    """The process of the plugin, or of the engine, is gone in the middle of a call."""


class _Planned(dict[str, Any]):
    """The inputs of a resource that a preview would make or change: no other output is known."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name, UNKNOWN)


@dataclass(frozen=True)
class Stored:
    """A resource in the stack's state."""

    kind: str
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
    continues: bool = False
    """With `--continue-on-error`: it deletes after a failure too, but what the failed one needs."""
    skips: Collection[str] = ()
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
                self._read(name, stored, providers[stored.kind])
        except ByodkimError as error:
            self.errors.append(error)
        except Killed:
            return "killed"
        return "failed" if self.errors else "done"

    def remove(self, name: str) -> None:
        """`pulumi destroy --target`, of a resource that others need."""
        self._delete_one(name, self.state[name], self.processes())

    def _plan(self, declared: Mapping[str, Declaration]) -> list[str]:
        """Names of what would be made, changed or deleted, as far as nothing is refused."""
        self.errors = []
        providers = self.processes()
        known: dict[str, Properties] = {}
        planned: list[str] = []
        missing: set[str] = set()
        for name, declaration in declared.items():
            provider, old = providers[declaration.kind], self.state.get(name)
            if declaration.waits & missing or declaration.kind in self.skips:
                missing |= set() if old else {name}
                known |= {name: old.known} if old else {}
                continue
            try:
                inputs = self._checked(provider, declaration.inputs(known), old)
                changes = not old or self._differs(provider, old, inputs)
                if changes:
                    declaration.before_write(inputs, old and old.inputs, known)
            except ByodkimError as error:
                self.errors.append(error)
                return planned
            if changes:
                planned.append(name)
                known[name] = _Planned(inputs | ({"id": old.id} if old else {}))
            elif old:
                known[name] = old.known
        return planned + [name for name in self.state if name not in declared and not self.skips]

    def _update(self, declared: Mapping[str, Declaration], providers: Providers) -> None:
        failed: set[str] = set()
        missing: set[str] = set()
        for name, declaration in declared.items():
            if declaration.kind in self.skips:
                missing |= set() if name in self.state else {name}
            elif declaration.waits & missing or (failed and not self.goes_on):
                missing.add(name)
            else:
                try:
                    self._step(name, declaration, providers)
                except ByodkimError as error:
                    self.errors.append(error)
                    failed.add(name)
                    missing.add(name)
        if self.skips or (missing and not self.continues):
            return
        leaving = {name: old for name, old in self.state.items() if name not in declared}
        for name in failed & self.state.keys():
            leaving = {
                one: old for one, old in leaving.items() if one not in self.state[name].depends
            }
        self._delete(leaving, providers)

    def _step(self, name: str, declaration: Declaration, providers: Providers) -> None:
        provider, old = providers[declaration.kind], self.state.get(name)
        known = {name: stored.known for name, stored in self.state.items()}
        inputs = self._checked(provider, declaration.inputs(known), old)
        if not old:
            declaration.before_write(inputs, None, known)
            made = provider.create(inputs)
            new = made.id, as_sent(made.outs)
        elif self._differs(provider, old, inputs):
            declaration.before_write(inputs, old.inputs, known)
            new = old.id, as_sent(provider.update(old.id, old.outputs, inputs).outs)
        else:
            new = old.id, old.outputs
        self.state[name] = Stored(
            declaration.kind, declaration.depends, new[0], inputs, new[1], declaration.stays
        )

    def _delete(self, leaving: dict[str, Stored], providers: Providers) -> None:
        """Delete what nothing else depends on first, a level at a time, until one fails."""
        while leaving:
            failures = len(self.errors)
            deepest = max(_depth(name, leaving) for name in leaving)
            for name in [name for name in leaving if _depth(name, leaving) == deepest]:
                self._delete_one(name, leaving[name], providers)
                if len(self.errors) > failures:
                    return
            leaving = {name: one for name, one in leaving.items() if name in self.state}

    def _delete_one(self, name: str, old: Stored, providers: Providers) -> None:
        try:
            if not old.stays:
                providers[old.kind].delete(old.id, old.outputs)
        except ByodkimError as error:
            self.errors.append(error)
        else:
            del self.state[name]

    def _read(self, name: str, stored: Stored, provider: Any) -> None:
        found = provider.read(stored.id, stored.outputs)
        if found.id is None:
            del self.state[name]
            return
        outputs = as_sent(found.outs)
        # The engine asks for this too, and a refresh must not fail of it.
        provider.diff(stored.id, outputs, stored.inputs)
        self.state[name] = replace(stored, outputs=outputs)

    def _checked(self, provider: Any, news: Properties, old: Stored | None) -> Properties:
        result = provider.check(old.inputs if old else {}, as_sent(news))
        if result.failures:
            raise InvalidSettings([failure.reason for failure in result.failures])
        checked: Properties = as_sent(result.inputs)
        return checked

    def _differs(self, provider: Any, old: Stored, inputs: Properties) -> bool:
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
