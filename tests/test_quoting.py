"""
Words of others are quoted without what is secret, and without what a terminal or a CI obeys.

If this fails, a message publishes a private key that somebody pasted into DNS, or a log runs what
a stranger wrote.
"""

from types import SimpleNamespace

import pytest

from byodkim_provider.errors import InvalidSettings
from byodkim_provider.program import route53
from byodkim_provider.quoting import MAX_QUOTED, in_dns, printable
from byodkim_provider.resources import _plugin
from tests.support import testdata
from tests.support.cases import cases

KEY = "".join(testdata.pem("rsa2048.pkcs8").splitlines())
COMMAND = "##[add-path]/tmp/evil"


@cases(
    ("value", "quoted"),
    {
        "short": ("v=spf1 -all", "v=spf1 -all"),
        "a private key": (
            f"is {KEY} it",
            "is -----BEGIN PRIVATE [...][...]",
        ),
        "a command of a CI": (f"x {COMMAND}", "x # #[add-path]/tmp/evil"),
        "what a terminal obeys": ("a\x1b[2Jb\nc", "a\\x1b[2Jb\\nc"),
        "long": ("word " * 800, ("word " * 800)[:MAX_QUOTED] + "…"),
    },
)
def test_in_dns(value, quoted):
    """A record of others is searched for keys as a whole, and then shortened."""
    assert in_dns(value).startswith(quoted)
    assert len(in_dns(value)) <= MAX_QUOTED + 1


@pytest.mark.parametrize("hashes", range(2, 5))
def test_no_command_is_left(hashes):
    """However many there are, no `##[` is left."""
    assert "##[" not in printable(f"a {'#' * hashes}[group]")


def test_progress(monkeypatch):
    """What servers and hosts say reaches a log as text; lines stay lines."""
    sent = []
    engine = SimpleNamespace(Log=lambda request, timeout: sent.append(request.message))
    monkeypatch.setattr(_plugin, "_engine", lambda: engine)
    _plugin.progress_of_this_call().warn(f"CNAME to {COMMAND}\n  value: \x1b[2J")
    assert sent == ["CNAME to # #[add-path]/tmp/evil\n  value: \\x1b[2J"]


def test_taken(monkeypatch):
    """The refusal to overwrite a record of others quotes neither a key in it nor all of it."""
    monkeypatch.setattr(route53.pulumi.runtime, "is_dry_run", lambda: False)
    new = {"zoneId": "Z1", "name": "bounce.example.com", "type": "TXT", "records": ["v=spf1"]}
    standing = (f'"{KEY[:250]}" "{KEY[250:500]}" "{KEY[500:]}"', f'"{COMMAND}"', '"v=spf1"')
    client = SimpleNamespace(standing=lambda *_: standing)
    change = SimpleNamespace(new_inputs=new, old_inputs=None)
    with pytest.raises(InvalidSettings) as refused:
        route53._refuse_others(client, None, change, is_adopted=False)
    assert "##[" not in str(refused.value)
    for start in range(60, len(KEY) - 80, 16):
        assert KEY[start : start + 16] not in str(refused.value)
