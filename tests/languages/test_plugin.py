"""
A domain of a program in another language, through the plugin, beside the same domain of a program in Python.

Both run on the real engine, against one SES and one DNS. In each step they ask SES for the same and show the
same. The hosts of languages that can be built know no `package add`: what it writes is written here.
"""

import base64
import json
import re
import shutil
import subprocess

import pytest

from byodkim_provider.plugin.package import schema
from sandbox.mail.client import send
from sandbox.mail.dmarc import judge_dmarc
from sandbox.mail.dns import ask
from sandbox.ses.emulator import Fault
from tests.docs.pages import ROOT, block
from tests.engine.search import load
from tests.engine.stack import requests
from tests.support.leaks import KeySearch
from tests.support.testdata import pem

pytestmark = pytest.mark.engine

REGION = "eu-west-1"

YAML = """\
name: {language}
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

PYTHON = """\
import pulumi
from byodkim_provider import ByodkimDomain, ByodkimDomainArgs

args = ByodkimDomainArgs(domain="{domain}", dns_resolvers=["{resolver}"], {inputs})
sender = ByodkimDomain("{domain}", args)
pulumi.export("selector", sender.selector)
"""

KINDS = {"ByodkimDomain": "Domain"}
"""What the types of Python are called in the plugin."""


class Program:
    """A program with one domain, and the stack `dev` of it."""

    def __init__(self, shell, language, domain):
        self.shell, self.language, self.domain = shell, language, domain
        self.folder = shell.project / f"{language}-{domain}"
        self.folder.mkdir()
        self.is_python = language == "python"
        if self.is_python:
            (self.folder / "Pulumi.yaml").write_text("name: python\nruntime: python\n")
        self.write("")
        made = self.run(f"pulumi stack init {domain}\npulumi config set aws:region {REGION}")
        assert made.exit_code == 0, made.shown

    def write(self, inputs):
        """Make *inputs* those of the domain, each a line in YAML."""
        template, name, between = (
            (PYTHON, "__main__.py", ", ") if self.is_python else (YAML, "Pulumi.yaml", "\n      ")
        )
        given = between.join(inputs)
        about = {
            "language": self.language,
            "domain": self.domain,
            "resolver": self.shell.sandbox.dns_resolver,
        }
        (self.folder / name).write_text(template.format(inputs=given, **about))

    def declare(self, generation):
        mark = "wait={}" if self.is_python else "wait: {}"
        number = f"generation={generation}" if self.is_python else f"generation: {generation}"
        self.write([number, mark.format("True" if self.is_python else "true")])

    def run(self, commands, **variables):
        more = {"PYTHONPATH": str(ROOT)} if self.is_python else {}
        return self.shell.run(f"cd {self.folder}\n{commands}", **more, **variables)

    def asked(self, command):
        """What SES was asked by a run that succeeded: writes in order, and each kind of read."""
        with requests(self.shell.sandbox) as made:
            done = self.run(command)
        assert done.exit_code == 0, done.shown
        calls = [(call.operation, call.region) for call in made.ses]
        reads = {call for call in calls if call[0].startswith(("Get", "List"))}
        return [call for call in calls if call not in reads], reads

    def steps(self):
        """What a preview shows: operation, kind and name of each resource of ours and in DNS, sorted."""
        done = self.run("pulumi preview --json")
        assert done.exit_code == 0, done.shown
        found = []
        for step in json.loads(done.stdout[done.stdout.index("{") :])["steps"]:
            kind, name = step["urn"].split("::")[2:]
            if "pulumi:pulumi" in kind or "pulumi:providers" in kind:
                continue
            kind = re.split("[:/$]", kind)[-1]
            name = re.sub("/route53:.*", "", name).replace(self.domain, "DOMAIN")
            found.append((step["op"], KINDS.get(kind, kind), name))
        return sorted(found)

    def state(self, *options):
        return json.loads(self.run(" ".join(("pulumi stack export", *options))).stdout)

    def outputs(self):
        return json.loads(self.run("pulumi stack output --json").stdout)


@pytest.fixture(scope="module")
def plugin(shell):
    """The schema that the plugin printed; it is in its folder, in an environment that the engine has made."""
    shutil.copytree(ROOT / "plugin", shell.project / "plugin")
    shown = shell.run("pulumi package get-schema ./plugin")
    assert shown.exit_code == 0, shown.shown
    return json.loads(shown.stdout)


@pytest.fixture
def programs(shell, plugin, request):
    """The same domain in both languages."""
    made = []
    for language in ("yaml", "python"):
        test = "-".join(re.findall("[a-z]+", request.node.name)[1:])
        domain = f"{test}-{language}.test"
        shell.sandbox.add_zone(domain)
        made.append(Program(shell, language, domain))
    return made


@pytest.fixture
def yaml(programs):
    return programs[0]


def test_schema(plugin):
    """What languages generate their SDK from is what the model of the stack file says."""
    expected = schema()
    assert plugin["resources"].keys() == expected["resources"].keys()
    for part in ("types", "resources"):
        for name, one in expected[part].items():
            properties = "inputProperties" if part == "resources" else "properties"
            assert plugin[part][name][properties].keys() == one[properties].keys()


def test_life(shell, programs):
    """From the first preview to the end: the same steps, the same requests, and mail that verifies."""
    for generation in (1, 2):
        for one in programs:
            one.declare(generation)
        ours, theirs = (one.steps() for one in programs)
        assert ours == theirs
        assert len({operation for operation, *_ in ours}) == generation  # creates, then updates and same too
        ours, theirs = (one.asked("pulumi up") for one in programs)
        assert ours == theirs
        assert ours[0]
        for one in programs:
            assert one.asked("pulumi up") == ([], set())
            assert send(shell.sandbox, one.domain, REGION).verdict.result == "pass"
    yaml = programs[0]
    assert yaml.outputs()["statuses"] == {REGION: "SUCCESS"}
    ours, theirs = (one.asked("pulumi refresh --yes --skip-preview") for one in programs)
    assert ours == theirs
    for one in programs:  # somebody has switched signing off
        shell.sandbox.ses.change(one.domain, REGION, signing_enabled=False)
    for command in ("pulumi refresh --yes --skip-preview", "pulumi up", "pulumi destroy"):
        ours, theirs = (one.asked(command) for one in programs)
        assert ours == theirs
        assert bool(ours[0]) == ("refresh" not in command)
    assert not {one.domain for one in programs} & shell.sandbox.ses.identities(REGION).keys()


def test_secrets(shell, yaml):
    """No key stands in the state in plain: not a generated one, not one of the user's, nor AWS's."""
    secret = shell.sandbox.environment["AWS_SECRET_ACCESS_KEY"]
    commands = (
        'pulumi config set --secret key -- "$KEY"\n'
        'pulumi config set aws:accessKey "$AWS_ACCESS_KEY_ID"\n'
        'pulumi config set --secret aws:secretKey "$AWS_SECRET_ACCESS_KEY"\npulumi up'
    )
    yaml.write(["generation: 1", "published: [1, 2]", 'keys: {"1": {selector: own, privateKey: "${key}"}}'])
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
        (["generation: 1", "keyBits: 99"], "keyBits: must be 1024 to 2048, not 99"),
        (["generation: 1", "domain: nowhere.test"], "no public zone in Route 53 holds 'nowhere.test'"),
        (["generation: 1", "regions: [eu-west-1, eu-west-1]"], "regions"),
    ],
    ids=["setting", "zone", "list"],
)
def test_errors(yaml, inputs, error):
    """A preview refuses what can't be, in one line that names it."""
    yaml.write(inputs)
    done = yaml.run("pulumi preview")
    assert done.exit_code != 0
    (line,) = [one for one in done.stdout.partition("Diagnostics:")[2].splitlines() if "error:" in one]
    assert "InvalidSettings: domains" in line
    assert error in line
    assert "Traceback" not in done.shown


OTHER = """
  other:
    type: byodkim:Domain
    properties: {domain: other.test, generation: 1, dns: manual}
outputs:
"""


def add_other(yaml):
    """Let the program have a second domain, called `other`."""
    file = yaml.folder / "Pulumi.yaml"
    file.write_text(file.read_text().replace("\noutputs:\n", OTHER))


def test_several_domains(yaml):
    """The domains of a program share what a stack has once: its id, and the provider with its settings."""
    yaml.write(["generation: 1"])
    add_other(yaml)
    kinds = [kind for _, kind, _ in yaml.steps()]
    assert [kinds.count(kind) for kind in ("Domain", "ByodkimIdentity", "DkimKey", "StackId")] == [2, 2, 4, 1]


def test_page(yaml):
    """The program of the page declares its domain."""
    program = block("docs/how-to/other-languages.md", "The program")
    head = (yaml.folder / "Pulumi.yaml").read_text().partition("resources:")[0]
    (yaml.folder / "Pulumi.yaml").write_text(head + program.replace("example.com", yaml.domain))
    assert ("create", "DkimVerification", "DOMAIN") in yaml.steps()


def test_unknown(yaml):
    """What is declared can't depend on what a preview does not know."""
    yaml.write(["generation: 1", "configurationSet: ${other.selector}"])
    add_other(yaml)
    done = yaml.run("pulumi preview")
    assert done.exit_code != 0
    assert "InvalidSettings: configurationSet: is not known before resources are made" in done.stdout


def test_existing(shell, yaml):
    """What to do about an identity that SES has already is spelled as the program spells it."""
    shell.sandbox.ses.put_easy_dkim(yaml.domain, REGION)
    yaml.declare(1)
    done = yaml.run("pulumi preview")
    assert done.exit_code != 0
    assert "`adopt: true`" in done.stdout
    assert "adopt=True" not in done.stdout
    assert "Traceback" not in done.shown


def test_mail_from(shell, yaml):
    """The plugin looks before it makes records of MAIL FROM; once they are made, mail is aligned twice."""
    sandbox = shell.sandbox
    zone = sandbox.route53.list_hosted_zones_by_name(DNSName=yaml.domain)["HostedZones"][0]["Id"]
    theirs = {"Name": f"bounce.{yaml.domain}", "Type": "MX", "TTL": 300}
    theirs["ResourceRecords"] = [{"Value": "10 mx.elsewhere.test"}]
    yaml.write(["generation: 1", "mailFrom: bounce"])
    for action, exit_code in (("CREATE", 1), ("DELETE", 0)):
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": theirs}]}
        sandbox.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)
        done = yaml.run("pulumi up")
        assert done.exit_code == exit_code, done.shown
        assert ("never overwritten: 10 mx.elsewhere.test" in done.stdout) == (exit_code != 0)
        assert "Traceback" not in done.shown
    verdict = judge_dmarc(send(sandbox, yaml.domain, REGION), lambda name: ask(name, sandbox.dns_resolver))
    assert verdict.is_aligned_twice
    assert yaml.run("pulumi destroy").exit_code == 0
    assert sandbox.dns.mx(f"bounce.{yaml.domain}") == ()


CANCELLED = """\
touch shown
pulumi up >> shown 2>&1 &
run=$!
timeout 120 grep --quiet --max-count 1 "PENDING after" <(tail --follow --lines +1 --pid $run shown)
kill -TERM $run
wait $run || true
cat shown
"""


def test_cancel(shell, yaml, monkeypatch):
    """Ctrl-C ends a wait at once; the engine ends in order, and the next run goes on from there."""
    with monkeypatch.context() as changed:
        changed.setattr(shell.sandbox.ses.switches, "first_check_seconds", 3600)
        yaml.declare(1)
        done = yaml.run(CANCELLED)
    assert "interrupted after" in done.stdout, done.shown
    assert "Traceback" not in done.shown
    assert "pending_operations" not in yaml.state()["deployment"]
    shell.sandbox.ses.change(yaml.domain, REGION, status="SUCCESS")
    assert yaml.run("pulumi up").exit_code == 0
    assert yaml.outputs()["statuses"] == {REGION: "SUCCESS"}


def test_failed_step(shell, yaml):
    """After a step that failed, what was made before is in the state, and the next run makes the rest."""
    shell.sandbox.ses.inject(Fault("access_denied", operation="CreateEmailIdentity", domain=yaml.domain))
    yaml.declare(1)
    done = yaml.run("pulumi up")
    assert done.exit_code != 0
    assert "SesRefused: CreateEmailIdentity" in done.stdout
    assert "Traceback" not in done.shown
    assert yaml.steps() == [
        ("create", "ByodkimIdentity", f"DOMAIN/{REGION}"),
        ("create", "DkimVerification", "DOMAIN"),
    ]
    assert yaml.run("pulumi up").exit_code == 0


TYPESCRIPT = """\
import * as byodkim from "./byodkim";

const inputs = {{ generation: {generation}, wait: true, dnsResolvers: ["{resolver}"] }};
const domains = {domains}.map(name => new byodkim.Domain(name, inputs));
export const statuses = domains.map(domain => domain.statuses);
"""


@pytest.fixture
def typescript(shell, plugin, tmp_path):
    """A program in TypeScript, and the SDK that is generated from the schema that the plugin printed."""
    folder = shell.project / "typescript"
    shutil.copytree(ROOT / "examples" / "stack-reference" / "typescript", folder)
    assert shell.run("cd typescript\npulumi install").exit_code == 0
    (folder / "Pulumi.yaml").write_text("name: ts\nruntime: nodejs\npackages:\n  byodkim: ../plugin\n")
    (tmp_path / "schema.json").write_text(json.dumps(plugin))
    generator = ["go", "run", "./sdk", tmp_path / "schema.json", folder / "byodkim"]
    subprocess.run(generator, cwd=ROOT / "sandbox" / "pulumi" / "cli", check=True)
    return folder


def test_typescript(shell, typescript):
    """By the SDK of its language a program declares domains at once: made, verified, then unchanged."""
    domains = ["ts-one.test", "ts-two.test", "ts-three.test"]
    for domain in domains:
        shell.sandbox.add_zone(domain)

    def run(commands, generation="1"):
        about = {
            "generation": generation,
            "resolver": shell.sandbox.dns_resolver,
            "domains": json.dumps(domains),
        }
        (typescript / "index.ts").write_text(TYPESCRIPT.format(**about))
        return shell.run(f"cd typescript\n{commands}")

    done = run(f"pulumi stack init dev\npulumi config set aws:region {REGION}\npulumi up")
    assert done.exit_code == 0, done.shown
    shown = json.loads(run("pulumi stack output --json").stdout)
    assert shown["statuses"] == [{REGION: "SUCCESS"}] * 3
    done = run("pulumi up")
    assert re.search(r"Resources:\n +\d+ unchanged\n", done.stdout), done.shown
    refused = run("pulumi preview", generation='"one"')
    assert "Type 'string' is not assignable to type 'Input<number>'" in refused.stdout
    assert run("pulumi destroy").exit_code == 0
