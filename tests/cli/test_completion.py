"""A shell completes commands, options and the names of stacks."""

from pathlib import Path

import pytest

from byodkim_provider.cli.stack import stack_names
from tests.support.cli_project import CliProject


@pytest.fixture
def completed(tmp_path, world, monkeypatch, capsys):
    """What bash is offered for a line, in a project with two stacks."""
    from byodkim_provider.cli import main

    project = CliProject(tmp_path, world)
    for name in ("dev", "prod", "p$(touch pwned)", "p;id;", "p\x1b[2J", "p q"):
        (tmp_path / "stacks" / f"Pulumi.{name}.yaml").write_text("config: {}\n")
    monkeypatch.chdir(project.directory)

    def complete(line):
        words = line.split(" ")
        monkeypatch.setenv("_BYODKIM_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        with pytest.raises(SystemExit):
            main(prog_name="byodkim")
        return [line.partition(",")[2] for line in capsys.readouterr().out.splitlines()]

    return complete


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("byodkim st", ["status"]),
        ("byodkim rotate --no", ["--no-up"]),
        ("byodkim status --format p", ["prometheus"]),
        ("byodkim status --stack ", ["dev", "prod"]),
        ("byodkim doctor -s p", ["prod"]),
    ],
)
def test_completed(completed, line, offered):
    """The words that can follow; a file whose name is no stack's is not offered."""
    assert completed(line) == offered


@pytest.mark.parametrize(
    "text", ["name: [", "- 1", "\xff", 'stackConfigDir: "a\\0b"', f"stackConfigDir: {'x' * 300}"]
)
def test_impossible_project_file(completed, text):
    """Beside a file that is no project's nothing is offered, and nothing is said."""
    Path("Pulumi.yaml").write_bytes(text.encode("latin-1"))
    assert "".join(completed("byodkim status --stack ")) == ""


def test_outside_of_a_project(tmp_path):
    """Nothing is offered, and nothing fails."""
    assert stack_names(tmp_path) == []
