"""
`byodkim scan` of 16 mixed identities: what it writes is adopted in two waves, and no mail fails.

docs/how-to/adopt-an-account.md has the same as commands.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
from click.testing import CliRunner

from byodkim_provider.cli import main
from byodkim_provider.cli.environment import Environment, ask_pulumi
from byodkim_provider.config import settings, stack_file
from byodkim_provider.dkim import keys, records
from sandbox.mail.client import send
from sandbox.ses.identity import easy_dkim_keys
from sandbox.ses.switches import Switches
from sandbox.world import Sandbox
from tests.engine.panel import Panel
from tests.engine.stack import OPENSSL_KEY, OTHER_REGION, REGION, requests

pytestmark = pytest.mark.engine

ZONE = "scan.example"
THIRD_REGION = "eu-central-1"
REGIONS = (REGION, OTHER_REGION, THIRD_REGION)
READS = {"GetEmailIdentity", "ListEmailIdentities"}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def byodkim(monkeypatch):
    """Runs the command in a stack's project, as somebody who knows the sandbox."""

    def run(stack, *arguments):
        for name, value in stack._environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv(
            "PATH", f"{Path(stack._pulumi.command).parent}{os.pathsep}{os.environ['PATH']}"
        )
        options = [option for region in REGIONS for option in ("--region", region)]
        return CliRunner().invoke(
            main, ["scan", *options, *arguments], obj=Environment(directory=stack._work / "stacks")
        )

    return run


@pytest.fixture
def account(sandbox):
    """14 domains with 16 identities in three Regions, and the records that they sign with."""
    panel, ses = Panel(sandbox, ZONE), sandbox.ses
    key = keys.load(OPENSSL_KEY)
    for easy in easy_dkim_keys():
        target = f"{easy.selector}.dkim.amazonses.com"
        Panel(sandbox, target).paste(target, records.record_value(easy.public_der))
    ses.add_configuration_set(REGION, "theirs")
    identities = []

    def has(name, *regions, easy=False, tags=None, **changes):
        domain = f"{name}.{ZONE}"
        for region in regions:
            identities.append((domain, region))
            if easy:
                ses.put_easy_dkim(domain, region)
            else:
                private_key = key.pkcs1_base64()
                ses.put_identity(domain, region, selector="old", private_key=private_key, tags=tags)
            if changes:
                ses.change(domain, region, **changes)
        if easy:
            for one in easy_dkim_keys():
                name = f"{one.selector}._domainkey.{domain}"
                panel.paste(name, f"{one.selector}.dkim.amazonses.com", kind="CNAME")
        else:
            panel.paste(f"old._domainkey.{domain}", records.record_value(key.public_key_der))

    for number, region in enumerate(REGIONS):
        has(f"byodkim{number}", region)
        has(f"easy{number}", region, easy=True)
        has(f"disabled{number}", region, signing_enabled=False)
    has("everywhere", *REGIONS)
    has("tagged", REGION, tags={"team": "mail", "cost": "0"})
    has("set", REGION, configuration_set="theirs")
    has("failed", OTHER_REGION, status="FAILED")
    has("pending", THIRD_REGION, easy=True, status="PENDING")
    assert len(identities) == 16
    return identities


def verdicts(sandbox, identities):
    """What a mail server says of one message from each identity."""
    return {one: send(sandbox, *one).verdict.result for one in identities}


def easy(domain):
    return domain.startswith("easy")


def test_two_waves(sandbox, account, switches, open_stack, byodkim):
    """
    The first wave takes what no unsigned window stands in the way of, the second one the rest.

    What a scan writes, settings and preview accept. It never writes to AWS; after each wave every
    domain of it signs with a new key, and what was sent before still verifies.
    """
    # A check within the call itself may be older than the response, whose time has whole seconds.
    switches.first_check_seconds = 2
    # Other tests leave identities and mail in the sandbox that they share with this one.
    ours_alone = ("--domain", f"*.{ZONE}")
    began = sandbox.clock.now()
    stack = open_stack()
    before = sandbox.ses.identities(REGION)
    signed = {
        one: verdict for one, verdict in verdicts(sandbox, account).items() if verdict == "pass"
    }
    assert len(signed) == 11
    with requests(sandbox) as asked:
        shown = byodkim(stack, *ours_alone, "--json")
    assert set(asked.operations) == READS
    found = json.loads(shown.stdout)["domains"]
    identities = [(one["domain"], region) for one in found for region in one["identities"]]
    assert sorted(account) == sorted(identities)
    assert sandbox.ses.identities(REGION) == before

    options = ("-s", "dev", *ours_alone)
    not_easy = ("--exclude", f"easy*.{ZONE}")
    first = byodkim(stack, *options, *not_easy)
    assert first.exit_code == 0, first.stderr
    config = stack_file.load(first.stdout)["config"]
    config["ses-byodkim:defaults"] = {"dnsResolvers": [sandbox.dns_resolver]}
    stack.configure(config)
    domains = config["ses-byodkim:domains"]
    assert sorted(domains) == sorted({domain for domain, _ in account if not easy(domain)})
    ours = {
        name.removeprefix("ses-byodkim:"): value
        for name, value in config.items()
        if "byodkim" in name
    }
    assert len(settings.load(ours, default_region=REGION).domains) == 11
    foreseen = stack.preview()
    assert foreseen.ok, foreseen.stdout
    assert sandbox.ses.identities(REGION) == before
    wave = stack.up()
    assert wave.ok, wave.stdout
    assert wave.outputs["pending"] == []
    now = sandbox.ses.identities(REGION)
    assert now[f"set.{ZONE}"].configuration_set == "theirs"
    assert now[f"tagged.{ZONE}"].tags.items() >= {"team": "mail", "cost": "0"}.items()
    assert now[f"easy0.{ZONE}"] == before[f"easy0.{ZONE}"]
    assert set(verdicts(sandbox, account).values()) == {"pass"}

    with requests(sandbox) as asked:
        second = byodkim(stack, *options)
    assert "byodkim: left out: domains that the stack has: 11\n" in second.stderr
    assert asked.operations.count("GetEmailIdentity") == 3
    assert second.stdout.count("      # acceptUnsignedWindow: true\n") == 3
    text = second.stdout.replace("# acceptUnsignedWindow", "acceptUnsignedWindow")
    domains |= stack_file.load(text)["config"]["ses-byodkim:domains"]
    stack.configure(config)
    rest = stack.up()
    assert rest.ok, rest.stdout
    assert rest.outputs["pending"] == []
    assert set(verdicts(sandbox, account).values()) == {"pass"}
    everything = sandbox.mail.verify_again(younger_than=sandbox.clock.now() - began)
    failed = [one.id for one in everything if one.verdict.result == "fail"]
    assert failed == []

    last = byodkim(stack, *options)
    assert last.stderr.endswith("byodkim: there is nothing to adopt\n")
    assert stack.destroy().ok
    assert all(sandbox.ses.identities(region) for region in REGIONS)  # adopted: all of them stay


def test_pulumi_reads_what_was_meant(sandbox, open_stack, byodkim, tmp_path):
    """A tag that others write adds no setting to the stack file, as the real Pulumi reads it."""
    domain = f"owned.{ZONE}"
    sandbox.add_zone(ZONE)
    private_key = keys.load(OPENSSL_KEY).pkcs1_base64()
    lines = ("x", "  aws:endpoints:", "    - sesv2: https://evil.example", "  other:x:", "    y:")
    owner = {"byodkim:owner": "\u2028".join(lines)}
    sandbox.ses.put_identity(domain, REGION, selector="old", private_key=private_key, tags=owner)
    stack, file = open_stack(), tmp_path / "new.yaml"
    written = byodkim(stack, "--domain", domain)
    assert written.exit_code == 0, written.stderr
    file.write_text(written.stdout)
    shown = json.loads(
        ask_pulumi(
            ("config", "-s", "dev", "--config-file", str(file), "--json"), stack._work / "stacks"
        )
    )
    read = {name: one.get("objectValue", one["value"]) for name, one in shown.items()}
    assert read.keys() == {"aws:region", "aws:allowedAccountIds", "ses-byodkim:domains"}
    assert read["ses-byodkim:domains"] == {domain: {"generation": 1, "adopt": True}}
    assert stack_file.load(file.read_text())["config"] == read


def test_file(sandbox, open_stack, byodkim):
    """What is printed is a stack file that a preview accepts, for no other account."""
    domain = "whole.scan.test"
    sandbox.add_zone(domain)
    private_key = keys.load(OPENSSL_KEY).pkcs1_base64()
    sandbox.ses.put_identity(domain, OTHER_REGION, selector="old", private_key=private_key)
    stack = open_stack()
    written = byodkim(stack, "--domain", domain)
    assert written.exit_code == 0, written.stderr
    config = stack_file.load(written.stdout)["config"]
    stack.configure(config)
    seen = stack.preview()
    assert seen.ok, seen.stdout
    assert {name for _, name, _ in seen.steps} >= {domain, f"{domain}/{OTHER_REGION}"}
    stack.configure(config | {"aws:allowedAccountIds": ["111111111111"]})
    refused = stack.up()
    assert refused.failed
    assert f"AWS account ID not allowed: {sandbox.account}\n" in refused.stdout


def test_ctrl_c(tmp_path):
    """Ctrl-C ends a scan within a second, and half a stack file is never printed."""
    with Sandbox(switches=Switches(requests_per_second=1)) as sandbox:
        for number in range(6):
            sandbox.ses.put_easy_dkim(f"d{number}.example.com", REGION)
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **sandbox.environment}
        command = [sys.executable, "-m", "byodkim_provider", "scan", "--region", REGION]
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            said = iter(process.stderr.readline, "")
            line = next(line for line in said if " of 6 answers after " in line)
            assert "waiting for d" in line
            start = monotonic()
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=60)
            seconds = monotonic() - start
        finally:
            process.kill()
            process.communicate()
        assert (130, "", "byodkim: interrupted\n") == (process.returncode, stdout, stderr)
        assert seconds < 1
        assert {call.operation for call in sandbox.ses.log} == READS
