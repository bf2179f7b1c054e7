"""
The charts of docs/reference/performance.md, as SVG: lines over the number of domains, and stacked bars.

A library for two kinds of chart would bring more code than this into the tests' process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from byodkim_provider.aws.ses_calls import SECONDS_PER_CALL

TITLES: Final = {"ours": "ours", "plain": "plain", "price": "engine's price"}

RUNS: Final = ("first up", "unchanged up", "rotation")

COLOURS: Final = ("#4269d0", "#efb118", "#3ca951", "#ff725c", "#a463f2", "#9c6b4e", "#6cc5b0", "#97bbf5")

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 60, 480, 40, 320
"""The edges of the plot; the legend stands on its right."""


def charts(programs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """SVGs by file name: wall time of some runs by size, CPU by process, and state by part."""
    found = [one for one in programs if not one["zone_each"] and not one["ses_limit"]]
    ours = [one for one in found if one["program"] == "ours"]
    drawn = {
        f"{run.replace(' ', '-')}.svg": _lines(
            f"{run}: wall seconds, by domains",
            {
                title: {
                    one["domains"]: one["runs"][run]["wall_seconds"]
                    for one in found
                    if one["program"] == program
                }
                for program, title in TITLES.items()
            },
        )
        for run in RUNS
    }
    drawn["engine.svg"] = _lines(
        "first up: CPU seconds of the engine, and SES's pace, by domains",
        {
            TITLES[program]: {
                one["domains"]: one["runs"]["first up"]["cpu_seconds"]["engine"]
                for one in found
                if one["program"] == program
            }
            for program in ("ours", "price")
        }
        | {"SES's pace": {one["domains"]: SECONDS_PER_CALL * one["domains"] for one in ours}},
    )
    drawn["cpu.svg"] = _stacked_bars(
        f"CPU seconds of ours, {ours[-1]['domains']} domains",
        {run: each["cpu_seconds"] for run, each in ours[-1]["runs"].items()},
    )
    drawn["state.svg"] = _stacked_bars(
        "state of ours: bytes a domain",
        {
            f"{one['domains']} domains": {
                part: size / one["domains"] for part, size in one["state_bytes"].items()
            }
            for one in ours
        },
    )
    return drawn


def _lines(title: str, series: Mapping[str, Mapping[int, float]]) -> str:
    right = max(x for points in series.values() for x in points)
    top = max(y for points in series.values() for y in points.values())
    drawn = [
        *_frame(title, list(series), top),
        *(_label(_x(x / right), BOTTOM + 18, str(x)) for x in next(iter(series.values()))),
    ]
    for colour, points in zip(COLOURS, series.values(), strict=False):
        corners = [(_x(x / right), _y(y / top)) for x, y in points.items()]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        drawn.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in corners]
    return _svg(drawn)


def _stacked_bars(title: str, bars: Mapping[str, Mapping[str, float]]) -> str:
    parts = list(dict.fromkeys(part for bar in bars.values() for part in bar))
    top = max(sum(bar.values()) for bar in bars.values())
    drawn = [*_frame(title, parts, top)]
    for number, (name, bar) in enumerate(bars.items()):
        middle, height = _x((number + 0.5) / len(bars)), 0.0
        drawn.append(_label(middle, BOTTOM + 18, name))
        for colour, part in zip(COLOURS, parts, strict=False):
            below, height = height, height + bar.get(part, 0)
            drawn.append(
                f'<rect x="{middle - 20:.1f}" y="{_y(height / top):.1f}" width="40" '
                f'height="{_y(below / top) - _y(height / top):.1f}" fill="{colour}"/>'
            )
    return _svg(drawn)


def _frame(title: str, names: Sequence[str], top: float) -> list[str]:
    """Title, scale from nothing to *top*, and legend."""
    drawn = [f'<text x="{WIDTH / 2:.0f}" y="20" text-anchor="middle" font-size="14">{escape(title)}</text>']
    digits = 0 if top > 20 else 1
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = _y(share)
        shown = f"{share * top:,.{digits}f}"
        drawn.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{RIGHT}" y2="{y:.1f}" stroke="#ddd"/>')
        drawn.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{shown}</text>')
    for number, (colour, name) in enumerate(zip(COLOURS, names, strict=False)):
        y = TOP + 20 * number
        drawn.append(f'<rect x="{RIGHT + 20}" y="{y}" width="12" height="12" fill="{colour}"/>')
        drawn.append(f'<text x="{RIGHT + 38}" y="{y + 10}">{escape(name)}</text>')
    return drawn


def _label(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y}" text-anchor="middle">{escape(text)}</text>'


def _x(share: float) -> float:
    return LEFT + share * (RIGHT - LEFT)


def _y(share: float) -> float:
    return BOTTOM - share * (BOTTOM - TOP)


def _svg(drawn: Sequence[str]) -> str:
    shown = "\n".join(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n{shown}\n</svg>\n'
    )
