"""Each example passes a strict type checker, as a program of a user would; the others read real outputs."""

import re
import subprocess
import sys

import pytest

from tests.docs.pages import ROOT

PROGRAMS = sorted(path.relative_to(ROOT) for path in ROOT.glob("examples/*/__main__.py"))


# `make check` checks the one for Namecheap, which needs a module that Pulumi writes.
@pytest.mark.parametrize("program", [one for one in PROGRAMS if one.parts[1] != "namecheap"], ids=str)
def test_types(program):
    """The types of arguments and outputs fit."""
    done = subprocess.run([sys.executable, "-m", "mypy", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_other_languages():
    """The program in each language reads an output that a stack from a stack file has."""
    page = (ROOT / "examples" / "stack-reference" / "README.md").read_text()
    programs = dict(re.findall(r"^```(yaml|typescript|go)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    declared = (ROOT / "byodkim_provider" / "program" / "stack.py").read_text()
    outputs = set(re.findall(r'pulumi\.export\("(\w+)"', declared))
    read = r'(?:outputs\[|requireOutput\(|GetOutput\(pulumi\.String\()"(\w+)"'
    found = {language: set(re.findall(read, text)) for language, text in programs.items()}
    assert found == {language: {"pending"} for language in ("yaml", "typescript", "go")}
    assert "pending" in outputs
