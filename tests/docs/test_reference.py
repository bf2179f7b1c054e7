"""The reference says what the source says."""

import json
import re

import pytest

from byodkim_provider import errors
from tests.docs.pages import ROOT
from tests.docs.reference import PARTS, with_part


@pytest.mark.parametrize("page", PARTS)
def test_made(page):
    """Commands, arguments and outputs: `make reference` writes them again."""
    assert with_part(page) == (ROOT / page).read_text(encoding="utf-8"), "run: make reference"


def test_settings():
    """The page on settings has each setting of the schema, and no other."""
    schema = json.loads((ROOT / "stacks" / "schema.json").read_text())
    expected = {*(name for one in schema["$defs"].values() for name in one.get("properties", {}))}
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?) \|", page.partition("## A domain")[2], re.MULTILINE)
    assert {name for row in rows for name in re.findall("`(.+?)`", row)} == expected


def test_classes_of_errors():
    """Each class that users see before a message has a row, with the state now and the next command."""
    names = [name for name, one in vars(errors).items() if getattr(one, "__module__", "") == errors.__name__]
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    table = page.partition("## The classes, statuses and warnings\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| .+ \| .+ \|$", table, re.MULTILINE)
    assert sorted({*names} - {"ByodkimError", "_CallRefused", "error_text"}) == sorted(rows)
