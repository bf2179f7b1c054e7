"""
For each test an empty AWS account and a shell in a copy of the project: every page is on
example.com.
"""

from contextlib import contextmanager

import pytest

from sandbox.hosts.godaddy import GoDaddy
from sandbox.pulumi.language_host import LanguageHost, served
from sandbox.ses.emulator import Switches
from sandbox.world import Sandbox
from tests.docs.pages import STACK_FILE, block
from tests.docs.shell import Shell
from tests.engine.clients import kms
from tests.engine.stack import key_in_kms
from tests.support.quick_runs import quick_runs


@pytest.fixture(scope="session")
def pulumi_home(tmp_path_factory):
    return tmp_path_factory.mktemp("pulumi-home")


def emptied():
    """An account in which SES looks into DNS at once."""
    return Sandbox(switches=Switches(requests_per_second=None, first_check_seconds=0))


@contextmanager
def opened(sandbox, directory, pulumi_home):
    """A shell in a copy of the project."""
    with served("python", LanguageHost(sandbox.environment)) as language_host, quick_runs(sandbox):
        yield Shell(sandbox, directory, pulumi_home=pulumi_home, language_host=language_host)


def init(shell):
    """Its stack is made, and nothing else. Each run would take longer with a passphrase."""
    key = key_in_kms(shell.sandbox)
    shell.well(f"pulumi stack init prod --secrets-provider '{key}'")


@pytest.fixture
def sandbox():
    with emptied() as sandbox:
        yield sandbox


@pytest.fixture
def shell(sandbox, tmp_path, pulumi_home):
    with opened(sandbox, tmp_path, pulumi_home) as shell:
        yield shell


@pytest.fixture
def stack(shell):
    """A shell whose stack is made."""
    init(shell)
    return shell


@pytest.fixture
def made(sandbox, stack):
    """The stack of *Get started*, after its first run."""
    sandbox.add_zone("example.com")
    stack.paste(STACK_FILE)
    stack.well("pulumi up")
    return stack


@pytest.fixture
def follow(shell):
    """Runs a block of a page; it has to end well."""
    return lambda page, heading, number=1, **variables: shell.well(
        block(page, heading, number), **variables
    )


@pytest.fixture
def godaddy(sandbox, shell):
    """From now on the zone is at a stand-in of GoDaddy, which the shell finds."""
    host = GoDaddy("example.com")
    host.start()
    sandbox.elsewhere.append(host.zones)
    shell.environment["GODADDY_BASE_URL"] = host.url
    yield host
    host.stop()


@pytest.fixture
def kms_alias(sandbox):
    """Makes a KMS key that can be called by a name."""
    with kms(sandbox) as client:
        key = client.create_key()["KeyMetadata"]["KeyId"]
        yield lambda name: client.create_alias(AliasName=f"alias/{name}", TargetKeyId=key)
