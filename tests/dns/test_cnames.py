"""
If this fails, a CNAME that people pasted wrongly counts as right, or gets the wrong fix.

On BIND and NSD. Each case has a zone of its own, in which the CNAME `ses1` was pasted somehow.
"""

from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

import pytest

from byodkim_provider.dns import diagnosis
from byodkim_provider.dns.diagnosis import ExpectedRecord
from byodkim_provider.dns.resolver import Answer, DnsResolver
from byodkim_provider.hosts.registry import PANELS
from tests.dns import misconfigurations, name_server
from tests.dns.misconfigurations import ANOTHER, KEY, PRIVATE_PEM, VALUE, txt

KEYS = "keys.example.net"
HERE = "ses1._domainkey"
TARGET = f"{HERE}.shop.example.{KEYS}"
RIGHT = f"CNAME {HERE}.{{zone}}.{KEYS}."


@dataclass(frozen=True)
class Case(misconfigurations.Case):
    """`{zone}` in a record is the domain's zone."""

    at_target: str | None = txt(VALUE)
    """What stands in the zone of ours; None for nothing."""
    found_at: str = ""


CASES = {
    "right": Case([(HERE, RIGHT)], ""),
    "missing": Case([], "no-txt", ": no CNAME to ses1._domainkey.{zone}.keys.example.net"),
    "zone doubled in the name": Case(
        [(f"{HERE}.{{zone}}", RIGHT)],
        "wrong-name",
        "zone twice",
        found_at=f"{HERE}.{{zone}}.{{zone}}",
    ),
    "zone doubled in the target": Case(
        [(HERE, RIGHT.removesuffix("."))], "wrong-target", "the CNAME leads to "
    ),
    "sub-domain left out": Case(
        [(HERE, f"CNAME {HERE}.mail.{{zone}}.{KEYS}.")],
        "sub-domain-missing",
        found_at=f"{HERE}.{{zone}}",
        sub_domain="mail.",
    ),
    "proxied": Case([(HERE, "A 192.0.2.1"), (HERE, "AAAA 2001:db8::1")], "proxied", "addresses"),
    "to nowhere": Case(
        [(HERE, "CNAME gone.example.")], "wrong-target", "leads to gone.example, not to "
    ),
    "to another name with the key": Case([(HERE, "CNAME other"), ("other", txt(VALUE))], ""),
    "a TXT record instead": Case([(HERE, txt(VALUE))], "cname", "a TXT record stands at the name"),
    "a private key instead": Case([(HERE, txt(PRIVATE_PEM))], "private-key"),
    "no record behind it": Case([(HERE, RIGHT)], "no-txt", at_target=None, found_at="target"),
    "another key behind it": Case(
        [(HERE, RIGHT)], "another-key", at_target=txt(ANOTHER), found_at="target"
    ),
}


zone_of = partial(misconfigurations.zone_of, cases=CASES)
domain_of = partial(misconfigurations.domain_of, cases=CASES)


@pytest.fixture(scope="module")
def resolver(tmp_path_factory):
    directory = tmp_path_factory.mktemp("name-servers")
    kept = [
        f"{HERE}.{domain_of(name)} IN {case.at_target}"
        for name, case in CASES.items()
        if case.at_target
    ]
    others = {KEYS: "\n".join(kept)}
    files = [misconfigurations.zone_files(CASES, others, second=second) for second in (False, True)]
    with name_server.running(directory, *files) as port:
        yield DnsResolver(resolvers=[f"{name_server.BIND}:{port}"])


def expected(name: str, key: bytes | None = KEY.public_key_der) -> ExpectedRecord:
    domain = domain_of(name)
    return ExpectedRecord(
        selector="ses1",
        domain=domain,
        public_key_der=key,
        target=f"{HERE}.{domain}.{KEYS}",
    )


@pytest.mark.parametrize("name", CASES)
def test_examine(resolver, name):
    """A CNAME that is wrong is told from a record that is wrong behind it."""
    case, record = CASES[name], expected(name)
    found = diagnosis.examine(resolver, record)
    assert (found.verdict, found.code) == ("wrong" if case.code else "right", case.code)
    assert case.says.format(zone=zone_of(name)) in (found.text or found.summary())
    at = record.target if case.found_at == "target" else case.found_at.format(zone=zone_of(name))
    assert found.found_at == at
    assert found.zone == (KEYS if case.found_at == "target" else zone_of(name))
    assert found.notes == ()


@pytest.mark.parametrize(
    "name", ["right", "no record behind it", "missing", "zone doubled in the target"]
)
def test_slot_without_a_record(resolver, name):
    """Of a slot that has no record yet the CNAME alone counts."""
    found = diagnosis.examine(resolver, expected(name, key=None))
    assert found.code == ("" if name == "no record behind it" else CASES[name].code)
    assert found.verdict == ("wrong" if found.code else "right")


def behind_it(failure="", server="127.0.0.1"):
    return Answer(server, None if failure else (), failure, TARGET)


@pytest.mark.parametrize(
    ("answer", "ours", "says", "key"),
    [
        (behind_it("no zone"), (), "", None),
        (behind_it(server="ns.example.net"), ("ns.aws",), ", which ns.aws serve", b"key"),
    ],
    ids=["no domain above it", "the zone above it answers"],
)
def test_no_zone_behind_it(answer, ours, says, key):
    """
    A CNAME into a zone that is not delegated is right: the first thing to do is to delegate the
    zone.
    """
    ours = {"target": TARGET, "name_servers": ours}
    record = ExpectedRecord(selector="ses1", domain="shop.example", public_key_der=key, **ours)
    found = diagnosis.examine(SimpleNamespace(txt=lambda *_: (answer,)), record)
    assert (found.verdict, found.code) == ("wrong", "served-elsewhere")
    assert (found.zone, found.found_at) == (KEYS, TARGET)
    assert found.text == f"the CNAME is right, but nothing delegates to the zone {KEYS}{says}"
    fix = diagnosis.fix(PANELS["other"], record, found, kept=True)
    assert fix.startswith(
        f"have {KEYS} served where the stack keeps the record: by NS records in the zone above"
    )
