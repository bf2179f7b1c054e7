"""
What people do with a domain: the runs that go wrong in the fault matrix, and how things stood
before.

A table. What may go wrong and what must come of it is in `trouble` and `matrix`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, Literal

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from byodkim_provider.dkim import records
from byodkim_provider.hosts.interface import Credentials
from sandbox.ses.switches import Switches
from tests.continuity.model import Outcome
from tests.faults.host import SERVER, Host
from tests.faults.outside import Outside
from tests.faults.stack import PLAIN, RECORDS, Stack, Written
from tests.faults.trouble import Trouble
from tests.support.fakes import REGION
from tests.support.simulation import DOMAIN, KEYS_ZONE, pool

NEIGHBOUR: Final = "other.example"
"""Another stack's domain in the same account."""

SUPPLIED: Final = 90
"""Number in the pool of the key that the user has made himself; its selector is `own`."""

THEIRS: Final = 91
"""Of a key that somebody else gave to SES, under the selector `theirs`."""


BY_API: Final = {"dns": {"provider": "rfc2136", "server": SERVER, "keyName": "byodkim"}}
"""At a host that we write to ourselves."""

SLOTS: Final = {"dns": {"provider": "route53", "zone": KEYS_ZONE, "cname": "ses"}}

SLOTS_BY_API: Final = {"dns": BY_API["dns"] | {"zone": KEYS_ZONE, "cname": "ses"}}

OTHER_REGION: Final = "us-east-1"

BY_ANOTHER_NAME: Final = {"dns": BY_API["dns"] | {"server": "ns1.example.com"}}
"""The same server, spelled otherwise."""


Run = Callable[[Stack, Written | None, Trouble | None], Outcome]

Before = Callable[[Stack], object]


@dataclass(frozen=True)
class Scenario:
    """*run* is what goes wrong; meanwhile and after it, *written* is what the stack file says."""

    name: str
    written: Callable[[], Written | None]
    """None: the domain is not in it."""
    before: Callable[[Stack], object] = lambda _: None
    run: Run = Stack.up
    again: Run = Stack.up
    """What is run after it: plain `pulumi up`, except where that can't know what there is to do."""
    identity_goes: bool = False
    record_stays: bool = False
    """
    A record of this name stays: of an identity that the stack leaves in SES, or with somebody's
    value.
    """
    switches: Mapping[str, Any] = field(default_factory=dict)
    """Where SES behaves in this way only, the scenario comes to a good end at all."""
    is_leak: bool = False
    """Mail that is on its way is given up with the key that signed it."""
    only: str | tuple[str, ...] = ""
    """How the calls begin that go wrong here; all the others do in other scenarios."""


def prepared(scenario: Scenario, switches: Switches) -> Stack:
    """A stack and its surroundings just before the run of *scenario*."""
    stack = Stack(Outside(replace(switches, **scenario.switches)))
    ses, zone = stack.outside.ses, stack.outside.zone
    ses.add_configuration_set(REGION, "news")
    owned = {"byodkim:owner": "another/dev/other.example/eu-west-1", "byodkim:instance": "0"}
    private_key = pool(THEIRS).pkcs1_base64()
    ses.put_identity(
        NEIGHBOUR, REGION, selector="s1", private_key=private_key, status="SUCCESS", tags=owned
    )
    zone.put(f"google._domainkey.{DOMAIN}", '"v=DKIM1; k=rsa; p=MIGf"')
    zone.put(DOMAIN, '"v=spf1 -all"')
    zone.put(
        f"s1._domainkey.{NEIGHBOUR}",
        records.quoted(records.record_value(pool(THEIRS).public_key_der)),
    )
    scenario.before(stack)
    stack.outside.clock.advance(timedelta(hours=1))
    return stack


def _generation(number: int, **more: object) -> Callable[[], Written]:
    return lambda: {"generation": number, **more}


def _nothing() -> None:
    """The domain is not in the stack file."""


_by_api = partial(_generation, **BY_API)
_with_settings = partial(_generation, configurationSet="news", tags={"team": "news"})


def _bounces(label: str = "bounce") -> Written:
    return {"generation": 1, "mailFrom": {"label": label, "onMxFailure": "reject"}}


def _own_key(**more: object) -> Callable[[], Written]:
    """With a key that the user has made; PEM, as `openssl genrsa` writes it."""

    def written() -> Written:
        der = load_der_private_key(pool(SUPPLIED).pkcs1_der, None)
        pem = der.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        return {
            "generation": 1,
            "keys": {"1": {"selector": "own", "privateKey": pem.decode()}},
            **more,
        }

    return written


def _made(*steps: Callable[[], Written]) -> Callable[[Stack], None]:
    """Earlier runs, each long enough after the one before."""

    def before(stack: Stack) -> None:
        for written in steps:
            outcome = stack.up(written())
            assert outcome == "done", stack.engine.errors
            stack.outside.clock.advance(timedelta(days=11))
        if steps:
            assert stack.planned(steps[-1]()) == [] or stack.up(steps[-1]()) == "done"

    return before


def _by_hand(selector: str, key: int) -> Before:
    """Somebody has made the identity and the record with a key by hand."""

    def before(stack: Stack) -> None:
        private_key = pool(key).pkcs1_base64()
        stack.outside.ses.put_identity(
            DOMAIN, REGION, selector=selector, private_key=private_key, tags={"team": "mail"}
        )
        value = records.record_value(pool(key).public_key_der)
        stack.outside.zone.put(records.record_name(selector, DOMAIN), records.quoted(value))

    return before


_theirs, _mine_by_hand = _by_hand("theirs", THEIRS), _by_hand("own", SUPPLIED)


def _easy_dkim(stack: Stack) -> None:
    stack.outside.ses.put_easy_dkim(DOMAIN, REGION)


def _changed(**changes: object) -> Callable[[Stack], None]:
    """Made, and then changed in the console."""

    def before(stack: Stack) -> None:
        _made(_generation(1))(stack)
        stack.outside.ses.change(DOMAIN, REGION, **changes)

    return before


def _gone(stack: Stack) -> None:
    _made(_generation(1))(stack)
    stack.outside.ses.remove(DOMAIN, REGION)


def _adopted(stack: Stack) -> None:
    _mine_by_hand(stack)
    stack.outside.clock.advance(timedelta(hours=1))
    _made(_own_key(adopt=True))(stack)


def _with_mail_from(stack: Stack) -> None:
    """SES has not looked for the MX record yet."""
    assert stack.up(_bounces()) == "done"


def _record_late(stack: Stack) -> None:
    """The run that made the record ended before it was to be seen."""
    clock, zone = stack.outside.clock, stack.outside.zone
    zone.hidden_until = clock.now() + timedelta(minutes=30)
    assert stack.up(_generation(1)()) == "done"


def _joined_later(stack: Stack) -> None:
    """Somebody has put a value beside ours."""
    _made(_by_api(1))(stack)
    name = next(one.outputs["name"] for one in stack.engine.state.values() if one.kind in RECORDS)
    _host(stack)._put(name, (*_host(stack)._values(name), "v=spf1 -all"))


def _record_gone(stack: Stack) -> None:
    """Somebody has removed the standby's record."""
    _made(_by_api(1))(stack)
    state = stack.engine.state
    name = next(one.outputs["name"] for at, one in state.items() if "/key2/" in at)
    _host(stack)._put(name, ())


def _host(stack: Stack) -> Host:
    """As somebody else reaches it."""
    return Host(stack.outside, Credentials("rfc2136", {}, {}, {}))


def _new_secret(
    where: Literal["stack_file", "variable"], before: Callable[[Stack], object]
) -> Before:
    """After *before* the host has got another secret, and the user has put it there."""

    def changed(stack: Stack) -> None:
        before(stack)
        stack.outside.secrets.of_host = "c2Vjb25k"
        setattr(stack.outside.secrets, where, "c2Vjb25k")

    return changed


def _of_a_namesake(stack: Stack) -> None:
    """Another stack of the same name has the domain, with the same key."""
    _made(_own_key())(stack.beside())


def _adopted_by_another(stack: Stack) -> None:
    """Another stack has taken the identity over, with the same key, and this one lets it go."""
    _made(_own_key())(stack)
    assert stack.beside().up(_own_key(adopt=True)()) == "done"
    assert stack.up(_own_key(adopt=True)()) == "done"


def _with_cnames(*steps: Callable[[], Written]) -> Before:
    """As `_made`, in a domain whose CNAMEs have been pasted."""

    def before(stack: Stack) -> None:
        stack.outside.zone.paste_cnames()
        _made(*steps)(stack)

    return before


def _with_slots(how: str, dns: Mapping[str, Any], calls: tuple[str, ...]) -> tuple[Scenario, ...]:
    """What people do with a domain whose CNAMEs have been pasted; *calls* go wrong."""

    one, two, three = (_generation(number, **dns) for number in (1, 2, 3))
    both = {"regions": [REGION, OTHER_REGION], **dns}
    # What a person writes once the key of generation 2 has leaked. Its slot is empty then.
    leaked = _generation(3, published=[1, 3], overlapDays=0, **dns)
    back, filled = (_generation(n, published=[n, n + 1, n + 2], **dns) for n in (2, 3))
    in_both = [_generation(number, **both) for number in (1, 2, 3)]
    moved = {"dns": [PLAIN, dns["dns"] | {"fromGeneration": 3}]}
    before_move = _with_cnames(_generation(1), _generation(1, **moved))
    made = partial(Scenario, only=calls)
    return (
        made(f"create {how}", one, _with_cnames()),
        made(f"switch 2 to 3 {how}", three, _with_cnames(one, two)),
        made(f"switch {how} in two Regions", in_both[2], _with_cnames(*in_both[:2])),
        made(f"go back 3 to 2 {how}", back, _with_cnames(one, two, three)),
        made(f"drop a leaked key {how}", leaked, _with_cnames(one, two), is_leak=True),
        made(f"fill the slot of a leaked key {how}", filled, _with_cnames(one, two, leaked)),
        made(f"move {how}", _generation(2, **moved), before_move),
        made(f"delete {how}", _nothing, _with_cnames(one, two), identity_goes=True),
    )


REFRESHED: Final[Mapping[str, Run]] = {"run": Stack.up_refresh, "again": Stack.up_refresh}

_at_host = partial(Scenario, only="Host")

SCENARIOS: Final = (
    Scenario("create", _generation(1)),
    Scenario("create with settings", _with_settings(1)),
    Scenario("create with own key", _own_key()),
    Scenario("create, record was late", _generation(1), _record_late),
    Scenario("switch 2 to 3", _generation(3), _made(_generation(1), _generation(2))),
    Scenario(
        "go back 3 to 2", _generation(2, published=[2, 3, 4]), _made(*map(_generation, (1, 2, 3)))
    ),
    Scenario(
        "change settings",
        _with_settings(1),
        _made(_generation(1, tags={"team": "mail", "cost": "7"})),
    ),
    Scenario("adopt, same key", _own_key(adopt=True), _mine_by_hand),
    Scenario("adopt, other key", _generation(1, adopt=True), _theirs),
    Scenario(
        "adopt from Easy DKIM", _generation(1, adopt=True, acceptUnsignedWindow=True), _easy_dkim
    ),
    Scenario("create with MAIL FROM", _bounces),
    Scenario("set MAIL FROM", _bounces, _made(_generation(1))),
    Scenario("confirm MAIL FROM", _bounces, _with_mail_from),
    Scenario("change MAIL FROM", partial(_bounces, "mail"), _made(_bounces)),
    Scenario("take MAIL FROM back", _generation(1), _made(_bounces)),
    Scenario("retire", _generation(1, retired=True), _made(_generation(1)), identity_goes=True),
    Scenario("delete", _nothing, _made(_generation(1)), identity_goes=True),
    Scenario("delete, adopted", _nothing, _adopted, record_stays=True),
    Scenario("delete, adopted by another stack", _nothing, _adopted_by_another, record_stays=True),
    Scenario(
        "try to take a namesake's",
        _nothing,
        _of_a_namesake,
        lambda stack, written, trouble: stack.up_twice(_own_key()(), written, trouble),
    ),
    Scenario("refresh", _generation(1), _made(_generation(1)), Stack.up_refresh),
    Scenario("repair disabled", _generation(1), _changed(signing_enabled=False), **REFRESHED),
    Scenario(
        "repair failed",
        _generation(1),
        _changed(status="FAILED"),
        **REFRESHED,
        switches={"failed_restarts": True},
    ),
    Scenario("switch after failed", _generation(2), _changed(status="FAILED")),
    Scenario("make again", _generation(1), _gone, **REFRESHED),
    _at_host("create by API", _by_api(1)),
    _at_host("create by API with own key", _own_key(**BY_API)),
    _at_host("take own record over by API", _own_key(adopt=True, **BY_API), _mine_by_hand),
    _at_host("switch by API", _by_api(2), _made(_by_api(1))),
    _at_host("drop by API", _by_api(2, published=[2, 3]), _made(_by_api(2))),
    _at_host("server's name by API", _generation(1, **BY_ANOTHER_NAME), _made(_by_api(1))),
    _at_host("delete by API", _nothing, _made(_by_api(1)), identity_goes=True),
    _at_host(
        "delete by API beside another value",
        _nothing,
        _joined_later,
        identity_goes=True,
        record_stays=True,
    ),
    _at_host("make again by API", _by_api(1), _record_gone, **REFRESHED),
    _at_host(
        "drop by API, new secret in the stack file",
        _by_api(2, published=[2, 3]),
        _new_secret("stack_file", _made(_by_api(2))),
    ),
    _at_host(
        "make again by API, new secret in the variable",
        _by_api(1),
        _new_secret("variable", _record_gone),
        **REFRESHED,
    ),
    _at_host(
        "destroy by API, new secret in the variable",
        _nothing,
        _new_secret("variable", _made(_by_api(1))),
        *[Stack.destroy] * 2,
        identity_goes=True,
    ),
    _at_host(
        "destroy by API with the program, new secret in the stack file",
        _nothing,
        _new_secret("stack_file", _made(_by_api(1))),
        *[Stack.destroy_run_program] * 2,
        identity_goes=True,
    ),
    *_with_slots("with slots", SLOTS, ("SES", "Route 53")),
    *_with_slots("with slots by API", SLOTS_BY_API, ("SES Put", "Host")),
    Scenario(
        "switch with slots, at first without the identity",
        _generation(3, **SLOTS),
        _with_cnames(_generation(1, **SLOTS), _generation(2, **SLOTS)),
        Stack.up_without_identities,
        only="Route 53",
    ),
    # That a replacement's answer was lost shows only in SES, so plain `up` can't know.
    Scenario("replace", _generation(1), _made(_generation(1)), Stack.up_replace, Stack.up_refresh),
)

LIKELY: Final = "likely"

_unhurried = partial(Switches, requests_per_second=None)

PROFILES: Final[Mapping[str, Switches]] = {
    LIKELY: _unhurried(),
    "silent": _unhurried(
        status_after_put="NOT_STARTED",
        verification_info="empty",
        signs_while_pending="old",
        read_lag_seconds=3,
        put_lag_seconds=20,
        put_answer="before",
    ),
    "stale": _unhurried(
        status_after_put="SUCCESS",
        verification_info="stale",
        create_answer="as Get",
        put_answer="as Get",
        same_key_restarts=False,
        failed_restarts=True,
        signs_while_pending="new",
        old_key_lingers_seconds=5,
        first_check_seconds=20,
        lost_record_takes_back_verification=True,
    ),
    "frozen": _unhurried(verification_info="frozen", first_check_seconds=660),
    "filled": _unhurried(
        status_after_put="SUCCESS",
        verification_info="filled",
        put_lag_seconds=20,
        failed_check_keeps_success=True,
        refuses_bad_keys=True,
    ),
    "slow": Switches(
        verification_info="ownership",
        caches_no_such_name=True,
        put_enables_signing=True,
        verifies_tagged_records=False,
        failed_restarts=False,
        follows_cname=False,
        identity_limit=2,
    ),
}
"""Behaviours of SES: each value of each switch is in one of them."""
