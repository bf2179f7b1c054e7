"""No advice is without a test that follows it."""

import ast

import pytest

from tests.advice.table import DOCUMENTED, FOLLOWED
from tests.docs.pages import ROOT
from tests.docs.reference import is_of_parts, sections


def test_every_advice_is_followed():
    """The advice of a message is in the table if it has a command or a setting."""
    advised = {
        code
        for section, codes in sections()
        if section not in DOCUMENTED
        for code in codes
        if "`" in (code.advice or (code.text if is_of_parts(section) else ""))
    }
    missing = advised - set(DOCUMENTED) - set(FOLLOWED)
    assert sorted(map(str, missing)) == [], "in tests/advice/table.py, name the test"


@pytest.mark.parametrize("test", sorted(set(FOLLOWED.values())))
def test_it_is_there(test):
    """The tests that the table names are there."""
    file, name = test.split("::")
    tree = ast.parse((ROOT / "tests" / file).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
