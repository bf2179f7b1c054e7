"""If this fails, who does what a command advises does not get on."""

import shlex
from datetime import timedelta

import pytest

from byodkim_provider.config import stack_file
from byodkim_provider.dkim import keys
from tests.advice.following import Entry, advice
from tests.support.cli_project import CliProject
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


def test_not_settled(project):
    """After the run that is named the stack is where its file is, and rotates from there."""
    project.up()
    project.edit("generation: 1", "generation: 2")
    follow(project, *advice(project.refused(*ROTATE)))
    project.world.clock.advance(timedelta(days=11))
    project.rotates(3, *ROTATE)


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
    project.edit("generation: 2", "generation: 1\n      published: [1, 2, 3]")
    project.up()
    assert project.world.signs_with() == "s1"
