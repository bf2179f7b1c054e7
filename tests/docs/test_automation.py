"""If this fails, the example workflows do not rotate, or alarm nobody."""

import os
import shutil

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sandbox.pulumi.plugins import write_script
from tests.docs.pages import quoted
from tests.docs.workflows import EXAMPLES, run_workflow
from tests.engine.stack import REGION

pytestmark = pytest.mark.engine

DOMAIN = "example.com"
PAGE = "docs/how-to/automation.md"

VALUES = {
    "vars.PULUMI_BACKEND_URL": "",
    "secrets.PULUMI_ACCESS_TOKEN": "",
    "github.token": "token",
    "github.repository": "example/mail",
    "github.event.pull_request.number": "7",
}

GH = """\
echo "$@" >> "$GH_LOG"
case "$1 $2" in
"pr list")
    case "$*" in
    *"--json number,isCrossRepository --jq map(select(.isCrossRepository | not)"*) cat "$GH_OPEN" ;;
    *) echo 666 ;; # of a fork, from a branch of the same name
    esac ;;
"pr create") echo 8 > "$GH_OPEN" ;;
"pr comment") for last; do :; done; cat "$last" > "$GH_COMMENT" ;;
esac
"""


@pytest.fixture
def repository(made, tmp_path):
    """
    The project in Git with a remote, and a stack whose key has signed for 181 days; `gh` writes
    down.
    """
    made.days_pass(181)
    files = {f"GH_{name.upper()}": str(tmp_path / name) for name in ("log", "open", "comment")}
    (tmp_path / "open").write_text("")
    write_script(tmp_path / "bin" / "gh", GH)
    whose = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com"}
    whose |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in whose.items()}
    made.environment.update(files, GIT_CONFIG_GLOBAL=os.devnull, **whose)
    made.well(
        "git init -q -b main && printf '%s\\n' venv __pycache__ '*.egg-info' > .gitignore && "
        "git add . && "
        f"git commit -qm start && git init -q --bare -b main {tmp_path}/origin.git && "
        f"git remote add origin {tmp_path}/origin.git && git push -q -u origin main"
    )
    return made


def test_workflows(sandbox, repository, tmp_path):
    """
    A rotation by pull request: opened once, previewed in a comment, applied on merge; the checks.
    """
    first, _ = sandbox.ses.signing_key(DOMAIN, REGION)

    def run(name, *failing):
        (directory := tmp_path / f"run-{len(list(tmp_path.glob('run-*')))}").mkdir()
        return run_workflow(name, repository, directory, VALUES, *failing)

    assert "::warning title=DKIM::due: prod: 1 domain, 1 due" in run("check.yml")["Status"].stdout
    for _ in range(2):  # the second time the pull request is open
        repository.well("git switch -q main")
        run("rotate.yml")
        changed = repository.run("git diff --stat main origin/rotate-dkim-keys").stdout
        assert (changed.count("|"), "Pulumi.prod.yaml" in changed) == (1, True)
    log = (tmp_path / "log").read_text()
    assert (log.count("pr create"), log.count("pr comment 8 ")) == (1, 2)
    assert f"{DOMAIN} {REGION}: generation 1 → 2" in (tmp_path / "comment").read_text()
    assert sandbox.ses.signing_key(DOMAIN, REGION)[0] == first
    run("preview.yml")
    assert "pr comment 7 " in (tmp_path / "log").read_text()

    repository.well("git switch -q main && git merge -q origin/rotate-dkim-keys && git push -q")
    run("up.yml")
    assert sandbox.ses.signing_key(DOMAIN, REGION)[0] != first
    assert "Pull request" not in run("rotate.yml")
    run("check.yml")
    assert "DKIM keys of the Pulumi stack prod" in (repository.project / "report.html").read_text()
    sandbox.ses.change(DOMAIN, REGION, signing_enabled=False)
    assert "DKIM signatures are disabled" in run("check.yml", "Status", "Drift")["Status"].stdout


def test_cron(sandbox, repository, tmp_path):
    """The same without GitHub, by a script that may be run."""
    first, _ = sandbox.ses.signing_key(DOMAIN, REGION)

    def cron(what, exit_code=0):
        files = {"PROJECT": str(repository.project), "METRICS": str(tmp_path / "byodkim.prom")}
        done = repository.run(f"{EXAMPLES / 'cron.sh'} {what}", **files)
        assert done.exit_code == exit_code, done.shown
        return done.stdout

    assert cron("check", 1).startswith("prod: 1 domain, 1 due\n")
    cron("metrics")
    families = text_string_to_metric_families((tmp_path / "byodkim.prom").read_text())
    values = {one.name: [sample.value for sample in one.samples] for one in families}
    assert values["byodkim_days_until_rotation"] == [-2]
    assert f"{DOMAIN} {REGION}: generation 1 → 2" in cron("rotate")
    repository.well("git merge -q origin/rotate-dkim-keys && git push -q")
    cron("up")
    assert sandbox.ses.signing_key(DOMAIN, REGION)[0] != first
    assert cron("check") == ""
    cron("wrong", 2)


def test_page(made, follow):
    """The commands of the page, as they stand there."""
    shutil.copytree(EXAMPLES, made.project / "examples" / "github-actions")
    follow(PAGE, "Set up the workflows", 1)
    copied = {path.name for path in (made.project / ".github" / "workflows").iterdir()}
    assert copied == {path.name for path in EXAMPLES.glob("*.yml")}
    assert "byodkim_domain_status" in follow(PAGE, "Monitoring, and a report").stdout
    assert DOMAIN in (made.project / "report.html").read_text()
    made.well(quoted(PAGE, 'eval "$(_BYODKIM_COMPLETE=bash_source byodkim)"'))
