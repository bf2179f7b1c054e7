"""
A stack of an earlier commit goes on: what its state still has goes without a trace.

The state was made by commit a3f1f16f, with a `RecordGuard` beside each record: three domains, two
of them rotated once. Times, stack traces and the configuration with its secret were removed; the
generated keys in it sign nothing.
"""

import json
from pathlib import Path

import pytest

from sandbox.mail.client import send
from tests.engine.panel import Panel
from tests.engine.stack import IDENTITY, KEY, OPENSSL_KEY, RECORD, REGION, requests, steps
from tests.engine.state import days_pass

pytestmark = pytest.mark.engine

STATE = Path(__file__).parent / "data" / "before_plain_records.json"

GUARD = "pulumi-python:dynamic/byodkim:RecordGuard"

PLAIN, SLOTS, OWN = (f"{name}before.example" for name in ("plain.", "slots.", "own.plain."))

KEYS_ZONE = "keys.before.example"


def declared(generation):
    dns = {"provider": "route53", "zone": KEYS_ZONE, "cname": "ses"}
    own = {"selector": "mine", "privateKey": OPENSSL_KEY}
    return {
        PLAIN: {"generation": generation},
        SLOTS: {"generation": generation, "dns": dns},
        OWN: {"generation": 1, "keys": {"1": own}},
    }


def of_type(resources, kind):
    return [one for one in resources if one["type"] == kind]


def before(sandbox):
    """The resources in the state, once SES and DNS have what they stand for."""
    panels = {name: Panel(sandbox, f"{name}.before.example") for name in ("plain", "slots", "keys")}
    text = (
        STATE.read_text()
        .replace("RESOLVER", sandbox.dns_resolver)
        .replace("ACCOUNT", sandbox.account)
    )
    for name, panel in panels.items():
        text = text.replace(f"ZONE-OF-{name.upper()}", panel.zone_id)
    resources = json.loads(text)["resources"]
    for slot in (1, 2, 3):
        name = f"ses{slot}._domainkey.{SLOTS}"
        panels["slots"].paste(name, f"{name}.{KEYS_ZONE}.", kind="CNAME")
    by_zone = {panel.zone_id: panel for panel in panels.values()}
    for record in of_type(resources, RECORD):
        made = record["outputs"]
        values = [value.replace('""', "") for value in made["records"]]
        by_zone[made["zoneId"]].paste(made["name"], *values)
    for identity in of_type(resources, IDENTITY):
        made = identity["outputs"]
        sandbox.ses.put_identity(
            made["domain"],
            REGION,
            selector=made["selector"],
            private_key=json.loads(identity["inputs"]["private_key"]["plaintext"]),
            tags={
                "byodkim:owner": made["owner"],
                "byodkim:stack": made["stack"],
                "byodkim:instance": made["instance"],
            },
        )
    return resources, panels


def test_with_guards(sandbox, open_stack):
    """Guards go and do nothing, SES is not called, no record changes; then the stack rotates."""
    resources, panels = before(sandbox)
    stack = open_stack({})
    stack.apply({})
    state = stack._stack.export_stack()
    state.deployment["resources"] = resources
    stack._stack.import_stack(state)
    stack.declare(declared(2))

    names = {name: panel.names() for name, panel in panels.items()}
    with requests(sandbox) as asked:
        up = stack.apply()
    assert asked.operations == []
    made = steps(up)
    guards = len(of_type(resources, GUARD))
    assert sorted(made) == sorted(
        [
            *[("update", f"{domain}/{REGION}", IDENTITY) for domain in (PLAIN, SLOTS, OWN)],
            *[step for step in made if step[0] == "delete" and step[2] == GUARD],
        ]
    )
    assert len(made) == guards + 3
    assert {name: panel.names() for name, panel in panels.items()} == names
    assert all(send(sandbox, domain, REGION).verdict.result == "pass" for domain in declared(2))
    with requests(sandbox) as asked:
        assert steps(stack.up()) == []
    assert (asked.ses, asked.dns) == ([], [])

    days_pass(stack, 11)
    rotated = stack.apply(declared(3))
    for domain in (PLAIN, SLOTS):
        assert ("delete", f"{domain}/1", KEY) in steps(rotated)
        assert send(sandbox, domain, REGION).verdict.result == "pass"
    assert len(panels["plain"].names()) == len(names["plain"])
    assert stack.destroy().ok
    assert [panel.names() for panel in panels.values()] == [[], [], []]
