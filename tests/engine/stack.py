"""
A stack as the engine tests use it, and the counting of what it asks of SES and DNS.

No assertion here; nothing that knows of one test only.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pulumi.automation import ConfigValue

from byodkim_provider.program.unencrypted_keys import NOT_SECRET
from sandbox.dns.server import Query
from sandbox.pulumi.plugins import ROOT
from sandbox.pulumi.project import Project, Result
from sandbox.ses.emulator import Call
from sandbox.world import Sandbox

REGION = "eu-west-1"
OTHER_REGION = "us-east-1"

DOMAIN = "byodkim:index:ByodkimDomain"
KEY = "pulumi-python:dynamic/byodkim:DkimKey"
RECORD = "aws:route53/record:Record"
RECORD_CHECK = "pulumi-python:dynamic/byodkim:RecordCheck"
IDENTITY = "pulumi-python:dynamic/byodkim:ByodkimIdentity"
VERIFICATION = "pulumi-python:dynamic/byodkim:DkimVerification"

_TESTDATA = Path(__file__).parents[1] / "testdata"

OPENSSL_KEY = (_TESTDATA / "rsa2048.pkcs8.pem").read_text()
"""As `openssl genrsa` makes it."""

OTHER_OPENSSL_KEY = (_TESTDATA / "another.pem").read_text()

Domains = Mapping[str, Mapping[str, object]]
"""As under `ses-byodkim:domains` in a stack file, private keys in plain."""


class Stack(Project):
    """
    A project that has the settings which all tests share, and keeps what its runs were given and showed.

    `stack_files` are the contents of the stack file in all its runs: secrets encrypted. All stacks of
    a process have one salt, since the search for secrets derives a key from each in a third of a second.
    """

    _salt: str | None = None

    def __init__(
        self,
        sandbox: Sandbox,
        domains: Domains | None = None,
        *,
        program: Callable[[], object] | None = None,
        folder: Path = ROOT,
        stack: str = "dev",
        aws: Mapping[str, object] | None = None,
        without: Collection[str] = (),
        **settings: object,
    ) -> None:
        """*aws* is added to the settings of pulumi-aws, by their whole names."""
        self.sandbox = sandbox
        self.results: list[Result] = []
        self.stack_files: set[str] = set()
        self._shared = {
            "aws:region": REGION,
            "ses-byodkim:defaults": {"dnsResolvers": [sandbox.dns_resolver], "dnsWaitSeconds": 0},
            **(aws or {}),
        }
        super().__init__(
            sandbox,
            config=self._shared,
            program=program,
            folder=folder,
            stack=stack,
            without=without,
            encryption_salt=Stack._salt,
        )
        Stack._salt = yaml.safe_load(self._settings.read_text())["encryptionsalt"]
        if domains:
            self.declare(domains, **settings)

    def declare(self, domains: Domains, **settings: object) -> None:
        """
        Make *domains*, and *settings* under `ses-byodkim:`, the stack file.

        Private keys become secrets, and so does what has to be one of `dnsCredentials`.
        """
        written = json.loads(json.dumps(domains))
        private_keys = {
            f'ses-byodkim:domains["{name}"].keys.{generation}.privateKey': key.pop("privateKey")
            for name, domain in written.items()
            for generation, key in domain.get("keys", {}).items()
        }
        credentials: Any = settings.pop("dnsCredentials", {})
        ours = {f"ses-byodkim:{name}": value for name, value in settings.items()}
        self.configure(self._shared | ours | {"ses-byodkim:domains": written})
        for path, private_key in private_keys.items():
            self.set_secret(path, private_key)
        for name, values in credentials.items():
            for key, value in values.items():
                path = f"ses-byodkim:dnsCredentials.{name}.{key}"
                self._stack.set_config(path, ConfigValue(value, secret=key not in NOT_SECRET), path=True)

    def preview(self, **options):
        return self._kept(super().preview(**options))

    def up(self, **options):
        return self._kept(super().up(**options))

    def refresh(self, **options):
        return self._kept(super().refresh(**options))

    def destroy(self, **options):
        return self._kept(super().destroy(**options))

    def _kept(self, result: Result) -> Result:
        self.stack_files.add(self._settings.read_text())
        self.results.append(result)
        return result


def steps(result: Result) -> list[tuple[str, str, str]]:
    """
    What a run set out to do, in order: operation, resource name, type.

    Without the engine's own resources, and without the zone's id at the end of a record's name.
    """
    return [
        (operation, re.sub("/route53:Z[A-Z0-9]+$", "", name), kind)
        for operation, name, kind in result.steps
        if not kind.startswith("pulumi:")
    ]


@dataclass
class Requests:
    """What SES and DNS were asked."""

    ses: list[Call] = field(default_factory=list)
    dns: list[Query] = field(default_factory=list)

    @property
    def operations(self) -> list[str]:
        """Actions of the SES API, in order."""
        return [call.operation for call in self.ses]


@contextmanager
def requests(sandbox: Sandbox) -> Iterator[Requests]:
    """Counts what is asked in this block; filled in at its end."""
    calls, queries = len(sandbox.ses.log), len(sandbox.dns.queries)
    made = Requests()
    yield made
    made.ses += sandbox.ses.log[calls:]
    # On a busy machine a reply may come too late, and its query is repeated with its ID: that is one query.
    made.dns += dict.fromkeys(sandbox.dns.queries[queries:])
