"""The example of a fleet: its rule holds, its defaults are shared, and its page can be followed."""

import json
import runpy
import shutil
import string
from collections import Counter

import pytest
import yaml

from tests.docs.pages import ROOT
from tests.docs.workflows import run_workflow
from tests.engine.stack import REGION

PAGE = "examples/README.md"
EXAMPLE = ROOT / "examples" / "fleet"
WORKFLOW = "../fleet/up.yaml"
"""Beside the other workflows."""

STACKS = ("0-h", "i-q", "r-z")


def domains(stack):
    written = yaml.safe_load((EXAMPLE / "stacks" / f"Pulumi.{stack}.yaml").read_text())
    return written["config"]["ses-byodkim:domains"]


def test_rule(tmp_path):
    """The example keeps it; it allows a domain, whatever it begins with, in exactly one stack."""
    misplaced = runpy.run_path(str(EXAMPLE / "check_split.py"))["misplaced"]
    assert misplaced(EXAMPLE / "stacks") == []
    tried = {
        f"{first}x.example": {"generation": 1} for first in string.digits + string.ascii_letters
    }
    for stack in STACKS:
        content = yaml.safe_dump({"config": {"ses-byodkim:domains": tried}})
        (tmp_path / f"Pulumi.{stack}.yaml").write_text(content)
    refused = misplaced(tmp_path)
    assert (
        "Pulumi.0-h.yaml: Xx.example does not begin with a letter or digit from 0 to h" in refused
    )
    assert Counter(line.split()[1] for line in refused) == dict.fromkeys(tried, len(STACKS) - 1)


@pytest.mark.engine
def test_followed(sandbox, shell, follow, tmp_path):
    """
    The page brings up every domain, with the defaults of the project; the workflow's commands run.
    """
    for name in ("Pulumi.yaml", "check_split.py"):
        shutil.copy(EXAMPLE / name, shell.project / name)
    shutil.copytree(EXAMPLE / "stacks", shell.project / "stacks", dirs_exist_ok=True)
    project = shell.project / "Pulumi.yaml"
    project.write_text(f"{project.read_text()}      dnsResolvers: ['{sandbox.dns_resolver}']\n")
    declared = {domain for stack in STACKS for domain in domains(stack)}
    for domain in declared:
        sandbox.add_zone(domain)
    follow(PAGE, "A fleet of domains")
    shell.well("git init -q && git add .")  # what the workflow checks out
    found = sandbox.ses.identities(REGION)
    assert {name: one.tags["team"] for name, one in found.items()} == dict.fromkeys(
        declared, "mail"
    )
    for stack in STACKS:
        shown = json.loads(shell.run(f"byodkim status --stack {stack} --json").stdout)
        assert {domain["domain"] for domain in shown["domains"]} == set(domains(stack))
    steps = run_workflow(
        WORKFLOW, shell, tmp_path, {"matrix.stack": STACKS[0], "vars.PULUMI_BACKEND_URL": ""}
    )
    assert list(steps) == ["Install", "Check the split", "Up", "Status"]
    assert all(domain in steps["Status"].stdout for domain in declared)
