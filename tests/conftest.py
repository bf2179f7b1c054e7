"""
What holds for every test: no network but loopback, and in unit tests no real sleep.

A test that breaks the rule fails where it does, and not as the network error it would have got.
"""

import gc
import ipaddress
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings
from moto.core.responses import BaseResponse

from byodkim_provider.aws.permissions import PERMISSIONS
from byodkim_provider.cli import terminal
from byodkim_provider.dkim import keys
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.progress import stopping
from sandbox.aws.services import AwsServices
from sandbox.ses.model import SesModel
from tests.support.quick_botocore import share_between_sessions
from tests.support.secrets_manager import SecretsManager
from tests.support.world import World

REAL_PROCESSES: Final = {"acceptance", "contract", "engine", "sandbox"}
"""Folders whose tests wait for real processes and servers, which may take real time."""

START_FIRST: Final = (
    "docs/test_site.py",
    "docs/test_trouble.py",
    "continuity/test_continuity.py",
    "engine/test_cname.py",
    "faults/test_faults_engine.py",
    "docs/test_tutorial.py",
    "engine/test_mail_from.py",
    "docs/test_automation.py",
    "engine/test_dns_rfc2136.py",
)
"""
Files that take a minute or more, then come all others with the engine. Started last, as their names
want it, each would keep one worker busy alone.
"""

collect_ignore: Final = ["languages"]
"""What runs only when it is named: `make languages`."""

PEOPLE: Final = {"acceptance", "advice", "docs", "sandbox"}
"""Folders whose tests call AWS as people do, beside the product."""

THEIRS: Final = {
    *("AssociateEmailIdentityCertificate", "DisassociateEmailIdentityCertificate"),
    *("CreateConfigurationSet", "SendEmail"),
    *("ListResourceTenants", "ListTagsForResource"),  # pulumi-aws, as its stand-in plays it
    *("CreateTenant", "DeleteTenant", "GetTenant", "ListTenantResources"),
    *("CreateTenantResourceAssociation", "DeleteTenantResourceAssociation"),
}
"""Actions of SES that only tests call, and examples that declare more than domains."""

OF_OTHERS: Final = ("kms", "route53")
"""
Services of which only what others do beside the product is called in tests, or more than it calls.
"""

# How long an example takes says nothing on a machine that is busy with other things: some make a
# key.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {Path(__file__).parent / name: number for number, name in enumerate(START_FIRST)}
    for item in items:
        if item.get_closest_marker("engine"):
            order.setdefault(item.path, len(START_FIRST))
    items.sort(key=lambda item: order.get(item.path, len(START_FIRST) + 1))


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, _checked(getattr(socket.socket, name)))


@pytest.fixture(autouse=True)
def _no_sleep(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.path.parent.name in REAL_PROCESSES or request.node.get_closest_marker("engine"):
        return

    def sleep(seconds: float) -> None:
        pytest.fail(f"a unit test sleeps for {seconds} s")

    monkeypatch.setattr(time, "sleep", sleep)


@pytest.fixture(autouse=True)
def _no_word_of_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    On a busy machine a command says what it waits for; most tests say what stands on standard
    error.
    """
    monkeypatch.setattr(terminal, "FIRST_WORD_SECONDS", 3600)


@pytest.fixture(autouse=True)
def _not_stopping() -> Iterator[None]:
    """An interrupted run is over when its test is."""
    yield
    stopping.clear()


@pytest.fixture(scope="session")
def signing_keys() -> tuple[SigningKey, ...]:
    """Keys of generation 1, 2 …, short because the tests make several."""
    return tuple(keys.generate(keys.MIN_BITS) for _ in range(4))


@pytest.fixture
def world(signing_keys: tuple[SigningKey, ...]) -> World:
    return World(signing_keys)


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsServices]:
    """moto's services, in this process, for the tests of one file."""
    services = AwsServices()
    services.start()
    yield services
    services.stop()


@pytest.fixture
def secrets_manager(aws: AwsServices) -> Iterator[SecretsManager]:
    """Secrets Manager, empty and watched."""
    with SecretsManager.watched(aws) as watched:
        yield watched
    watched.clear()


def _checked(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of a socket whose last argument is the address it goes to."""

    def checked(self: socket.socket, *arguments: Any) -> Any:
        address = arguments[-1]
        if isinstance(address, tuple) and not _stays_here(address[0]):
            pytest.fail(f"a test connects to {address[0]}")
        return method(self, *arguments)

    return checked


def _stays_here(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    address = getattr(address, "ipv4_mapped", None) or address
    # The kernel sends nothing to the broadcast address: a test's stand-in for one without a route.
    return address.is_loopback or str(address) == "255.255.255.255"


# What the suite called of AWS, of all its processes (pytest-xdist)

_called = pytest.StashKey[set[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """
    Begin to record; all processes draw the same sample of faults, and those under test hear Ctrl-C.
    """
    # A shell has what it runs in the background ignore SIGINT, and `nohup` SIGHUP. So would all
    # processes from there on.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    share_between_sessions()
    config.stash[_called] = set()
    os.environ.setdefault("FAULTS_SEED", str(random.SystemRandom().randrange(2**32)))


def pytest_collection_finish() -> None:
    """
    What is imported by now stays: a tenth of a long test's time was to look for garbage in it.
    """
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def recorded_calls(request: pytest.FixtureRequest) -> Iterator[set[str]]:
    """
    What was called of AWS so far in this process, as IAM names it.

    Emulator and fakes are recorded alike. Not what only tests and other programs do: mail,
    configuration sets, KMS, which the Pulumi CLI asks, nor Route 53, whose zones and records tests
    make as well.
    """
    recorded = request.config.stash[_called]
    call, call_action = SesModel.call, BaseResponse.call_action

    def record_ses(
        self: SesModel, operation: str, *arguments: Any, **options: Any
    ) -> dict[str, Any]:
        if operation not in THEIRS:
            recorded.add(f"ses:{operation}")
        return call(self, operation, *arguments, **options)

    def record_moto(self: BaseResponse) -> Any:
        if self.service_name not in OF_OTHERS:
            recorded.add(f"{self.service_name}:{self._get_action()}")
        return call_action(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SesModel, "call", record_ses)
        patch.setattr(BaseResponse, "call_action", record_moto)
        yield recorded


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """What people call is not recorded, be it by a test or by a fixture that several share."""
    called = item.config.stash[_called]
    before = set(called)
    result = yield
    if not PEOPLE.isdisjoint(item.path.relative_to(Path(__file__).parent).parts):
        called.intersection_update(before)
    return result


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A worker process has ended, and says what was called in it."""
    node.config.stash[_called].update(getattr(node, "workeroutput", {}).get("called", ()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """
    A worker passes on what was called in it; the main process judges it, if the whole suite was
    run.
    """
    called = session.config.stash[_called]
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["called"] = sorted(called)
    elif _is_whole(session.config) and permission_problems(called):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show how the table of permissions fits to what was called."""
    if _is_whole(config):
        called = config.stash[_called]
        terminalreporter.section("AWS actions called, and the table of permissions")
        terminalreporter.write_line(f"{len(called)} actions called by the suite")
        for problem in permission_problems(called):
            terminalreporter.write_line(f"FAILED: {problem}", red=True)


def _is_whole(config: pytest.Config) -> bool:
    """Whether all tests were to run: only then the suite must have called all there is."""
    chosen = (
        config.option.keyword,
        config.option.markexpr,
        config.getoption("lf", False),
        config.option.collectonly,
    )
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not any(chosen)


def permission_problems(called: set[str]) -> list[str]:
    """What was *called* and is not in the table, and what is there and was not called."""
    table = {action for actions in PERMISSIONS.values() for action in actions}
    recorded = {one for one in table if one.startswith(("ses:", "secretsmanager:"))}
    return [
        *(f"{action} was called and is not in the table" for action in sorted(called - table)),
        *(f"{action} is in the table and was never called" for action in sorted(recorded - called)),
    ]
