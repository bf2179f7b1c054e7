"""
`byodkim` on a real stack: what it tells of it, and a rotation that it writes into the stack file.
"""

import json
import re

import pytest
import yaml

from byodkim_provider.cli.environment import ask_pulumi
from byodkim_provider.cli.stack import read_config
from byodkim_provider.cli.terminal import Failed
from byodkim_provider.property_types import from_json
from tests.engine.results import published_records
from tests.engine.stack import IDENTITY, OPENSSL_KEY, REGION
from tests.support.cli_project import configuration

pytestmark = pytest.mark.engine


def said(result):
    """Lines of standard error, but for those that a busy machine has it say while it waits."""
    return [
        line
        for line in result.stderr.splitlines()
        if not re.search(r"\d answers, waiting for ", line)
    ]


def test_status_and_rotation(sandbox, open_stack, byodkim):
    """
    What `status` shows is what SES and DNS have, and what `rotate` writes the next `up` does.

    No passphrase is asked for, the answer of `pulumi stack export` is enough.
    """
    domain = "cli.example"
    sandbox.add_zone(domain)
    domains = {"CLI.example": {"generation": 1, "tags": {"team": "newsletter"}}}
    stack = open_stack(domains, has_passphrase=True)
    before = published_records(stack.up(), domain)

    shown = byodkim(stack, "status", "--json")
    assert said(shown) == []
    found = json.loads(shown.stdout)
    assert (shown.exit_code, found["verdict"], found["stack"]) == (0, "well", "dev")
    (now,) = found["domains"]
    (identity,) = now["identities"]
    assert identity["selector"] == sandbox.ses.signing_key(domain, REGION)[0]
    for listed, record in zip(now["records"], before, strict=True):
        assert listed.items() >= record.items()
        assert listed["servers_visible"] == 4

    ran = []
    rotated = byodkim(stack, "rotate", domain, "--yes", ran=ran)
    assert said(rotated) == [f"byodkim: {domain}: generation 1 → 2, in DNS: 1, 2, 3"]
    assert ran == [["pulumi", "up", "-s", "dev", "--yes"]]
    assert rotated.stdout == 'ses-byodkim:domains["CLI.example"].generation: 1 -> 2\n'

    # What the file says by now is for `pulumi preview`: status reads the state.
    assert byodkim(stack, "status").exit_code == 0
    twice = byodkim(stack, "rotate", domain, "--yes", ran=ran)
    assert "the stack file has what no run has carried out yet: generation" in twice.stderr

    assert ("update", f"{domain}/{REGION}", IDENTITY) in stack.up().steps
    assert f"{sandbox.ses.signing_key(domain, REGION)[0]}._domainkey.{domain}" == before[1]["name"]
    again = byodkim(stack, "rotate", domain, "--yes", ran=ran)
    assert again.exit_code == 1
    assert "`generation: 3` with `published: [1, 2, 3, 4]` is allowed" in again.stderr
    missing = byodkim(stack, "status", "-s", "other")
    assert (missing.exit_code, missing.stdout) == (3, "")


def plain(config):
    return {name: text and from_json(text) for name, text in config.items()}


def test_what_pulumi_config_prints(open_stack, shell):
    """Pulumi prints a configuration as the unit tests take it to, without what is encrypted."""
    domain = "printed.example"
    key = {"selector": "s1", "privateKey": OPENSSL_KEY}
    written = {
        "generation": 1,
        "keys": {1: key},
        "tags": {"a": "x   y <ü>", "b": "1"},
        "regions": [REGION],
    }
    stack = open_stack({domain: written})
    stack.set_secret("aws:secretKey", "secret")
    settings = yaml.safe_load(stack._settings.read_text())
    settings["config"] |= {"ses-byodkim:text": "a\n\n  domains  {}\nb", "ses-byodkim:number": 3}
    stack._settings.write_text(yaml.safe_dump(settings))
    project_file = stack._work / "Pulumi.yaml"
    with project_file.open("a") as file:
        file.write("config: {number: 4, more: {value: {a: [1, x, true]}}, 'aws:profile': mail}\n")
    arguments = ["config", "--json", "-s", "dev"]
    shell(stack)
    printed = ask_pulumi(arguments, stack._work)
    ours, theirs = (
        read_config(configuration(project_file, stack._settings)),
        read_config(printed),
    )
    assert plain(theirs) == plain(ours)
    assert theirs["aws:secretKey"] is ours["aws:secretKey"] is None
    assert theirs["ses-byodkim:text"] == "a\n\n  domains  {}\nb"
    with pytest.raises(Failed, match="no stack named 'other' found"):
        ask_pulumi([*arguments[:-1], "other"], stack._work)
