"""The example of a fleet: its rule holds, its defaults are shared, and its page can be followed."""

import json
import re
import runpy
import shutil

import pytest
import yaml

from byodkim_provider.config import settings
from tests.docs.pages import ROOT
from tests.engine.stack import REGION

EXAMPLE = ROOT / "examples" / "fleet"

STACKS = ("a-h", "i-q", "r-z")


@pytest.fixture(scope="module")
def misplaced():
    return runpy.run_path(str(EXAMPLE / "check_split.py"))["misplaced"]


def commands():
    """The blocks of commands in the page, in order."""
    return re.findall(r"^```sh\n(.*?)^```$", (EXAMPLE / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def domains(stack):
    written = yaml.safe_load((EXAMPLE / "stacks" / f"Pulumi.{stack}.yaml").read_text())
    return written["config"]["ses-byodkim:domains"]


def test_rule(misplaced, tmp_path):
    """No domain of the example is in another stack than its letter says, and one that is gets named."""
    assert misplaced(EXAMPLE / "stacks") == []
    shutil.copytree(EXAMPLE / "stacks", tmp_path / "stacks")
    file = tmp_path / "stacks" / "Pulumi.a-h.yaml"
    file.write_text(f"{file.read_text()}    Xray.example: {{ generation: 1 }}\n")
    assert misplaced(tmp_path / "stacks") == [
        "Pulumi.a-h.yaml: Xray.example does not begin with a letter from a to h"
    ]


def test_shared_defaults():
    """Every stack is valid with the defaults of the project, which none of them repeats."""
    project = yaml.safe_load((EXAMPLE / "Pulumi.yaml").read_text())
    defaults = project["config"]["ses-byodkim:defaults"]["value"]
    for stack in STACKS:
        loaded = settings.load({"defaults": defaults, "domains": domains(stack)}, default_region=None)
        assert {tuple(one.regions) for one in loaded.domains} == {("eu-west-1",)}
        assert {one.tags["team"] for one in loaded.domains} == {"mail"}


def test_jobs():
    """The workflow has a job for each stack."""
    jobs = yaml.safe_load((EXAMPLE / "up.yaml").read_text())["jobs"]
    assert jobs["up"]["strategy"]["matrix"]["stack"] == list(STACKS)
    assert jobs["status"]["needs"] == "up"


@pytest.mark.engine
def test_followed(sandbox, shell):
    """What the page says brings up every domain, and one status shows them all."""
    for name in ("Pulumi.yaml", "check_split.py"):
        shutil.copy(EXAMPLE / name, shell.project / name)
    shutil.copytree(EXAMPLE / "stacks", shell.project / "stacks", dirs_exist_ok=True)
    project = shell.project / "Pulumi.yaml"
    project.write_text(f"{project.read_text()}      dnsResolvers: ['{sandbox.dns_resolver}']\n")
    declared = {domain for stack in STACKS for domain in domains(stack)}
    for domain in declared:
        sandbox.add_zone(domain)
    for block in commands():
        done = shell.run(block)
        assert done.exit_code == 0, done.shown
    assert set(sandbox.ses.identities(REGION)) == declared
    shown = shell.run("byodkim status --all-stacks --json").stdout.splitlines()
    found = {one["stack"]: {domain["domain"] for domain in one["domains"]} for one in map(json.loads, shown)}
    assert found == {stack: set(domains(stack)) for stack in STACKS}
