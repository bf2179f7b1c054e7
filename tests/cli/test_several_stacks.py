"""`byodkim status` of several stacks: all are shown, and the worst decides the exit code."""

import json
from types import SimpleNamespace

import pytest

from byodkim_provider.cli.terminal import CannotRead
from tests.support.cases import cases
from tests.support.cli_project import CliProject
from tests.support.world import DOMAIN

ONE = "    {}:\n      generation: {}\n"

OTHER = "example.net"


@pytest.fixture
def project(tmp_path, world):
    """The stack `dev`, which is well, and the stack `prod`, whose identity was never made."""
    directories = tmp_path / "project", tmp_path / "other"
    for directory in directories:
        directory.mkdir()
    project, other = (CliProject(directory, world) for directory in directories)
    project.write(ONE.format(DOMAIN, 2))
    world.publish(1, 2, 3)
    project.stored = [world.verified(2)]
    other.write(ONE.format(OTHER, 1))
    project.others["prod"] = other
    (project.directory / "stacks" / "Pulumi.prod.yaml").write_text("config: {}\n")
    return project


@pytest.mark.parametrize("chosen", [["-s", "dev", "--stack", "prod"], ["--all-stacks"]], ids=" ".join)
def test_text(project, chosen):
    """Each stack is shown as it is by itself, one after the other."""
    alone = [project.run("status", "-s", name) for name in ("dev", "prod")]
    both = project.run("status", *chosen)
    assert both.stdout == f"{alone[0].stdout}\n{alone[1].stdout}"
    assert [one.exit_code for one in (*alone, both)] == [0, 2, 2]


def test_json(project):
    """One object a line, each as for one stack."""
    both = project.run("status", "--all-stacks", "--json")
    shown = [json.loads(line) for line in both.stdout.splitlines()]
    assert [(one["stack"], one["verdict"]) for one in shown] == [("dev", "well"), ("prod", "wrong")]
    assert shown[0] == json.loads(project.run("status", "--json").stdout)


def test_prometheus(project):
    """Each metric is described once, with the samples of all stacks below."""
    both = project.run("status", "--all-stacks", "--format", "prometheus").stdout
    assert both.count("# TYPE byodkim_domain_status gauge") == 1
    assert f'byodkim_domain_status{{stack="dev",domain="{DOMAIN}"}} 0' in both
    assert f'byodkim_domain_status{{stack="prod",domain="{OTHER}"}} 2' in both


def test_a_name_twice(project):
    """A stack that is named twice is shown once."""
    assert project.run("status", "-s", "dev", "-s", "dev").stdout == project.run("status").stdout


@cases(
    ("arguments", "said"),
    {
        "both": (["--all-stacks", "-s", "dev"], "--all-stacks and --stack exclude each other"),
        "report": (["--all-stacks", "--html", "report.html"], "--html is a page about one stack"),
    },
)
def test_refused(project, arguments, said):
    """What has no meaning is refused before anything is asked."""
    result = project.run("status", *arguments)
    assert result.exit_code == 3
    assert said in result.stderr


def no_stack(name):
    """A file without a stack, as in a new clone."""

    def ask(arguments, directory):
        raise CannotRead(f"pulumi {' '.join(arguments)}: no stack named '{name}' found")

    return SimpleNamespace(_ask_pulumi=ask, directory=None)


@pytest.mark.parametrize("form", ["text", "json", "prometheus"])
def test_a_file_without_a_stack(project, form):
    """It is left out with a message; the others are shown, and decide the exit code."""
    before = project.run("status", "--all-stacks", "--format", form)
    for name in ("a", "zoo"):
        (project.directory / "stacks" / f"Pulumi.{name}.yaml").write_text("config: {}\n")
        project.others[name] = no_stack(name)
    after = project.run("status", "--all-stacks", "--format", form)
    assert (before.exit_code, before.stdout, before.stderr) == (after.exit_code, after.stdout, "")
    assert after.stderr == "byodkim: left out, as there is a file and no stack: a, zoo\n"
    named = project.run("status", "-s", "a", "-s", "dev", "--format", form)
    assert (named.exit_code, "no stack named 'a' found" in named.stderr) == (3, True)


def test_only_files_without_a_stack(project):
    """If no stack is left, nothing can be shown."""
    for name in ("dev", "prod"):
        project.others[name] = no_stack(name)
    result = project.run("status", "--all-stacks")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "no stack of a file in the project exists: dev, prod\n" in result.stderr


def test_another_failure_of_one(project):
    """A stack that exists and can't be read ends the command, which names it."""
    project.others["prod"].complaint = "the passphrase is wrong"
    result = project.run("status", "--all-stacks")
    assert (result.exit_code, "the passphrase is wrong" in result.stderr) == (3, True)
    assert "byodkim: stack 'prod': " in result.stderr


def test_wrong_settings_of_one(project):
    """So do settings that are wrong in one stack."""
    project.others["prod"].write(ONE.format(OTHER, "x"))
    result = project.run("status", "--all-stacks")
    assert result.exit_code == 3
    assert "byodkim: stack 'prod': domains[\"example.net\"].generation: must be" in result.stderr


def test_no_stack_file(project):
    """A project without a stack file has no stacks to show."""
    for file in (project.directory / "stacks").iterdir():
        file.unlink()
    result = project.run("status", "--all-stacks")
    assert result.exit_code == 3
    assert "there is no stack file of a project" in result.stderr
