"""If this fails, `import byodkim_provider` lacks a public name, or is slow when nothing is used."""

import subprocess
import sys

import pytest

import byodkim_provider
from tests.docs.pages import ROOT

LOADED = (
    "import sys; before = {*sys.modules}; import byodkim_provider; print(*sys.modules.keys() - "
    "before)"
)


def test_import_is_light():
    """Importing the package alone loads no module but itself."""
    python = [sys.executable, "-c", LOADED]
    ran = subprocess.run(python, cwd=ROOT, capture_output=True, text=True, check=True)
    packages = {name.partition(".")[0] for name in ran.stdout.split()}
    assert packages - sys.stdlib_module_names == {"byodkim_provider"}
    assert ran.stdout.count("byodkim_provider") == 1


@pytest.mark.parametrize("name", byodkim_provider.__all__)
def test_name(name):
    """Each public name leads to what has this name in its own module, and is listed."""
    found = getattr(byodkim_provider, name)
    assert found.__name__ == name
    assert name in dir(byodkim_provider)


def test_lazy_names_are_the_typed_ones():
    """What is loaded on demand is what type checkers are told, and all that is public."""
    listed = [name for names in byodkim_provider._MODULES.values() for name in names]
    assert sorted(listed) == byodkim_provider.__all__
