"""`byodkim status` of several stacks: all are shown, and the worst decides the exit code."""

import json

import pytest

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
    assert [one.exit_code for one in (*alone, both)] == [0, 1, 1]


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--all-stacks", "-s", "dev"], "--all-stacks and --stack exclude each other"),
        (["--all-stacks", "--html", "report.html"], "--html is a page about one stack"),
    ],
    ids=["both", "report"],
)
def test_refused(project, arguments, said):
    """What has no meaning is refused before anything is asked."""
    result = project.run("status", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_no_stack_file(project):
    """A project without a stack file has no stacks to show."""
    for file in (project.directory / "stacks").iterdir():
        file.unlink()
    result = project.run("status", "--all-stacks")
    assert result.exit_code == 2
    assert "there is no stack file of a project" in result.stderr
