"""
The plugin's inputs: what any program may send, and what a state that was edited by hand may hold.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final, cast
from unittest.mock import patch

from hypothesis import strategies as st
from pulumi.dynamic import ResourceProvider
from pulumi.output import UNKNOWN

from byodkim_provider import property_types
from byodkim_provider.aws.route53 import Route53Client
from byodkim_provider.errors import error_text
from byodkim_provider.resources import _plugin, dkim_identity_provider
from byodkim_provider.resources.sdk import has_unknown
from tests.continuity.model import as_sent
from tests.fuzz.target import Target, refusals
from tests.fuzz.values import mutated, wire
from tests.support.simulation import pool
from tests.support.world import World

DOMAIN: Final = "example.com"


KEYS: Final = tuple(map(pool, range(3)))


_ZONE: Final = {"provider": "route53", "id": "Z1", "name_servers": ["ns1.example.net"]}


def _inputs(generation: int, **changes: Any) -> dict[str, Any]:
    known = {
        "account_id": "123456789012",
        "dns_resolvers": ("127.0.0.1:53",),
        "dns_wait_seconds": 0,
    }
    declared = World(KEYS).declared(generation, adopt=True, **known)
    private_key = KEYS[generation - 1].pkcs1_base64()
    inputs = {**property_types.written(declared), "private_key": private_key, **changes}
    return {name: value for name, value in as_sent(inputs).items() if name != "fingerprint"}


def _outputs(**changes: Any) -> dict[str, Any]:
    world = World(KEYS)
    world.publish(1)
    outputs = world.verified(1).to_outputs() | {
        "signed_until": {"0": "2026-11-25T12:00:00Z"},
        **changes,
    }
    return as_sent(outputs)


INPUTS: Final = (
    _inputs(1),
    _inputs(
        2,
        configuration_set="newsletter",
        tags={"team": "mail"},
        zones=[_ZONE, {"provider": "manual", "panel": "wix", "name": DOMAIN}],
        supplied_keys={"2": "s2:abc"},
    ),
)
"""What a program sends."""

STATES: Final = (
    _outputs(),
    _outputs(key_set_at=None, signing_since=None, status="AWAITING_DNS"),
    _outputs(zones=[_ZONE], adopted=True),
)
"""What an earlier run stored."""


@dataclass(frozen=True)
class Case:
    """The identity of an unlucky program."""

    news: Any
    olds: Any
    call: str


CALLS: Final = ("diff", "create", "update", "read", "delete")


def cases() -> st.SearchStrategy[Case]:
    """Wrong inputs, or a wrong state."""
    calls = st.sampled_from(CALLS)
    wrong_inputs = st.builds(Case, mutated(INPUTS, wire), st.sampled_from([*STATES, None]), calls)
    wrong_state = st.builds(Case, st.sampled_from(INPUTS), mutated(STATES, wire), calls)
    return st.one_of(wrong_inputs, wrong_inputs, wrong_state)


def put(case: Case) -> None:
    """As the engine does: checked, and only if nothing is wrong compared or made."""
    news, olds = _as_sent(case.news), _as_sent(case.olds)
    world = World(KEYS)
    world.publish(1, 2)
    no_engine = patch.object(_plugin, "_log", lambda *_: None)
    # A state may hold any words of SES's, and they are shown.
    with no_engine, refusals(lambda _: error_text(), characters=50_000):
        provider = _provider(world)
        checked = provider.check({}, dict(news))
        for failure in checked.failures:
            assert failure.reason.isprintable(), "a terminal would obey it"
            assert len(failure.reason) < 2000
        if not checked.failures:
            _call(provider, case.call, olds, _plain(checked.inputs))


def _as_sent(value: Any) -> dict[str, Any]:
    """A map without None, as the wire has it."""
    return (
        {name: one for name, one in value.items() if one is not None}
        if isinstance(value, Mapping)
        else {}
    )


def _plain(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Checked inputs as they come back, secrets in plain."""
    return {
        name: one["value"]
        if isinstance(one, Mapping) and "4dabf18193072939515e22adb298388d" in one
        else one
        for name, one in inputs.items()
    }


def _provider(world: World) -> ResourceProvider:
    route53 = SimpleNamespace(name_servers=lambda zone_id: ("ns1.example.net",))
    return dkim_identity_provider.ByodkimIdentityProvider(
        lambda _: world.outside,
        lambda *_, **__: cast(Route53Client, route53),
        run=world.run,
    )


def _call(
    provider: ResourceProvider, call: str, olds: dict[str, Any], news: dict[str, Any]
) -> None:
    if not olds and call != "create":
        return  # there is nothing to call about
    if has_unknown(news) and call in ("create", "update"):
        return  # the engine asks only when all is known
    calls: dict[str, Callable[[], object]] = {
        "diff": lambda: provider.diff("id", olds, news),
        "create": lambda: provider.create(news),
        "update": lambda: provider.update("id", olds, news),
        "read": lambda: provider.read("id", olds),
        "delete": lambda: provider.delete("id", olds),
    }
    calls[call]()


ONCE_HARMFUL: Final = (
    Case(INPUTS[1] | {"domain": UNKNOWN}, None, "create"),
    Case(INPUTS[0] | {"owner": UNKNOWN}, _outputs(), "diff"),
    Case(INPUTS[0] | {"account_id": "\x1b[2J"}, _outputs(), "diff"),
)

TARGETS = (Target("resources", cases(), put, regressions=ONCE_HARMFUL, weight=8),)
