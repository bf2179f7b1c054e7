"""
One sandbox for all engine tests, stacks in it, and after each test the search for secrets.

Tests share the sandbox and nothing else: each has domains of its own. SES looks into DNS at once
and allows any number of calls, unless a test says otherwise.
"""

import os
import re
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from byodkim_provider.cli import main
from byodkim_provider.cli.environment import Environment
from sandbox.ses.emulator import Switches
from sandbox.world import Sandbox
from tests.engine.search import leaks
from tests.engine.stack import Stack
from tests.support.quick_runs import quick_runs
from tests.support.secrets_manager import SecretsManager


@pytest.fixture(scope="session")
def sandbox():
    """AWS, DNS and SES."""
    with (
        Sandbox(switches=Switches(requests_per_second=None, first_check_seconds=0)) as world,
        quick_runs(world),
    ):
        yield world


@pytest.fixture(scope="session")
def all_secrets(sandbox):
    """Secrets Manager of all tests."""
    with SecretsManager.watched(sandbox.aws) as watched:
        yield watched


@pytest.fixture
def secrets_manager(all_secrets):
    """Secrets Manager of this test; what is called before it is none of its business."""
    all_secrets.calls.clear()
    yield all_secrets
    all_secrets.troubles = []


@pytest.fixture
def switches(sandbox):
    """How SES behaves, for this test alone."""
    before = {each.name: getattr(sandbox.ses.switches, each.name) for each in fields(Switches)}
    yield sandbox.ses.switches
    for name, value in before.items():
        setattr(sandbox.ses.switches, name, value)


@pytest.fixture(scope="session")
def open_stacks():
    """The stacks that are open now, for the search."""
    return []


@contextmanager
def opening(sandbox, open_stacks):
    """What opens stacks, with the arguments of `Stack`; they are closed at the end."""
    with ExitStack() as opened:

        def open_stack(*arguments, **options):
            stack = opened.enter_context(Stack(sandbox, *arguments, **options))
            open_stacks.append(stack)
            opened.callback(open_stacks.remove, stack)
            return stack

        yield open_stack


@pytest.fixture(scope="module")
def open_shared_stack(sandbox, open_stacks):
    """Opens stacks that live as long as the tests of one file."""
    with opening(sandbox, open_stacks) as open_stack:
        yield open_stack


@pytest.fixture
def open_stack(sandbox, open_stacks):
    """Opens stacks that live as long as the test."""
    with opening(sandbox, open_stacks) as open_stack:
        yield open_stack


@pytest.fixture
def shell(monkeypatch):
    """
    Lets this process be the shell of a person who has selected a stack, and knows no passphrase.
    """

    def enter(stack):
        for name, value in stack._environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PULUMI_STACK", stack._stack.name)
        monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
        monkeypatch.setenv(
            "PATH", f"{Path(stack._pulumi.command).parent}{os.pathsep}{os.environ['PATH']}"
        )

    return enter


@pytest.fixture
def byodkim(shell):
    """Runs the command in a stack's project."""

    def run(stack, *arguments, ran=None):
        shell(stack)

        def run_pulumi(arguments, directory):
            # The sandbox has no language host, which `pulumi up` needs: `stack.up()` stands for it.
            ran.append(["pulumi", *arguments])
            return 0

        outside = Environment(directory=stack._work / "stacks")
        return CliRunner().invoke(
            main, arguments, obj=outside if ran is None else replace(outside, run_pulumi=run_pulumi)
        )

    return run


@pytest.fixture(scope="session")
def searched():
    """Hashes of what was searched already: no key that is made later can stand in it."""
    return set()


@pytest.fixture(autouse=True)
def no_secret_is_shown(sandbox, all_secrets, open_stacks, open_stack, searched):
    """
    No private key and no secret of a stack file stands in plain in anything that a run showed or
    stored.

    It asks for *open_stack* so that the stacks are closed only after the search.
    """
    yield
    assert leaks(sandbox, open_stacks, all_secrets.signing_keys(), searched=searched) == []


CANCELED = re.compile(
    r"Program failed with an unhandled exception:\n +Traceback(.*\n)*? +Exception: context "
    r"canceled\n"
)
"""
The SDK's own traceback, which no program can prevent: an engine that ends a run answers a
registration that is under way with an error that the SDK does not know. One failing preview in a
hundred had it, on a busy machine.
"""


@pytest.fixture(autouse=True)
def no_traceback_is_shown(open_stacks, open_stack):
    """Whatever goes wrong, people read what it is and not where in the code it was raised."""
    yield
    results = [result for stack in open_stacks for result in stack.results]
    shown = [CANCELED.sub("", each.stdout) + each.stderr for each in results]
    assert [each for each in shown if "Traceback" in each] == []
