"""
A Pulumi project on disk and the state of its stack, for tests of the command line.

Its Pulumi is three answers from memory; SES, DNS and the clock are those of `World`.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import yaml
from click.testing import CliRunner, Result

from byodkim_provider.cli import main
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.terminal import Failed, Refused
from byodkim_provider.config import settings as of_config
from byodkim_provider.config import stack_file
from byodkim_provider.config.schema import SuppliedKey
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim import generations
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.dkim.records import normalise_domain, record_name
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.identity.state import KeyInSes, Stored
from byodkim_provider.identity.verdicts import Verdict
from tests.support.fakes import FakeSes, WrongClock
from tests.support.world import STACK_ID, World

CONFIG: Final = ["config", "--json", "-s", "dev"]
EXPORT: Final = ["stack", "export", "-s", "dev"]

_OURS: Final = "pulumi-python:dynamic/byodkim:"


def configuration(project_file: Path, stack_file: Path) -> str:
    """
    What `pulumi config` prints, as far as tests need it; `engine/test_cli.py` compares it with
    Pulumi.
    """
    try:
        return _printed(_loaded(project_file), _loaded(stack_file) if stack_file.exists() else {})
    except RecursionError:  # an alias within what it repeats
        raise Failed("pulumi config: invalid YAML file") from None


def _printed(project: Any, stack: Any) -> str:
    namespace = f"{project.get('name')}:"
    config = {_full(name, namespace): value for name, value in (stack.get("config") or {}).items()}
    for name, value in (project.get("config") or {}).items():
        kinds = value if isinstance(value, dict) else {"value": value}
        shared = next((kinds[key] for key in ("value", "default") if key in kinds), "")
        config.setdefault(_full(name, namespace), shared)
    return json.dumps({name: _entry(value) for name, value in config.items()}, ensure_ascii=False)


def _entry(value: Any) -> dict[str, Any]:
    """A value as `pulumi config --json` prints it: without its parts if one of them is secret."""
    if _has_secret(value):
        return {"secret": True}
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    parts = {"objectValue": json.loads(text)} if isinstance(value, dict | list) else {}
    return {"value": text, **parts, "secret": False}


def _loaded(path: Path) -> Any:
    try:
        loaded = stack_file.load(path.read_bytes().decode())
    except (InvalidSettings, UnicodeDecodeError):
        raise Failed(f"pulumi config: {path.name}: invalid YAML file") from None
    if not isinstance(loaded, dict) or not isinstance(loaded.get("config") or {}, dict):
        raise Failed(f"pulumi config: {path.name}: invalid YAML file")
    return loaded


def _full(name: Any, namespace: str) -> str:
    return str(name) if ":" in str(name) else f"{namespace}{name}"


def _has_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return value.keys() == {"secure"} or any(map(_has_secret, value.values()))
    return isinstance(value, list) and any(map(_has_secret, value))


def _with_keys(domain: DomainSettings, keys: Any, ours: Any) -> DomainSettings:
    """The settings of a domain with supplied keys, of which a test has the selectors only."""
    if not keys:
        return domain
    selectors = {
        int(generation): SuppliedKey.model_construct(selector=key["selector"], private_key="")
        for generation, key in keys.items()
    }
    [written] = [
        one for name, one in ours["domains"].items() if normalise_domain(name) == domain.name
    ]
    published = written.get("published") or generations.published(domain.generation, selectors)
    return domain.model_copy(update={"keys": selectors, "published": tuple(published)})


_WAITING: Final = re.compile(rb"byodkim: \d+ of \d+ answers, waiting [^\n]*\n")
"""What a command says when answers take long: here only on a busy machine."""


def signing(
    world: World,
    generation: int,
    *,
    since: float = 200,
    until: Mapping[int, float] | None = None,
    **changes: Any,
) -> Stored:
    """An identity in the state: days since when it signs, and *until* when others did."""
    now = world.clock.now()
    at = now - timedelta(days=since)
    key = KeyInSes(key_set_at=at, key_set_by="", signing_since=at, status="SUCCESS")
    return Stored(
        declared=world.declared(generation, **changes),
        instance="i",
        key=key,
        signed_until={number: now - timedelta(days=days) for number, days in (until or {}).items()},
    )


def _resource(kind: str, outputs: dict[str, object]) -> dict[str, object]:
    """A resource of the state, of a program that has one domain."""
    urn = f"urn:pulumi:dev::ses-byodkim::{kind}::example.com/1"
    return {"type": kind, "urn": urn, "parent": "the domain's", "outputs": outputs}


@dataclass
class CliProject:
    """The project in *directory*; a stack called `dev` is selected."""

    directory: Path
    world: World
    stored: list[Stored] = field(default_factory=list)
    """Identities in the state."""
    published: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Generations with a record in the state, by domain; by default those of the identity."""
    verdicts: list[Verdict] = field(default_factory=list)
    """What the last `pulumi up` found verified, and what not."""
    settings: dict[str, DomainSettings | dict[str, Any]] | None = None
    """Those of the last run; by default those of the files."""
    retired_at: dict[str, str] = field(default_factory=dict)
    """By domain, when it was retired."""
    signing: dict[str, int] = field(default_factory=dict)
    """
    The generation that the program declared as signing, by domain; by default that of the identity.
    """
    mail_from_zones: dict[str, str] = field(default_factory=dict)
    """By MAIL FROM domain, the zone in Route 53 with its records."""
    secrets: dict[str, str | None] = field(default_factory=dict)
    """ARNs of secrets with keys in the state, and the KMS key of each."""
    keys: Sequence[SigningKey] = ()
    """Keys in the state itself."""
    printed: str | None = None
    """What `pulumi config` prints; by default what the files say."""
    read_only: str = ""
    """The command of `pulumi config` that fails: `set-all` or `rm-all`."""
    complaint: str | None = None
    """What `pulumi stack export` says instead of the state."""
    up_exit_code: int = 0
    while_up: Callable[[], object] = lambda: None
    """What happens in the course of `pulumi up`."""
    environment: dict[str, str] = field(default_factory=dict)
    """Of a process that a test starts in the project."""
    resolvers: list[tuple[str, ...]] = field(default_factory=list)
    """The recursive resolvers that commands have asked, the system's if none."""
    ahead: timedelta = timedelta()
    """By how much this machine's clock is ahead of SES's."""
    ran: list[tuple[list[str], Path]] = field(default_factory=list)
    """What was run before the person's eyes, and where."""

    def __post_init__(self) -> None:
        (self.directory / "stacks").mkdir()
        (self.directory / "Pulumi.yaml").write_text(
            "name: ses-byodkim\nruntime: python\nstackConfigDir: stacks\n"
        )

    @property
    def stack_file(self) -> Path:
        return self.directory / "stacks" / "Pulumi.dev.yaml"

    def write(self, domains: str) -> None:
        """The stack file, with *domains* as under `ses-byodkim:domains`, indented by four."""
        self.stack_file.write_text(
            f"config:\n  aws:region: eu-west-1\n  ses-byodkim:domains:\n{domains}", encoding="utf-8"
        )

    def run(self, *arguments: str, terminal: bool = False, answer: str | None = None) -> Result:
        """`byodkim` with *arguments*; with *terminal* somebody types *answer*."""
        outside = Environment(
            directory=self.directory,
            ask_pulumi=self._ask_pulumi,
            run_pulumi=self._run_pulumi,
            resolver=self._resolver,
            account=lambda _: self,
            clock=WrongClock(self.world.clock, self.ahead),
            at_terminal=lambda: terminal,
        )
        result = CliRunner().invoke(main, arguments, obj=outside, input=answer)
        result.stderr_bytes = _WAITING.sub(b"", result.stderr_bytes)
        return result

    def _resolver(self, check: str, resolvers: Sequence[str]) -> Any:
        self.resolvers.append(tuple(resolvers))
        return None if check == "off" else self.world.resolver

    # The account

    def account_id(self, region: str) -> str:
        return "123456789012"

    def ses(self, region: str, account_id: str | None) -> FakeSes:
        return self.world.ses(region)

    def pulumi_script(self, directory: Path) -> Path:
        """A `pulumi` in *directory* that gives the same answers to a real process."""
        directory.mkdir(exist_ok=True)
        script = directory / "pulumi"
        cases = ""
        for number, arguments in enumerate((["stack", "--show-name"], CONFIG, EXPORT)):
            answer = directory / f"answer{number}"
            answer.write_text(self._ask_pulumi(arguments, self.directory), encoding="utf-8")
            cases += f'"{" ".join(arguments)}") exec cat "{answer}";;\n'
        cases += '"config set-all "*) exit 0;;\n'
        script.write_text(f'#!/bin/sh\ncase "$*" in\n{cases}*) exit 3;;\nesac\n')
        script.chmod(0o755)
        return script

    def _ask_pulumi(self, arguments: Sequence[str], directory: Path) -> str:
        assert directory == self.directory
        if list(arguments) == ["stack", "--show-name"]:
            return "dev\n"
        if list(arguments) == CONFIG:
            return self.printed or configuration(self.directory / "Pulumi.yaml", self.stack_file)
        if arguments[0] == "config":
            return self._write(arguments[1], arguments[5:])
        assert [*arguments][:4] == EXPORT
        if self.complaint:
            raise Failed(f"pulumi stack export: {self.complaint}")
        resources = self._resources()
        for key in self.keys:
            text = key.pkcs1_base64() if "--show-secrets" in arguments else "encrypted"
            outputs = {
                "fingerprint": key.fingerprint,
                "private_key": {"plaintext": json.dumps(text)},
            }
            resources.append(_resource(f"{_OURS}DkimKey", outputs))
        return json.dumps(
            {"version": 3, "deployment": {"resources": resources}}, ensure_ascii=False
        )

    def _write(self, command: str, arguments: Sequence[str]) -> str:
        """
        `pulumi config set-all` and `rm-all`, without comments; `engine/test_rotate.py` has both.
        """
        if self.read_only == command:
            raise Failed(f"pulumi config {command}: permission denied")
        written = _loaded(self.stack_file)
        for argument in arguments:
            if argument == "--plaintext":
                continue
            path, _, value = argument.partition("=")
            found = re.fullmatch(r'(.+)\["(.+)"\]\.(\w+)(?:\[(\d+)\])?', path)
            assert found, argument
            key, name, setting, position = found.groups()
            names = {_full(key, "ses-byodkim:"): key for key in written["config"]}
            domain = written["config"][names[key]][name]
            if command == "rm-all":
                del domain[setting]
            elif position is None:
                domain[setting] = int(value)
            else:
                domain.setdefault(setting, [])[int(position) :] = [int(value)]
        self.stack_file.write_text(yaml.safe_dump(written, sort_keys=False, allow_unicode=True))
        return ""

    def _run_pulumi(self, arguments: Sequence[str], directory: Path) -> int:
        self.ran.append((list(arguments), directory))
        self.while_up()
        return self.up_exit_code

    def _resources(self) -> list[dict[str, object]]:
        declared = {one.declared.domain: one.declared for one in self.stored}
        published = {name: one.published for name, one in declared.items()} | self.published
        signing = {name: one.generation or 0 for name, one in declared.items()} | self.signing
        results = [one.to_properties() for one in self.verdicts]
        known = self._last_settings() if self.settings is None else self.settings
        settings = {
            name: one if isinstance(one, dict) else one.stored() for name, one in known.items()
        }
        made = [
            ("pulumi:pulumi:Stack", {}),
            *(
                (
                    "byodkim:index:ByodkimDomain",
                    {
                        "records": self._records(name, published[name], signing[name])
                        if name in published
                        else [],
                        **({"settings": settings[name]} if name in settings else {}),
                    },
                )
                for name in {**settings, **published}
            ),
            *((f"{_OURS}ByodkimIdentity", one.to_outputs()) for one in self.stored),
            *(
                (
                    f"{_OURS}DkimKey",
                    {"secret_arn": arn, "key_store": {"kms_key_id": key} if key else {}},
                )
                for arn, key in self.secrets.items()
            ),
        ]
        for name, zone_id in self.mail_from_zones.items():
            mx = {"name": name, "type": "MX", "zoneId": zone_id}
            made.append(("aws:route53/record:Record", mx))
        for one in self.stored:
            for zone in one.declared.zones:
                if zone.provider == "route53":
                    txt = {"type": "TXT", "zoneId": zone.id}
                    made.append(("aws:route53/record:Record", txt))
        owner = [{"type": f"{_OURS}StackId", "id": STACK_ID}] if self.stored else []
        verification = {"results": results, "retired_at": self.retired_at}
        made.append((f"{_OURS}DkimVerification", verification))
        return [*owner, *(_resource(kind, outputs) for kind, outputs in made)]

    def _last_settings(self) -> dict[str, DomainSettings]:
        """Those of the files: the last run had them."""
        try:
            config = json.loads(self._ask_pulumi(CONFIG, self.directory))
            ours = {
                key: config[f"ses-byodkim:{key}"]["objectValue"]
                for key in ("domains", "defaults")
                if f"ses-byodkim:{key}" in config
            }
            keys = {name: domain.pop("keys", {}) for name, domain in ours["domains"].items()}
            region = config.get("aws:region", {}).get("value")
            loaded = of_config.load(ours, default_region=region).domains
        except (Refused, InvalidSettings, ValueError, KeyError, AttributeError):
            return {}  # no run would have taken it
        supplied = {normalise_domain(name): written for name, written in keys.items()}
        return {one.name: _with_keys(one, supplied[one.name], ours) for one in loaded}

    def _records(self, name: str, numbers: Sequence[int], signing: int) -> list[dict[str, object]]:
        records = []
        identities = [one.declared for one in self.stored if one.declared.domain == name]
        slots = {value: slot for one in identities for slot, value in (one.slots or {}).items()}
        for generation, role in generations.roles(signing, numbers).items():
            declared = self.world.declared(generation, domain=name)
            stands_at = record_name(slots.get(declared.record_value, declared.selector), name)
            # Pulumi makes a float of every number.
            of_it = {"generation": float(generation), "role": role, "name": stands_at}
            records.append({**of_it, "value": declared.record_value})
        return records
