"""Ctrl-C while a run waits: it ends at once and in order, and the next one goes on from there."""

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from byodkim_provider.dkim import keys
from tests.engine.stack import OPENSSL_KEY, REGION, requests, step_lines

pytestmark = pytest.mark.engine

WAIT_SECONDS = 2
"""From the signal to the end of the wait."""

CLI_SECONDS = 4
"""
To the end of the CLI. It needs half a second, and more on a machine that is busy with other things;
a plugin that does not end by itself is killed after five.
"""


def interrupted_up(stack, *, when):
    """
    What comes of an `up` that gets Ctrl-C once it has shown *when*.

    The wait has to end within two seconds, and the CLI soon after.
    """
    waiting, pressed, ended = threading.Event(), [], []

    def hear(line):
        if when in line:
            waiting.set()
        if pressed and re.search(r" (created|updated) \(", line):
            ended.append(time.monotonic())

    with ThreadPoolExecutor() as pool:
        run = pool.submit(stack.up, on_output=hear)
        run.add_done_callback(lambda _: waiting.set())
        waiting.wait()
        assert not run.done(), run.result().stdout
        pressed.append(time.monotonic())
        stack.interrupt()
        result = run.result()
    assert time.monotonic() - pressed[0] < CLI_SECONDS
    assert ended[0] - pressed[0] < WAIT_SECONDS
    return result


def stored(stack):
    """
    The resources in state by name, with their outputs, and what the engine believes unfinished.
    """
    deployment = json.loads(stack.export_text())["deployment"]
    outputs = {
        each["urn"].split("::")[-1]: each.get("outputs", {}) for each in deployment["resources"]
    }
    return outputs, deployment.get("pending_operations", [])


def test_waits_end_at_once(sandbox, switches, open_stack):
    """
    A wait for DNS and one for SES end at once, what is so then is in state, and the next `up` goes
    on.
    """
    domain = "interrupted.example"
    sandbox.add_zone(domain)
    record = f"s1._domainkey.{domain}"
    stack = open_stack(
        {
            domain: {
                "generation": 1,
                "keys": {"1": {"selector": "s1", "privateKey": OPENSSL_KEY}},
                "dnsWaitSeconds": 600,
            }
        }
    )

    sandbox.dns.override(record, ())
    result = interrupted_up(stack, when="0 of 4 servers show the key after")
    assert result.failed
    outputs, unfinished = stored(stack)
    assert (outputs[f"{domain}/{REGION}"]["status"], unfinished) == ("AWAITING_DNS", [])
    assert domain not in sandbox.ses.identities(REGION)

    sandbox.dns.override(record, None)
    switches.first_check_seconds = 1800
    result = interrupted_up(stack, when="verified after")
    assert result.failed
    outputs, unfinished = stored(stack)
    assert (outputs[f"{domain}/{REGION}"]["status"], unfinished) == ("NOT_STARTED", [])
    assert len(outputs["verification"]["pending"]) == 1

    sandbox.clock.advance(3600)
    with requests(sandbox) as asked:
        result = stack.up()
    assert step_lines(result) == ["update verification DkimVerification"]
    assert asked.operations == ["GetEmailIdentity"]
    assert result.outputs["pending"] == []
    assert sandbox.ses.signing_key(domain, REGION) == ("s1", keys.load(OPENSSL_KEY).pkcs1_der)
