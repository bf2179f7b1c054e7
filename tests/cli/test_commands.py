"""If this fails, a command quotes a key, or guesses what a command line means."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from byodkim_provider.cli import COMMANDS, main
from byodkim_provider.cli.terminal import say
from tests.support.testdata import pem

HEAVY = {"boto3", "botocore", "cryptography", "dns", "pulumi", "pydantic", "rich", "yaml"}


@pytest.mark.parametrize("name", COMMANDS)
def test_short_help(name):
    """The group says of a command what its own help begins with."""
    command = main.get_command(click.Context(main, **main.context_settings), name)
    assert (command.name, command.get_short_help_str(200)) == (name, COMMANDS[name])


def test_help_imports_nothing_heavy():
    """Whoever asks for help does not wait for libraries."""
    code = "import sys; sys.argv[1:] = ['--help']; import atexit; " + (
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
        "from byodkim_provider.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Say whether a DNS record is right" in done.stdout
    assert {name.partition(".")[0] for name in done.stderr.split()} & HEAVY == set()


ONE_OF = "Give one of: domains, --all, --older-than."
NO_LABEL = "'example' is not a bare domain, expected a domain such as 'example.com'"
WRONG_USAGE = {
    "rotate": ONE_OF,
    "rotate example.com --back --compromised --yes": "Give --back or --compromised, not both.",
    "rotate example.com": "Nobody is there to be asked: give --yes or --dry-run.",
    "rotate --all --json": "--json needs --dry-run.",
    "records --json --format zone": "Give --json or --format, not both.",
    "status --json --format prometheus": "Give --json or --format, not both.",
    "rotate example --yes": f"Invalid value for '[DOMAIN]...': {NO_LABEL}",
    "iam-policy example.com": "Got unexpected extra argument (example.com)",
    "scan --region us-east-9": "did you mean 'us-east-2'?",
    "statsu": "No such command 'statsu', did you mean 'status'?",
}


@pytest.mark.parametrize(("line", "text"), WRONG_USAGE.items(), ids=WRONG_USAGE)
def test_wrong_usage(project, line, text):
    """
    A command line that says too little or too much is not guessed at: nothing is called or run.
    """
    project.world.forget()
    result = project.run(*line.split())
    exit_code = 3 if "status" in line else 2
    assert (result.exit_code, project.ran, project.world.calls()) == (exit_code, [], [])
    assert text in result.stderr
    assert result.stdout == ""


def test_messages_of_others(capsys):
    """What a message quotes stays on its line, and a terminal obeys nothing of it."""
    say("a\x1b[2J\u2028b\n  hint: \u202ec")
    assert capsys.readouterr().err == "byodkim: a\\x1b[2J\\u2028b\n  hint: \\u202ec\n"


BODY = "".join(pem("rsa2048.pkcs8").splitlines()[1:-1])

FORMS = {
    "PEM": pem("rsa2048.pkcs8"),
    "as openssl prints a number": "prime1:\n"
    + "    00:d6:c4:06:1b:9f:3e:77:a0:5c:12:e8:44:b3:\n" * 10,
}


@pytest.mark.parametrize(
    "arguments",
    [
        ["doctor", "example.com", "--selector", "a", "--key", "{}"],
        ["{}"],
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_no_key_is_quoted(arguments, form, tmp_path, monkeypatch):
    """A key in the place of an option, a file or a command is in no error."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, [one.format(FORMS[form]) for one in arguments])
    assert result.exit_code != 0
    assert not any(line.strip() in result.output for line in FORMS[form].splitlines()[1:-1])


def test_no_key_is_quoted_by_pulumi(tmp_path, monkeypatch):
    """Pulumi quotes what is no name of a setting; what a command repeats of that has no key."""
    monkeypatch.chdir(tmp_path)
    Path("Pulumi.yaml").write_text("name: p\nruntime: python\n")
    Path("pulumi").write_text(
        f"#!/bin/sh\necho 'error: could not parse a:b:{BODY} as a key' >&2; exit 1"
    )
    Path("pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    result = CliRunner().invoke(main, ["status"])
    assert (result.exit_code, "could not parse a:b:[...] as a key" in result.stderr) == (3, True)
