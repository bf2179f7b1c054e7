"""If this fails, a workflow gives what it installs the rights or the credentials of the owner."""

import os
import re
import subprocess

import pytest

from tests.docs.workflows import EXAMPLES, LINTER, load

OURS = "../../.github/workflows"

RIGHTS = f"""
check.yml             -            id-token
preview.yml           -
preview.yml           preview      id-token
preview.yml           comment      pull-requests
rotate.yml            -
rotate.yml            rotate       id-token
rotate.yml            pull-request contents pull-requests
up.yml                -            id-token
../fleet/up.yaml      -            id-token
{OURS}/ci.yml         -
{OURS}/release.yml    -
{OURS}/release.yml    build        attestations id-token
{OURS}/release.yml    publish      id-token
"""
"""What each workflow may write, and each job that has rights of its own."""

ROWS = [row.split() for row in RIGHTS.strip().splitlines()]
NAMES = dict.fromkeys(name for name, *_ in ROWS)
EXAMPLE = [name for name in NAMES if not name.startswith(OURS)]


@pytest.mark.parametrize("name", NAMES)
def test_workflow(name):
    """
    The schema takes it; its rights are few, its actions commits, its scripts whole; it has no key.
    """
    done = subprocess.run([*LINTER, str(EXAMPLES / name)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    workflow = load(name)
    rights = []
    for part, has in {"-": workflow, **workflow["jobs"]}.items():
        if "permissions" in has:
            writes = [right for right, access in has["permissions"].items() if access == "write"]
            rights.append([name, part, *sorted(writes)])
    assert sorted(rights) == sorted(row for row in ROWS if row[0] == name)
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


def _signs_in(job):
    return any("role-to-assume" in step.get("with", {}) for step in job["steps"])


@pytest.mark.parametrize("name", EXAMPLE)
def test_tokens(name):
    """
    A job that may write in the repository runs nothing that was installed, nor any script of the
    checkout: a preview before it could leave another `gh` for the steps after it.
    """
    workflow = load(name)
    assert "write" not in {**workflow["permissions"], "id-token": ""}.values()
    for job in workflow["jobs"].values():
        scripts = "\n".join(step.get("run", "") for step in job["steps"])
        if _signs_in(job):
            assert "github.token" not in str(job)
            assert "gh pr" not in scripts
        else:
            assert not re.search("pulumi |byodkim |python|venv|[.]/", scripts)
            assert "id-token" not in job["permissions"]
            for step in job["steps"]:
                if "download-artifact" in step.get("uses", ""):
                    assert step["with"]["path"].startswith("${{ runner.temp }}/")


def test_stack_files_only(tmp_path):
    """Of another job's change, the stack files are applied, and no program nor project file."""
    (step,) = (
        step
        for step in load("rotate.yml")["jobs"]["pull-request"]["steps"]
        if "git apply" in step.get("run", "")
    )
    (apply,) = re.findall(r"git apply .*", step["run"])
    files = ("Pulumi.yaml", "Pulumi.prod.yaml", "mail/Pulumi.yaml", "mail/Pulumi.prod.yaml", "a.py")
    (tmp_path / "change").mkdir()
    (tmp_path / "change" / "change.patch").write_text(
        "".join(f"--- /dev/null\n+++ b/{file}\n@@ -0,0 +1 @@\n+new\n" for file in files)
    )
    environment = {**os.environ, "RUNNER_TEMP": str(tmp_path)}
    (checkout := tmp_path / "checkout").mkdir()
    subprocess.run(["git", "init", "-q"], cwd=checkout, check=True)
    subprocess.run(apply, shell=True, cwd=checkout, env=environment, check=True)
    applied = {str(path.relative_to(checkout)) for path in checkout.rglob("*.*") if path.is_file()}
    assert {file for file in applied if not file.startswith(".git")} == {
        "Pulumi.prod.yaml",
        "mail/Pulumi.prod.yaml",
    }


@pytest.mark.parametrize("name", EXAMPLE)
def test_credentials(name):
    """
    What is installed finds no credentials at that time, and only `pulumi up` has the role that
    changes.
    """
    assert set(load(name)["env"]) <= {"STACK", "BRANCH", "NO_COLOR", "PULUMI_BACKEND_URL"}
    for job in filter(_signs_in, load(name)["jobs"].values()):
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
