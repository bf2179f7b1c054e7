"""One sandbox and one plugin process for all tests here, and domains that no two tests share."""

import itertools
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from byodkim_provider.dkim import keys, records
from byodkim_provider.dkim.keys import SigningKey
from sandbox.ses.switches import Switches
from sandbox.world import Sandbox
from tests.contract.plugin import Engine, Plugin
from tests.hosts.name_servers import SECRET
from tests.support.quick_runs import quick_python

REGION = "eu-west-1"

StartPlugin = Callable[..., Plugin]

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Domain:
    """A domain of one test, with its first key."""

    sandbox: Sandbox
    name: str = field(default_factory=lambda: f"test-{next(_numbers)}.example.com")
    key: SigningKey = field(default_factory=lambda: keys.generate(keys.MIN_BITS))

    def inputs(self, **changes: Any) -> dict[str, Any]:
        """Inputs of an identity that takes one look at DNS, with its first key and *changes*."""
        return {
            "domain": self.name,
            "region": REGION,
            "selector": "s1",
            "private_key": self.key.pkcs1_base64(),
            "record_value": records.record_value(self.key.public_key_der),
            "generation": 1,
            "published": [1],
            "owner": f"0123456789abcdef/{self.name}",
            "stack": "ses-byodkim/dev",
            "dns_resolvers": [self.sandbox.dns_resolver],
            "dns_wait_seconds": 0,
            **changes,
        }

    def publish(self) -> None:
        """The record of the key is in DNS from now on."""
        value = records.record_value(self.key.public_key_der)
        self.sandbox.dns.override(records.record_name("s1", self.name), [value])

    def verification(self, outputs: dict[str, Any]) -> dict[str, Any]:
        """Inputs of a verification of the identity that has *outputs*."""
        names = (
            "domain",
            "region",
            "selector",
            "key_set_at",
            "key_set_by",
            "record_value",
            "dns_resolvers",
        )
        return {"identities": [{name: outputs[name] for name in names if name in outputs}]}

    def leaks_key(self, text: str) -> bool:
        """Whether *text* quotes the first key behind its modulus, which is public."""
        private = self.key.pkcs1_base64()[200:]
        return any(private[start : start + 16] in text for start in range(len(private) - 15))

    def calls(self) -> list[str]:
        """The API actions that SES was asked for this domain, oldest first."""
        return [call.operation for call in self.sandbox.ses.log if call.domain == self.name]

    def questions(self) -> list[str]:
        """
        The names below this domain that DNS was asked for, oldest first; a repeated query counts
        once.
        """
        queries = dict.fromkeys(self.sandbox.dns.queries)
        return [query.name for query in queries if query.name.endswith(self.name)]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """AWS and DNS of all tests here: SES answers at once and looks into DNS at the next call."""
    with Sandbox(switches=Switches(requests_per_second=None, first_check_seconds=0)) as opened:
        opened.add_zone("example.com")
        yield opened


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    with Engine() as started:
        yield started


@pytest.fixture
def start_plugin(engine: Engine, sandbox: Sandbox) -> Iterator[StartPlugin]:
    """
    Starts a process, which has imported all, with the variables that are given beside the
    sandbox's.
    """
    python = shlex.split(quick_python())
    with ExitStack() as started:

        def start(**variables: str) -> Plugin:
            environment = {**sandbox.environment, **variables}
            return started.enter_context(Plugin(engine.address, environment, python=python))

        yield start


@pytest.fixture(scope="session")
def plugin(engine: Engine, sandbox: Sandbox) -> Iterator[Plugin]:
    """The process that most tests share, not configured: a start takes a second."""
    with Plugin(engine.address, {**sandbox.environment, "RFC2136_TSIG_SECRET": SECRET}) as started:
        yield started


@pytest.fixture
def domain(sandbox: Sandbox) -> Domain:
    return Domain(sandbox)
