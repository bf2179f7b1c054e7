"""What GitHub reads: the workflow runs what every machine runs, and the forms are valid YAML."""

import re
import subprocess

import pytest
import yaml

from byodkim_provider import __version__
from tests.docs.pages import ROOT
from tests.docs.workflows import LINTER

GITHUB = ROOT / ".github"


def test_workflow():
    """It runs `.ci/run`, and has no permission beside reading."""
    workflow = yaml.safe_load((GITHUB / "workflows" / "ci.yml").read_text())
    (job,) = workflow["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert [command.split()[-1] for command in commands] == [".ci/run"]
    assert workflow["permissions"] == {"contents": "read"}


RELEASE = GITHUB / "workflows" / "release.yml"


def release():
    return yaml.safe_load(RELEASE.read_text())["jobs"]


def test_release():
    """The workflow is valid; each job has the rights that it needs, and each action is a commit."""
    done = subprocess.run([*LINTER, str(RELEASE)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rights = {name: job.get("permissions", {"contents": "read"}) for name, job in release().items()}
    assert rights == {
        "check": {"contents": "read"},
        "build": {"contents": "read", "id-token": "write", "attestations": "write"},
        "publish": {"id-token": "write"},
    }
    assert {name: job.get("needs") for name, job in release().items()} == {
        "check": None,
        "build": "check",
        "publish": "build",
    }
    used = re.findall(r"uses: (\S+)(.*)", RELEASE.read_text())
    assert all(re.fullmatch(r"[a-z/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", "".join(one)) for one in used)


@pytest.mark.parametrize(("version", "exit_code"), [(__version__, 0), ("99.0.0", 1)], ids=["this", "another"])
def test_release_tag(version, exit_code):
    """A tag that is not the version of the package is not released."""
    (check,) = (one["run"] for one in release()["check"]["steps"] if one.get("name") == "Tag")
    done = subprocess.run(["bash", "-e", "-c", check], cwd=ROOT, env={"GITHUB_REF_NAME": f"v{version}"})
    assert done.returncode == exit_code


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
