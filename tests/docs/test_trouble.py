"""The page for the worst night: from each symptom, by the commands of the page, to mail that verifies."""

import json

import pytest

from byodkim_provider.dkim import keys
from sandbox.hosts.godaddy import GoDaddy
from sandbox.mail.client import send
from tests.docs.pages import ROOT, block
from tests.engine.stack import OPENSSL_KEY, OTHER_REGION, REGION

pytestmark = pytest.mark.engine

PAGE = "docs/how-to/trouble.md"
TEXT = (ROOT / PAGE).read_text()
DOMAIN = "example.com"
STACK_FILE = block("README.md", "With a real AWS account", 2)

DOCTOR = "byodkim doctor example.com"
STATUS = "byodkim status"
UP = "pulumi up --refresh"

HOUR, SIX_DAYS = 3700, 6 * 86400
"""In seconds: SES looks once an hour at least, and gives up five days after a loss."""


class Night:
    """Somebody who has this page, and mail that fails."""

    def __init__(self, sandbox, stack):
        self.sandbox = sandbox
        self.stack = stack

    def type(self, command, *, expecting):
        """What a command of the page shows; *expecting* stands in it, and on the page, in backticks."""
        assert command in TEXT
        assert expecting in TEXT
        shown = " ".join(self.stack.run(command).shown.split())
        assert expecting in shown
        return shown

    def repair(self, command=UP):
        """The way back; mail verifies at its end."""
        assert f"`{command}`" in TEXT
        done = self.stack.run(command)
        assert done.exit_code == 0, done.shown
        assert self.mail() == "pass"

    def mail(self):
        return send(self.sandbox, DOMAIN, REGION).verdict.result

    def later(self, seconds):
        self.sandbox.clock.advance(seconds)
        self.sandbox.ses.catch_up()

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


@pytest.fixture
def night(sandbox, stack):
    """A stack that works, in the evening."""
    sandbox.add_zone(DOMAIN)
    stack.paste(STACK_FILE)
    night = Night(sandbox, stack)
    done = stack.run("pulumi up")
    assert done.exit_code == 0, done.shown
    assert night.mail() == "pass"
    return night


def spoil(night):
    assert night.stack.run(f"python -m sandbox.spoil {DOMAIN}").exit_code == 0


def test_record(night):
    """A record that is wrong, for a moment, for hours, for days, and when SES does not look again."""
    spoil(night)
    assert night.mail() == "fail"
    night.type(DOCTOR, expecting="wrong")
    night.repair()
    night.type(DOCTOR, expecting="right")

    spoil(night)
    night.later(HOUR)
    assert night.mail() == "unsigned"
    night.type(STATUS, expecting="TEMPORARY_FAILURE")
    assert "pulumi up --refresh" in night.type(DOCTOR, expecting="(INVALID_VALUE")
    night.repair()

    spoil(night)
    night.later(HOUR)
    night.later(SIX_DAYS)
    night.type(STATUS, expecting="FAILED")
    night.repair()

    night.sandbox.ses.switches.failed_restarts = False
    spoil(night)
    night.later(HOUR)
    night.later(SIX_DAYS)
    night.stack.paste(f"{STACK_FILE}  ses-byodkim:verification: {{timeoutMinutes: 0}}\n")
    assert night.stack.run(UP).exit_code == 0
    night.type(STATUS, expecting="rotate")
    night.repair("byodkim rotate example.com")


def test_lost_record(night):
    """AWS's warning: SES signs by itself if the record is back within five days, else after a run."""
    zone = night.sandbox.route53.list_hosted_zones()["HostedZones"][0]["Id"]
    listed = night.sandbox.route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    (record,) = (one for one in listed if one["Name"].startswith(night.selector))

    def change(action):
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        night.sandbox.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)
        night.later(HOUR)

    change("DELETE")
    assert night.mail() == "unsigned"
    night.type(DOCTOR, expecting="(HOST_NOT_FOUND")
    change("CREATE")
    assert night.mail() == "pass"

    change("DELETE")
    night.later(SIX_DAYS)
    night.type(STATUS, expecting="FAILED")
    night.repair()


def test_identity(night):
    """What somebody has changed in SES yesterday."""
    disable = (
        f"aws sesv2 put-email-identity-dkim-attributes --email-identity {DOMAIN} --signing-enabled false"
    )
    assert night.stack.run(disable).exit_code == 0
    assert night.mail() == "unsigned"
    night.type(STATUS, expecting="DKIM signatures are disabled")
    night.type("pulumi preview --refresh", expecting="`pulumi up` repairs that")
    night.repair()

    night.put_key("theirs")
    night.type(STATUS, expecting="signs with ")
    night.repair()

    night.put_key(night.selector)
    assert night.mail() == "unsigned"
    night.type(DOCTOR, expecting="(INVALID_VALUE")
    night.type(DOCTOR, expecting="right")
    night.repair()

    assert night.stack.run(f"aws sesv2 delete-email-identity --email-identity {DOMAIN}").exit_code == 0
    night.type(STATUS, expecting="gone from SES")
    night.repair()


def test_another_way(night):
    """The mail goes through a Region that the stack does not have, or as a sub-domain."""
    for region, name in ((OTHER_REGION, DOMAIN), (REGION, "news.example.com")):
        night.sandbox.ses.call("CreateEmailIdentity", region, {"EmailIdentity": name})
    night.type(STATUS, expecting="well")
    assert "news.example.com" in night.type("byodkim scan --domain '*.example.com'", expecting="")
    assert OTHER_REGION in night.type("byodkim scan --domain example.com", expecting="")
    both = f"      regions: [{REGION}, {OTHER_REGION}]\n"
    night.stack.paste(f"{STACK_FILE}{both}      adopt: true\n")
    night.repair("pulumi up")
    assert send(night.sandbox, DOMAIN, OTHER_REGION).verdict.result == "pass"


def test_run(night):
    """A run that was killed, a state of yesterday, and none at all."""
    folder = night.stack.project.parent / "state/.pulumi/locks/organization/ses-byodkim/prod"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "killed.json").write_text('{"pid": 1, "timestamp": "2026-11-28T00:00:00Z"}')
    night.type("pulumi up", expecting="the stack is currently locked")
    done = night.stack.run(block(PAGE, "A run stands, or was killed"))
    assert done.exit_code == 0, done.shown

    assert night.stack.run("pulumi stack export --file old.json").exit_code == 0
    assert night.stack.run("byodkim rotate example.com").exit_code == 0
    assert night.stack.run("pulumi stack import --file old.json").exit_code == 0
    night.type(STATUS, expecting="signs with ")
    night.repair()
    night.type(STATUS, expecting="well")

    before = night.selector
    assert night.stack.run("pulumi stack rm prod --force --yes").exit_code == 0
    assert night.stack.run("pulumi stack init prod --secrets-provider passphrase").exit_code == 0
    night.stack.paste(STACK_FILE)
    night.type(STATUS, expecting="adopt: true")
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
        night.type(DOCTOR, expecting="wrong")
        night.stack.paste(block(PAGE, "The zone has moved"))
        night.repair()
    finally:
        host.stop()


def test_attachment(night):
    """What is attached says which versions, and holds no key."""
    done = night.stack.run(block(PAGE, "Whom to ask"))
    assert done.exit_code == 0, done.shown
    assert "byodkim" in done.stdout
    shown = (night.stack.project / "doctor.json").read_text()
    assert json.loads(shown)["verdict"] == "right"
    assert "PRIVATE" not in shown
