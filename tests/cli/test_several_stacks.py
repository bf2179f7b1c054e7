"""If this fails, `byodkim status` of several stacks hides one that is wrong."""

import json
from types import SimpleNamespace

import pytest

from byodkim_provider.cli.terminal import Refused
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


@pytest.mark.parametrize(
    "chosen", [["-s", "dev", "--stack", "prod"], ["--all-stacks"]], ids=" ".join
)
def test_text(project, chosen):
    """
    Each stack is shown as it is by itself, one after the other; one that is named twice is shown
    once.
    """
    alone = [project.run("status", "-s", name) for name in ("dev", "prod")]
    both = project.run("status", *chosen)
    assert both.stdout == f"{alone[0].stdout}\n{alone[1].stdout}"
    assert [one.exit_code for one in (*alone, both)] == [0, 2, 2]
    assert project.run("status", "-s", "dev", "-s", "dev").stdout == alone[0].stdout


def test_values(project):
    """
    As JSON one object a line, each as for one stack; a metric is described once, with all its
    samples.
    """
    shown = [*map(json.loads, project.run("status", "--all-stacks", "--json").stdout.splitlines())]
    assert [(one["stack"], one["verdict"]) for one in shown] == [("dev", "well"), ("prod", "wrong")]
    assert shown[0] == json.loads(project.run("status", "--json").stdout)
    metrics = project.run("status", "--all-stacks", "--format", "prometheus").stdout
    assert metrics.count("# TYPE byodkim_domain_status gauge") == 1
    assert f'byodkim_domain_status{{stack="dev",domain="{DOMAIN}"}} 0' in metrics
    assert f'byodkim_domain_status{{stack="prod",domain="{OTHER}"}} 2' in metrics


def no_stack(name):
    """A file without a stack, as in a new clone."""

    def ask(arguments, directory):
        raise Refused(
            f"pulumi {' '.join(arguments)}: no stack named '{name}' found", kind="NoStack"
        )

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
    left_out = "byodkim: left out, as there is a file and no stack:"
    assert after.stderr == f"{left_out} a\n{left_out} zoo\n"
    named = project.run("status", "-s", "a", "-s", "dev", "--format", form)
    assert (named.exit_code, named.stderr.endswith("no stack named 'a' found\n")) == (3, True)


def without_stacks(project):
    project.others |= {name: no_stack(name) for name in ("dev", "prod")}


def without_files(project):
    for file in (project.directory / "stacks").iterdir():
        file.unlink()


@cases(
    ("happens", "options", "said"),
    {
        "both": (lambda _: None, ("-s", "dev"), "--all-stacks and --stack exclude each other"),
        "report": (lambda _: None, ("--html", "report.html"), "--html is a page about one stack"),
        "no stack is left": (
            without_stacks,
            (),
            "left out, as there is a file and no stack: prod\n",
        ),
        "no stack file": (without_files, (), "there is no stack file of a project"),
    },
)
def test_refused(project, happens, options, said):
    """What has no meaning ends the command."""
    happens(project)
    result = project.run("status", "--all-stacks", *options)
    assert (result.exit_code, said in result.stderr, result.stdout) == (3, True, "")


@pytest.mark.parametrize("form", ["text", "json", "prometheus"])
@pytest.mark.parametrize("chosen", [["-s", "bad", "-s", "dev"], ["--all-stacks"]], ids=" ".join)
def test_one_in_error(project, tmp_path, form, chosen):
    """
    It is named, and the others are shown as without it; nothing is known of it, unless one is
    wrong.
    """
    before = project.run("status", "-s", "dev", "--format", form)
    (tmp_path / "bad").mkdir()
    bad = project.others["bad"] = CliProject(tmp_path / "bad", project.world)
    bad.complaint = "the passphrase is wrong"
    stacks = project.directory / "stacks"
    (stacks / "Pulumi.prod.yaml").rename(stacks / "Pulumi.bad.yaml")
    result = project.run("status", *chosen, "--format", form)
    assert f"byodkim: stack 'bad': pulumi stack export: {bad.complaint}" in result.stderr
    shown = result.stdout
    if form == "json":
        error, _, shown = shown.partition("\n")
        assert json.loads(error)["stack"] == "bad"
        assert json.loads(error)["error"]["kind"] == "CannotRead"
        assert json.loads(shown) == json.loads(before.stdout)
    else:
        assert shown == before.stdout
    assert result.exit_code == 3
    assert project.run("status", *chosen, "-s", "prod").exit_code == (2 if "-s" in chosen else 3)
