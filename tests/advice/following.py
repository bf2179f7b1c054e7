"""
What a hint says, taken out of the error that a person sees, and done to a stack file's entry.

No assertion here. Settings and commands stand between backticks in every text of ours.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from byodkim_provider.config import settings
from byodkim_provider.errors import ByodkimError
from byodkim_provider.identity import lifecycle
from byodkim_provider.identity.rules import changed, refuse_unsafe
from byodkim_provider.identity.state import Declared, Stored
from tests.support.world import DOMAIN, World


def refused(call: Callable[..., object], *arguments: Any, **options: Any) -> str:
    """The text of the refusal that *call* ends in; raises if it does not."""
    try:
        call(*arguments, **options)
    except ByodkimError as error:
        return str(error)
    raise RuntimeError("it was not refused")


def advice(text: str) -> list[str]:
    """What stands between backticks in the hint of an error, in order."""
    return re.findall("`([^`]+)`", text.partition("hint: ")[2])


@dataclass
class Entry:
    """
    One domain of a stack file, and what `pulumi up` makes of it: keys, records and the identity.
    """

    world: World
    written: dict[str, Any]
    stored: Stored | None = None

    def edit(self, *lines: str) -> None:
        """Write *lines*, such as `generation: 2`, into the entry."""
        for line in lines:
            self.written |= yaml.safe_load(line)

    @property
    def declared(self) -> Declared:
        entry = settings.domain(DOMAIN, self.written, default_region="eu-west-1")
        return self.world.declared(
            entry.generation,
            published=entry.published,
            overlap_days=entry.overlap_days,
            adopt=entry.adopt,
            accept_unsigned_window=entry.accept_unsigned_window,
        )

    def preview(self) -> None:
        """Raise what a preview would refuse."""
        if self.stored and changed(self.stored, self.declared, unknown=()):
            refuse_unsafe(self.stored, self.declared, unknown=(), now=self.world.clock.now())

    def up(self, *, refresh: bool = False) -> None:
        """A run: records first, then the identity, then the records that go."""
        if refresh and self.stored:
            self.stored = lifecycle.read(self.stored, self.world.outside)
        self.preview()
        declared = self.declared
        self.world.publish(*declared.published)
        key = self.world.key(declared.generation or 0)
        self.stored = lifecycle.carry_out(self.stored, declared, lambda: key, self.world.outside)
        keep = {self.world.declared(one).record_name for one in declared.published}
        for name in self.world.resolver.records.keys() - keep:
            del self.world.resolver.records[name]
        self.world.next_run()
