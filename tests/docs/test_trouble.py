"""The page for the worst night: from each symptom, by the commands of the page, to mail that verifies."""

import json
import os
import signal
import subprocess
from datetime import timedelta

import pytest

from byodkim_provider.dkim import keys
from sandbox.dns.hosting import ADDRESSES
from sandbox.hosts.godaddy import GoDaddy
from sandbox.mail.client import send
from tests.docs.conftest import emptied, init, opened
from tests.docs.pages import ROOT, block
from tests.engine.panel import Panel
from tests.engine.stack import OPENSSL_KEY, OTHER_REGION, REGION

pytestmark = pytest.mark.engine

PAGE = "docs/how-to/trouble.md"
TEXT = (ROOT / PAGE).read_text()
DOMAIN = "example.com"
STACK_FILE = block("README.md", "With a real AWS account", 2)
SECOND = STACK_FILE.replace("generation: 1", "generation: 2")

DOCTOR = "byodkim doctor example.com"
STATUS = "byodkim status"
UP = "pulumi up --refresh"

AT_ONCE = "  ses-byodkim:verification: {timeoutMinutes: 0}\n"
"""No run waits for SES, since the sandbox's clock stands still meanwhile."""

HOUR, SIX_DAYS = 3700, 6 * 86400
"""In seconds: SES looks once an hour at least, and gives up five days after a loss."""


class Night:
    """Somebody who has this page, and mail that fails."""

    def __init__(self, sandbox, stack):
        self.sandbox = sandbox
        self.stack = stack

    def type(self, command, *expected):
        """What a command of the page shows; each text *expected* in it stands on the page, in backticks."""
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

    def later(self, *seconds):
        for one in seconds:
            self.sandbox.clock.advance(one)
            self.sandbox.ses.catch_up()

    def up(self, pasted):
        """A run with another stack file."""
        self.stack.paste(pasted)
        self.stack.well("pulumi up")

    def well(self):
        """`status` has nothing to say, and mail verifies."""
        assert "example.com: well" in self.stack.run(STATUS).shown
        assert self.mail() == "pass"

    def record(self):
        """The record that signs, as Route 53 has it."""
        listed = self.sandbox.route53.list_resource_record_sets(HostedZoneId=self.zone)["ResourceRecordSets"]
        (record,) = (
            one
            for one in listed
            if (one["Name"][: len(self.selector)], one["Type"]) == (self.selector, "TXT")
        )
        return record

    def change(self, action, record):
        """Somebody changes the zone."""
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        self.sandbox.route53.change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch=batch)

    @property
    def zone(self):
        return self.sandbox.route53.list_hosted_zones()["HostedZones"][0]["Id"]

    def up_until(self, expecting, number):
        """`pulumi up` in a terminal of its own, until it says that; then it gets a signal."""
        with subprocess.Popen(
            ["bash", "-c", "exec pulumi up"],
            cwd=self.stack.project,
            env=self.stack._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as run:
            assert any(expecting in line for line in run.stdout)
            # Ctrl-C reaches all processes of the terminal, as this does.
            os.killpg(run.pid, number)
            run.stdout.read()
        assert run.returncode != 0

    @property
    def selector(self):
        return self.sandbox.ses.identities(REGION)[DOMAIN].selector

    def put_key(self, selector):
        """Somebody sends SES a key of his own."""
        key = {
            "DomainSigningSelector": selector,
            "DomainSigningPrivateKey": keys.load(OPENSSL_KEY).pkcs1_base64(),
        }
        put = {"EmailIdentity": DOMAIN, "SigningAttributesOrigin": "EXTERNAL", "SigningAttributes": key}
        self.sandbox.ses.call("PutEmailIdentityDkimSigningAttributes", REGION, put)
        self.later(HOUR)


def begun(stack):
    """A stack that works, in the evening."""
    stack.sandbox.add_zone(DOMAIN)
    stack.paste(STACK_FILE)
    night = Night(stack.sandbox, stack)
    stack.well("pulumi up")
    assert night.mail() == "pass"
    return night


@pytest.fixture
def night(stack):
    return begun(stack)


@pytest.fixture(scope="module")
def one_stack(tmp_path_factory, pulumi_home):
    """The same for the nights that end as they began. The last of them may rotate."""
    with emptied() as sandbox, opened(sandbox, tmp_path_factory.mktemp("nights"), pulumi_home) as shell:
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
    shown = (nights.stack.project / "doctor.json").read_text()
    assert json.loads(shown)["verdict"] == "right"
    assert "PRIVATE" not in shown


def test_lost_record(nights):
    """AWS's warning: SES signs by itself if the record is back within five days, else after a run."""
    record = nights.record()
    nights.change("DELETE", record)
    nights.later(HOUR)
    assert nights.mail() == "unsigned"
    nights.type(DOCTOR, "(HOST_NOT_FOUND")
    nights.change("CREATE", record)
    nights.later(HOUR)
    assert nights.mail() == "pass"

    nights.change("DELETE", record)
    nights.later(HOUR, SIX_DAYS)
    nights.type(STATUS, "FAILED")
    nights.repair()


def test_other_type(nights):
    """Somebody has put records of other types where the TXT record was."""
    nights.stack.paste(STACK_FILE + AT_ONCE)
    record = nights.record()
    address = record | {"Type": "A", "ResourceRecords": [{"Value": "192.0.2.1"}]}
    nights.change("DELETE", record)
    nights.change("CREATE", address)
    nights.later(HOUR)
    assert nights.mail() == "unsigned"
    fix = nights.type(DOCTOR, "(TYPE_NOT_FOUND")
    assert "to fix it: run `pulumi up --refresh`, which writes the record again" in fix
    nights.stack.well(UP)
    nights.later(HOUR)
    nights.well()

    nights.change("DELETE", nights.record())
    nights.change("DELETE", address)
    cname = record | {"Type": "CNAME", "ResourceRecords": [{"Value": "www.example.com"}]}
    nights.change("CREATE", cname)
    nights.later(HOUR)
    fix = nights.type(DOCTOR, "to fix it")
    assert "to fix it: delete the CNAME record at this name, then run `pulumi up --refresh`" in fix
    nights.change("DELETE", cname)
    nights.stack.well(UP)
    nights.later(HOUR)
    nights.well()


def test_search(night):
    """SES has not found the key yet: it has not looked, DNS gave no answer, or SES has a fault."""
    night.sandbox.ses.switches.first_check_seconds = 600
    night.up(SECOND + AT_ONCE)
    assert night.mail() == "unsigned"
    assert "2 right" not in night.type(DOCTOR, "PENDING")
    night.type(DOCTOR, "right")

    night.sandbox.dns.silence(*ADDRESSES.values())
    night.later(700)
    night.type(DOCTOR, "(DNS_SERVER_ERROR", "unknown")
    night.sandbox.dns.silence()
    night.sandbox.ses.ails = True
    night.later(HOUR)
    night.type(DOCTOR, "(SERVICE_ERROR", "right")
    night.sandbox.ses.ails = False
    night.later(HOUR)
    night.well()


def test_memory(night):
    """SES remembers for a quarter of an hour that there was no such name."""
    night.sandbox.ses.switches.caches_no_such_name = True
    night.sandbox.ses.switches.first_check_seconds = 60
    night.up(SECOND + AT_ONCE)
    name = f"{night.selector}._domainkey.{DOMAIN}"
    night.sandbox.dns.override(name, ())
    night.later(70)
    night.sandbox.dns.override(name, None)
    night.later(300)
    night.type(DOCTOR, "(HOST_NOT_FOUND", "right")
    night.later(HOUR)
    night.well()


def test_silent_servers(nights):
    """The name servers don't answer: nothing is wrong here, and all is well once they do."""
    nights.sandbox.dns.silence(*ADDRESSES.values())
    assert nights.mail() != "pass"
    nights.type(DOCTOR, "unknown")
    nights.later(HOUR)
    nights.sandbox.dns.silence()
    nights.later(HOUR)
    nights.well()


def test_paste(sandbox, stack):
    """A new domain whose record nobody has pasted yet."""
    panel = Panel(sandbox, DOMAIN)
    stack.paste(f"{STACK_FILE}      dns: manual\n")
    night = Night(sandbox, stack)
    stack.well("pulumi up")
    night.type(STATUS, "AWAITING_DNS")
    assert "byodkim records example.com" in TEXT
    for record in json.loads(stack.run("byodkim records example.com --format json").stdout):
        panel.paste(record["name"], record["value"])
    night.repair("pulumi up")
    night.well()

    record = night.record()
    night.change("DELETE", record)
    night.later(HOUR)
    assert night.mail() == "unsigned"
    night.type(DOCTOR, "wrong")
    night.change("CREATE", record)
    stack.paste(f"{STACK_FILE}      dns: manual\n{AT_ONCE}")
    stack.well(UP)
    night.later(HOUR)
    night.well()


def test_old_key(night):
    """A key that left DNS too early: the command shows that its record is gone, and newer mail verifies."""
    old = night.selector
    before = send(night.sandbox, DOMAIN, REGION)
    night.up(SECOND + "      published: [2]\n      overlapDays: 0\n")
    (late,) = (one for one in night.sandbox.mail.verify_again(timedelta(days=9)) if one.id == before.id)
    assert late.verdict.result == "fail"
    assert old not in night.stack.run(DOCTOR).shown
    assert "byodkim doctor example.com --selector SELECTOR --region eu-west-1" in TEXT
    shown = night.stack.run(f"{DOCTOR} --selector {old} --region {REGION}").shown
    assert f"{old}._domainkey.{DOMAIN}: wrong" in shown
    assert night.mail() == "pass"


def test_identity(nights):
    """What somebody has changed in SES yesterday."""
    disable = (
        f"aws sesv2 put-email-identity-dkim-attributes --email-identity {DOMAIN} --signing-enabled false"
    )
    nights.stack.well(disable)
    assert nights.mail() == "unsigned"
    nights.type(STATUS, "DKIM signatures are disabled")
    nights.type("pulumi preview --refresh", "`pulumi up` repairs that")
    nights.repair()

    nights.put_key("theirs")
    nights.type(STATUS, "signs with ")
    nights.repair()

    nights.put_key(nights.selector)
    assert nights.mail() == "unsigned"
    nights.type(DOCTOR, "(INVALID_VALUE", "right")
    nights.repair()

    nights.stack.well(f"aws sesv2 delete-email-identity --email-identity {DOMAIN}")
    nights.type(STATUS, "gone from SES")
    nights.repair()


def test_record(nights):
    """A record that is wrong, for a moment, for hours, for days, and when SES does not look again."""
    spoil(nights)
    assert nights.mail() == "fail"
    nights.type(DOCTOR, "wrong")
    nights.type("pulumi preview --refresh", "update")
    nights.repair()
    nights.type(DOCTOR, "right")

    spoil(nights)
    nights.later(HOUR)
    assert nights.mail() == "unsigned"
    nights.type(STATUS, "TEMPORARY_FAILURE")
    assert "pulumi up --refresh" in nights.type(DOCTOR, "(INVALID_VALUE")
    nights.repair()

    spoil(nights)
    nights.later(HOUR, SIX_DAYS)
    nights.type(STATUS, "FAILED")
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
    leaked = night.record()
    value = f"p={keys.load(OPENSSL_KEY).pkcs1_base64()}"
    chunks = " ".join(f'"{value[at : at + 255]}"' for at in range(0, len(value), 255))
    private = leaked | {"ResourceRecords": [{"Value": chunks}]}
    night.change("UPSERT", private)
    night.later(HOUR)
    assert night.mail() == "unsigned"
    night.type(DOCTOR, "wrong (private-key)")
    night.change("DELETE", private)
    assert "`byodkim rotate example.com --compromised`" in TEXT
    night.repair("byodkim rotate example.com --compromised")
    assert night.selector not in leaked["Name"]


def test_standby(night):
    """SES does not look for the lost record for an hour; a rotation has it look for the standby's at once."""
    night.change("DELETE", night.record())
    night.later(HOUR)
    assert night.mail() == "unsigned"
    night.type(STATUS, "TEMPORARY_FAILURE")
    night.repair("byodkim rotate example.com")


def test_another_way(night):
    """The mail goes through a Region that the stack does not have, or as a sub-domain."""
    for region, name in ((OTHER_REGION, DOMAIN), (REGION, "news.example.com")):
        night.sandbox.ses.call("CreateEmailIdentity", region, {"EmailIdentity": name})
    night.type(STATUS, "well")
    night.type("pulumi preview --refresh", "unchanged")
    assert "news.example.com" in night.type("byodkim scan --domain '*.example.com'")
    assert OTHER_REGION in night.type("byodkim scan --domain example.com")
    both = f"      regions: [{REGION}, {OTHER_REGION}]\n"
    night.stack.paste(f"{STACK_FILE}{both}      adopt: true\n")
    night.repair("pulumi up")
    assert send(night.sandbox, DOMAIN, OTHER_REGION).verdict.result == "pass"


def test_run_stands(night):
    """A run waits for SES, and is ended by Ctrl-C; the next one goes on."""
    night.sandbox.ses.switches.first_check_seconds = 600
    night.stack.paste(SECOND)
    assert "Ctrl-C, once" in TEXT
    night.up_until("PENDING after", signal.SIGINT)
    night.later(700)
    night.repair("pulumi up")


def test_run_killed(night):
    """A run was killed together with its plugins."""
    night.sandbox.ses.switches.first_check_seconds = 600
    night.stack.paste(SECOND)
    night.up_until("PENDING after", signal.SIGKILL)
    night.type("pulumi up", "the stack is currently locked")
    night.later(700)
    night.stack.well(block(PAGE, "A run stands, or was killed"))
    night.well()


def test_state(night):
    """A state of yesterday, and none at all."""
    night.stack.well("pulumi stack export --file old.json")
    night.stack.well("byodkim rotate example.com")
    night.stack.well("pulumi stack import --file old.json")
    night.type(STATUS, "signs with ")
    night.repair()
    night.type(STATUS, "well")

    before = night.selector
    night.stack.well("pulumi stack rm prod --force --yes")
    night.stack.well("pulumi stack init prod --secrets-provider passphrase")
    night.stack.paste(STACK_FILE)
    night.type(STATUS, "adopt: true")
    night.stack.paste(f"{STACK_FILE}      adopt: true\n")
    night.repair("pulumi up")
    night.stack.paste(STACK_FILE)
    night.repair("pulumi up")
    assert night.selector != before


def test_zone(night):
    """The name servers are another host's since yesterday."""
    host = GoDaddy(DOMAIN)
    host.start()
    night.sandbox.elsewhere.append(host.zones)
    night.stack._environment |= {"GODADDY_BASE_URL": host.url, "GODADDY_PAT": host.token}
    try:
        assert night.mail() == "fail"
        night.type(DOCTOR, "wrong")
        night.stack.paste(block(PAGE, "The zone has moved"))
        night.repair()
    finally:
        host.stop()
