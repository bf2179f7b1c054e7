"""If this fails, an option of Pulumi does not do by the plugin what it does elsewhere."""

import base64
import re
import shutil

import pytest

from sandbox.mail.client import send
from sandbox.mail.dmarc import judge_dmarc
from sandbox.mail.dns import ask
from tests.docs.pages import ROOT, block, quoted
from tests.engine.search import load
from tests.languages.programs import REGION, Program
from tests.support.leaks import KeySearch
from tests.support.testdata import pem

pytestmark = pytest.mark.engine

YAML = """\
name: plugin
runtime: yaml
packages:
  byodkim: ../plugin
resources:
  sender:
    type: byodkim:Domain
    name: {domain}
    properties:
      dnsResolvers: ["{resolver}"]
      {inputs}
outputs:
  selector: ${{sender.selector}}
  statuses: ${{sender.statuses}}
"""


class Yaml(Program):
    """A program in YAML with one domain."""

    def __init__(self, shell, name):
        self.domain = f"{name}.test"
        super().__init__(shell, "yaml", f"yaml-{name}", {"DOMAIN": self.domain})
        self.folder.mkdir()
        self.write("")
        self.succeeds(f"pulumi stack init {name}\npulumi config set aws:region {REGION}")

    def write(self, *inputs):
        """Make *inputs* those of the domain, each a line."""
        about = {"domain": self.domain, "resolver": self.shell.sandbox.dns_resolver}
        (self.folder / "Pulumi.yaml").write_text(
            YAML.format(inputs="\n      ".join(inputs), **about)
        )

    def append(self, text):
        """Add *text* at the end of the program's resources."""
        file = self.folder / "Pulumi.yaml"
        file.write_text(file.read_text().replace("\noutputs:\n", f"\n{text}outputs:\n"))

    def domain_in_ses(self):
        """The Regions in which SES has the domain."""
        return [REGION] if self.domain in self.shell.sandbox.ses.identities(REGION) else []

    def declare(self, generation):
        self.write(f"generation: {generation}", "wait: true")


@pytest.fixture
def yaml(shell, plugin, request):
    made = Yaml(shell, "-".join(re.findall("[a-z]+", request.node.name)[1:]))
    shell.sandbox.add_zone(made.domain)
    return made


def test_secrets(shell, yaml):
    """
    No key stands in the state in plain: not a generated one, not one of the user's, nor AWS's.
    """
    secret = shell.sandbox.environment["AWS_SECRET_ACCESS_KEY"]
    commands = (
        'pulumi config set --secret key -- "$KEY"\n'
        'pulumi config set aws:accessKey "$AWS_ACCESS_KEY_ID"\n'
        'pulumi config set --secret aws:secretKey "$AWS_SECRET_ACCESS_KEY"\npulumi up'
    )
    yaml.write(
        "generation: 1", "published: [1, 2]", 'keys: {"1": {selector: own, privateKey: "${key}"}}'
    )
    file = yaml.folder / "Pulumi.yaml"
    file.write_text(file.read_text() + "config:\n  key: {type: string, secret: true}\n")
    done = yaml.run(commands, KEY=pem("rsa2048.pkcs8"))
    assert done.exit_code == 0, done.shown
    shown = yaml.run("pulumi stack export --show-secrets").stdout
    ours = [load(base64.b64decode(one)) for one in re.findall("MII[A-Za-z0-9+/]{1000,}=*", shown)]
    own = load(pem("rsa2048.pkcs8").encode())
    assert {one.private_numbers() for one in ours} > {own.private_numbers()}
    search = KeySearch(ours, {"aws:secretKey": secret})
    assert search.found_in(shown)
    stored = [path for path in shell._state.rglob("*") if path.is_file()]
    assert stored
    assert [path.name for path in stored if search.found_in(path.read_bytes())] == []
    assert not search.found_in(done.shown)
    assert yaml.run("pulumi destroy").exit_code == 0


@pytest.mark.parametrize(
    ("inputs", "error"),
    [
        (["generation: 1", "keyBits: 99"], "keyBits: must be at least 1024, not 99"),
        (
            ["generation: 1", "domain: nowhere.test"],
            "no public zone in Route 53 holds 'nowhere.test'",
        ),
        (["generation: 1", "regions: [eu-west-1, eu-west-1]"], "regions"),
    ],
    ids=["setting", "zone", "list"],
)
def test_errors(yaml, inputs, error):
    """A preview refuses what can't be, in one line that names it."""
    yaml.write(*inputs)
    done = yaml.run("pulumi preview")
    assert done.exit_code != 0
    (line,) = [
        one for one in done.stdout.partition("Diagnostics:")[2].splitlines() if "error:" in one
    ]
    assert error in line
    assert "InvalidSettings" not in line
    assert "Traceback" not in done.shown


CREDENTIALS = "pulumi config set --path dnsCredentials.godaddy.token {option} gd-token"


def test_not_kept_secret(yaml):
    """
    A preview refuses what would stand in the state in plain text: the token of a host that is not
    encrypted, and an encrypted value in the place of a tag.
    """
    yaml.write("generation: 1", "tags: {cost: '${hidden}'}")
    file = yaml.folder / "Pulumi.yaml"
    file.write_text(file.read_text() + "config:\n  hidden: {type: string, secret: true}\n")
    yaml.succeeds("pulumi config set --secret hidden secret-tag\n" + CREDENTIALS.format(option=""))
    done = yaml.run("pulumi preview")
    assert " tags: is a secret, which would stand in the stack's state" in done.stdout
    yaml.write("generation: 1")
    done = yaml.run("pulumi preview")
    assert ' dnsCredentials["godaddy"].token: is not encrypted' in done.stdout
    yaml.succeeds(CREDENTIALS.format(option="--secret") + "\npulumi preview")


PAGE = "docs/how-to/other-languages.md", "The program"


def test_page(yaml):
    """The program of the page declares its domain."""
    program = block(*PAGE, 3)
    head = (yaml.folder / "Pulumi.yaml").read_text().partition("resources:")[0]
    (yaml.folder / "Pulumi.yaml").write_text(head + program.replace("example.com", yaml.domain))
    assert ("create", "DkimVerification", "DOMAIN") in yaml.steps()


def test_mail_from(shell, yaml):
    """
    The plugin looks before it makes records of MAIL FROM; once they are made, mail is aligned
    twice.
    """
    sandbox = shell.sandbox
    zone = sandbox.route53.list_hosted_zones_by_name(DNSName=yaml.domain)["HostedZones"][0]["Id"]
    theirs = {"Name": f"bounce.{yaml.domain}", "Type": "MX", "TTL": 300}
    theirs["ResourceRecords"] = [{"Value": "10 mx.elsewhere.test"}]
    yaml.write("generation: 1", "mailFrom: bounce")
    for action, exit_code in (("CREATE", 1), ("DELETE", 0)):
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": theirs}]}
        sandbox.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)
        done = yaml.run("pulumi up")
        assert done.exit_code == exit_code, done.shown
        assert ("never overwritten: 10 mx.elsewhere.test" in done.stdout) == (exit_code != 0)
        assert "Traceback" not in done.shown
    verdict = judge_dmarc(
        send(sandbox, yaml.domain, REGION), lambda name: ask(name, sandbox.dns_resolver)
    )
    assert verdict.is_aligned_twice
    assert yaml.run("pulumi destroy").exit_code == 0
    assert sandbox.dns.mx(f"bounce.{yaml.domain}") == ()


def test_protect(yaml):
    """What is protected is not deleted; without the option it is."""
    yaml.write("generation: 1")
    yaml.append("    options: {protect: true}\n")
    yaml.succeeds("pulumi up")
    assert "because it is protected" in yaml.fails("pulumi destroy").stdout
    assert REGION in yaml.domain_in_ses()
    yaml.write("generation: 1")
    yaml.succeeds("pulumi up\npulumi destroy")
    assert not yaml.domain_in_ses()


def test_commands(yaml):
    """The commands read the stack, and spell settings as the program does."""
    yaml.declare(1)
    yaml.succeeds("pulumi up")
    assert f"{yaml.domain}: well" in yaml.succeeds("byodkim status").stdout
    assert "right" in yaml.succeeds(f"byodkim status {yaml.domain}").stdout
    assert yaml.outputs()["selector"] in yaml.succeeds("byodkim records").stdout
    assert "generation: 1 -> 2" in yaml.run(f"byodkim rotate {yaml.domain} --dry-run").shown


RESOLVER = """pulumi config set --path 'dnsResolvers[0]' "$SANDBOX_DNS\""""


def test_template(shell, plugin):
    """From an empty folder, the commands of the page bring up a domain in TypeScript."""
    shell.sandbox.add_zone("template.test")
    template = shell.project / "examples" / "typescript"
    shutil.copytree(ROOT / "examples" / "typescript", template)
    program = template / "index.ts"
    program.write_text(program.read_text().replace("example.com", "template.test"))
    commands = [block(*PAGE), quoted(PAGE[0], RESOLVER), block(*PAGE, 2)]
    done = shell.run("\n".join(commands))
    assert done.exit_code == 0, done.shown
    assert "template.test: well" in done.shown
    assert shell.sandbox.ses.signing_key("template.test", REGION)


PYTHON = """\
import pulumi
from byodkim_provider import ByodkimDomain, ByodkimDomainArgs

{taken_back}
args = ByodkimDomainArgs(domain="{domain}", dns_resolvers=["{resolver}"], generation=1, wait=True)
sender = ByodkimDomain("{domain}", args)
pulumi.export("selector", sender.selector)
"""


@pytest.mark.parametrize("first", ["python", "yaml"])
def test_move(yaml, first):
    """
    A stack goes from Python to the plugin and back: nothing changes in SES or DNS, then all can go.
    """
    in_yaml = yaml.folder / "Pulumi.yaml"
    yaml.declare(1)
    program = in_yaml.read_text()
    about = {"domain": yaml.domain, "resolver": yaml.shell.sandbox.dns_resolver}
    about["taken_back"] = block("docs/how-to/other-languages.md", "From Python, and back")
    (yaml.folder / "__main__.py").write_text(PYTHON.format(**about))
    texts = {"python": "name: plugin\nruntime: python\n", "yaml": program}
    second = (texts.keys() - {first}).pop()
    for language in (first, second, first):
        yaml.language = language
        in_yaml.write_text(texts[language])
        is_made = bool(yaml.domain_in_ses())
        assert not is_made or {operation for operation, *_ in yaml.steps()} <= {"same"}
        writes, _ = yaml.asked("pulumi up")
        assert not is_made or writes == []
    selector = yaml.outputs()["selector"]
    assert yaml.shell.sandbox.ses.signing_key(yaml.domain, REGION)[0] == selector
    yaml.language = second
    in_yaml.write_text(texts[second])
    yaml.succeeds("pulumi up\npulumi refresh --yes --skip-preview\npulumi destroy")
    assert not yaml.domain_in_ses()
    assert not yaml.shell.sandbox.dns.txt(f"{selector}._domainkey.{yaml.domain}")
