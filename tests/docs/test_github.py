"""What GitHub reads of this project and of its examples: workflows with few rights, and forms."""

import re
import subprocess

import pytest
import yaml

from byodkim_provider import __version__
from tests.docs.pages import ROOT
from tests.docs.workflows import EXAMPLES, LINTER, load

GITHUB = ROOT / ".github"
OURS = "../../.github/workflows"

RIGHTS = {
    "check.yml": {"": {"id-token"}},
    "preview.yml": {"": {"id-token", "pull-requests"}},
    "rotate.yml": {"": {"id-token", "pull-requests", "contents"}},
    "up.yml": {"": {"id-token"}},
    "../fleet/up.yaml": {"": {"id-token"}},
    f"{OURS}/ci.yml": {"": set()},
    f"{OURS}/release.yml": {
        "": set(),
        "build": {"id-token", "attestations"},
        "publish": {"id-token"},
    },
}
"""What each workflow may write, and each job that has rights of its own."""

EXAMPLE = [name for name in RIGHTS if not name.startswith(OURS)]


@pytest.mark.parametrize("name", RIGHTS)
def test_workflow(name):
    """
    The schema takes it; its rights are few, its actions commits, its scripts whole; it has no key.
    """
    done = subprocess.run([*LINTER, str(EXAMPLES / name)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    workflow = load(name)
    parts = {"": workflow} | {
        job: part for job, part in workflow["jobs"].items() if "permissions" in part
    }
    writes = {
        part: {right for right, access in of["permissions"].items() if access == "write"}
        for part, of in parts.items()
    }
    assert writes == RIGHTS[name]
    text = (EXAMPLES / name).read_text()
    assert not re.search("AWS_ACCESS_KEY_ID|AWS_SECRET_ACCESS_KEY", text)
    # An expression within a script would be run as a part of it.
    assert not any(
        "${{" in step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]
    )
    if not name.endswith("ci.yml"):
        used = re.findall(r"uses: (\S+)(.*)", text)
        assert all(
            re.fullmatch(r"[a-z/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", "".join(one)) for one in used
        )


def test_every_workflow():
    """RIGHTS has each workflow of the examples, and of this project."""
    folders = {"": EXAMPLES, f"{OURS}/": GITHUB / "workflows"}
    found = {
        start + path.name for start, folder in folders.items() for path in folder.glob("*.yml")
    }
    assert found == {*RIGHTS} - {"../fleet/up.yaml"}


@pytest.mark.parametrize("name", EXAMPLE)
def test_credentials(name):
    """
    What is installed finds no credentials at that time, and only `pulumi up` has the role that
    changes.
    """
    assert set(load(name)["env"]) <= {"STACK", "BRANCH", "NO_COLOR", "PULUMI_BACKEND_URL"}
    for job in load(name)["jobs"].values():
        steps = job["steps"]
        (checkout,) = (one for one in steps if one.get("uses", "").startswith("actions/checkout@"))
        assert checkout["with"]["persist-credentials"] is False
        (install,) = (place for place, one in enumerate(steps) if one.get("name") == "Install")
        (sign_in,) = (
            place for place, one in enumerate(steps) if "role-to-assume" in one.get("with", {})
        )
        assert install < sign_in
        assert steps[install]["env"] == {"PULUMI_ACCESS_TOKEN": "", "PULUMI_CONFIG_PASSPHRASE": ""}
        changes = any("pulumi up" in one.get("run", "") for one in steps)
        role = "${{ vars.AWS_ROLE }}" if changes else "${{ vars.AWS_READ_ROLE }}"
        assert steps[sign_in]["with"]["role-to-assume"] == role


def test_groups():
    """
    GitHub cancels a run that waits in a group when another joins: only a newer `up` may cancel an
    `up`.
    """
    groups = {name: load(name).get("concurrency") for name in EXAMPLE}
    ups = {"up.yml": "up", "../fleet/up.yaml": "up"}
    assert groups == {"check.yml": None, "preview.yml": None, "rotate.yml": "rotate"} | ups


def test_ci():
    """It runs `.ci/run`, and nothing else."""
    (job,) = load(f"{OURS}/ci.yml")["jobs"].values()
    assert [step["run"].split()[-1] for step in job["steps"] if "run" in step] == [".ci/run"]


@pytest.mark.parametrize(
    ("version", "exit_code"), [(__version__, 0), ("99.0.0", 1)], ids=["this", "another"]
)
def test_release(version, exit_code):
    """One job after the other; a tag that is not the version of the package is not released."""
    jobs = load(f"{OURS}/release.yml")["jobs"]
    assert [(name, job.get("needs")) for name, job in jobs.items()] == [
        ("check", None),
        ("build", "check"),
        ("publish", "build"),
    ]
    (check,) = (one["run"] for one in jobs["check"]["steps"] if one.get("name") == "Tag")
    done = subprocess.run(
        ["bash", "-e", "-c", check], cwd=ROOT, env={"GITHUB_REF_NAME": f"v{version}"}
    )
    assert done.returncode == exit_code


@pytest.mark.parametrize(
    "form", sorted(GITHUB.glob("ISSUE_TEMPLATE/[!c]*.yml")), ids=lambda form: form.stem
)
def test_forms(form):
    """Each form has a name, and each of its fields a label."""
    read = yaml.safe_load(form.read_text())
    assert read.keys() == {"name", "description", "body"}
    fields = [one for one in read["body"] if one["type"] != "markdown"]
    assert fields
    assert all(one["attributes"]["label"] for one in fields)
    ids = [one["id"] for one in fields]
    assert len(ids) == len(set(ids))
