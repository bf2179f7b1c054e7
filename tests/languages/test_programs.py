"""If this fails, a program in another language can't read the outputs of a stack."""

import json
import re

import pytest

from tests.docs.pages import ROOT, block
from tests.languages.conftest import PENDING, VERIFIED
from tests.support.endings import ENDINGS, errors

pytestmark = pytest.mark.engine

PAGE = block("examples/README.md", "A stack read from other languages")

LANGUAGES = sorted(path.parent.name for path in ROOT.glob("examples/stack-reference/*/Pulumi.yaml"))


def outputs(shell, language, *, senders="prod"):
    """
    What came of the program in *language*, run as its page says with that stack, and its outputs.
    """
    commands = f"cd stack-reference\n{PAGE}"
    for old, new in (
        ("cd typescript", f"cd {language}"),
        ("init dev", f"init {language}-{senders}"),
    ):
        assert old in commands
        commands = commands.replace(old, new)
    assert "senders organization/ses-byodkim/prod" in commands
    commands = commands.replace("ses-byodkim/prod", f"ses-byodkim/{senders}")
    done = shell.run(commands, PYTHONPATH=str(ROOT))
    return done, json.loads(
        done.stdout[done.stdout.rindex("\n{") :]
    ) if done.exit_code == 0 else None


def test_languages():
    """There is a program in each language that Pulumi has and our users asked for."""
    assert LANGUAGES == ["go", "python", "typescript", "yaml"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_endings(shell, ending):
    """A program in Python ends with Pulumi's own executor as with the sandbox's stand-in."""
    folder = shell.project / "ending"
    folder.mkdir(exist_ok=True)
    (folder / "Pulumi.yaml").write_text("name: ending\nruntime: python\n")
    (folder / "__main__.py").write_text(ending)
    done = shell.run("cd ending\npulumi stack select --create dev\npulumi preview")
    assert done.exit_code != 0
    assert errors(done.stdout) == ENDINGS[ending]


@pytest.mark.parametrize("language", ["go", "python", "typescript"])
def test_program(shell, language):
    """The program has the names of the verified domains; it fails while one is not, and says so."""
    done, found = outputs(shell, language)
    assert done.exit_code == 0, done.shown
    assert found == {"verified": sorted(VERIFIED)}
    done, _ = outputs(shell, language, senders="staging")
    assert done.exit_code != 0
    assert re.search(rf"not verified yet: .*{PENDING}", done.shown), done.shown


def test_yaml(shell):
    """YAML has no conditions: the program hands on what the stack says."""
    done, found = outputs(shell, "yaml")
    assert done.exit_code == 0, done.shown
    assert sorted(found["domains"]) == sorted(VERIFIED)
    assert {one["generation"] for one in found["domains"].values()} == {1}
    assert found["pending"] == []
    done, found = outputs(shell, "yaml", senders="staging")
    assert done.exit_code == 0, done.shown
    assert [PENDING in line for line in found["pending"]] == [True]
