"""
Draws README's picture of a terminal from a real run of the demo: `python -m tests.docs.screenshot`.

Nothing is added to what the run printed; lines without news are left out, and long ones are cut.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Final

from rich.console import Console
from rich.text import Text

from tests.docs.pages import ROOT

PICTURE: Final = ROOT / "docs" / "demo.svg"

WIDTH: Final = 112

PARTS: Final = ("the key of", "while mail is sent", "what a mail server says", "")
"""What the title of a part of the demo holds; the last part has none."""

WITHOUT_NEWS: Final = re.compile(
    r"^$|creating|updating|Diagnostics|^ {4}[A-Za-z]|^  \w.*:$|^(Unsigned|verified is|takes the) "
)

COLOURS: Final = {" +  ": "green", " ~  ": "yellow", " -  ": "red"}


def shown(output: str) -> Iterator[Text]:
    """The lines of the picture."""
    keeps, left_out, before = False, False, ""
    for line in output.splitlines():
        text = Text.from_ansi(line)
        if text.plain.startswith("──"):
            title = text.plain.strip("─ ")
            keeps, left_out = any(part in title if part else not title for part in PARTS), False
        elif not text.plain.startswith(" " * 6):  # else it goes on with the line before
            left_out = bool(WITHOUT_NEWS.search(text.plain)) or text.plain == before
        if left_out:
            continue
        before = text.plain
        if keeps:
            text.truncate(WIDTH, overflow="ellipsis")
            text.stylize(COLOURS.get(text.plain[:4], ""))
            yield text


def draw(lines: Iterable[Text]) -> str:
    """An SVG that needs nothing from elsewhere."""
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    for line in lines:
        console.print(line, no_wrap=True)
    svg = console.export_svg(title="make demo", unique_id="demo")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


if __name__ == "__main__":
    environment = os.environ | {"COLUMNS": str(WIDTH), "FORCE_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.demo"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    PICTURE.write_text(draw(shown(done.stdout)), encoding="utf-8")
