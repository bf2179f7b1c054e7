"""
The id of a stack: a random value, made once and kept in the stack's state.

Names can't tell two stacks apart: another backend may have a stack of the same name, and a renamed stack
is still the same one. So the owner tag of what a stack creates in AWS begins with this id.
"""

from __future__ import annotations

from typing import Final

import pulumi
from pulumi.dynamic import ResourceProvider

from byodkim_provider.resources.other_languages import OurResource
from byodkim_provider.resources.sdk import PerProgram

NAME: Final = "byodkim"
"""Of the one resource of a stack."""


def load_v1() -> ResourceProvider:
    """What users' state names. Never moved, never renamed (tests/contract)."""
    from byodkim_provider.resources.stack_id_provider import StackIdProvider

    return StackIdProvider()


class StackId(OurResource, module="byodkim", name="StackId"):
    """
    The id of the stack, which is this resource's own id.

    What has an owner depends on it. So it is in the state before anything is created in AWS, and is deleted
    last. A replacement (`--replace`) concerns only what is created after it: an identity keeps its owner.
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(load_v1, name, {}, opts)


_ids: PerProgram[StackId] = PerProgram()


def owner_of(resource: str) -> pulumi.Output[str]:
    """The owner tag of what *resource* of the running program creates; declares the stack's id if needed."""
    stack = _ids.get(None, lambda: StackId(NAME))
    return pulumi.Output.concat(stack.id, "/", resource)


def stack_name() -> str:
    """Project and stack, for people: `ses-byodkim/prod`."""
    return f"{pulumi.get_project()}/{pulumi.get_stack()}"
