"""
The page for the worst night: from each symptom, by the commands of the page, to mail that verifies.
"""

import json
import os
import signal
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from byodkim_provider.dkim import keys
from sandbox.dns.hosting import ADDRESSES
from sandbox.mail.client import send
from tests.docs.conftest import emptied, init, opened
from tests.docs.pages import STACK_FILE, block, in_one_line
from tests.engine.panel import Panel
from tests.engine.stack import OPENSSL_KEY, OTHER_REGION, REGION

pytestmark = pytest.mark.engine

PAGE = "docs/how-to/trouble.md"
TEXT = in_one_line(PAGE)
DOMAIN = "example.com"
SECOND = STACK_FILE.replace("generation: 1", "generation: 2")
ADOPT, MANUAL = "      adopt: true\n", "      dns: manual\n"

EVERYTHING = "byodkim status example.com"
STATUS = "byodkim status"
UP = "pulumi up --refresh"

AT_ONCE = "  ses-byodkim:verification: {timeoutMinutes: 0}\n"
"""No run waits for SES, since the sandbox's clock stands still meanwhile."""

HOUR, SIX_DAYS = 3700, 6 * 86400
"""In seconds: SES looks once an hour at least, and gives up five days after a loss."""


class Night:
    """Somebody who has this page, and mail that fails."""

    def __init__(self, stack):
        self.stack, self.sandbox = stack, stack.sandbox
        self.panel = Panel(self.sandbox, DOMAIN)

    def type(self, command, *expected):
        """
        What a command of the page shows; each text *expected* in it stands on the page, in
        backticks.
        """
        shown = " ".join(self.stack.run(command).shown.split())
        for one in (command, *expected):
            assert one in TEXT
        for one in expected:
            assert one in shown
        return shown

    def repair(self, command=UP):
        """The way back; mail verifies at its end."""
        assert f"`{command}`" in TEXT
        self.stack.well(command)
        assert self.mail() == "pass"

    def mail(self):
        return send(self.sandbox, DOMAIN, REGION).verdict.result

    def later(self, *seconds, mail=None):
        """Time passes, and SES looks; then *mail* is what becomes of a mail."""
        for one in seconds:
            self.sandbox.clock.advance(one)
            self.sandbox.ses.catch_up()
        assert mail is None or self.mail() == mail

    def up(self, pasted):
        """A run with another stack file."""
        self.stack.paste(pasted)
        self.stack.well("pulumi up")

    def well(self, *seconds):
        """After that time `status` has nothing to say, and mail verifies."""
        self.later(*seconds)
        assert "example.com: well" in self.stack.run(STATUS).shown
        assert self.mail() == "pass"

    @property
    def name(self):
        """Of the record that signs."""
        return f"{self.selector}._domainkey.{DOMAIN}"

    def lose(self):
        """Somebody deletes the record that signs; its name and value."""
        (value,) = self.sandbox.dns.txt(self.name)
        self.panel.paste(
            self.name, value
        )  # as the panel spells it, which else finds no such record
        self.panel.remove(self.name, value)
        return self.name, value

    @property
    def selector(self):
        return self.sandbox.ses.identities(REGION)[DOMAIN].selector

    def ended(self, number, generation):
        """
        A rotation in a terminal of its own waits for SES, and gets a signal; SES looks after that.
        """
        self.sandbox.ses.switches.first_check_seconds = 600
        self.stack.days_pass(11)
        self.stack.paste(STACK_FILE.replace("generation: 1", f"generation: {generation}"))
        with subprocess.Popen(
            ["bash", "-c", "exec pulumi up"],
            cwd=self.stack.project,
            env=self.stack.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as run:
            assert any("verified after" in line for line in run.stdout)
            # Ctrl-C reaches all processes of the terminal, as this does.
            os.killpg(run.pid, number)
            run.stdout.read()
        assert run.returncode != 0
        self.later(700)

    def put_key(self, selector):
        """Somebody sends SES a key of his own."""
        key = {
            "DomainSigningSelector": selector,
            "DomainSigningPrivateKey": keys.load(OPENSSL_KEY).pkcs1_base64(),
        }
        put = {
            "EmailIdentity": DOMAIN,
            "SigningAttributesOrigin": "EXTERNAL",
            "SigningAttributes": key,
        }
        self.sandbox.ses.call("PutEmailIdentityDkimSigningAttributes", REGION, put)
        self.later(HOUR)


def begun(stack):
    """A stack that works, in the evening."""
    night = Night(stack)
    night.up(STACK_FILE)
    assert night.mail() == "pass"
    return night


@pytest.fixture
def night(stack):
    return begun(stack)


@pytest.fixture(scope="module")
def one_stack(tmp_path_factory, pulumi_home):
    """The same for the nights that end as they began. The last of them may rotate."""
    with (
        emptied() as sandbox,
        opened(sandbox, tmp_path_factory.mktemp("nights"), pulumi_home) as shell,
    ):
        init(shell)
        yield begun(shell)


@pytest.fixture
def nights(one_stack):
    one_stack.stack.paste(STACK_FILE)
    return one_stack


def spoil(night):
    night.stack.well(f"python -m sandbox spoil {DOMAIN}")


def test_attachment(nights):
    """What is attached says which versions, and holds no key."""
    done = nights.stack.well(block(PAGE, "Whom to ask"))
    assert "byodkim" in done.stdout
    shown = (nights.stack.project / "status.json").read_text()
    assert json.loads(shown)["verdict"] == "well"
    assert "PRIVATE" not in shown


def test_lost_record(nights):
    """
    AWS's warning: SES signs by itself if the record is back within five days, else after a run.
    """
    record = nights.lose()
    nights.later(HOUR, mail="unsigned")
    nights.type(EVERYTHING, "(HOST_NOT_FOUND")
    nights.panel.paste(*record)
    nights.later(HOUR, mail="pass")

    nights.lose()
    nights.later(HOUR, SIX_DAYS)
    nights.type(STATUS, "FAILED")
    nights.repair()


def test_other_type(nights):
    """Somebody has put records of other types where the TXT record was."""
    nights.stack.paste(STACK_FILE + AT_ONCE)
    name, _ = nights.lose()
    nights.panel.paste(name, "192.0.2.1", kind="A")
    nights.later(HOUR, mail="unsigned")
    fix = nights.type(EVERYTHING, "(TYPE_NOT_FOUND")
    assert "to fix it: run `pulumi up --refresh`, which writes the record again" in fix
    nights.stack.well(UP)
    nights.well(HOUR)


def test_search(night):
    """SES has not found the key yet: it has not looked, DNS gave no answer, or SES has a fault."""
    night.sandbox.ses.switches.first_check_seconds = 600
    night.up(SECOND + AT_ONCE)
    assert night.mail() == "unsigned"
    night.type(EVERYTHING, "PENDING", "right")

    night.sandbox.dns.silence(*ADDRESSES.values())
    night.later(700)
    night.type(EVERYTHING, "(DNS_SERVER_ERROR", "unknown")
    night.sandbox.dns.silence()
    night.sandbox.ses.ails = True
    night.later(HOUR)
    night.type(EVERYTHING, "(SERVICE_ERROR", "right")
    night.sandbox.ses.ails = False
    night.well(HOUR)


def test_paste(stack):
    """A new domain whose record nobody has pasted yet."""
    night = Night(stack)
    night.up(STACK_FILE + MANUAL)
    night.type(STATUS, "AWAITING_DNS")
    assert "byodkim records example.com" in TEXT
    for record in json.loads(stack.run("byodkim records example.com --json").stdout):
        night.panel.paste(record["name"], record["value"])
    night.repair("pulumi up")
    night.well()

    record = night.lose()
    night.later(HOUR, mail="unsigned")
    night.type(EVERYTHING, "wrong")
    night.panel.paste(*record)
    stack.paste(STACK_FILE + MANUAL + AT_ONCE)
    stack.well(UP)
    night.well(HOUR)


def test_old_key(night):
    """
    A key that left DNS too early: the command shows that its record is gone, and newer mail
    verifies.
    """
    old = night.selector
    before = send(night.sandbox, DOMAIN, REGION)
    night.up(SECOND + "      published: [2]\n      overlapDays: 0\n")
    (late,) = (
        one for one in night.sandbox.mail.verify_again(timedelta(days=9)) if one.id == before.id
    )
    assert late.verdict.result == "fail"
    assert old not in night.stack.run(EVERYTHING).shown
    alone = "byodkim doctor example.com --selector"
    assert f"{alone} SELECTOR" in TEXT
    shown = night.stack.run(f"{alone} {old}").shown
    assert f"{old}._domainkey.{DOMAIN}: wrong" in shown
    assert night.mail() == "pass"


def test_identity(nights):
    """What somebody has changed in SES yesterday."""
    nights.sandbox.ses.change(DOMAIN, REGION, signing_enabled=False)
    assert nights.mail() == "unsigned"
    nights.type(STATUS, "DKIM signatures are disabled")
    nights.type("pulumi preview --refresh", "`pulumi up` repairs that")
    nights.repair()

    nights.put_key("theirs")
    nights.type(STATUS, "signs with ")
    nights.repair()

    nights.put_key(nights.selector)
    assert nights.mail() == "unsigned"
    nights.type(EVERYTHING, "(INVALID_VALUE", "right")
    nights.repair()

    nights.stack.well(f"aws sesv2 delete-email-identity --email-identity {DOMAIN}")
    nights.type(STATUS, "gone from SES")
    nights.repair()


def test_record(nights):
    """
    A record that is wrong, for a moment, for hours, for days, and when SES does not look again.
    """
    spoil(nights)
    assert nights.mail() == "fail"
    nights.type(EVERYTHING, "wrong")
    nights.type("pulumi preview --refresh", "update")
    nights.repair()
    nights.type(EVERYTHING, "right")

    spoil(nights)
    nights.later(HOUR, mail="unsigned")
    nights.type(STATUS, "TEMPORARY_FAILURE")
    assert "pulumi up --refresh" in nights.type(EVERYTHING, "(INVALID_VALUE")
    nights.repair()

    nights.sandbox.ses.switches.failed_restarts = False
    spoil(nights)
    nights.later(HOUR, SIX_DAYS)
    nights.stack.paste(STACK_FILE + AT_ONCE)
    nights.stack.well(UP)
    nights.type(STATUS, "rotate")
    nights.repair("byodkim rotate example.com")


def test_private_key(night):
    """Somebody has put the private key into the record that signs."""
    private = night.name, f"p={keys.load(OPENSSL_KEY).pkcs1_base64()}"
    night.panel.paste(*private)
    night.later(HOUR, mail="unsigned")
    night.type(EVERYTHING, "wrong (private-key)")
    night.panel.remove(*private)
    night.repair("byodkim rotate example.com --compromised")
    assert night.name != private[0]


def test_another_way(night):
    """The mail goes through a Region that the stack does not have, or as a sub-domain."""
    for region, name in ((OTHER_REGION, DOMAIN), (REGION, "news.example.com")):
        night.sandbox.ses.call("CreateEmailIdentity", region, {"EmailIdentity": name})
    night.type(STATUS, "well")
    night.type("pulumi preview --refresh", "unchanged")
    assert "news.example.com" in night.type("byodkim scan --domain '*.example.com'")
    assert OTHER_REGION in night.type("byodkim scan --domain example.com")
    night.stack.paste(f"{STACK_FILE}      regions: [{REGION}, {OTHER_REGION}]\n{ADOPT}")
    night.repair("pulumi up")
    assert send(night.sandbox, DOMAIN, OTHER_REGION).verdict.result == "pass"


def test_run_stands(night):
    """
    A run waits for SES, and is ended by Ctrl-C, or killed together with its plugins; the next one
    goes on. At last a SIGKILL has left an empty file, beside which no command reads the state.
    """
    assert "Ctrl-C, once" in TEXT
    night.ended(signal.SIGINT, 2)
    night.repair("pulumi up")

    night.ended(signal.SIGKILL, 3)
    night.type("pulumi up", "the stack is currently locked")
    night.stack.well(block(PAGE, "A run stands, or was killed"))
    night.well()

    night.ended(signal.SIGKILL, 4)
    backend = Path(night.stack.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    (file,) = backend.rglob("prod.json.attrs")
    file.write_text("")
    night.type("pulumi cancel --yes", "failed to load checkpoint: EOF")
    assert str(file).endswith(".pulumi/stacks/ses-byodkim/prod.json.attrs")
    assert "`.pulumi/stacks/ses-byodkim/prod.json.attrs`" in TEXT
    file.unlink()
    night.stack.well(block(PAGE, "A run stands, or was killed"))
    night.well()


def test_state(night):
    """A state of yesterday, one from before two rotations, and none at all."""
    night.stack.well("pulumi stack export --file old.json")
    night.stack.well("byodkim rotate example.com")
    night.stack.well("pulumi stack import --file old.json")
    night.type(STATUS, "signs with ")
    night.repair()
    night.type(STATUS, "well")

    third = STACK_FILE.replace("generation: 1", "generation: 3")
    whole = f"{third}      published: [1, 2, 3, 4]\n"
    night.up(whole)
    night.stack.well("pulumi stack import --file old.json")
    night.stack.paste(third)
    refused = night.stack.run(UP)
    assert refused.exit_code != 0
    assert "published: [1, 2, 3, 4]" in refused.shown
    night.stack.paste(whole)
    night.repair()

    before, on_its_way = night.selector, send(night.sandbox, DOMAIN, REGION)
    night.stack.well("pulumi stack rm prod --force --yes")
    night.stack.well("pulumi stack init prod --secrets-provider passphrase")
    night.stack.paste(STACK_FILE)
    night.type("pulumi preview", "adopt: true")
    for pasted in (STACK_FILE + ADOPT, STACK_FILE):
        night.stack.paste(pasted)
        night.repair("pulumi up")
    assert night.selector != before
    again = night.sandbox.mail.verify_again(timedelta(days=9))
    assert [one.verdict.result for one in again if one.id == on_its_way.id] == ["pass"]


def test_zone(night, godaddy):
    """The name servers are another host's since yesterday."""
    night.stack.environment["GODADDY_PAT"] = godaddy.token
    assert night.mail() == "fail"
    night.type(EVERYTHING, "wrong")
    assert "`dns: [route53, godaddy]`" in TEXT
    night.stack.paste(f"{STACK_FILE}      dns: [route53, godaddy]\n")
    night.repair()
