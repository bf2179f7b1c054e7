"""If this fails, an example in a docstring is wrong."""

import doctest
from importlib import import_module

import pytest

from tests.docs.pages import ROOT

FILES = (
    path.relative_to(ROOT)
    for path in (ROOT / "byodkim_provider").rglob("*.py")
    if ">>> " in path.read_text()
)


@pytest.mark.parametrize("name", sorted(".".join(path.with_suffix("").parts) for path in FILES))
def test_examples(name):
    failed, tried = doctest.testmod(import_module(name.removesuffix(".__init__")))
    assert (failed, tried > 0) == (0, True)
