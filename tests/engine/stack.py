"""
A stack as the engine tests use it, and the counting of what it asks of SES and DNS.

Nothing here knows of one test only.
"""

import base64
import functools
import hashlib
import json
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from byodkim_provider.config.settings import NOT_SECRET
from sandbox.dns.server import Query
from sandbox.pulumi.plugins import ROOT
from sandbox.pulumi.project import Project, Result
from sandbox.ses.emulator import Call
from sandbox.world import Sandbox
from tests.engine.clients import REGION, kms
from tests.support.testdata import pem

OTHER_REGION = "us-east-1"

DOMAIN = "byodkim:index:ByodkimDomain"
KEY = "pulumi-python:dynamic/byodkim:DkimKey"
RECORD = "aws:route53/record:Record"
STACK_ID = "pulumi-python:dynamic/byodkim:StackId"
IDENTITY = "pulumi-python:dynamic/byodkim:ByodkimIdentity"
VERIFICATION = "pulumi-python:dynamic/byodkim:DkimVerification"


OPENSSL_KEY = pem("rsa2048.pkcs8")
"""As `openssl genrsa` makes it."""

OTHER_OPENSSL_KEY = pem("another")

PASSPHRASE = b"sandbox"
"""Of stacks that have one."""

Domains = Mapping[str, Mapping[str, object]]
"""As under `ses-byodkim:domains` in a stack file, private keys in plain."""


@dataclass(frozen=True)
class NewStack:
    """What `pulumi stack init` makes."""

    secrets_provider: str
    files: Mapping[Path, bytes]
    key: bytes
    """With which secrets are encrypted (pulumi/sdk, go/common/resource/config/crypt.go)."""


@functools.cache
def new_stack(sandbox: Sandbox, folder: Path, name: str, *, has_passphrase: bool) -> NewStack:
    """
    A stack *name* of the project in *folder*: its secrets have a passphrase, or a key in KMS.

    Half a second of work, once for all stacks of that name. To derive a key from the passphrase is
    a quarter of a second in each run of the CLI.
    """
    provider = "passphrase" if has_passphrase else key_in_kms(sandbox)
    with Project(
        sandbox, config={}, folder=folder, stack=name, secrets_provider=provider
    ) as project:
        files, settings = project.made(), yaml.safe_load(project._settings.read_text())
    if has_passphrase:
        _, salt, *_ = settings["encryptionsalt"].split(":")
        key = hashlib.pbkdf2_hmac("sha256", PASSPHRASE, base64.b64decode(salt), 1_000_000)
    else:
        with kms(sandbox) as client:
            encrypted = base64.b64decode(settings["encryptedkey"])
            key = client.decrypt(CiphertextBlob=encrypted)["Plaintext"]
    return NewStack(provider, files, key)


def key_in_kms(sandbox: Sandbox) -> str:
    """A new key, as `pulumi stack init --secrets-provider` takes it."""
    with kms(sandbox) as client:
        return f"awskms://{client.create_key()['KeyMetadata']['KeyId']}?region={REGION}"


class Stack(Project):
    """
    A project that has the settings which all tests share, and keeps what its runs were given and
    showed.

    `stack_files` are the contents of the stack file in all its runs: secrets encrypted.
    `unsearched` are the results in which no secret was searched for yet. What a stack is encrypted
    with is in AWS: without credentials it has a passphrase.
    """

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
        has_passphrase: bool = False,
        **settings: object,
    ) -> None:
        """*aws* is added to the settings of pulumi-aws, by their whole names."""
        self.sandbox = sandbox
        self.results: list[Result] = []
        self.unsearched: list[Result] = []
        self.stack_files: set[str] = set()
        self._shared = {
            "aws:region": REGION,
            "ses-byodkim:defaults": {
                "dnsResolvers": [sandbox.dns_resolver],
                "dnsWaitSeconds": 0,
                "keyBits": 1024,  # made in a fifth of the time; some tests have the default
            },
            **(aws or {}),
        }
        made = new_stack(sandbox, folder, stack, has_passphrase=has_passphrase or bool(without))
        self._cipher = AESGCM(made.key)
        super().__init__(
            sandbox,
            config=self._shared,
            program=program,
            folder=folder,
            stack=stack,
            without=without,
            secrets_provider=made.secrets_provider,
            passphrase=PASSPHRASE.decode(),
            made=made.files,
        )
        if domains:
            self.declare(domains, **settings)

    def declare(self, domains: Domains, **settings: object) -> None:
        """
        Make *domains*, and *settings* under `ses-byodkim:`, the stack file.

        Private keys under `keys` become secrets in `privateKeys`, and so does what has to be one of
        `dnsCredentials`.
        """
        written = json.loads(json.dumps(domains))
        private_keys = {}
        for domain in written.values():
            for key in domain.get("keys", {}).values():
                text, key["privateKey"] = key["privateKey"], f"key{len(private_keys) + 1}"
                private_keys[key["privateKey"]] = self.encrypted(text)
        credentials: Any = settings.pop("dnsCredentials", {})
        ours: dict[str, Any] = {f"ses-byodkim:{name}": value for name, value in settings.items()}
        for host, values in credentials.items():
            of_host = ours.setdefault("ses-byodkim:dnsCredentials", {}).setdefault(host, {})
            for name, value in values.items():
                of_host[name] = value if name in NOT_SECRET else self.encrypted(value)
        if private_keys:
            ours["ses-byodkim:privateKeys"] = private_keys
        self.configure(self._shared | ours | {"ses-byodkim:domains": written})

    def apply(self, domains: Domains | None = None, **options: Any) -> Result:
        """An `up`, which goes well; before that *domains* become the stack file, if given."""
        if domains is not None:
            self.declare(domains)
        result = self.up(**options)
        assert result.ok, result.errors
        return result

    def rename(self, name: str) -> None:
        """`pulumi stack rename`."""
        arguments = ["stack", "rename", name, "--stack", self._stack.name]
        self._pulumi.run(arguments, str(self._work), self._environment)
        self._settings = self._settings.with_name(f"Pulumi.{name}.yaml")
        self._stack.name = name

    def encrypted(self, text: str) -> dict[str, str]:
        """What `pulumi config set --secret` writes into the stack file."""
        nonce = os.urandom(12)
        octets = self._cipher.encrypt(nonce, text.encode(), None)
        return {
            "secure": f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(octets).decode()}"
        }

    def decrypted(self, ciphertext: str) -> str:
        """What was encrypted, by Pulumi or here."""
        _, nonce, octets = ciphertext.split(":")
        return self._cipher.decrypt(
            base64.b64decode(nonce), base64.b64decode(octets), None
        ).decode()

    @property
    def state_file(self) -> Path:
        """Where the backend keeps what is now."""
        (file,) = self._state.glob(".pulumi/stacks/*/*.json")
        return file

    def set_secret(self, path: str, value: str) -> None:
        self.set_config(path, value, secret=True)

    def state_files(self) -> list[Path]:
        """All files the backend wrote: stack, history, backups."""
        return [path for path in self._state.rglob("*") if path.is_file()]

    def export_text(self) -> str:
        """
        The stored deployment, in the form of `pulumi stack export`, which takes a fifth of a
        second.
        """
        stored = json.loads(self.state_file.read_text())
        return json.dumps(
            {"version": stored["version"], "deployment": stored["checkpoint"]["latest"]}, indent=4
        )

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
        self.unsearched.append(result)
        return result


def steps(result: Result) -> list[tuple[str, str, str]]:
    """
    What a run set out to do, in order: operation, resource name, type.

    Without the engine's own resources, and without the zone's id at the end of a record's name. The
    record of a generated key is called as its key.
    """
    done = []
    for operation, name, kind in result.steps:
        if not kind.startswith("pulumi:"):
            place = re.sub("/route53:Z[A-Z0-9]+$", "", name)
            done.append((operation, re.sub("/key([0-9]+)$", r"/\1", place), kind))
    return done


def step_lines(result: Result) -> list[str]:
    """The steps, sorted, in the form `create example.com/1 DkimKey`."""
    return sorted(f"{step} {name} {kind.rpartition(':')[2]}" for step, name, kind in steps(result))


def lines(text: str) -> list[str]:
    """The lines of *text* without their indentation, sorted."""
    return sorted(line.strip() for line in text.strip().splitlines())


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
    # On a busy machine a reply may come too late, and its query is repeated with its ID: that is
    # one query.
    made.dns += dict.fromkeys(sandbox.dns.queries[queries:])
