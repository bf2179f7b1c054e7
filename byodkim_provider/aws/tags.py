"""The two tags that this provider sets on what it creates in AWS: its owner and its instance."""

from __future__ import annotations

from typing import Final

OWNER_TAG: Final = "byodkim:owner"
"""Tag that names the owner (project, stack and resource): did we create this identity?"""

INSTANCE_TAG: Final = "byodkim:instance"
"""Tag with a random value: in a replacement, the deletion sees a new value and leaves the identity alone."""
