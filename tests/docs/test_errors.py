"""The page on errors has every error that the product can raise, with the state now and the next command."""

import re

from tests.docs.error_texts import error_classes, error_texts
from tests.docs.pages import ROOT
from tests.docs.reference import BEGIN

PAGE = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8").partition(BEGIN)[0]

CODE = re.compile(r"(?<!`)(`{1,3})(?!`) ?(.+?) ?\1(?!`)")


def rows(text):
    """The cells of each row of each table in *text*, without the head."""
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        for line in table.splitlines()[2:]:
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


CLASSES, TEXTS = (list(rows(part)) for part in PAGE.split("## Statuses and warnings"))


def test_classes():
    """Each class has a row, and each row says what the state is and what to do."""
    assert sorted(error_classes()) == sorted(CODE.fullmatch(row[0])[2] for row in CLASSES)
    assert {len(row) for row in CLASSES} == {3}
    assert all(all(row) for row in CLASSES)


def test_texts():
    """Each text of the code has a line with what to do, and no line is left of a text that is gone."""
    shown = {found for row in TEXTS[6:] for _, found in CODE.findall(row[0])}
    raised = error_texts()
    assert raised - shown == set(), "add these to docs/reference/errors.md"
    assert shown - raised == set(), "remove these from docs/reference/errors.md"
    assert all(len(row) == 2 and all(row) for row in TEXTS[6:])


def test_state():
    """Each section of texts says what the state is."""
    sections = re.split("^## ", PAGE, flags=re.MULTILINE)[3:]
    assert [one.partition("\n")[0] for one in sections if "State now: " not in one] == []
