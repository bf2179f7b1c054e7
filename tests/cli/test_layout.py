"""
If this fails, a terminal or a CI obeys what others say, a name is cut, Prometheus reads no metric,
or the report for an auditor holds a key or needs the network.
"""

import io
import json
import re
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.cli import layout
from byodkim_provider.cli.layout import METRICS, as_html
from byodkim_provider.cli.now import SEVERITY, DomainNow, IdentityNow, StackNow
from byodkim_provider.cli.record_text import RecordNow
from byodkim_provider.cli.terminal import as_json
from byodkim_provider.dkim.records import record_value
from byodkim_provider.dns.diagnosis import ExpectedRecord
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.dns.visibility import judge
from tests.docs.pages import ROOT
from tests.support.cli_project import CliProject
from tests.support.fakes import START
from tests.support.testdata import key
from tests.support.world import DOMAIN

ANSI = re.compile("\x1b\\[[0-9;]*m")
SELECTORS = ("s20261125-3f9c2a71", "s20261125-3f9c2a72")
NAMES = ("example.com", "news.customer-service.eu.example.com")
SEEN = (
    "1 of 4 servers show the key, ns-1234.awsdns-56.example.net and "
    "ns-1.awsdns-02.example.org are silent, "
    "ns-2.awsdns-03.example.com has no TXT record"
)


KEY = key("rsa2048.pkcs8").public_key_der
VALUE = record_value(KEY)
NONE = [Answer(f"ns-{number}.example.net", ()) for number in (2, 3, 4)]


def found(name, region):
    identities = [
        IdentityNow(
            region=region,
            status="SUCCESS",
            verified=number == 0,
            ses=SesIdentity("DOMAIN", "SUCCESS", number == 0, "EXTERNAL", (selector,), START),
            generation=12 + number,
            selector=selector,
            signing_since=START - timedelta(days=30 * number),
            age_days=30 * number,
            problem="" if number == 0 else "DKIM signatures are disabled",
        )
        for number, selector in enumerate(SELECTORS)
    ]
    records = [
        RecordNow(
            generation=12,
            role="signing",
            expected=ExpectedRecord(selector=selector, domain=name, public_key_der=KEY),
            diagnosis=judge([Answer("ns-1.example.net", (VALUE,)), *NONE], KEY),
        )
        for selector in SELECTORS
    ]
    return DomainNow(
        domain=name,
        verdict="wrong",
        rotate_after_days=180,
        identities=tuple(identities),
        records=tuple(records),
        wrong=(
            "eu-west-1: DKIM signatures are disabled: run `pulumi up --refresh`",
            f"record: {SEEN}",
        ),
        due=("rotate: generation 12 has signed for 200 days",),
        notes=("generation 11 may leave DNS from 2026-12-05 12:00 UTC",),
    )


def stack_now(*domains):
    named = {"stack": "dev", "project": "", "account_id": None}
    return StackNow(**named, verdict="wrong", checked_at=START, domains=domains)


NOW = stack_now(*(found(name, "ap-southeast-1") for name in NAMES))
IDENTIFIES = {
    *NAMES,
    *SELECTORS,
    "ap-southeast-1",
    *("ns-1234.awsdns-56.example.net", "ns-1.awsdns-02.example.org", "ns-2.awsdns-03.example.com"),
}


@pytest.fixture
def shown(monkeypatch):
    """The lines that a terminal of some width gets, before it wraps them; None for no terminal."""

    def show(columns, now=NOW):
        monkeypatch.setattr(sys, "stdout", written := io.StringIO())
        width = {} if columns is None else {"FORCE_COLOR": "1", "COLUMNS": str(columns)}
        for name in ("FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"TERM": "xterm", "NO_COLOR": "1", **width}.items():
            monkeypatch.setenv(name, value)
        layout.show(now, in_full=True)
        return [ANSI.sub("", line).rstrip() for line in written.getvalue().splitlines()]

    return show


@pytest.mark.parametrize("columns", [0, 20, 40, 60, 79, 80, 100, 132, 200, 300, None])
def test_nothing_is_cut(shown, columns):
    """
    Every name is there in full, in one line, and a line is no longer than the terminal is wide.
    """
    lines = shown(columns)
    words = {word.strip(",:") for line in lines for word in line.split()}
    assert words >= IDENTIFIES
    assert "…" not in "".join(lines)
    too_long = [line for line in lines if len(line) > (columns or 80) and len(line.split()) > 1]
    assert too_long == []


@pytest.mark.parametrize("columns", [60, 200])
def test_words_of_others(shown, columns):
    """A terminal obeys nothing of what AWS and DNS say, in a table or in a line."""
    domain = found("example.com", "eu-west-1")
    identities = tuple(replace(one, status="FAILED\x1b[2J") for one in domain.identities)
    wrong = ("ns1.example.net says \u202e\u2028",)
    now = stack_now(replace(domain, identities=identities, wrong=wrong))
    lines = shown(columns, now)
    assert [line for line in lines if not line.isprintable()] == []
    assert r"FAILED\x1b[2J" in "\n".join(lines)
    assert r"  example.com: ns1.example.net says \u202e\u2028" in lines


def test_a_ci(shown):
    """A CI, which takes some lines of its log for commands, obeys nothing of that either."""
    wrong = tuple(f"{'x' * length} ::error::pwned ##[error]pwned" for length in range(1, 80))
    now = stack_now(replace(found("example.com", "eu-west-1"), wrong=wrong))
    lines = shown(None, now)
    assert [line for line in lines if line.lstrip().startswith("::") or "##[" in line] == []
    printed = as_json(now)
    assert ("##[" in printed, json.loads(printed)["domains"][0]["wrong"]) == (False, list(wrong))
    assert [line for line in lines if line.lstrip().startswith(": :error::pwned")] != []


# Metrics


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


def test_metrics(project, world):
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


def test_metrics_of_the_page():
    """
    The page on monitoring has the verdicts by number, as they are in the code, in its table of
    metrics.
    """
    page = (ROOT / "docs" / "how-to" / "automation.md").read_text(encoding="utf-8")
    row = re.search(r"^\| `byodkim_domain_status` \|.*$", page, re.MULTILINE)[0]
    assert {verdict: int(number) for number, verdict in re.findall(r"(\d) (\w+)", row)} == SEVERITY


# The report


@pytest.fixture
def rotated(tmp_path, world):
    project = CliProject(tmp_path, world)
    project.write(f"    {DOMAIN}: {{generation: 2}}\n")
    world.publish(1, 2, 3)
    project.stored = [world.update(world.verified(1), 2)]
    world.clock.advance(timedelta(days=1))
    return project


@pytest.fixture
def report(rotated):
    """The page that the command writes now."""

    def report():
        rotated.run("status", "--html", str(rotated.directory / "report.html"))
        return (rotated.directory / "report.html").read_text()

    return report


def test_keys_of_the_report(rotated, world, report):
    """For each key: its fingerprint, its role, when it signed, and where it is seen."""
    text = re.sub("</?(code|a)[^>]*>", "", report())
    cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", text)
    since = "2026-11-25 13:00 UTC"
    times = {"previous": ["–", since], "signing": [since, "signs now"], "standby": ["–", "–"]}
    for number, (role, when) in enumerate(times.items(), 1):
        name, fingerprint = f"s{number}._domainkey.{DOMAIN}", world.declared(number).fingerprint
        row = cells.index(name) - 2
        assert cells[row : row + 7] == [f"{number}", role, name, fingerprint, *when, "2 of 2"]


def test_no_key_in_the_report(rotated, world, report):
    """
    Neither a private key nor anything that is encrypted is in it; public keys are fingerprints.
    """
    supplied = ", ".join(f"{n}: {{selector: s{n}, privateKey: own}}" for n in (1, 2, 3))
    rotated.write(
        f"    {DOMAIN}: {{generation: 2, keys: {{{supplied}}}}}\n"
        "  ses-byodkim:privateKeys: {own: {secure: v1:abc}}\n"
    )
    secrets = ("v1:abc", "PRIVATE", "p=", world.declared(2).record_value[10:40])
    assert not any(secret in report() for secret in secrets)


def test_worst_first():
    """Who opens the report sees first what is wrong."""
    well = replace(NOW.domains[0], domain="a.example", verdict="well")
    text = as_html(replace(NOW, domains=(well, NOW.domains[1])))
    assert text.index(f'<a href="#{NAMES[1]}">') < text.index('<a href="#a.example">')


def test_alone():
    """No script, no other file, no address of one."""
    pattern = r"<(script|link|img|iframe|object|form)|https?:|url\(|@import|\bon\w+="
    assert not re.search(pattern, as_html(NOW))


def test_report_is_escaped():
    """A text is a text, whatever is in it and wherever it stands."""
    evil = "<script>alert('\"1')</script> & co"
    domain = NOW.domains[0]
    identity = replace(domain.identities[0], region=evil, status=evil, ses=None)
    expected = replace(domain.records[0].expected, selector=evil)
    record = replace(domain.records[0], expected=expected)
    texts = dict.fromkeys(("wrong", "due", "notes"), (f"{evil}\u202e\x1b",))
    domain = replace(domain, domain=evil, identities=(identity,), records=(record,), **texts)
    page = as_html(replace(NOW, stack=evil, project=evil, account_id=evil, domains=(domain,)))
    assert "<title>DKIM keys of &lt;script&gt;" in page
    assert "<script" not in page
    assert [line for line in page.splitlines() if not line.isprintable()] == []


def test_a_folder_that_is_not_there(rotated):
    """The file can't be written: one line, and the exit code that it has in every command."""
    result = rotated.run("status", "--html", str(rotated.directory / "no" / "report.html"))
    assert result.exit_code == 3
    assert result.stderr.endswith("report.html: can't be written: No such file or directory\n")
