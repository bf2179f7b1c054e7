"""The two tags that this provider puts on what it makes in AWS: whose it is, and which one."""

from __future__ import annotations

from typing import Final

__all__ = ["INSTANCE_TAG", "OWNER_TAG"]

OWNER_TAG: Final = "byodkim:owner"
"""Tag that names project, stack and resource: was it we who made this identity?"""

INSTANCE_TAG: Final = "byodkim:instance"
"""Tag with a random value: the deletion half of a replacement finds another's and leaves it alone."""
