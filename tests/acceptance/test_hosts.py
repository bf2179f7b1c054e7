"""
If this fails, who tries a DNS host for the first time publishes a token or
records of others, leaves records in the zone, or takes a host for what its stand-in is.
"""

import pytest

from byodkim_provider.hosts.registry import SPECS
from tests.acceptance.hosts import main
from tests.hosts.backends import HTTP

ZONE = "lab.example"


def run(provider, **secrets):
    """The exit code, and the names of the records afterwards."""
    with HTTP[provider](ZONE) as stand_in:
        stand_in.put(f"_dmarc.{ZONE}", "v=DMARC1; p=none")
        given = {SPECS[provider].secrets[key]: value for key, value in stand_in.secrets.items()}
        given |= {f"{provider.upper()}_BASE_URL": stand_in.url, **secrets}
        code = main([provider, ZONE], given)
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


def test_otherwise(capsys, monkeypatch):
    """A host that does not remove what it is told to is found out."""
    monkeypatch.setattr("byodkim_provider.hosts.http_host.HttpHost.remove", lambda *_: None)
    assert run("cloudflare")[0] == 1
    assert "remove one: WRONG" in capsys.readouterr().out


def test_refused(capsys):
    """A token that opens nothing ends the run with the host's answer, and is not shown."""
    token = "cfut_of_somebody_else_0123456789abcdef"
    assert run("cloudflare", CLOUDFLARE_API_TOKEN=token)[0] == 1
    printed = capsys.readouterr().out
    assert "stopped: 403 Invalid access token" in printed
    assert token not in printed


@pytest.mark.parametrize("arguments", [[], ["cloudflare"], ["rfc2136", ZONE]])
def test_usage(arguments, capsys):
    """Whoever gives no host, or one without a stand-in, reads which ones there are."""
    assert main(arguments, {}) == 2
    assert f"{'|'.join(HTTP)} ZONE" in capsys.readouterr().out
