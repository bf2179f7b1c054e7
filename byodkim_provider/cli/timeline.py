"""
When each key of a domain signed, and what it is for now, as a picture to scale. Values in, HTML
with SVG out.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from byodkim_provider.cli.now import DomainNow
from byodkim_provider.messages.cli import FindingMessages

ROLES: Final = """\
.signing { fill: #1a7f37; stroke: #1a7f37; } .standby { fill: #b6d4fe; stroke: #0969da; }
.previous { fill: #e1c7f5; stroke: #8250df; }
@media screen and (prefers-color-scheme: dark) {
  .signing { fill: #238636; stroke: #3fb950; } .standby { fill: #1f3f6e; stroke: #58a6ff; }
  .previous { fill: #4b2f66; stroke: #bc8cff; }
}"""
"""The colour of each role; the picture on the start page of the documentation has the same."""

OUTSIDE: Final = -1000
"""Left of the picture, which is 1000 units wide, from the first date to the last."""

LEAST: Final = 4
"""What is shorter is drawn as long as this, to be visible."""

FIGURE: Final = """<figure><figcaption>Keys over time, to scale, from
<span class="name">{edge:%Y-%m-%d}</span> to <span class="name">{end:%Y-%m-%d}</span></figcaption>
<p class="mark" style="--x: calc({x_now}% / 10)">this report {now:%Y-%m-%d}</p>
{rows}<p class="mark" style="--x: calc({x_due}% / 10)">rotation due {due:%Y-%m-%d}</p>
<ul aria-label="Legend">
<li><svg aria-hidden="true"><path class="signing" d="M0 0h30v12h-30z"/></svg> signing</li>
<li><svg aria-hidden="true"><path class="previous" d="M0 0h30v12h-30z"/></svg> previous</li>
<li><svg aria-hidden="true"><path class="standby" d="M0 0h30v12h-30z"/></svg> standby</li>
<li><svg aria-hidden="true"><path class="signing planned" d="M0 0h30v12h-30z"/></svg> dashed: to
come</li>
<li><svg aria-hidden="true"><path class="leaves" d="M15 0v12"/></svg> may leave DNS from this
date</li>
<li>open on the left: the beginning is not recorded</li>
</ul></figure>"""

ROW: Final = """<p class="key"><b>Generation {generation}:</b> {words}</p>
<svg aria-hidden="true" viewBox="-4 0 1008 32" preserveAspectRatio="none">
<path class="{role}" d="M{x_start} 4H{x_today}v24H{x_start}z"/>
<path class="{role} planned" d="M{x_today} 4H1000v24H{x_today}z"/>
<path class="line" d="M{x_now} 0v32M{x_due} 0v32"/>
<path class="leaves" d="M{x_leaves} 4v24"/></svg>
"""


def timeline(domain: DomainNow, now: datetime) -> str:
    """The picture about *domain*, dashed after *now*; "" if nothing signs."""
    due = domain.next_rotation
    if due is None:
        return ""
    # A key that is to sign, and does not yet, has no row.
    keys = [
        key for key in domain.records if key.signing_since or key.role in ("previous", "standby")
    ]
    leaving: dict[Any, Any] = {}
    for finding in domain.findings:
        if finding.message.code is FindingMessages.MAY_LEAVE:
            fields = finding.message.fields
            leaving[fields["generation"]] = fields["time"]
    edge = min([now, *(key.signing_since or key.signed_until or now for key in keys)])
    end = max(now, due, *leaving.values())
    span = (end - edge) or timedelta(days=1)

    def x(time: datetime | None) -> int:
        return round((time - edge) / span * 1000) if time else OUTSIDE

    places = {"x_now": x(now), "x_due": x(due)}
    rows = ""
    for key in keys:
        start = key.signing_since or key.signed_until
        leaves = leaving.get(key.generation)
        words = str(key.role)
        if start:
            words += f" since {start:%Y-%m-%d}"
        if leaves:
            words += f", may leave DNS from {leaves:%Y-%m-%d}"
        rows += ROW.format(
            generation=key.generation,
            role=key.role,
            words=words,
            x_start=x(start),
            x_today=max(x(now), x(start) + LEAST),
            x_leaves=x(leaves),
            **places,
        )
    return FIGURE.format(edge=edge, end=end, now=now, due=due, rows=rows, **places)
