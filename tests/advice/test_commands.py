"""
What the commands advise, followed in a project whose `pulumi up` makes what the stack file says.
"""

import shlex
from datetime import timedelta

import pytest

from byodkim_provider.config import stack_file
from byodkim_provider.dkim import keys
from tests.advice.following import Entry, advice
from tests.support.cli_project import CliProject, configuration
from tests.support.world import DOMAIN, World

KEYS = (
    "    example.com:\n      generation: 2\n      keys:\n"
    "        1: {selector: s1, privateKey: a}\n"
    "        2: {selector: s2, privateKey: b}\n"
)
THIRD = "        3: {selector: s3, privateKey: c}\n"


class Project(CliProject):
    """A project, and a person who has its stack file open."""

    def __init__(self, directory, world):
        super().__init__(directory, world, while_up=self.up)
        self.entry = Entry(world, {})
        self.write("    example.com: {generation: 1}\n")

    def up(self, *, refresh=False):
        """`pulumi up`."""
        written = stack_file.load(self.stack_file.read_text())["config"]["ses-byodkim:domains"][
            DOMAIN
        ]
        supplied = written.get("keys", {})
        self.entry.written = {key: value for key, value in written.items() if key != "keys"}
        if supplied and "published" not in written:
            self.entry.written["published"] = sorted(int(number) for number in supplied)
        self.entry.up(refresh=refresh)
        self.stored = [self.entry.stored]
        self.world.clock.advance(timedelta(hours=1))

    def edit(self, before, after):
        """By hand."""
        text = self.stack_file.read_text()
        assert before in text
        self.stack_file.write_text(text.replace(before, after))

    def refused(self, *arguments):
        """What a command that is refused says."""
        done = self.run(*arguments)
        assert done.exit_code != 0
        assert not self.ran
        return done.stderr

    def rotates(self, generation, *arguments):
        """The same command is done at last."""
        done = self.run(*arguments)
        assert done.exit_code == 0, done.output
        assert self.world.signs_with() == f"s{generation}"


@pytest.fixture
def project(tmp_path, signing_keys):
    """Nothing is made yet."""
    return Project(tmp_path, World([*signing_keys, keys.generate(keys.MIN_BITS)]))


ROTATE = ("rotate", DOMAIN, "--yes")


def follow(project, command):
    """Type *command*, `pulumi up` or one of ours, as it is printed."""
    program, *arguments = shlex.split(command)
    if program == "pulumi":
        assert arguments[0] == "up"
        return project.up(refresh=arguments[1:] == ["--refresh"])
    return project.run(*arguments, "--yes")


def test_not_made_yet(project):
    """After the run that is named there is something to rotate."""
    follow(project, *advice(project.refused(*ROTATE)))
    project.rotates(2, *ROTATE)


def test_not_settled(project):
    """After the run that is named the stack is where its file is, and rotates from there."""
    project.up()
    project.edit("generation: 1", "generation: 2")
    follow(project, *advice(project.refused(*ROTATE)))
    project.world.clock.advance(timedelta(days=11))
    project.rotates(3, *ROTATE)


def test_no_way_back(project):
    """The command that is named goes on instead."""
    project.up()
    done = follow(project, *advice(project.refused("rotate", DOMAIN, "--back", "--yes")))
    assert done.exit_code == 0
    assert project.world.signs_with() == "s2"


def test_no_standby(project):
    """With the key that is asked for, published by a run, the same command goes on."""
    project.write(KEYS)
    project.up()
    added, run = advice(project.refused(*ROTATE))
    assert added == "keys.3"
    project.edit(KEYS, KEYS + THIRD)
    follow(project, run)
    project.world.clock.advance(timedelta(days=11))
    project.rotates(3, *ROTATE)


def test_too_early_today(project):
    """The two lines that are offered rotate today, and keep what must stay in DNS."""
    project.up()
    project.rotates(2, *ROTATE)
    project.ran.clear()
    project.write(f"    example.com: {{{', '.join(advice(project.refused(*ROTATE)))}}}\n")
    project.up()
    assert project.world.signs_with() == "s3"
    assert project.world.in_dns("s1")


def test_too_early_then(project):
    """On the day that is named the same command rotates."""
    project.up()
    project.rotates(2, *ROTATE)
    project.ran.clear()
    project.refused(*ROTATE)
    project.world.clock.advance(timedelta(days=10))
    project.rotates(3, *ROTATE)


def test_run_that_failed(project):
    """Run again until it ends without an error, and only then undone: no key is lost on the way."""
    project.up()
    half_way = []

    def fail():
        project.secrets["arn"] = None  # it began to change something
        half_way.append(project.stack_file.read_text())

    project.while_up, project.up_exit_code = fail, 255
    failed = project.run(*ROTATE)
    assert failed.exit_code == 1
    assert half_way == [project.stack_file.read_text()]
    commands = advice(failed.stderr)
    assert commands == ["pulumi up", "pulumi up --refresh"]  # the error says which
    for command in commands:
        follow(project, command)
    assert project.world.signs_with() == "s2"
    project.edit("generation: 2", "generation: 1, published: [1, 2, 3]")
    project.up()
    assert project.world.signs_with() == "s1"


def test_run_that_did_not_begin(project):
    """
    Once what Pulumi says is corrected, the same command rotates, from a file that is as it was.
    """
    project.up()
    project.while_up, project.up_exit_code = lambda: None, 255
    failed = project.run(*ROTATE)
    assert "is as it was; correct what Pulumi says, and rotate again" in failed.stderr
    project.while_up, project.up_exit_code = project.up, 0
    project.rotates(2, *ROTATE)


@pytest.mark.parametrize(
    ("elsewhere", "hint"),
    [
        ("config: {aws:region: eu-west-1}\n", "edit it where `pulumi config` has it from"),
        (
            "config:\n  ses-byodkim:domains:\n    example.com: {generation: 1}\t# signs\n",
            "edit it by hand",
        ),
        (
            "config: {ses-byodkim:domains: {example.com: {generation: 5}}}\n",
            "edit it where that has it from",
        ),
    ],
    ids=["elsewhere", "not for our YAML library", "read otherwise"],
)
def test_not_editable(project, elsewhere, hint):
    """What no command edits rotates by hand, where Pulumi reads it."""
    project.up()
    file = project.stack_file.read_text()
    project.printed = configuration(project.directory / "Pulumi.yaml", project.stack_file)
    project.stack_file.write_text(elsewhere)
    assert project.refused(*ROTATE).endswith(f"{hint}\n")
    project.printed = None
    project.stack_file.write_text(file.replace("generation: 1", "generation: 2"))
    project.up()
    assert project.world.signs_with() == "s2"


def test_no_record(project, tmp_path, signing_keys):
    """A run makes the records, and a selector with its key needs no stack."""
    (tmp_path / "key").write_text(signing_keys[0].pkcs1_base64())
    text = project.refused("records")
    assert "or give DOMAIN and --selector to work without a stack" in text
    assert (
        project.run(
            "records", DOMAIN, "--selector", "s1", "--private-key", f"{tmp_path}/key"
        ).exit_code
        == 0
    )
    project.world.publish(1)
    assert project.run("doctor", DOMAIN, "--selector", "s1").exit_code == 0
    follow(project, *advice(text))
    assert project.run("records").exit_code == 0


@pytest.mark.parametrize(
    "command", [("doctor",), ("records",), ("rotate", "--dry-run")], ids=lambda command: command[0]
)
def test_mistyped(project, command):
    """
    With the domain that is suggested the same command goes on; it was not told to run anything.
    """
    project.up()
    project.world.publish(1, 2)
    said = project.refused(*command, "exmaple.com")
    assert "exmaple.com: is not in stack dev, did you mean 'example.com'?" in said
    assert "pulumi up" not in said
    assert project.run(*command, DOMAIN).exit_code == 0


@pytest.mark.parametrize("command", ["status", "records"])
def test_outside_the_project(project, command):
    """In the folder of the project the same command goes on."""
    project.up()
    directory, project.directory = project.directory, project.directory.parents[-1]
    (step, *_) = advice(project.refused(command))
    assert step == "cd"
    project.directory = directory
    assert project.run(command).exit_code == 0
