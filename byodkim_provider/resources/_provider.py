"""
The base classes of our dynamic providers (configuration, results of `check`), and the least
provider.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ResourceProvider,
)

from byodkim_provider.aws.route53 import Route53Client
from byodkim_provider.aws.settings import AwsSettings, read_settings, redirection_warnings
from byodkim_provider.dkim.key_secret import STACK_ID_LENGTH
from byodkim_provider.identity.run import Run, Services
from byodkim_provider.messages import HINT
from byodkim_provider.quoting import printable
from byodkim_provider.resources._plugin import prepare_process, progress_of_this_call

if TYPE_CHECKING:
    from byodkim_provider.aws.connections import Connections


@functools.cache
def run_of_this_process() -> Run:
    """The one run of a process of the plugin, whose providers share it."""
    return Run(progress_of_this_call)


class DynamicProvider(ResourceProvider):
    """A provider, which the `load_v1` of its resource loads in the plugin process."""

    _needs_aws = True
    """Whether `configure` reads the settings of AWS, and refuses invalid ones."""
    _default_tags: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self,
        services: Callable[[str | None], Services] | None = None,
        route53: Callable[[str | None, str | None], Route53Client] | None = None,
        *,
        run: Run | None = None,
    ) -> None:
        """
        *services* are those in an AWS account, *route53* is Route 53 by role and external ID.

        Tests pass all of them, and a run of their own.
        """
        super().__init__()
        self._run = run or run_of_this_process()
        self._services = services or self._connect
        self._route53 = route53 or self._connect_to_route53
        self._config: Callable[[str], Any] = lambda _name: None
        """Returns the value of a full configuration key, or None."""

    def configure(self, req: ConfigureRequest) -> None:
        for missing in prepare_process():
            self._run.say_once(missing)
        self._config = req.config.get
        if self._needs_aws:
            settings = self._settings
            for warning in redirection_warnings(settings.endpoints):
                self._run.say_once(warning, is_warning=True)
            self._default_tags = settings.default_tags

    @functools.cached_property
    def _settings(self) -> AwsSettings:
        # Read when needed: a record at a host, or a key in the state, needs no settings of AWS.
        return read_settings(self._config)

    @functools.cached_property
    def _connections(self) -> Connections:
        # An unchanged `up` calls nothing of AWS: it goes without the time that boto3 takes to load.
        from byodkim_provider.aws.connections import connections

        return connections(self._settings)

    def _connect(self, account_id: str | None) -> Services:
        connections = self._connections
        return Services(
            self._run,
            lambda region: connections.ses(region, account_id),
            lambda region: connections.names(region, account_id),
        )

    def _connect_to_route53(self, role_arn: str | None, external_id: str | None) -> Route53Client:
        return self._connections.route53(self._config("aws:region"), role_arn, external_id)


class StackIdProvider(DynamicProvider):
    """Makes the id of a stack: the resource's own, and no output. No AWS, no network."""

    _needs_aws = False

    def create(self, _props: dict[str, Any]) -> CreateResult:
        return CreateResult(secrets.token_hex(STACK_ID_LENGTH // 2), {})

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=False)


def check_result(inputs: Mapping[str, Any], problems: Iterable[str]) -> CheckResult:
    """The result of a `check`; a problem is one line, perhaps with a hint."""
    # No property name: with one, the engine prints the property's value.
    # https://github.com/pulumi/pulumi/issues/19465
    failures = []
    for problem in problems:
        text, separator, hint = problem.partition(HINT)
        failures.append(CheckFailure("", f"{printable(text)}{separator}{printable(hint)}"))
    return CheckResult(dict(inputs), failures)
