"""`byodkim status --format prometheus` is what Prometheus reads."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from byodkim_provider.cli.layout import METRICS, as_prometheus
from byodkim_provider.cli.now import SEVERITY, RecordNow
from tests.cli.test_layout import NOW
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
    stack, domain, region = ("stack", "dev"), ("domain", DOMAIN), ("region", "eu-west-1")
    record = (domain, ("name", f"s3._domainkey.{DOMAIN}"), ("role", "standby"), stack)
    expected = {
        ("byodkim_domain_status", domain, stack): 0,
        ("byodkim_days_until_rotation", domain, stack): 79,
        ("byodkim_identity_verified", domain, region, stack): 1,
        ("byodkim_identity_signing_age_days", domain, region, stack): 100,
        ("byodkim_record_servers_visible", *record): 1,
        ("byodkim_record_servers_asked", *record): 2,
        ("byodkim_checked_timestamp_seconds", stack): world.clock.now().timestamp() // 1,
    }
    assert expected.items() <= found.items()
    assert {name for name, *_ in found} == METRICS.keys()


@pytest.mark.parametrize(
    ("days", "generation", "status"),
    [(0, 2, 0), (181, 2, 1), (181, 3, 2)],
    ids=["well", "due", "wrong"],
)
def test_status(project, world, days, generation, status):
    """The worst of a domain is a number, and the exit code is that of every format."""
    world.clock.advance(timedelta(days=days))
    project.write(f"    {DOMAIN}: {{generation: {generation}}}\n")
    result = project.run("status", "--format", "prometheus")
    assert parsed(result.stdout)[("byodkim_domain_status", ("domain", DOMAIN), ("stack", "dev"))] == status
    assert result.exit_code == status


def test_page():
    """The page on monitoring has the verdicts by number, as they are in the code, in its table of metrics."""
    page = (ROOT / "docs" / "how-to" / "automation.md").read_text(encoding="utf-8")
    row = re.search(r"^\| `byodkim_domain_status` \|.*$", page, re.MULTILINE)[0]
    assert {verdict: int(number) for number, verdict in re.findall(r"(\d) (\w+)", row)} == SEVERITY


def test_what_is_not_known_is_left_out():
    """An age of nothing is no number, and the role of a slot without a record no text."""
    known = {"name": "ses3._domainkey.example.com", "value": "", "fingerprint": "", "bits": None}
    record = RecordNow(**known, verdict="right", servers_visible=2, servers_asked=2)
    found = parsed(as_prometheus(replace(NOW, domains=[replace(NOW.domains[0], records=(record,))])))
    assert "byodkim_days_until_rotation" not in {name for name, *_ in found}
    assert {dict(labels)["role"] for name, *labels in found if name.startswith("byodkim_record")} == {""}


def test_escaped():
    """A label holds any text."""
    name = 'a "b" \\ c\nd'
    labels = [dict(labels) for _, *labels in parsed(as_prometheus(replace(NOW, stack=name)))]
    assert {one["stack"] for one in labels} == {name}
