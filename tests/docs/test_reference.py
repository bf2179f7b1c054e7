"""If this fails, a page of the reference is not what the source says."""

import json
import re
from typing import get_args

import pytest

from byodkim_provider import errors
from byodkim_provider.dkim import generations
from tests.docs.pages import ROOT
from tests.docs.reference import PARTS, with_part


@pytest.mark.parametrize("page", PARTS)
def test_made(page):
    """Commands, arguments and outputs: `make reference` writes them again."""
    assert with_part(page) == (ROOT / page).read_text(encoding="utf-8"), "run: make reference"


def test_picture():
    """
    The picture of a key's life has a column for each of three generations and a row for each key.
    Roles and days are those of the rules.
    """
    picture = (ROOT / "docs/life-of-a-key.svg").read_text(encoding="utf-8")
    drawn = {1: {}, 2: {}, 3: {}}
    cells = re.findall(r'class="(signing|standby|previous)" x="(\d+)" y="(\d+)"', picture)
    for role, x, y in cells:
        drawn[1 + int(x) // 150][int(y) // 48] = role
    for generation, roles in drawn.items():
        assert roles == generations.roles(generation, generations.published(generation))
    assert f"at least {generations.OVERLAP_DAYS} days" in picture


def test_settings():
    """The two pages on settings have each setting of the schema, and no other."""
    schema = json.loads((ROOT / "stacks/schema.json").read_text())
    expected = {name for one in schema["$defs"].values() for name in one.get("properties", {})}
    pages = [ROOT / "docs/reference" / name for name in ("settings.md", "rare-settings.md")]
    text = "".join(page.read_text(encoding="utf-8").partition("## A domain")[2] for page in pages)
    rows = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    assert {name for row in rows for name in re.findall("`(.+?)`", row)} == expected


def test_kinds_of_errors():
    """
    Each kind that users see before a message has a row, with the state now and the next command.
    """
    names = {
        name
        for name, one in vars(errors).items()
        if isinstance(one, type) and issubclass(one, errors.ByodkimError)
    }
    page = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
    table = page.partition("## The kinds of errors, statuses and warnings\n")[2].partition("\n## ")[
        0
    ]
    rows = re.findall(r"^\| `(\w+)` \| .+ \| .+ \|$", table, re.MULTILINE)
    assert sorted({*names, *get_args(errors.Kind)} - {"ByodkimError"}) == sorted(rows)
