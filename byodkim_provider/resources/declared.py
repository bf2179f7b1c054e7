"""
What a program declares: the resources of this package, each with the provider that `load_v1` knows
for it.

A dynamic resource runs in the Python of the program that declares it. So the plugin, for programs
in other languages, declares the same resources with types of its own, which it serves itself.

What then happens, a provider does in the plugin process. No secret of a DNS host is an input or an
output of a resource: a record names its credentials, and that process reads them from its
configuration, of which they are secret inputs in other languages, or from its environment.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlsplit

import pulumi
from pulumi.dynamic import Resource

from byodkim_provider import __version__
from byodkim_provider.dkim.key_secret import PREFIX
from byodkim_provider.identity.state import TIMEOUT_MINUTES
from byodkim_provider.property_types import plain_object, without_none
from byodkim_provider.resources.inputs import VERIFIED
from byodkim_provider.resources.sdk import (
    InPluginProcess,
    PerProgram,
    as_secret_as,
    configured_names,
    is_plugin,
)

if TYPE_CHECKING:
    from byodkim_provider.identity.verification import OnTimeout


PACKAGE: Final = "byodkim"
"""Name of the plugin, and of the module of its types."""

_providers: PerProgram[pulumi.ProviderResource] = PerProgram()


class OurResource(Resource):
    """
    A resource of this package: its provider runs in a process of its own, as does all that it
    needs.
    """

    outputs: ClassVar[Sequence[str]] = ()
    """Names of the outputs, which a subclass annotates: text, truth values, and lists and maps."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__(module=PACKAGE, name=cls.__name__)
        cls.outputs = tuple(cls.__annotations__)
        # The SDK would evaluate the annotations anew for each resource, and needs none for these
        # types.
        cls.__annotations__ = {}

    def __init__(
        self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """*name* is unique in the stack."""
        kind, props = type(self).__name__, {**dict.fromkeys(self.outputs), **without_none(inputs)}
        if not is_plugin():
            super().__init__(InPluginProcess(kind), name, props, opts)
            return
        # Of a stack that Python has made.
        before = pulumi.Alias(type_=f"pulumi-python:dynamic/{PACKAGE}:{kind}")
        ours = pulumi.ResourceOptions(provider=_providers.get(None, _provider), aliases=[before])
        token = f"{PACKAGE}:index:{kind}"
        pulumi.CustomResource.__init__(
            self, token, name, props, pulumi.ResourceOptions.merge(ours, opts)
        )


def _provider() -> pulumi.ProviderResource:
    """
    The provider of all that the running program declares here.

    The engine hands a plugin the configuration under the plugin's own name only. So this provider
    gets the settings of AWS and the credentials of DNS hosts as its inputs, and has them in the
    state for `destroy`.
    """
    credentials = f"{pulumi.get_project()}:dnsCredentials"
    config: dict[str, pulumi.Input[str]] = {"project": pulumi.get_project()}
    for name in configured_names():
        if name.startswith("aws:") or name == credentials:
            space, _, key = name.partition(":")
            config[name] = as_secret_as(name, pulumi.Config(space).require(key))
    # Without a version, the engine adds that of the program's SDK, from the second run on: an
    # update.
    options = fetched() or pulumi.ResourceOptions(version=__version__)
    return pulumi.ProviderResource(PACKAGE, PACKAGE, {"config": config}, options)


def fetched() -> pulumi.ResourceOptions | None:
    """Where the engine has this plugin from, without credentials, if it keeps a Git clone."""
    folder = Path(str(sys.modules["__main__"].__file__)).resolve().parent
    installed, _, version = folder.parent.name.partition("-v")
    clone = folder.parent / ".git" / "config"
    if not installed.startswith("resource-") or not clone.exists():
        return None
    found = re.search(r"url = (https://\S+)", clone.read_text())
    if found is None:
        return pulumi.ResourceOptions(version=version)
    remote = urlsplit(found[1])
    # A path may have an `@` too: credentials stand in the authority only.
    host = remote.netloc.rpartition("@")[2]
    url = f"git://{host}{remote.path}/{folder.name}"
    return pulumi.ResourceOptions(version=version, plugin_download_url=url)


# --- the resources


NAME: Final = "byodkim"
"""Of the one `StackId` of a stack."""


class StackId(OurResource):
    """
    The id of the stack: a random value, which is this resource's own id.

    Names can't tell two stacks apart: another backend may have a stack of the same name, and a
    renamed stack is still the same one. So the owner tag of what a stack creates in AWS begins with
    this id.

    What has an owner depends on it. So it is in the state before anything is created in AWS, and is
    deleted last. A replacement (`--replace`) concerns only what is created after it: an identity
    keeps its owner.
    """


_ids: PerProgram[StackId] = PerProgram()


def owner_of(resource: str) -> pulumi.Output[str]:
    """
    The owner tag of what *resource* of the running program creates; declares the stack's id if
    needed.
    """
    stack = _ids.get(None, lambda: StackId(NAME, {}))
    return stack.id.apply(lambda id: f"{id}/{resource}")


def stack_name() -> str:
    """Project and stack, for people: `ses-byodkim/prod`."""
    return f"{pulumi.get_project()}/{pulumi.get_stack()}"


class DkimKey(OurResource):
    """
    An RSA key for one generation of a domain.

    It is kept in the stack's state, encrypted by the stack's secrets provider, or only in Secrets
    Manager. The secret is named after the resource and has its owner tag, so a replacement by
    `--replace` finds the same key again.
    """

    selector: pulumi.Output[str]
    """
    `s<yyyymmdd>-<8 hex>`, the date of creation and the first digits of the fingerprint; with
    `cname` that of the generation's slot.
    """
    private_key: pulumi.Output[str | None]
    """
    Secret: PKCS#1 DER in base64, which `openssl base64 -d -A | openssl rsa -inform DER` reads.

    None if the key is in Secrets Manager.
    """
    secret_arn: pulumi.Output[str | None]
    """ARN of the secret; None if the key is in the state."""
    record_name: pulumi.Output[str]
    record_value: pulumi.Output[str]
    created_at: pulumi.Output[str]
    """ISO 8601, UTC."""

    def __init__(
        self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """*inputs* are made by `inputs.of_key`; *name* is unique in the stack."""
        of_secret = {}
        if "key_store" in inputs:
            of_secret = {"secret_name": f"{PREFIX}{stack_name()}/{name}", "owner": owner_of(name)}
        super().__init__(
            name,
            {**inputs, **of_secret},
            pulumi.ResourceOptions.merge(
                opts, pulumi.ResourceOptions(additional_secret_outputs=["private_key"])
            ),
        )


class DnsRecord(OurResource):
    """
    One TXT value at one name, by the API of its DNS host. Other values and other names are never
    touched.
    """

    present_value: pulumi.Output[str]
    """What stands there: the value, or this key as somebody else had written it before."""


class ByodkimIdentity(OurResource):
    """
    The SES identity of one domain in one Region, which signs with a key of one's own.

    SES gets the key only once its record is in DNS. `get` and `pulumi import` don't work, as with
    any dynamic resource; `custom_timeouts` have no effect.
    """

    domain: pulumi.Output[str]
    region: pulumi.Output[str]
    selector: pulumi.Output[str]
    account_id: pulumi.Output[str | None]
    dns_check: pulumi.Output[str]
    dns_resolvers: pulumi.Output[Sequence[str]]
    record_name: pulumi.Output[str]
    record_value: pulumi.Output[str]
    fingerprint: pulumi.Output[str]
    """SHA-256 of the public key (SubjectPublicKeyInfo, DER), 64 hex digits."""
    cname: pulumi.Output[str]
    """The zone to which the domain's CNAMEs lead, if its selector is a slot's, else ""."""
    slots: pulumi.Output[Mapping[str, str]]
    """
    By selector, what may stand in each slot: the record of a generation that may not leave DNS
    stays.
    """
    slots_before: pulumi.Output[Mapping[str, str]]
    """
    By selector, the marks (`dkim.records.mark`) of the keys that each slot had before, with spaces
    between.
    """
    status: pulumi.Output[str]
    """SES's DKIM status in its last response, `AWAITING_DNS` or `GONE`."""
    key_set_at: pulumi.Output[str | None]
    """When SES last got a key; None while awaiting DNS. ISO 8601, UTC, by SES's clock."""
    key_set_by: pulumi.Output[str | None]
    """By which action; None while awaiting DNS."""
    adopted: pulumi.Output[bool]
    """It stays in SES when the resource goes."""
    drift: pulumi.Output[Sequence[str] | None]
    """
    The differences between SES and what is declared, when SES was last read, one sentence each.
    """
    signing_since: pulumi.Output[str | None]
    """Since when SES has this key, ISO 8601, UTC."""
    signed_until: pulumi.Output[Mapping[str, str]]
    """By generation, when each earlier one signed last, ISO 8601, UTC."""

    @property
    def arn(self) -> pulumi.Output[str]:
        """
        Its ARN in SES, for what refers to it there. It is the resource's id, which no change makes
        unknown.

        While awaiting DNS, SES has no identity of that ARN yet.
        """
        return self.id

    def __init__(
        self, name: str, given: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """
        *given* is what `inputs.of_identity` returns for a domain.

        The stack's id and *name* make up the identity's owner tag: rename with `aliases` only.
        """
        private_key = given.get("private_key")
        if private_key is not None:
            private_key = pulumi.Output.secret(private_key)
        inputs = {
            **given,
            "private_key": private_key,
            "zones": list(map(plain_object, given.get("zones", ()))) or None,
            # `check` adds the default tags
            "tags": as_secret_as("aws:defaultTags", given.get("tags")),
            "owner": owner_of(name),
            "stack": stack_name(),
            # The engine does not tell the plugin which run it is; `check` removes this.
            "is_preview": pulumi.runtime.is_dry_run() or None,
        }
        super().__init__(name, inputs, opts)


@dataclass(kw_only=True)
class DkimVerificationArgs:
    """Inputs of a `DkimVerification`."""

    identities: Sequence[ByodkimIdentity]
    timeout_minutes: float = TIMEOUT_MINUTES
    """
    How long a run waits for new and changed identities. A change of this input alone is no change.
    """
    on_timeout: OnTimeout = "warn"
    """
    `warn`: the run succeeds, and the next one checks pending identities once. `fail`: the run
    fails.
    """
    retired: Sequence[str] = ()
    """
    Domains whose identities leave the stack while their records stay; when they left is an output.
    """


class DkimVerification(OurResource):
    """
    Waits until SES has verified identities, and reports why one is not verified.

    When all are verified it makes no call. `get` and `pulumi import` don't work, as with any
    dynamic resource; `custom_timeouts` has no effect, *timeout_minutes* is the time limit.
    """

    results: pulumi.Output[Sequence[Mapping[str, Any]]]
    """For each identity: domain, region, selector, status, verified and reason."""
    pending: pulumi.Output[Sequence[str]]
    """One line for each identity that is not verified: domain, Region, status and reason."""

    retired_at: pulumi.Output[Mapping[str, str]]
    """By domain, when a run first had it as retired: from then on nothing signs."""

    def __init__(
        self, name: str, args: DkimVerificationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """*name* is unique in its stack."""
        inputs = {
            **vars(args),
            "identities": [
                {output: getattr(identity, output) for output in VERIFIED}
                for identity in args.identities
            ],
            "account_id": args.identities[0].account_id if args.identities else None,
            "retired": sorted(args.retired) or None,
        }
        super().__init__(name, inputs, opts)
