"""
Programs that declare domains, and what comes of their runs. No assertion about the product here.
"""

import json
import re
import shutil

from tests.docs.pages import ROOT
from tests.engine.stack import requests

REGION = "eu-west-1"

EXAMPLES = ROOT / "examples" / "other-languages"

PYTHON_EXAMPLE = """\
import pulumi
from byodkim_provider import ByodkimDomain, ByodkimDomainArgs

sender = ByodkimDomain(
    "example.com",
    ByodkimDomainArgs(domain="example.com", generation=1, key_store="secretsManager", wait=True),
)
dns = {"provider": "route53", "zone": "keys.example.net", "cname": "ses"}
customer = ByodkimDomain(
    "shop.example",
    ByodkimDomainArgs(domain="shop.example", generation=1, dns=dns),
    pulumi.ResourceOptions(depends_on=[sender.verification]),
)
pulumi.export("selector", sender.selector)
pulumi.export("statuses", sender.statuses())
pulumi.export("cnames", customer.cnames)
"""
"""The same as the examples."""

SOURCES = {
    "python": ("__main__.py", "generation={}", 'dns_resolvers=["{}"], '),
    "yaml": ("Pulumi.yaml", "generation: {}", 'dnsResolvers: ["{}"]\n      '),
    "typescript": ("index.ts", "generation: {}", 'dnsResolvers: ["{}"], '),
    "go": (
        "main.go",
        "Generation: pulumi.Int({})",
        'DnsResolvers: pulumi.StringArray{{pulumi.String("{}")}}, ',
    ),
}
"""
By language: the file of a program, a generation in it, and a resolver, which can stand before that.
"""

KINDS = {"ByodkimDomain": "Domain"}
"""What the types of Python are called in the plugin."""


ZONE_FOR_KEYS = "keys.test"
"""Below `example.net`, a zone of the sandbox, a zone would need a delegation."""


class Program:
    """
    A program and its stack, named after its language; *domains* are its own, by what they are told
    as.
    """

    def __init__(self, shell, language, folder, domains):
        self.shell, self.language = shell, language
        self.folder, self.domains = shell.project / folder, domains

    def run(self, commands, **variables):
        more = {"PYTHONPATH": str(ROOT)} if self.language == "python" else {}
        return self.shell.run(f"cd {self.folder}\n{commands}", **more, **variables)

    def succeeds(self, commands, **variables):
        done = self.run(commands, **variables)
        assert done.exit_code == 0, done.shown
        return done

    def fails(self, commands, **variables):
        done = self.run(commands, **variables)
        assert done.exit_code != 0, done.shown
        assert "Traceback" not in done.shown
        return done

    def init(self):
        self.succeeds(f"pulumi stack init {self.language}\npulumi config set aws:region {REGION}")

    def asked(self, command):
        """What SES was asked by a run that succeeded: writes in order, and each kind of read."""
        with requests(self.shell.sandbox) as made:
            self.succeeds(command)
        calls = [(self.told(call.domain), call.operation, call.region) for call in made.ses]
        reads = {call for call in calls if call[1].startswith(("Get", "List"))}
        return [call for call in calls if call not in reads], reads

    def steps(self, options=""):
        """
        What a preview shows: operation, kind and name of each resource of ours and in DNS, sorted.
        """
        return [one[:3] for one in self.shown_steps(options)]

    def shown_steps(self, options=""):
        """The same, with the inputs of each and what differs."""
        shown = []
        done = self.succeeds(f"pulumi preview --json {options}")
        for step in json.loads(done.stdout[done.stdout.index("{") :])["steps"]:
            kind, name = step["urn"].split("::")[2:]
            if "pulumi:pulumi" in kind or "pulumi:providers" in kind:
                continue
            kind = re.split("[:/$]", kind)[-1]
            inputs = dict(step.get("newState", step.get("oldState", {})).get("inputs", {}))
            inputs.pop("__provider", None)
            told = json.loads(re.sub(r"\bZ[0-9A-Z]{8,}\b", "ZONE", self.told(json.dumps(inputs))))
            name = self.told(re.sub("/route53:.*", "", name))
            shown.append((step["op"], KINDS.get(kind, kind), name, told, step.get("detailedDiff")))
        return sorted(shown, key=lambda one: one[:3])

    def told(self, text):
        """*text* without what is this program's alone."""
        text = re.sub(rf"other-languages/{self.language}\b", "other-languages/STACK", text or "")
        for told, domain in self.domains.items():
            text = text.replace(domain, told)
        return text

    def state(self, *options):
        return json.loads(self.run(" ".join(("pulumi stack export", *options))).stdout)

    def outputs(self):
        return json.loads(self.run("pulumi stack output --json").stdout)


class Example(Program):
    """The example in *language*, with domains of its own."""

    def __init__(self, shell, language, folder="life"):
        of = language if folder == "life" else folder
        names = {
            one: f"{one.partition('.')[0]}-{of}.test" for one in ("example.com", "shop.example")
        }
        super().__init__(shell, language, f"{folder}-{language}", names)
        if language == "python":
            self.folder.mkdir()
            (self.folder / "Pulumi.yaml").write_text("name: other-languages\nruntime: python\n")
            (self.folder / "__main__.py").write_text(PYTHON_EXAMPLE)
        else:
            shutil.copytree(EXAMPLES / language, self.folder)
        file, self._generation, resolver = SOURCES[language]
        self.file = self.folder / file
        text = self.file.read_text()
        for told, domain in (names | {"keys.example.net": ZONE_FOR_KEYS}).items():
            text = re.sub(rf"{re.escape(told)}(?!/)", domain, text)
        first = self._generation.format(1)
        assert text.count(first) == 2
        text = text.replace(first, resolver.format(shell.sandbox.dns_resolver) + first)
        self.file.write_text(text.replace("../../../plugin", "../plugin"))

    def rotate(self):
        """Let the sender sign with generation 2."""
        text = self.file.read_text()
        self.file.write_text(
            text.replace(self._generation.format(1), self._generation.format(2), 1)
        )
