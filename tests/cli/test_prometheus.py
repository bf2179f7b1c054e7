"""`byodkim status --format prometheus` is what Prometheus reads."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from byodkim_provider.cli.layout import METRICS, as_prometheus
from byodkim_provider.cli.now import SEVERITY, RecordNow
from tests.cli.test_layout import NOW
from tests.cli.test_status import ahead
from tests.docs.pages import ROOT
from tests.support.world import DOMAIN


def parsed(text):
    """Values by metric and labels, read by Prometheus' own client; the type of each is a gauge."""
    families = list(text_string_to_metric_families(text))
    assert {family.type for family in families} == {"gauge"}
    assert {family.name: family.documentation for family in families}.items() <= METRICS.items()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def test_values(project, world):
    """Every number of a domain is there, with what it belongs to."""
    world.clock.advance(timedelta(days=100))
    world.resolver.failures["ns2.example.net"] = "silent"
    result = project.run("status", "--format", "prometheus")
    found = parsed(result.stdout)
    stack, domain = ("stack", "dev"), ("domain", DOMAIN)
    assert found[("byodkim_domain_status", domain, stack)] == 0
    assert found[("byodkim_days_until_rotation", domain, stack)] == 79
    region = ("region", "eu-west-1")
    assert found[("byodkim_identity_verified", domain, region, stack)] == 1
    assert found[("byodkim_identity_signing_age_days", domain, region, stack)] == 100
    record = (domain, ("name", f"s3._domainkey.{DOMAIN}"), ("role", "standby"), stack)
    assert found[("byodkim_record_servers_visible", *record)] == 1
    assert found[("byodkim_record_servers_asked", *record)] == 2
    assert found[("byodkim_checked_timestamp_seconds", stack)] == world.clock.now().timestamp() // 1
    assert {name for name, *_ in found} == METRICS.keys()


@pytest.mark.parametrize(
    ("days", "change", "status"),
    [(0, None, 0), (181, None, 1), (181, ahead, 2)],
    ids=["well", "due", "wrong"],
)
def test_status(project, world, days, change, status):
    """The worst of a domain is a number, and the exit code is that of every format."""
    world.clock.advance(timedelta(days=days))
    if change:
        change(project, world)
    result = project.run("status", "--format", "prometheus")
    assert parsed(result.stdout)[("byodkim_domain_status", ("domain", DOMAIN), ("stack", "dev"))] == status
    assert result.exit_code == status


def test_page():
    """The page on monitoring has the verdicts by number, as they are in the code, in its table of metrics."""
    page = (ROOT / "docs" / "how-to" / "automation.md").read_text(encoding="utf-8")
    row = re.search(r"^\| `byodkim_domain_status` \|.*$", page, re.MULTILINE)[0]
    assert {verdict: int(number) for number, verdict in re.findall(r"(\d) (\w+)", row)} == SEVERITY


def test_what_is_not_known_is_left_out():
    """An age of nothing is no number."""
    found = parsed(as_prometheus(NOW))
    assert "byodkim_days_until_rotation" not in {name for name, *_ in found}


def test_slot_without_a_record():
    """Its role is no text."""
    known = {"name": "ses3._domainkey.example.com", "value": "", "fingerprint": "", "bits": None}
    record = RecordNow(**known, verdict="right", servers_visible=2, servers_asked=2)
    found = parsed(as_prometheus(replace(NOW, domains=[replace(NOW.domains[0], records=(record,))])))
    assert {dict(labels)["role"] for name, *labels in found if name.startswith("byodkim_record")} == {""}


def test_escaped():
    """A label holds any text."""
    name = 'a "b" \\ c\nd'
    labels = {labels for _, *labels in map(list, parsed(as_prometheus(replaced(name)))) for labels in labels}
    assert ("stack", name) in labels


def replaced(name):
    return type(NOW)(stack=name, verdict=NOW.verdict, checked_at=NOW.checked_at, domains=NOW.domains)
