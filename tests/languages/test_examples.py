"""If this fails, the same program in another language makes something else."""

import os

import pytest

from sandbox.mail.client import send
from sandbox.ses.emulator import Fault
from tests.engine.panel import Panel
from tests.languages.git_server import URL, serving
from tests.languages.programs import REGION, ZONE_FOR_KEYS, Example

pytestmark = pytest.mark.engine

CANCELLED = """\
touch shown
pulumi up >> shown 2>&1 &
run=$!
timeout 120 grep --quiet --max-count 1 "verified after" <(tail --follow --lines +1 --pid $run shown)
kill -TERM $run
wait $run || true
cat shown
"""
"""The Ctrl-C of somebody who sees the run wait."""


def life(program, monkeypatch):
    """All that a program shows and asks for, from the first preview to the end."""
    sandbox = program.shell.sandbox
    sender, shop = program.domains.values()
    sandbox.add_zone(sender)
    panel = Panel(sandbox, shop)
    names = [f"ses{number}._domainkey.{shop}" for number in (1, 2, 3)]
    for name in names:
        panel.paste(name, f"{name}.{ZONE_FOR_KEYS}.", kind="CNAME")
    program.init()
    yield "first preview", program.shown_steps()
    fault = Fault("access_denied", operation="CreateEmailIdentity", domain=sender)
    sandbox.ses.inject(fault)
    assert "SesRefused: CreateEmailIdentity" in program.fails("pulumi up").stdout
    yield "after a failure", program.steps()
    with monkeypatch.context() as changed:
        changed.setattr(sandbox.ses.switches, "first_check_seconds", 3600)
        cancelled = program.run(CANCELLED)
    assert ": PENDING after " in cancelled.stdout, cancelled.shown
    assert "Traceback" not in cancelled.shown
    assert "pending_operations" not in program.state()["deployment"]
    yield "after Ctrl-C", program.steps()
    sandbox.ses.change(sender, REGION, status="SUCCESS")
    yield "up", program.asked("pulumi up")
    shown = program.outputs()
    assert shown["statuses"] == {REGION: "SUCCESS"}
    assert shown["cnames"] == {name: f"{name}.{ZONE_FOR_KEYS}" for name in names}
    yield "unchanged", program.asked("pulumi up")
    program.rotate()
    yield "preview of a rotation", program.steps()
    yield "rotation", program.asked("pulumi up")
    for domain in (sender, shop):
        assert send(sandbox, domain, REGION).verdict.result == "pass"
    yield "refresh", program.asked("pulumi refresh --yes --skip-preview")
    sandbox.ses.change(sender, REGION, signing_enabled=False)  # somebody has
    yield "refresh with drift", program.asked("pulumi refresh --yes --skip-preview")
    yield "preview of the repair", program.steps()
    yield "repair", program.asked("pulumi up")
    yield "destroy", program.asked("pulumi destroy")
    assert not {sender, shop} & sandbox.ses.identities(REGION).keys()
    assert panel.names() == []


@pytest.fixture(scope="module")
def of_python(shell):
    """The life of the program in Python."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        return list(life(Example(shell, "python"), monkeypatch))


@pytest.fixture(scope="module", autouse=True)
def _keys(shell):
    """The zone that holds the records of customers."""
    shell.sandbox.add_zone(ZONE_FOR_KEYS)


@pytest.mark.parametrize("language", ["yaml", "typescript", "go"])
def test_life(shell, plugin, of_python, language, monkeypatch):
    """
    From the first preview to the end: the same steps with the same inputs, and the same requests.
    """
    program = Example(shell, language)
    program.succeeds("pulumi package add ../plugin")
    found = life(program, monkeypatch)
    for (moment, ours), (_, theirs) in zip(found, of_python, strict=True):
        assert ours == theirs, moment


def test_step_by_step(of_python):
    """What is compared is what was meant: steps are there, an unchanged run asks for nothing."""
    about = dict(of_python)
    assert about["unchanged"] == ([], set())
    assert {one[0] for one in about["first preview"]} == {"create"}
    assert about["repair"][0]
    assert about["destroy"][0]
    assert {operation for operation, *_ in about["preview of a rotation"]} == {"create", "update"}


AWS = """\
class Aws extends pulumi.ProviderResource {
    constructor() {
        super("aws", "theirs", { region: "us-west-2" });
    }
}
"""


def test_aws_provider(shell, plugin):
    """A provider of AWS that is handed on makes the records."""
    program = Example(shell, "typescript", folder="provider")
    shell.sandbox.add_zone(program.domains["example.com"])
    program.succeeds("pulumi package add ../plugin\npulumi stack init provider")
    program.succeeds(f"pulumi config set aws:region {REGION}")
    head, sender, _ = program.file.read_text().split("const ", 2)
    sender = sender.rstrip().removesuffix(");") + ", { providers: { aws: new Aws() } });\n"
    program.file.write_text(f'import * as pulumi from "@pulumi/pulumi";\n{head}{AWS}const {sender}')
    program.succeeds("pulumi up")
    providers = {
        one["provider"].split("::")[3]
        for one in program.state()["deployment"]["resources"]
        if one["type"] == "aws:route53/record:Record"
    }
    assert providers == {"theirs"}
    program.succeeds("pulumi destroy")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may have the port of HTTPS")
def test_git(shell, plugin, tmp_path):
    """
    From a tag of a Git repository the plugin is fetched once; the state says where it is from.
    """
    program = Example(shell, "typescript", folder="git")
    shell.sandbox.add_zone(program.domains["example.com"])
    with serving(tmp_path, "v0.1.0") as trusted:
        program.succeeds(f"pulumi package add {URL}/plugin@v0.1.0", **trusted)
    head, sender, _ = (
        program.file.read_text().replace("@pulumi/byodkim", "@mail/byodkim").split("const ", 2)
    )
    program.file.write_text(f"{head}const {sender}")
    program.succeeds(f"pulumi stack init git\npulumi config set aws:region {REGION}\npulumi up")
    providers = [
        one["inputs"]["__internal"]["pluginDownloadURL"]
        for one in program.state()["deployment"]["resources"]
        if one["type"] == "pulumi:providers:byodkim"
    ]
    assert {*providers} == {f"git://{URL.removeprefix('https://')}/plugin"}
    assert program.domains["example.com"] in shell.sandbox.ses.identities(REGION)
    assert program.asked("pulumi up") == ([], set())
    assert program.steps() == []
    program.succeeds("pulumi destroy")
