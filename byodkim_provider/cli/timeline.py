"""
When each key of a domain signed, and what it is for now, as a picture in SVG. Values in, text out.

The picture on the start page of the documentation has the same colours and boxes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from html import escape
from typing import Final

from byodkim_provider.cli.now import DomainNow

ROLES: Final = """\
.signing { fill: #1a7f37; } .standby { fill: #b6d4fe; } .previous { fill: #e1c7f5; }
@media screen and (prefers-color-scheme: dark) {
  .signing { fill: #238636; } .standby { fill: #1f3f6e; } .previous { fill: #4b2f66; }
}"""
"""The colour of each role, for a style sheet."""

LEFT: Final = 280
"""Where time begins: right of the words. Lengths are units of the picture, about a pixel each."""

RIGHT: Final = 1000
TOP: Final = 26
HEIGHT: Final = 34

LEAD: Final = timedelta(days=20)
"""What is shown of the time before the first change."""


def timeline(domain: DomainNow, now: datetime) -> str:
    """The picture about *domain*, with a frame around what is after *now*; "" if nothing signs."""
    rotation = domain.next_rotation
    if rotation is None:
        return ""
    # A key that is to sign, and does not yet, has no row.
    keys = [
        key for key in domain.records if key.signing_since or key.role in ("previous", "standby")
    ]
    changes = [key.signing_since or key.signed_until or now for key in keys]
    edge = min([now, *changes]) - LEAD
    end = max(now, rotation, *changes)

    def x(time: datetime) -> int:
        return LEFT + round((time - edge) / (end - edge) * (RIGHT - LEFT))

    shapes = ""
    bottom = TOP
    for key in keys:
        start = key.signing_since or key.signed_until or edge
        words = f"Key {key.generation}: {key.role}"
        if start != edge:
            words += f" since {start:%Y-%m-%d}"
        if key.signed_until:
            shapes += box("signing", LEFT, x(start), bottom + 3, HEIGHT - 6)
        shapes += box(str(key.role), x(start), RIGHT, bottom + 3, HEIGHT - 6)
        shapes += f'<text y="{bottom + 22}">{words}</text>'
        bottom += HEIGHT
    shapes += box("planned", x(now), RIGHT + 1, TOP, bottom - TOP)
    shapes += f'<text class="end" x="{x(now)}" y="18">this report {now:%Y-%m-%d}</text>'
    due = f"rotation due {rotation:%Y-%m-%d}"
    shapes += f'<text class="end" x="{x(rotation)}" y="{bottom + 16}">{due}</text>'
    return (
        '<div class="scrolls" role="group" tabindex="0" aria-label="Timeline">'
        f'<svg role="img" viewBox="0 0 {RIGHT + 2} {bottom + 20}">'
        f"<title>When each key of {escape(domain.domain)} signed</title>{shapes}</svg></div>"
    )


def box(kind: str, left: int, right: int, y: int, height: int) -> str:
    """A box in the colour of a role, or of another class."""
    return (
        f'<rect class="{kind}" x="{left}" y="{y}" width="{right - left}" height="{height}" rx="6"/>'
    )
