"""The page on errors has every class of error, with the state now and the next command; texts are made."""

import re

from byodkim_provider import errors
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")


def test_classes():
    """Each class that users see before a message has a row."""
    names = [name for name, one in vars(errors).items() if getattr(one, "__module__", "") == errors.__name__]
    table = PAGE.partition("## The classes")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| .+ \| .+ \|$", table, re.MULTILINE)
    assert sorted({*names} - {"ByodkimError", "_CallRefused"}) == sorted(rows)
