"""
The fenced blocks of README and docs, as somebody who pastes them gets them.

Text in, blocks out: what a block means is the tests' matter.
"""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

PAGES: Final = (
    "README.md",
    "SECURITY.md",
    "examples/README.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md")),
)
"""What users read."""

_FENCED: Final = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    page: str
    heading: str
    number: int
    """Among the blocks under this heading, from 1."""
    language: str
    """As it stands at the fence: `yaml`, `python`, `sh`; empty for what is shown and not typed."""
    text: str

    def __str__(self) -> str:
        return f"{self.page}, {self.heading!r}, block {self.number}"


def blocks(language: str | None = None) -> list[Block]:
    """Every block of every page, or those in one *language*."""
    found = (one for page in PAGES for one in _of_page(page, (ROOT / page).read_text()))
    return [one for one in found if language in (None, one.language)]


def block(page: str, heading: str, number: int = 1) -> str:
    """The text of one block; raises if there is none there."""
    (found,) = (
        one for one in blocks() if (one.page, one.heading, one.number) == (page, heading, number)
    )
    return found.text


def in_one_line(page: str) -> str:
    """A page whose lines don't break what it quotes."""
    return " ".join((ROOT / page).read_text().split())


def quoted(page: str, text: str) -> str:
    """*text*, which the page has in backticks."""
    assert f"`{text}`" in in_one_line(page), (page, text)
    return text


def shows(text: str, page: str, heading: str, number: int = 1) -> bool:
    """Whether *text* has a block; times, selectors and indentation may be others."""
    return _without_names(block(page, heading, number)) in _without_names(text)


def _without_names(text: str) -> str:
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "TIME", text)
    text = re.sub(r"\bs\d{8}-[0-9a-f]{8}\b", "SELECTOR", text)
    return "".join(f"{line.strip()}\n" for line in text.splitlines())


def _of_page(page: str, text: str) -> list[Block]:
    found: list[Block] = []
    # A comment in a block looks like a heading.
    outside = _FENCED.sub(lambda fenced: re.sub("[^\n]", " ", fenced[0]), text)
    headings = [(one.start(), one[1]) for one in _HEADING.finditer(outside)]
    for fenced in _FENCED.finditer(text):
        heading = [title for start, title in headings if start < fenced.start()][-1]
        number = 1 + sum(one.heading == heading for one in found)
        found.append(Block(page, heading, number, fenced[2], textwrap.dedent(fenced[3])))
    return found


STACK_FILE: Final = block("docs/get-started.md", "With a real AWS account", 2)
"""The smallest one."""
