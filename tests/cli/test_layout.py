"""
If this fails, a terminal or a CI obeys what others say, Prometheus reads no metric,
or the report for an auditor holds a key, needs the network, or can't be read on a screen or on
paper.
"""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.cli import layout
from byodkim_provider.cli.now import SEVERITY, DomainNow, Finding, IdentityNow, StackNow
from byodkim_provider.cli.record_now import record_now
from byodkim_provider.cli.report import METRICS, as_html, as_prometheus
from byodkim_provider.cli.terminal import as_json
from byodkim_provider.dkim.records import record_value
from byodkim_provider.dns.diagnosis import ExpectedRecord
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.dns.visibility import judge
from byodkim_provider.messages.cli import FindingMessages
from tests.support.browser import needs_browser, opened, violations
from tests.support.cli_project import CliProject
from tests.support.fakes import START
from tests.support.testdata import key
from tests.support.world import DOMAIN

SELECTOR, NAME = "s20261125-3f9c2a71", "news.customer-service.eu.example.com"
SERVER = "ns-1234.awsdns-56.customer-service.example.net"
KEY = key("rsa2048.pkcs8").public_key_der
VALUE = record_value(KEY)


def finding(reason, kind="wrong"):
    return Finding(kind, FindingMessages.PENDING(reason=reason), "eu-west-1")


def domain(name=NAME, selector=SELECTOR, region="ap-southeast-1", status="SUCCESS", says=SERVER):
    identity = IdentityNow(
        region=region,
        status=status,
        verified=False,
        generation=12,
        signing_since=None,
        age_days=None,
        ses=SesIdentity("DOMAIN", status, True, "EXTERNAL", (selector,), START),
        selector=selector,
        finding=finding(says),
    )
    seen = judge([Answer("ns-1.example.net", (VALUE,)), Answer(SERVER, ())], KEY)
    expected = ExpectedRecord(selector=selector, domain=name, public_key_der=KEY)
    record = replace(record_now(expected, seen), generation=12, role="signing")
    findings = (finding(says), finding(says, "due"), finding(says, "note"))
    return DomainNow(
        domain=name,
        verdict="wrong",
        retired=False,
        rotate_after_days=180,
        next_rotation=None,
        days_until_rotation=None,
        identities=(identity,),
        records=(record,),
        findings=findings,
    )


def stack(*domains, name="dev", account_id=None):
    now = {"stack": name, "project": name, "account_id": account_id, "verdict": "wrong"}
    return StackNow(**now, checked_at=START, domains=domains)


@pytest.fixture
def shown(capsys):
    """The lines that are printed."""

    def show(now):
        layout.show(now, in_full=True)
        return capsys.readouterr().out.splitlines()

    return show


def test_words_of_others(shown):
    """Neither a terminal nor a CI obeys anything of what AWS and DNS say."""
    lines = shown(stack(domain(status="FAILED\x1b[2J", says="says \u202e\u2028")))
    assert [line for line in lines if not line.isprintable()] == []
    now = stack(domain(says="##[error]pwned"))
    assert [line for line in shown(now) if "##[" in line] == []
    assert "##[" not in as_json(now)


# Metrics


def test_metrics(project, world):
    """Every number of a domain is there, as Prometheus' own client reads it."""
    world.clock.advance(timedelta(days=100))
    world.resolver.failures["ns2.example.net"] = "silent"
    text = project.run("status", "--format", "prometheus").stdout
    families = list(text_string_to_metric_families(text))
    assert {family.type for family in families} == {"gauge"}
    assert {family.name: family.documentation for family in families} == METRICS
    found = {}
    for family in families:
        for sample in family.samples:
            found[sample.name, *sorted(sample.labels.items())] = sample.value
    labels, region = (("domain", DOMAIN),), ("region", "eu-west-1")
    stack, record = ("stack", "dev"), (("name", f"s3._domainkey.{DOMAIN}"), ("role", "standby"))
    expected = {
        ("byodkim_domain_status", *labels, stack): 0,
        ("byodkim_days_until_rotation", *labels, stack): 79,
        ("byodkim_identity_signing_age_days", *labels, region, stack): 100,
        ("byodkim_record_servers_visible", *labels, *record, stack): 1,
        ("byodkim_checked_timestamp_seconds", stack): world.clock.now().timestamp() // 1,
    }
    assert expected.items() <= found.items()


def test_label():
    """Whatever is in a name, its label does not end early."""
    name = 'a "stack"\\ on two\nlines'
    metrics = text_string_to_metric_families(as_prometheus(stack(name=name)))
    assert [name] == [family.samples[0].labels["stack"] for family in metrics]


# The report


@pytest.fixture
def report(tmp_path, world):
    """The page that the command writes a day after a rotation."""
    project = CliProject(tmp_path, world)
    project.write(f"    {DOMAIN}: {{generation: 2}}\n")
    world.publish(1, 2, 3)
    project.stored = [world.update(world.verified(1), 2)]
    world.clock.advance(timedelta(days=1))

    def report():
        project.run("status", "--html", str(project.directory / "report.html"))
        return (project.directory / "report.html").read_text()

    return report


def test_keys_of_the_report(world, report):
    """For each key: its role, its record and fingerprint, when it signed, and where it is seen."""
    text = re.sub("</?(code|a|span)[^>]*>", "", report())
    cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", text)
    at = "2026-11-25 13:00 UTC"
    signs = {"previous": f"until {at}", "signing": f"since {at}", "standby": "–"}
    for number, (role, when) in enumerate(signs.items(), 1):
        key = f"s{number}._domainkey.{DOMAIN}{world.declared(number).fingerprint}"
        row = cells.index(key) - 2
        length = f"RSA {world.key(number).bits}"
        assert cells[row : row + 6] == [f"{number}", role, key, length, when, "2 of 2 servers"]


CUT = """[...document.querySelectorAll("main *")]
    .filter(part => part.getBoundingClientRect().right > innerWidth
        || part.clientWidth && part.scrollWidth > part.clientWidth)
    .map(part => part.outerHTML.slice(0, 200))"""
"""What is wider than the page, or than the part of the page around it, in JavaScript."""

A4 = 703
"""Pixels between the margins."""


@needs_browser
def test_report_in_a_browser():
    """
    On a desk, a phone and paper the page loads nothing, axe finds nothing to mend, and nothing
    needs to be scrolled to the side. Paper is white at night too.
    """
    [record] = domain().records
    previous = replace(record, generation=11, role="previous", signed_until=START)
    records = (previous, replace(record, signing_since=START), replace(record, role="standby"))
    kinds = [
        replace(domain(), domain=f"{verdict}.{NAME}", verdict=verdict, records=records)
        for verdict in SEVERITY.keys() - {"note"}
    ]
    problems, requests = [], []
    with opened(requests) as page:
        page.set_content(as_html(stack(*kinds)))
        for width, scheme in ((390, "light"), (1200, "dark")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            problems += [(width, scheme, *rule) for rule in violations(page)]
            problems += [(width, scheme, cut) for cut in page.evaluate(CUT)]
        page.set_viewport_size({"width": A4, "height": 900})
        page.emulate_media(media="print", color_scheme="dark")
        problems += page.evaluate(CUT)
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (problems, requests, paper) == ([], [], "rgb(255, 255, 255)")


def test_no_key_in_the_report(world, report):
    """Public keys are fingerprints, and there is no other one."""
    page = report()
    secrets = ("PRIVATE", "p=", world.declared(2).record_value[10:40])
    assert not any(secret in page for secret in secrets)


def test_worst_first():
    """Who opens the report sees first what is wrong; the page has no script and no other file."""
    text = as_html(stack(replace(domain("a.example"), verdict="well"), domain()))
    assert text.index(f'<a href="#{NAME}">') < text.index('<a href="#a.example">')
    assert f'<span class="name">{SERVER}' in text, "a name stays in one piece"
    pattern = r"<(script|link|img|iframe|object|form)|https?:|url\(|@import|\bon\w+="
    assert not re.search(pattern, text)


def test_report_is_escaped():
    """A text is a text, whatever is in it and wherever it stands."""
    evil = "<script>alert('\"1')</script> & co"
    now = domain(name=evil, selector=evil, region=evil, status=evil, says=f"{evil}\u202e\x1b")
    page = as_html(stack(now, name=evil, account_id=evil))
    assert "<title>DKIM keys of the Pulumi stack &lt;script&gt;" in page
    assert "<script" not in page
    assert [line for line in page.splitlines() if not line.isprintable()] == []


def test_a_folder_that_is_not_there(project):
    """The file can't be written: one line, and the exit code that it has in every command."""
    result = project.run("status", "--html", str(project.directory / "no" / "report.html"))
    assert result.exit_code == 3
    assert result.stderr.endswith("report.html': No such file or directory\n")
