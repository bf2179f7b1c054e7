"""What GitHub reads: the workflow runs what every machine runs, and the forms are valid YAML."""

import pytest
import yaml

from tests.docs.pages import ROOT

GITHUB = ROOT / ".github"


def test_workflow():
    """It runs `.ci/run`, and has no permission beside reading."""
    workflow = yaml.safe_load((GITHUB / "workflows" / "ci.yml").read_text())
    (job,) = workflow["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert [command.split()[-1] for command in commands] == [".ci/run"]
    assert workflow["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("form", sorted(GITHUB.glob("ISSUE_TEMPLATE/[!c]*.yml")), ids=lambda form: form.stem)
def test_forms(form):
    """Each form has a name, and each of its fields a label."""
    read = yaml.safe_load(form.read_text())
    assert read.keys() == {"name", "description", "body"}
    fields = [one for one in read["body"] if one["type"] != "markdown"]
    assert fields
    assert all(one["attributes"]["label"] for one in fields)
    ids = [one["id"] for one in fields]
    assert len(ids) == len(set(ids))
