"""The example workflows, and the same by cron: every command runs in order, and does what the page says."""

import os
import re
import shutil
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sandbox.pulumi.plugins import write_script
from tests.docs.workflows import EXAMPLES, LINTER, load, run_workflow
from tests.engine.stack import REGION

WORKFLOWS = sorted(path.name for path in EXAMPLES.glob("*.yml"))
DOMAIN = "example.com"
PAGE = "docs/how-to/automation.md"
FLEET = "../fleet/up.yaml"

VALUES = {
    "vars.PULUMI_BACKEND_URL": "",
    "secrets.PULUMI_ACCESS_TOKEN": "",
    "github.token": "token",
    "github.event.pull_request.number": "7",
}


@pytest.mark.parametrize("name", [*WORKFLOWS, FLEET])
def test_linted(name):
    """GitHub's own schema of workflows takes it."""
    done = subprocess.run([*LINTER, str(EXAMPLES / name)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", WORKFLOWS)
def test_least_permissions(name):
    """A workflow asks for what it needs, and no AWS key is stored."""
    workflow = load(name)
    writes = {key for key, value in workflow["permissions"].items() if value == "write"}
    needed = {"rotate.yml": {"contents", "pull-requests"}, "preview.yml": {"pull-requests"}}
    assert writes == {"id-token", *needed.get(name, ())}
    text = (EXAMPLES / name).read_text()
    assert "AWS_ACCESS_KEY_ID" not in text
    assert "AWS_SECRET_ACCESS_KEY" not in text
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    # An expression within a script would be run as a part of it.
    assert not any("${{" in step.get("run", "") for step in steps)


@pytest.mark.parametrize("name", [*WORKFLOWS, FLEET])
def test_supply_chain(name):
    """Actions are commits with their versions, and what is installed finds no credentials at that time."""
    used = re.findall(r"uses: (\S+)(.*)", (EXAMPLES / name).read_text())
    assert all(re.fullmatch(r"[a-z/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", "".join(one)) for one in used)
    assert set(load(name)["env"]) <= {"STACK", "BRANCH", "NO_COLOR", "PULUMI_BACKEND_URL"}
    for job in load(name)["jobs"].values():
        steps = job["steps"]
        (checkout,) = (one for one in steps if one.get("uses", "").startswith("actions/checkout@"))
        assert checkout["with"]["persist-credentials"] is False
        (install,) = (place for place, one in enumerate(steps) if one.get("name") == "Install")
        (sign_in,) = (place for place, one in enumerate(steps) if "role-to-assume" in one.get("with", {}))
        assert install < sign_in
        secrets = {"PULUMI_ACCESS_TOKEN": "", "PULUMI_CONFIG_PASSPHRASE": ""}
        assert steps[install]["env"] == secrets


@pytest.mark.parametrize("name", [*WORKFLOWS, FLEET])
def test_roles(name):
    """Only what runs `pulumi up` has the role that may change something."""
    for job in load(name)["jobs"].values():
        changes = any("pulumi up" in one.get("run", "") for one in job["steps"])
        (role,) = (
            one["with"]["role-to-assume"] for one in job["steps"] if "role-to-assume" in one.get("with", {})
        )
        assert role == ("${{ vars.AWS_ROLE }}" if changes else "${{ vars.AWS_READ_ROLE }}")


def test_groups():
    """GitHub cancels a run that waits in a group when another joins: only a newer `up` may cancel an `up`."""
    groups = {name: load(name).get("concurrency") for name in WORKFLOWS}
    assert groups == {"check.yml": None, "preview.yml": None, "rotate.yml": "rotate", "up.yml": "up"}


def test_cron_is_a_script():
    """Bash can read it, and the file may be run."""
    subprocess.run(["bash", "-n", EXAMPLES / "cron.sh"], check=True)
    assert os.access(EXAMPLES / "cron.sh", os.X_OK)


GH = """\
echo "$@" >> "$GH_LOG"
case "$1 $2" in
"pr list") cat "$GH_OPEN" ;;
"pr create") echo 1 > "$GH_OPEN" ;;
"pr comment") for last; do :; done; cat "$last" > "$GH_COMMENT" ;;
esac
"""


@pytest.fixture
def repository(made, tmp_path):
    """The project in Git with a remote, and a stack whose key has signed for 181 days; `gh` writes down."""
    made.days_pass(181)
    (tmp_path / "open").write_text("0\n")
    log, comment = tmp_path / "gh.log", tmp_path / "comment.md"
    write_script(tmp_path / "bin" / "gh", GH)
    made._environment |= {
        "GH_LOG": str(log),
        "GH_OPEN": str(tmp_path / "open"),
        "GH_COMMENT": str(comment),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.com",
    }
    made.well(
        "git init -q -b main && printf '%s\\n' venv __pycache__ '*.egg-info' > .gitignore && git add . && "
        f"git commit -qm start && git init -q --bare -b main {tmp_path}/origin.git && "
        f"git remote add origin {tmp_path}/origin.git && git push -q -u origin main"
    )
    return made


@pytest.mark.engine
def test_workflows(sandbox, repository, tmp_path):
    """A rotation by pull request: opened once, previewed in a comment, applied on merge; the checks."""
    first, _ = sandbox.ses.signing_key(DOMAIN, REGION)

    def run(name):
        (directory := tmp_path / f"run-{len(list(tmp_path.glob('run-*')))}").mkdir()
        return run_workflow(name, repository, directory, VALUES)

    due = run("check.yml")
    assert due.failed == [], [done.shown for done in due.steps.values()]
    assert "::warning title=DKIM::due: prod: 1 domain, 1 due" in due.steps["Status"].stdout

    for _ in range(2):  # the second time the pull request is open
        repository.well("git switch -q main")
        ran = run("rotate.yml")
        assert ran.failed == [], [done.shown for done in ran.steps.values()]
        assert "+      generation: 2" in ran.steps["Edit"].stdout
    assert (tmp_path / "gh.log").read_text().count("pr create") == 1
    comment = (tmp_path / "comment.md").read_text()
    assert f"{DOMAIN} {REGION}: generation 1 → 2" in comment
    assert sandbox.ses.signing_key(DOMAIN, REGION)[0] == first

    assert run("preview.yml").failed == []
    assert "pr comment 7 " in (tmp_path / "gh.log").read_text()

    repository.well("git switch -q main && git merge -q origin/rotate-dkim-keys && git push -q")
    up = run("up.yml")
    assert up.failed == [], [done.shown for done in up.steps.values()]
    assert sandbox.ses.signing_key(DOMAIN, REGION)[0] != first
    nothing = run("rotate.yml")
    assert (nothing.failed, "Pull request" in nothing.steps) == ([], False)

    well = run("check.yml")
    assert well.failed == [], [done.shown for done in well.steps.values()]
    assert "DKIM keys of prod" in (repository.project / "report.html").read_text()
    sandbox.ses.change(DOMAIN, REGION, signing_enabled=False)
    wrong = run("check.yml")
    assert wrong.failed == ["Status", "Drift"]
    assert "DKIM signatures are disabled" in wrong.steps["Status"].stdout


@pytest.mark.engine
def test_cron(sandbox, repository, tmp_path):
    """The same without GitHub."""
    first, _ = sandbox.ses.signing_key(DOMAIN, REGION)

    def cron(what):
        return repository.run(
            f"{EXAMPLES / 'cron.sh'} {what}",
            PROJECT=str(repository.project),
            METRICS=str(tmp_path / "byodkim.prom"),
        )

    due = cron("check")
    assert (due.exit_code, due.stdout.splitlines()[0]) == (1, "prod: 1 domain, 1 due")
    assert cron("metrics").exit_code == 0
    families = text_string_to_metric_families((tmp_path / "byodkim.prom").read_text())
    assert {one.name: [sample.value for sample in one.samples] for one in families}[
        "byodkim_days_until_rotation"
    ] == [-2]
    rotated = cron("rotate")
    assert rotated.exit_code == 0, rotated.shown
    assert f"{DOMAIN} {REGION}: generation 1 → 2" in rotated.stdout
    repository.well("git merge -q origin/rotate-dkim-keys && git push -q")
    assert cron("up").exit_code == 0
    assert sandbox.ses.signing_key(DOMAIN, REGION)[0] != first
    well = cron("check")
    assert (well.exit_code, well.stdout) == (0, ""), well.shown
    assert cron("wrong").exit_code == 2


@pytest.mark.engine
def test_page(made, follow):
    """The commands of the page, as they stand there."""
    shutil.copytree(EXAMPLES, made.project / "examples" / "github-actions")
    follow(PAGE, "Set up the workflows", 1)
    copied = sorted(path.name for path in (made.project / ".github" / "workflows").iterdir())
    assert copied == WORKFLOWS
    assert "byodkim_domain_status" in follow(PAGE, "Prometheus", 1).stdout
    follow(PAGE, "A report for auditors", 1)
    assert DOMAIN in (made.project / "report.html").read_text()
    follow(PAGE, "In the shell, and in a log", 1)
