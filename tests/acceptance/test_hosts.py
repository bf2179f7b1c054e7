"""
If this fails, who tries a host of theirs leaves a record behind, shows a secret, or hears that all
is well where it is not.
"""

from __future__ import annotations

import pytest

from byodkim_provider.hosts.registry import SPECS
from tests.acceptance.hosts import main
from tests.hosts.backends import HTTP

ZONE = "lab.example"


def run(provider, **given):
    """The exit code, the names of the records afterwards, and the secrets."""
    with HTTP[provider](ZONE) as stand_in:
        stand_in.put(f"_dmarc.{ZONE}", "v=DMARC1; p=none")
        private = {SPECS[provider].secrets[key]: value for key, value in stand_in.secrets.items()}
        environment = {f"{provider.upper()}_BASE_URL": stand_in.url, **private, **given}
        code = main([provider, ZONE], environment)
        return code, [record.name for record in stand_in.records], [*stand_in.secrets.values()]


@pytest.mark.parametrize("provider", HTTP)
def test_as_assumed(provider, capsys):
    """
    At a host that is as its stand-in the run ends well; it leaves nothing behind, and shows no
    secret and no record of others.
    """
    code, left, secrets = run(provider)
    printed = capsys.readouterr().out
    assert code == 0, printed
    assert left == [f"_dmarc.{ZONE}"]
    assert printed.count(": as expected") == 5
    assert "DMARC1" not in printed
    assert [secret for secret in secrets if secret in printed] == []


def test_not_as_assumed(capsys, monkeypatch):
    """A host that says that a record is gone, and still lists it, is found out."""
    monkeypatch.setattr(HTTP["godaddy"], "_drop", lambda *_: True)
    code, *_ = run("godaddy")
    assert (code, "remove: WRONG" in capsys.readouterr().out) == (1, True)


def test_refused(capsys):
    """A token that opens nothing ends the run with the host's answer, and is not shown."""
    token = "cfut_of_somebody_else_0123456789abcdef"
    code, left, _ = run("cloudflare", CLOUDFLARE_API_TOKEN=token)
    printed = capsys.readouterr().out
    assert (code, left) == (1, [f"_dmarc.{ZONE}"])
    assert "stopped: 403 Invalid access token" in printed
    assert token not in printed
