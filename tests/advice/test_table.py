"""No hint is without a test that follows it."""

import ast

import pytest

from tests.advice.hints import hints
from tests.advice.table import FOLLOWED, NO_ADVICE
from tests.docs.pages import ROOT


def test_every_hint_is_followed():
    """What the source has as a hint is in the table, and nothing else is."""
    said, listed = hints(), {*FOLLOWED, *NO_ADVICE}
    assert not said - listed, "in tests/advice/table.py, name the test that follows this hint"
    assert not listed - said, "no error has this hint any more: remove it from tests/advice/table.py"


@pytest.mark.parametrize("test", sorted(set(FOLLOWED.values())))
def test_it_is_there(test):
    """The tests that the table names are there."""
    file, name = test.split("::")
    tree = ast.parse((ROOT / "tests" / file).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
