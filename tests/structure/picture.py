"""
Draws the structure of the product into the page on architecture: `python -m
tests.structure.picture`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.structure.imports import imports

ARCHITECTURE: Final = Path(__file__).parents[2] / "docs" / "explanation" / "architecture.md"

_BLOCK: Final = re.compile(r"```mermaid\n.*?```", re.DOTALL)


def picture() -> str:
    """A Mermaid flowchart; an arrow that another path implies is left out."""
    graph = imports()
    arrows = [
        f"    {part} --> {' & '.join(others)}"
        for part in sorted(graph)
        if (
            others := sorted(
                graph[part] - set().union(*(_below(graph, one) for one in graph[part]))
            )
        )
    ]
    return "\n".join(["```mermaid", "flowchart TD", *arrows, "```"])


def _below(graph: dict[str, set[str]], part: str) -> set[str]:
    """All that *part* imports, directly or through others."""
    return graph[part].union(*(_below(graph, other) for other in graph[part]))


def with_picture(text: str, drawn: str) -> str:
    """*text* of a page with its Mermaid block exchanged for *drawn*."""
    return _BLOCK.sub(lambda _: drawn, text, count=1)


if __name__ == "__main__":
    ARCHITECTURE.write_text(
        with_picture(ARCHITECTURE.read_text(encoding="utf-8"), picture()), encoding="utf-8"
    )
