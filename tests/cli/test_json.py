"""
If this fails, a program that reads `--json` gets what is no JSON, or an error without its kind.
"""

import json
from pathlib import Path

import pytest

from sandbox.ses.switches import Fault
from tests.support.cases import cases
from tests.support.fakes import REGION
from tests.support.world import DOMAIN

ROOT = Path(__file__).parents[2]


SCAN = ["scan", "--region", REGION, "--domain", DOMAIN]


def shape(value):
    """The fields of a JSON value, whatever is in them. Entries of a list are alike."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return (
        [shape(value[0])]
        if isinstance(value, list) and value and isinstance(value[0], dict)
        else ...
    )


def example(command):
    page = (ROOT / "docs/reference/json.md").read_text()
    section = page.partition(f"## byodkim {command}\n")[2]
    return json.loads(section.partition("```json\n")[2].partition("```")[0])


@pytest.mark.parametrize(
    "line",
    [["status"], ["doctor"], ["records"], ["rotate", "--all", "--dry-run"], SCAN],
    ids=lambda line: line[0],
)
def test_reference(project, line):
    """The reference has an example of what each command prints, with all its fields."""
    if line[0] == "rotate":
        project.world.clock.advance(11 * 86_400)
    expected = example(line[0])
    domain = example("status")["domains"][0]
    if line[0] == "doctor":
        expected = example("status")
    if line[0] == "scan":
        [shown] = expected["domains"]
        shown["identities"][REGION] = domain["identities"][0]["ses"] | shown["identities"][REGION]
    assert shape(expected) == shape(json.loads(project.run(*line, "--json").stdout))


def no_answer(project):
    project.world.model.inject(Fault("access_denied", operation="GetEmailIdentity"))


@cases(
    ("change", "line"),
    {
        "no answer": (no_answer, ["status"]),
        "no such domain": (no_answer, ["doctor", "nowhere.example"]),
        "not made": (lambda project: project.stored.clear(), ["rotate", DOMAIN, "--yes"]),
        "no project": (lambda project: (project.directory / "Pulumi.yaml").unlink(), ["records"]),
        "no such Region": (no_answer, ["scan", "--region", "nowhere"]),
        "no such option": (no_answer, ["status", "--colour"]),
    },
)
def test_printed(project, change, line):
    """
    Whatever happens, standard output is one JSON value; an error says there what standard error
    says.
    """
    change(project)
    result = project.run(*line, "--json")
    printed = json.loads(result.stdout)
    if "error" in printed:
        assert printed["error"]["exit_code"] == result.exit_code != 0
        assert printed["error"]["message"].splitlines()[0] in result.stderr


NO_WAY_BACK = "example.com: no generation before 2 is published, there is no way back"
HINT = "`byodkim rotate example.com` goes on to the next one"


@cases(
    ("arguments", "kind", "message", "hint"),
    {
        "usage": (["rotate"], "UsageError", "Give one of: domains, --all, --older-than.", ""),
        "refused": (["rotate", DOMAIN, "--dry-run", "--back"], "Refused", NO_WAY_BACK, HINT),
    },
)
def test_errors(project, arguments, kind, message, hint):
    """An error has its class, its message and its hint apart."""
    project.write("    example.com:\n      generation: 2\n      published: [2, 3]\n")
    result = project.run(*arguments, "--json")
    error = json.loads(result.stdout)["error"]
    assert (error["kind"], error["exit_code"]) == (kind, result.exit_code)
    assert (error["message"], error["hint"]) == (message, hint)
