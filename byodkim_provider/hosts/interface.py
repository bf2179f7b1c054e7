"""
What all DNS hosts share: how each is described, settings, credentials, three methods, and what they
raise.

Every change is one value at one name; record sets that were read earlier are never written back.
A request that did not succeed is `DnsRefused`, if a retry does not help, or else `DnsUnconfirmed`:
the response was lost, or the name was changed meanwhile. `publish` decides about order and retries,
and makes of the last error the one that users see, of the same class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal
from urllib.parse import unquote

from byodkim_provider.dns.panels import Panel
from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.messages import Message
from byodkim_provider.messages.hosts import HostMessages, RecordMessages
from byodkim_provider.quoting import hidden

Existing = Literal["replace", "same key", "slot", "free slot"]
"""
What happens to a record that exists already at the name.

- `replace`: it is replaced. Nobody else has the selector of a generated key.
- `same key`: it stays if it has the same key, which the user has supplied. Any other is refused.
- `slot`: the same for a slot of `cname` that has its key already.
- `free slot`: the same, but a key that this stack had in the slot before is replaced.
"""

MAX_SAID: Final = 300
"""Longest message of a host that is shown, in characters: most are a sentence or two."""


class NotDone(DnsUnconfirmed):
    """The host did nothing: it was not reached, or had no time. A retry may help."""


class Busy(NotDone):
    """The host throttled the request, and wants to be asked again after *seconds*."""

    def __init__(self, said: object, seconds: float) -> None:
        super().__init__(HostMessages.BUSY(said=said, seconds=seconds))
        self.retry_after = seconds


@dataclass(frozen=True)
class Credentials:
    """
    Secrets for one host, with the stack file's names. A class so that they are never shown.

    An environment variable wins over the configuration: in `destroy` and `refresh` the engine
    passes the configuration of the last `up`, with secrets that may have expired since.
    """

    name: str
    """The name under `dnsCredentials` in the stack file."""
    given: Mapping[str, str]
    """The secrets in the stack's configuration under that name."""
    variables: Mapping[str, str]
    """Environment variables with the same values, by key."""
    environment: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Credentials({self.name!r})"

    def __getitem__(self, key: str) -> str:
        """The secret *key*; raises `DnsRefused` with how to set it."""
        secret = self._value(key)
        if not secret:
            raise DnsRefused(HostMessages.NO_SECRET(key=key, setting=self.hint(key)))
        if not (secret.isascii() and secret.isprintable()):
            raise DnsRefused(HostMessages.SECRET(key=key, setting=self.hint(key)))
        return secret

    def missing(self) -> list[str]:
        """The secrets that are not set anywhere, in the host's order."""
        return [key for key in self.variables if not self._value(key)]

    def _value(self, key: str) -> str:
        # A secret from a file often ends with a line break; in a header, that would be quoted in an
        # error.
        return (self.environment.get(self.variables[key]) or self.given.get(key, "")).strip()

    def setting(self, key: str) -> str:
        """Where a preview or an update has the secret *key* from."""
        return f"{self._command(key)}, or the environment variable {self.variables[key]}"

    def hint(self, key: str) -> Message:
        """How to give another secret *key* to the run that was refused, and to the next one."""
        variable = self.variables[key]
        return RecordMessages.SET_BY(variable=variable, command=self._command(key), key=key)

    def _command(self, key: str) -> str:
        return f"`pulumi config set --secret --path 'dnsCredentials.{self.name}.{key}'`"

    def said(self, text: str) -> str:
        """
        What a host says in *text*, as it is shown: on one line, not long, with all secrets removed.
        """
        secrets = [self._value(key) for key in self.variables]
        # The token in the URL of a cPanel account: all behind the first colon, and decoded.
        users = [secret.partition("://")[2].rpartition("@")[0] for secret in secrets]
        secrets += [unquote(user.partition(":")[2]) for user in users]
        return hidden(" ".join(text.split()), secrets)[:MAX_SAID]


@dataclass(frozen=True, kw_only=True)
class HostSettings:
    """A record's settings for its host."""

    provider: HostName
    zone: str
    zone_id: str = ""
    """
    Which of several zones of that name. With another *zone_id* or *server* it is the same record.
    """
    server: str = ""
    port: int | None = None
    key_name: str = ""
    key_algorithm: str = ""
    ttl: int | None = None

    @property
    def label(self) -> str:
        """
        Host and zone, such as `godaddy:example.com`: used in errors, and as the key of the lock.
        """
        return f"{self.provider}:{self.zone}"


class DnsHost:
    """
    The TXT records of one zone at one host. Thread-safe; each call has a time-out.

    Names are absolute, without a final dot. A value's strings are joined.
    """

    spec: ClassVar[HostSpec]

    def __init__(self, settings: HostSettings, credentials: Credentials) -> None:
        self.label = settings.label
        self._settings = settings
        self._zone = settings.zone
        self._ttl = self.spec.default_ttl if settings.ttl is None else settings.ttl
        self._credentials = credentials

    def values(self, name: str) -> tuple[str, ...]:
        """The TXT values at *name* now; empty if there is none."""
        raise NotImplementedError

    def add(self, name: str, value: str) -> None:
        """
        Add *value* at *name*, where the last read found no TXT value.

        If another value was added meanwhile, hosts with conditional updates raise an error, and
        other hosts then have both: `publish` reads again.
        """
        raise NotImplementedError

    def remove(self, name: str, value: str) -> None:
        """Remove *value* at *name* and nothing else; no error if it is gone."""
        raise NotImplementedError


HostName = Literal["cloudflare", "godaddy", "dreamhost", "cpanel", "wix", "rfc2136"]
"""The hosts by the names of their modules, which are also their names in a stack file."""


@dataclass(frozen=True, kw_only=True)
class HostSpec:
    """One host."""

    secrets: Mapping[str, str]
    """Its keys under `dnsCredentials`, and the environment variable that replaces each."""
    plain: tuple[str, ...] = ()
    """Those of *secrets* that need not be encrypted."""
    options: tuple[str, ...] = ()
    """Its fields of `DnsSettings` and of `HostSettings`, beside `zone`, `credentials` and `ttl`."""
    required: tuple[str, ...] = ()
    """Those of its options that a domain must give."""
    ttl: range | None
    """The TTLs that it takes, in seconds; None: records have no TTL."""
    default_ttl: int = 0
    panels: Mapping[str, Panel] = field(default_factory=dict)
    """Panels in which people can type the same records, by their names in a stack file."""
    hours_to_show: int = 0
    """How long its name servers may take to show a record; 0: minutes at most."""
    was_run: bool = False
    """Whether the code was run against the real service."""
    module: str = ""
    """
    The module with its `Host`, if not the host's own file: what takes long to import is imported
    late.
    """

    @property
    def all_options(self) -> frozenset[str]:
        return frozenset({"zone", "credentials", *self.options} | ({"ttl"} if self.ttl else set()))
