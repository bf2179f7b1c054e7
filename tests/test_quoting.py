"""
Words of others are quoted without what is secret, and without what a terminal or a CI obeys.

If this fails, a message publishes a private key that somebody pasted into DNS, or a log runs what
a stranger wrote.
"""

from types import SimpleNamespace

import pytest

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
