"""One word for one thing: words that are not used any more stand nowhere in product, sandbox and pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]

WORDS: Final = {
    # pattern, in any case: what to write instead
    r"put_at\b": "key_set_at",
    r"told_by\b": "key_set_by",
    r"\bwire_types\b": "property_types",
    r"\bplain_keys\b": "unencrypted keys",
    r"\b(tell|tells|telling|told) SES\b": "send the key to SES, set the key",
    r"\bSES (is|was|has been|had been) told\b": "SES gets the key",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\bmistakes?\b": "misconfiguration, bug; `by accident`",
    r"\b_?slips?\b": "misconfiguration, problem",
    r"\blook-ups?\b": "lookup",
    r"\bglance(s|d)?\b": "check",
    r"\bpropagat\w*": "visible",
    r"\bseen otherwise\b": "unconfirmed",
    r"(can't|could not|cannot) be told\b": "could not be determined",
    r"\bchunks?\b": "string",
    r"\bin vain\b": "say what happens",
    r"\b_?look(s|ed|ing)?\b(?! (up|for|alike|like|as)\b)|\blook_at": "lookup, check, poll",
    r"\banew\b": "again",
    r"\bfor ever\b": "always, permanently",
    r"\bnobody else's\b": "unique",
    r"\bin plain\b(?! (text|words|Python))": "unencrypted, in plain text",
    r"\bmade good\b": "fixed",
    r"\b(say|says|said) otherwise\b": "name the setting and its default",
    r"\b(come|comes|came) (over|off) the wire\b": "arrives, is sent",
    r"\b(hear|hears|heard|unheard)\b": "gets, knows, response lost",
    r"\b(a|lines? of|lists of|map of) texts?\b(?! (file|editor))": "string, map of strings",
    r"\bCannotTell\b": "CannotRead",
    r"\bis no (YAML|JSON|ARN)\b": "is not valid",
    r"\b(that|which) (is|are) none\b": "invalid",
}
"""Words and phrases that are not used any more. One more is one more line, once nothing holds it."""

PLACES: Final = ("byodkim_provider", "sandbox", "docs", "examples", "stacks")

SUFFIXES: Final = {".py", ".md", ".yaml", ".json"}


def files() -> Iterator[Path]:
    """All that users and developers read: source, pages, stack files."""
    yield from (ROOT / "__main__.py", ROOT / "Makefile", *sorted(ROOT.glob("*.md")))
    for place in PLACES:
        paths = (path for path in sorted((ROOT / place).rglob("*")) if path.suffix in SUFFIXES)
        yield from (path for path in paths if path.name != "package-lock.json")  # names of others' packages


def found(pattern: str, text: str) -> list[str]:
    """The lines of *text* that hold *pattern*; a phrase may go over the end of a line."""
    over_lines = re.compile(pattern.replace(" ", r"\s+(?:# )?"), re.IGNORECASE)
    return [
        f"line {text.count(chr(10), 0, one.start()) + 1}: {one[0]!r}" for one in over_lines.finditer(text)
    ]


@pytest.mark.parametrize("pattern", WORDS)
def test_words(pattern: str) -> None:
    """A word that has given way to another one is gone everywhere, with its other forms."""
    places = [
        f"{path.relative_to(ROOT)}, {where}"
        for path in files()
        for where in found(pattern, path.read_text(encoding="utf-8"))
    ]
    assert places == [], f"write: {WORDS[pattern]}"


def test_found() -> None:
    """A word is found in any case, in an identifier, and a phrase over two lines, in a comment too."""
    assert found(r"put_at\b", "x = 1\nx.put_at = 2") == ["line 2: 'put_at'"]
    assert found(r"\bmend(s|ed|ing)?\b", "Mends it, recommends it") == ["line 1: 'Mends'"]
    assert found(r"\bin vain\b", "asked in\n    # vain") == ["line 1: 'in\\n    # vain'"]
    assert {path.name for path in files()} >= {"README.md", "dns.md", "keys.py", "emulator.py", "schema.json"}
