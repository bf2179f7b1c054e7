"""The tags that this provider sets on what it creates in AWS."""

from __future__ import annotations

from typing import Final

OWNER_TAG: Final = "byodkim:owner"
"""Tag with `<id of the stack>/<resource>`: did this resource create it?"""

STACK_TAG: Final = "byodkim:stack"
"""Tag with `<project>/<stack>`, for people. Two stacks may share these names: nothing is decided by them."""

INSTANCE_TAG: Final = "byodkim:instance"
"""Tag with a random value. In a replacement, the deletion sees a new value and leaves the identity alone."""

TAGS: Final = (OWNER_TAG, STACK_TAG, INSTANCE_TAG)
