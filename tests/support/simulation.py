"""
What the simulated lives of a domain share: what its program declares, a process of the plugin,
keys.

The program is the product's own. It runs under Pulumi's mocks, once for each of its stack files: an
output there is its place, `«example.com/2|selector»`, which is filled in when a run knows it.
Continuity and the fault matrix put their own SES, DNS and trouble around it.
"""

import asyncio
import functools
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

from pulumi.dynamic.dynamic import PROVIDER_KEY
from pulumi.output import Unknown
from pulumi.runtime import mocks, resource
from pulumi.runtime.proto import source_pb2
from pulumi.runtime.settings import SETTINGS, reset_options

from byodkim_provider.aws.ses import SesClient
from byodkim_provider.config import settings
from byodkim_provider.dkim import keys
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.identity.run import Run, Services
from byodkim_provider.identity.state import STACK_VERIFICATION
from byodkim_provider.program import route53
from byodkim_provider.program.domain import ByodkimDomain
from byodkim_provider.resources import inputs
from byodkim_provider.resources._provider import StackIdProvider
from byodkim_provider.resources.declared import DkimVerification, DkimVerificationArgs
from byodkim_provider.resources.dkim_identity_provider import ByodkimIdentityProvider
from byodkim_provider.resources.dkim_key_provider import DkimKeyProvider
from byodkim_provider.resources.dkim_verification_provider import DkimVerificationProvider
from byodkim_provider.resources.dns_record_provider import DnsRecordProvider
from tests.support.fakes import SERVERS, FakeClock, FakeProgress

Properties = dict[str, Any]

Known = Mapping[str, Properties]
"""Outputs of the resources so far, by name."""

DOMAIN: Final = "example.com"
KEYS_ZONE: Final = "keys.example.net"
RETURNS_ZONE: Final = f"returns.{DOMAIN}"
ZONES: Final = {
    "Z0EXAMPLE": DOMAIN,
    "Z0SECOND": DOMAIN,
    "Z0KEYS": KEYS_ZONE,
    "Z0RETURNS": RETURNS_ZONE,
}
"""Names of the zones in Route 53, by id."""

ACCOUNT: Final = "123456789012"

STACK_ID: Final = "byodkim"
"""Name of the resource that is the stack's id."""

UNKNOWN: Final = Unknown()  # type: ignore[no-untyped-call]

PLACE: Final = re.compile(r"«([^|»]*)\|([^»]*)»")

OUTPUTS: Final = {
    "DkimKey": ("selector", "private_key", "record_name", "record_value", "fingerprint"),
    "ByodkimIdentity": (*inputs.VERIFIED, "slots"),
}
"""Of each kind, the outputs that the program hands on."""

_generate, _load = (
    keys.generate,
    functools.cache(keys.load),
)  # the same keys are read thousands of times


@functools.cache
def pool(number: int) -> keys.SigningKey:
    """A short key, the same for a number at any time."""
    return _generate(keys.MIN_BITS)


class Route53:
    """The zones of Route 53, as a program and the plugin ask for them; none is ever deleted."""

    standing: Callable[[str, str, str], Collection[str]]
    """What stands at a name, in the life that goes on."""

    def zones(self) -> Mapping[str, str]:
        return ZONES

    def name_servers(self, zone_id: str) -> tuple[str, ...]:
        return ("ns3.example.net", "ns4.example.net") if zone_id == "Z0SECOND" else SERVERS


ROUTE53: Final = Route53()


# --- what the program declares


@dataclass(frozen=True)
class Declaration:
    """A resource as the program declares it."""

    kind: str
    depends: tuple[str, ...]
    waits: frozenset[str]
    """What comes before it: its dependencies, and the outputs that its inputs are made of."""
    given: Properties
    """Its inputs, with places."""
    hooks: tuple[Callable[[Any], Any], ...]
    stays: bool
    """It is kept when it leaves the stack (`retain_on_delete`)."""

    def inputs(self, known: Known) -> Properties:
        """Its inputs, with the outputs of the others."""
        inputs: Properties = filled(self.given, known)
        return inputs

    def before_write(self, new: Properties, old: Properties | None, known: Known) -> None:
        """Call its hooks."""
        refuse_others = route53.refuse_others

        def refuse(problem: Any, name: str, standing: Any, ours: list[str]) -> None:
            marks: list[str] = []
            for mark in ours:
                value = filled(mark, known)
                if value is UNKNOWN and old:
                    return  # the update asks again
                if value is not UNKNOWN:
                    # Those of a slot stand in one text, with spaces between.
                    marks += value.split() if "|slots_before|" in mark else [value]
            refuse_others(problem, name, standing, marks)

        change = SimpleNamespace(new_inputs=new, old_inputs=old)
        with patch.object(route53, "refuse_others", refuse):
            for hook in self.hooks:
                waiting = hook(change)
                if waiting is not None:
                    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
                        runner.run(waiting)


_slots: Final[list[tuple[list[Any], str, str]]] = []
"""
By the number in a place `«slot|7»`, what `let_stand` is asked, which is the only question of the
program whose answer is no place.
"""


def filled(given: Any, known: Known) -> Any:
    """*given*, with what is *known* in its places; a string with an unknown part is unknown."""
    if isinstance(given, dict):
        return {name: filled(value, known) for name, value in given.items()}
    if isinstance(given, list):
        return [filled(value, known) for value in given]
    if not isinstance(given, str) or "«" not in given:
        return given
    if place := PLACE.fullmatch(given):
        return _output(known, *place.groups())
    values = [_output(known, *place) for place in PLACE.findall(given)]
    return UNKNOWN if UNKNOWN in values else PLACE.sub("{}", given).format(*values)


def _output(known: Known, name: str, output: str) -> Any:
    if name == "slot":
        slots, selector, declared = _slots[int(output)]
        return inputs.let_stand(filled(slots, known), selector, filled(declared, known))
    output, _, selector = output.partition("|")
    value = known[name].get(output)
    if selector and value is not UNKNOWN:
        return (value or {}).get(selector, "")
    return value


def _named(given: Any) -> Iterator[str]:
    """Names of the resources whose places are in *given*."""
    for name, output in PLACE.findall(json.dumps(given, ensure_ascii=False)):
        if name == "slot":
            yield from _named(_slots[int(output)])
        else:
            yield name


class _Recorder(mocks.MockMonitor):
    """The engine, the resources and the hooks of a program that does no more than declare."""

    def __init__(self) -> None:
        super().__init__(self)  # type: ignore[arg-type]
        self.declared: dict[str, Declaration] = {}
        self._given: dict[str, Properties] = {}
        self._hooks: dict[str, Callable[[Any], Any]] = {}

    def call(self, _asked: object) -> Properties:
        """GetCallerIdentity."""
        return {"accountId": ACCOUNT}

    def register_resource_hook(self, hook: Any) -> None:
        self._hooks[hook.name] = hook.callback

    def new_resource(self, asked: Any) -> tuple[str, Properties]:
        self._given[asked.name] = asked.inputs
        outputs = {
            name: f"«{asked.name}|{name}»" for name in OUTPUTS.get(asked.typ.split(":")[-1], ())
        }
        marks = {one: f"«{asked.name}|slots_before|{one}»" for one in asked.inputs.get("slots", ())}
        return f"«{asked.name}|id»", {**asked.inputs, **outputs, "slots_before": marks}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.custom:
            given = self._given[request.name]
            given.pop(PROVIDER_KEY, None)
            depends = tuple(sorted(urn.split("::")[-1] for urn in request.dependencies))
            self.declared[request.name] = Declaration(
                request.type.split(":")[-1],
                depends,
                frozenset({*depends, *_named(given)}),
                given,
                tuple(self._hooks[name] for name in request.hooks.before_create),
                request.retainOnDelete,
            )
        return response


def program(written: Mapping[str, Any] | None) -> Mapping[str, Declaration]:
    """
    What the program of a stack declares that has the domain as it is *written* in the stack file,
    or not at all, by name and in the engine's order. Raises `InvalidSettings`.
    """
    return _program(json.dumps(written, sort_keys=True))


@functools.cache
def _program(written: str) -> Mapping[str, Declaration]:
    of_domain = json.loads(written)
    domain = settings.domain(DOMAIN, of_domain) if of_domain else None

    def declare() -> None:
        identities = list(ByodkimDomain(DOMAIN, domain).identities.values()) if domain else []
        retired = [DOMAIN] if domain and domain.retired else []
        args = DkimVerificationArgs(identities=identities, retired=retired)
        DkimVerification(STACK_VERIFICATION, args)

    def let_stand(slots: list[Any], selector: str, declared: str) -> str:
        _slots.append((list(slots), selector, declared))
        return f"«slot|{len(_slots) - 1}»"

    recorder = _Recorder()
    mocks.set_mocks(recorder, "ses-byodkim", "dev", preview=False, monitor=recorder)  # type: ignore[arg-type]
    SETTINGS.callbacks = recorder  # type: ignore[assignment]
    try:
        with (
            patch.object(route53.Route53, "_client", lambda *_: ROUTE53),
            patch.object(inputs, "let_stand", let_stand),
            # Takes a third of the program's time, and no engine is there to show it.
            patch.object(resource, "_get_stack_trace", source_pb2.StackTrace),
        ):
            mocks.test(declare)()  # type: ignore[no-untyped-call]
    finally:
        reset_options()
    declared = recorder.declared
    waits = {name: sorted(declared[name].waits) for name in sorted(declared)}
    return {name: declared[name] for name in TopologicalSorter(waits).static_order()}


# --- a process of the plugin


def new_run(clock: FakeClock, resolver: DnsResolver, *, checks_dns: bool = True) -> Run:
    """A run, which is a process of the plugin."""
    return Run(
        FakeProgress, clock, lambda check, _: resolver if checks_dns and check != "off" else None
    )


def process(
    records: Any,
    host: Callable[..., Any],
    secret: str,
    *,
    ses: Callable[[str], SesClient],
    names: Callable[[str], Collection[str]],
    run: Run,
) -> dict[str, Any]:
    """
    The providers of a new process of the plugin, with pulumi-aws's *records*, and a DNS *host* of
    this *secret*.
    """
    services = Services(run, ses, names)
    by_api = DnsRecordProvider(host, run=run)
    by_api._config = {"dnsCredentials": {"rfc2136": {"secret": secret}}}.get
    ROUTE53.standing = records.standing
    return {
        "StackId": StackIdProvider(),
        "DkimKey": DkimKeyProvider(run=run),
        "Record": records,
        "DnsRecord": by_api,
        "ByodkimIdentity": ByodkimIdentityProvider(
            lambda _: services,
            run=run,
            route53=lambda *_: ROUTE53,  # type: ignore[arg-type,return-value]
        ),
        "DkimVerification": DkimVerificationProvider(lambda _: services, run=run),
    }


def replaced(generate: Callable[[int], keys.SigningKey]) -> list[tuple[object, str, object]]:
    """Object, attribute and replacement of what the providers take from their process."""
    return [(keys, "generate", generate), (keys, "load", _load)]
