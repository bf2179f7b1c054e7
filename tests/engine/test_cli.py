"""`byodkim` on a real stack: what it tells of it, and a rotation that it writes into the stack file."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from byodkim_provider.cli import Outside, main
from tests.engine.stack import IDENTITY, REGION

pytestmark = pytest.mark.engine


@pytest.fixture
def byodkim(monkeypatch):
    """Runs the command in a stack's project, as a person whose shell knows the sandbox and no passphrase."""

    def run(stack, *arguments, ran=None):
        for name, value in stack._environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
        monkeypatch.setenv("PATH", f"{Path(stack._pulumi.command).parent}{os.pathsep}{os.environ['PATH']}")

        def run_pulumi(arguments, directory):
            # The sandbox has no language host, which `pulumi up` needs: `stack.up()` stands for it.
            ran.append(["pulumi", *arguments])
            return 0

        outside = Outside(directory=stack._work / "stacks", run_pulumi=run_pulumi)
        return CliRunner().invoke(main, arguments, obj=outside)

    return run


def test_status_and_rotation(sandbox, open_stack, byodkim):
    """
    What `status` shows is what SES and DNS have, and what `rotate` writes the next `up` does.

    No passphrase is asked for, the answer of `pulumi stack export` is enough.
    """
    domain = "cli.example"
    sandbox.add_zone(domain)
    stack = open_stack({"CLI.example": {"generation": 1, "tags": {"team": "newsletter"}}})
    before = stack.up().outputs["domains"][domain]["records"]

    shown = byodkim(stack, "status", "--json")
    assert shown.stderr == ""
    found = json.loads(shown.stdout)
    assert (shown.exit_code, found["ok"], found["stack"]) == (0, True, "dev")
    (now,) = found["domains"]
    (identity,) = now["identities"]
    assert (identity["region"], identity["status"], identity["verified"]) == (REGION, "SUCCESS", True)
    assert identity["selector"] == sandbox.ses.signing_key(domain, REGION)[0]
    assert [(one["generation"], one["role"], one["name"], one["value"]) for one in now["records"]] == [
        (one["generation"], one["role"], one["name"], one["value"]) for one in before
    ]
    assert [one["seen"] for one in now["records"]] == ["4 of 4 servers show the key"] * 2

    ran = []
    rotated = byodkim(stack, "rotate", domain, "--yes", ran=ran)
    assert rotated.stderr == f"byodkim: {domain}: generation 1 → 2, in DNS: 1, 2, 3\n"
    assert ran == [["pulumi", "up", "-s", "dev", "--yes"]]
    changed = [
        line for line in rotated.stdout.splitlines() if line[0] in "+-" and line[:3] not in ("+++", "---")
    ]
    assert changed == ["-      generation: 1", "+      generation: 2"]

    behind = byodkim(stack, "status")
    assert behind.exit_code == 1
    assert f"{domain}: {REGION}: generation 1 signs, the stack file says 2: run `pulumi up`" in behind.stdout

    assert ("update", f"{domain}/{REGION}", IDENTITY) in stack.up().steps
    assert f"{sandbox.ses.signing_key(domain, REGION)[0]}._domainkey.{domain}" == before[1]["name"]
    after = byodkim(stack, "status", "--json")
    assert after.exit_code == 0
    assert json.loads(after.stdout)["domains"][0]["due"][0].startswith("generation 1 may leave DNS from ")

    again = byodkim(stack, "rotate", domain, "--yes", ran=ran)
    assert again.exit_code == 1
    assert "`generation: 3` is allowed in the stack file with `published: [1, 2, 3, 4]`" in again.stderr
    missing = byodkim(stack, "status", "-s", "other")
    assert (missing.exit_code, missing.stdout) == (2, "")
