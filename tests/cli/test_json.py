"""
If this fails, a program that reads `--json` misses a field that the reference has.
"""

import json
from pathlib import Path

import pytest

from tests.support.fakes import REGION
from tests.support.world import DOMAIN

ROOT = Path(__file__).parents[2]


DOCTOR = ["doctor", DOMAIN, "--selector", "s1"]
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
    [["status"], DOCTOR, ["records"], ["rotate", "--all", "--dry-run"], SCAN],
    ids=lambda line: line[0],
)
def test_reference(project, line):
    """The reference has an example of what each command prints, with all its fields."""
    if line[0] == "rotate":
        project.world.clock.advance(11 * 86_400)
    expected = example(line[0])
    domain = example("status")["domains"][0]
    if line[0] == "doctor":
        [expected] = domain["records"]
    if line[0] == "scan":
        shown = expected["domains"][DOMAIN]
        shown[REGION] = domain["identities"][0]["ses"] | shown[REGION]
    assert shape(expected) == shape(json.loads(project.run(*line, "--json").stdout))
