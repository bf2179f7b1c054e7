"""
Draws the life of a key, from the rules of the product: `python -m tests.docs.picture`.

A column is what a stack file says, a row is a key, and a cell says what the key is for.
"""

from typing import Final

from byodkim_provider.dkim import generations
from tests.docs.pages import ROOT

PICTURE: Final = ROOT / "docs" / "life-of-a-key.svg"

STEPS: Final = (1, 2, 3)
"""What the setting `generation` says, one rotation after the other."""

WIDTH: Final = 142
HEIGHT: Final = 40
LEFT: Final = 58
TOP: Final = 66

STYLE: Final = """\
text { font: 15px system-ui, sans-serif; fill: #1f2328; }
.head { font-weight: 600; }
.code { font-family: ui-monospace, monospace; font-size: 14px; }
.gone { fill: none; stroke: #6e7781; stroke-dasharray: 4; }
@media screen and (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
}
text.on-signing { fill: #fff; font-weight: 600; }
.signing { fill: #1a7f37; stroke: #1a7f37; } .standby { fill: #b6d4fe; stroke: #0969da; }
.previous { fill: #e1c7f5; stroke: #8250df; }
@media screen and (prefers-color-scheme: dark) {
  .signing { fill: #238636; stroke: #3fb950; } .standby { fill: #1f3f6e; stroke: #58a6ff; }
  .previous { fill: #4b2f66; stroke: #bc8cff; }
}"""


def picture() -> str:
    """The picture as SVG. It follows the reader's choice of light or dark."""
    roles = [generations.roles(step, generations.published(step)) for step in STEPS]
    keys = sorted({key for column in roles for key in column})
    shapes = [_column(position, step) for position, step in enumerate(STEPS)]
    for row, key in enumerate(keys):
        y = TOP + row * (HEIGHT + 8)
        shapes.append(_text(0, y + 26, f"key {key}", "head"))
        for column, present in enumerate(roles):
            if role := present.get(key, "gone" if key < STEPS[column] else ""):
                shapes.append(_cell(LEFT + column * (WIDTH + 8), y, role))
    bottom = TOP + len(keys) * (HEIGHT + 8) + 20
    days = generations.OVERLAP_DAYS
    shapes.append(
        _text(0, bottom, f"A previous key stays for at least {days} days, for mail on its way.")
    )
    size = f"{LEFT + len(STEPS) * (WIDTH + 8)} {bottom + 12}"
    body = "\n".join(shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}">\n'
        f"<title>The life of a key</title>\n<style>\n{STYLE}\n</style>\n{body}\n</svg>\n"
    )


def _column(position: int, step: int) -> str:
    middle = LEFT + position * (WIDTH + 8) + WIDTH // 2
    action = "first run" if step == STEPS[0] else "rotation"
    return _text(middle, 18, action, "head", "middle") + _text(
        middle, 44, f"generation: {step}", "code", "middle"
    )


def _cell(x: int, y: int, role: str) -> str:
    words = _text(x + WIDTH // 2, y + 26, role, f"on-{role}", "middle")
    return f'<rect class="{role}" x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>{words}'


def _text(x: int, y: int, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{text}</text>'


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
