"""If this fails, the second shell of `make sandbox` shows another verdict than a receiver's."""

import os
import sys
from types import SimpleNamespace

import boto3
import pytest

from sandbox.__main__ import main
from sandbox.ses.switches import Switches
from sandbox.shell import MAIL, environment
from sandbox.world import Sandbox
from tests.sandbox.ses_client import DOMAIN, REGION, key
from tests.support.records import change

ONE = key("one")


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(switches=Switches(requests_per_second=None, first_check_seconds=0)) as sandbox:
        sandbox.mail.folder = sandbox.directory / MAIL
        sandbox.mail.folder.mkdir()
        yield sandbox


@pytest.fixture
def typed(sandbox, monkeypatch, capsys):
    """
    Runs `python -m sandbox <words>`: in the second shell or, unless *reached*, in any other one.
    """

    def typed(*words, reached=True):
        for name in [name for name in os.environ if name.startswith(("AWS_", "SANDBOX_"))]:
            monkeypatch.delenv(name)
        if reached:
            theirs = environment(sandbox, state=sandbox.directory, pulumi_home="", language_host="")
            for name, value in theirs.items():
                monkeypatch.setenv(name, value)
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        monkeypatch.setattr(sys, "argv", ["sandbox", *words])
        try:
            code = main()
        except SystemExit as ended:
            code = ended.code
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=out, stderr=err)

    return typed


@pytest.fixture(scope="module")
def signs(sandbox):
    """A domain that SES signs for; its record is in Route 53."""
    change(sandbox, sandbox.add_zone(DOMAIN), "CREATE", ONE.record_name, f'"{ONE.p}"', ttl=0)
    sandbox.ses.put_identity(
        DOMAIN, REGION, selector="one", private_key=ONE.sent["DomainSigningPrivateKey"]
    )


def test_mail(sandbox, signs, typed):
    """
    A mail shows who signed it, with which key, and what a receiver says, also of a spoilt record.
    """
    signed = f"From: Hello <hello@{DOMAIN}>\nsignature: d={DOMAIN} s=one\nverifies: "
    spf = f"SPF: pass, MAIL FROM {REGION}.amazonses.com\nDMARC: "
    sent = typed("mail", DOMAIN)
    assert (sent.returncode, sent.stdout, sent.stderr) == (
        0,
        f"{signed}yes\n{spf}passes by DKIM\n",
        "",
    )
    spoilt = typed("spoil", DOMAIN)
    assert spoilt.stdout == f"{ONE.record_name}: the last 30 characters are gone\n"
    sent = typed("mail", DOMAIN)
    assert (sent.returncode, sent.stdout) == (1, f"{signed}no, no key in the record\n{spf}fails\n")
    sandbox.ses.change(DOMAIN, REGION, signing_enabled=False)
    sent = typed("mail", DOMAIN)
    assert (sent.returncode, sent.stdout) == (
        1,
        f"From: Hello <hello@{DOMAIN}>\nno signature\n{spf}fails\n",
    )
    assert len(list(sandbox.mail.folder.iterdir())) == 3
