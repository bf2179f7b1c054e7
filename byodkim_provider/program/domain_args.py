"""
The arguments of one domain in a program: the keys of a stack file.

Names, defaults and checks come from `config.schema`. Only arguments that a file can't
hold are added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import PlainValidator

from byodkim_provider.config import settings
from byodkim_provider.config.schema import (
    DnsProviderName,
    DnsSettings,
    KeyStore,
    MailFrom,
    Store,
    SuppliedKey,
    WrittenDomain,
)
from byodkim_provider.config.values import Flag
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages.config import SettingProblem
from byodkim_provider.messages.program import ProgramProblem
from byodkim_provider.program import stack_config
from byodkim_provider.program.dns_provider import DnsProvider
from byodkim_provider.quoting import shown


def _providers(given: object) -> tuple[object, ...]:
    if not isinstance(given, list | tuple):
        raise ValueError(SettingProblem.KIND(kind="a list", value=shown(given)))
    for one in given:
        if not (callable(getattr(one, "hosted_zone", None)) and callable(getattr(one, "publish", None))):
            raise ValueError(ProgramProblem.DNS_PROVIDERS(value=shown(one)))
    return tuple(given)


if TYPE_CHECKING:
    _Dns = DnsProviderName | DnsSettings | Mapping[str, object]


class ByodkimDomainArgs(WrittenDomain):
    """
    Inputs of a `ByodkimDomain`: plain values, known before any resource is created.

    Names and meanings are those of the stack file, in snake_case. Raises `InvalidSettings` with one
    line for each problem. A private key under *keys* is a decrypted string, as
    `pulumi.Config().require("key")` returns it, not an Output.
    """

    domain: str
    """The sending domain. Upper case, U-labels and a final dot are normalised."""
    dns_providers: Annotated[Sequence[DnsProvider], PlainValidator(_providers)] = ()
    """Your own DNS providers, used instead of those in *dns*."""
    if TYPE_CHECKING:  # the short forms, which validators make long
        dns: _Dns | Sequence[_Dns] = ()  # type: ignore[assignment]
        keys: Mapping[int, SuppliedKey | Mapping[str, str]] | None = None  # type: ignore[assignment]
        mail_from: str | MailFrom | Mapping[str, object] | None = None  # type: ignore[assignment]
        key_store: Store | KeyStore | Mapping[str, object] = "state"  # type: ignore[assignment]
    wait: Annotated[bool, Flag()] = False
    """
    Declare a `DkimVerification` for this domain, so that other resources can depend on it. It fails if
    the domain is not verified within its time limit.
    """

    def settings(self) -> settings.DomainSettings:
        """The settings with all defaults; without *regions*, the Region is the stack's `aws:region`."""
        if problems := list(stack_config.sent_secrets()):  # before AWS is asked for zones and accounts
            raise InvalidSettings(problems)
        return settings.domain(self.domain, self, default_region=stack_config.region())
