"""
The live test of DNS hosts, against their stand-ins: which ones it would pass, and what it sees.
"""

from __future__ import annotations

import pytest

from byodkim_provider.hosts.registry import SPECS
from tests.acceptance.hosts import SEEN, main
from tests.hosts.backends import HTTP

ZONE = "lab.example"

OTHERWISE = {
    ("cloudflare", "kept"): "quoted strings",
    ("cloudflare", "filters"): False,
    ("godaddy", "doubles"): "kept",
    ("godaddy", "filters"): False,
    ("dreamhost", "final_dot"): True,
    ("cpanel", "relative_names"): False,
    ("wix", "kept"): "quoted strings",
    ("wix", "long_values"): "quoted strings",
    ("wix", "wrong_form"): 500,
    ("wix", "conflict"): 409,
    ("wix", "empty_lists"): "taken",
}
"""Each switch that a run can see, and a host that is not as its stand-in assumes."""


def run(provider, **switches):
    """The exit code, the names of the records afterwards, and the secrets."""
    with HTTP[provider](ZONE) as stand_in:
        vars(stand_in).update(switches)
        stand_in.put(f"_dmarc.{ZONE}", "v=DMARC1; p=none")
        given = {SPECS[provider].secrets[key]: value for key, value in stand_in.secrets.items()}
        code = main([provider, ZONE], {f"{provider.upper()}_BASE_URL": stand_in.url, **given})
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
    assert printed.count(": as expected") == 7
    assert "DMARC1" not in printed
    assert [secret for secret in secrets if secret in printed] == []


@pytest.mark.parametrize(("provider", "switch"), OTHERWISE)
def test_wrong_switch(provider, switch, capsys):
    """A host that is not as its stand-in assumes is found out, and the switch is named."""
    switches = {switch: OTHERWISE[provider, switch]}
    if switch == "wrong_form":  # seen only if the first form is wrong
        switches["long_values"] = "quoted strings"
    code, left, _ = run(provider, **switches)
    printed = capsys.readouterr().out
    assert code == 1
    assert f"switch {switch} of the stand-in is wrong" in printed
    assert f"{OTHERWISE[provider, switch]!r} here" in printed
    assert left == [f"_dmarc.{ZONE}"]


def test_refused(capsys):
    """A token that opens nothing ends the run with the host's answer, and is not shown."""
    token = "cfut_of_somebody_else_0123456789abcdef"
    with HTTP["cloudflare"](ZONE) as stand_in:
        environment = {"CLOUDFLARE_BASE_URL": stand_in.url, "CLOUDFLARE_API_TOKEN": token}
        assert main(["cloudflare", ZONE], environment) == 1
    printed = capsys.readouterr().out
    assert "stopped: 403 Invalid access token" in printed
    assert token not in printed


@pytest.mark.parametrize("arguments", [[], ["cloudflare"], ["rfc2136", ZONE]])
def test_usage(arguments, capsys):
    """Whoever gives no host, or one without a stand-in, reads which ones there are."""
    assert main(arguments, {}) == 2
    assert "cloudflare|godaddy|dreamhost|cpanel|wix ZONE" in capsys.readouterr().out


def test_every_switch():
    """Each switch that a run looks for is tried above."""
    seen = {(provider, switch) for provider, switches in SEEN.items() for switch in switches}
    assert seen == OTHERWISE.keys()
