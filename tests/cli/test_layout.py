"""
What `byodkim status` prints: in terminals of any width what identifies is there in full, Prometheus
reads the metrics, and the report is one page that needs nothing beside it, and holds no key.
"""

import html
import io
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from prometheus_client.parser import text_string_to_metric_families

from byodkim_provider import __version__
from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.cli import layout
from byodkim_provider.cli.layout import METRICS, as_html, as_prometheus
from byodkim_provider.cli.now import SEVERITY, DomainNow, IdentityNow, RecordNow, StackNow
from byodkim_provider.cli.terminal import as_json
from tests.docs.pages import ROOT
from tests.support.cli_project import CliProject
from tests.support.fakes import START
from tests.support.world import DOMAIN

ANSI = re.compile("\x1b\\[[0-9;]*m")
SELECTORS = ("s20261125-3f9c2a71", "s20261125-3f9c2a72")
NAMES = ("example.com", "news.customer-service.eu.example.com")
SEEN = (
    "1 of 4 servers show the key, ns-1234.awsdns-56.example.net and "
    "ns-1.awsdns-02.example.org are silent, "
    "ns-2.awsdns-03.example.com has no TXT record"
)


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
            name=f"{selector}._domainkey.{name}",
            value="p=",
            fingerprint="0" * 64,
            bits=2048,
            verdict="wrong",
            servers_visible=1,
            servers_asked=4,
            seen=SEEN,
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
        layout.show(now)
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


def test_summary_first(shown):
    """One line for all, then what is wrong, due and to be noted, once each, then the domains."""
    lines = shown(80)
    assert lines[:3] == ["dev: 2 domains, 2 wrong", "", "wrong:"]
    headings = [line for line in lines if line and line[0] != " " and line.endswith(":")]
    assert headings == ["wrong:", "due:", "notes:"]
    assert [line for line in lines if line.startswith(NAMES)] == [
        f"{name}: wrong" for name in NAMES
    ]
    assert sum("ns-1234.awsdns-56.example.net" in line for line in lines) == len(NAMES)


def test_narrow(shown):
    """A narrow terminal gets a line for each identity and each key, wrapped between words."""
    lines = shown(60)
    details = lines[lines.index("example.com: wrong") + 1 :]
    assert details[:6] == [
        "  Region ap-southeast-1, SES SUCCESS, generation 12, signing",
        "    since 2026-11-25 12:00 UTC, days 0 of 180",
        "  Region ap-southeast-1, SES SUCCESS, signing disabled,",
        "    generation 13, signing since 2026-10-26 12:00 UTC, days",
        "    30 of 180",
        "  generation 12, role signing, selector s20261125-3f9c2a71,",
    ]


def test_tables(shown):
    """
    One that is wide enough gets tables, as wide as they have to be; a log of CI has 80 columns.
    """
    lines = shown(100)
    headings = [re.split("  +", line.strip()) for line in lines if line.startswith("  Region")]
    assert headings == [["Region", "SES", "generation", "signing since", "days"]] * 2
    assert [line.rstrip() for line in shown(300)][-8:] == lines[-8:]
    assert shown(None) == shown(80)


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


def test_metrics_that_are_not_known():
    """An age of nothing is no number, and the role of a slot without a record no text."""
    known = {"name": "ses3._domainkey.example.com", "value": "", "fingerprint": "", "bits": None}
    record = RecordNow(**known, verdict="right", servers_visible=2, servers_asked=2)
    found = parsed(
        as_prometheus(replace(NOW, domains=[replace(NOW.domains[0], records=(record,))]))
    )
    assert "byodkim_days_until_rotation" not in {name for name, *_ in found}
    assert {
        dict(labels)["role"] for name, *labels in found if name.startswith("byodkim_record")
    } == {""}


def test_labels_hold_any_text():
    """A label holds any text."""
    name = 'a "b" \\ c\nd'
    labels = [dict(labels) for _, *labels in parsed(as_prometheus(replace(NOW, stack=name)))]
    assert {one["stack"] for one in labels} == {name}


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


class Page(HTMLParser):
    """The elements of a page, and the cells of its tables."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.rows, self._cell = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


def keys(text):
    """The rows of the table of keys, each by its first cell."""
    return {row[0]: row[1:] for row in Page(text).rows if row[2:3] != [] and "_domainkey" in row[2]}


def test_keys_of_the_report(rotated, world, report):
    """For each key: its fingerprint, its role, when it signed, and where it is seen."""
    file = rotated.directory / "report.html"
    result = rotated.run("status", "--html", str(file))
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "dev: 1 domain, 1 well")
    assert result.stderr == f"byodkim: {file} is written\n"
    since = "2026-11-25 13:00 UTC"
    expected = [("previous", "–", since), ("signing", since, "signs now"), ("standby", "–", "–")]
    assert keys(file.read_text()) == {
        f"{n}": [role, f"s{n}._domainkey.{DOMAIN}", world.declared(n).fingerprint, *times, "2 of 2"]
        for n, (role, *times) in enumerate(expected, 1)
    }
    assert "<td>well</td><td></td><td>2027-05-24 13:00 UTC</td>" in file.read_text()


def test_report_of_an_adopted_identity(rotated, world, report):
    """
    The standby of an adopted identity has no last signature; the note beside it says that nobody
    knows.
    """
    world.put("old", generation=4)
    world.next_run()
    rotated.write(f"    {DOMAIN}: {{generation: 1, adopt: true}}\n")
    rotated.stored = [world.create(1, adopt=True, supplied_keys={2: "s2:another"})]
    text = report()
    times = [(role, *times) for role, _, _, *times, _ in keys(text).values()]
    assert times == [("signing", "2026-11-26 13:00 UTC", "signs now"), ("standby", "–", "–")]
    assert "as nobody knows whether it signed before the identity was adopted" in text


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


def test_alone_and_accessible():
    """
    No script, no other file, no address of one; a language, a title, captions and headings of
    cells.
    """
    text = as_html(NOW)
    page = Page(text)
    tags = [tag for tag, _ in page.elements]
    assert not {*tags} & {"script", "link", "img", "iframe", "object", "form"}
    assert not re.search(r"https?:|url\(|@import|\bon\w+=", text)
    assert ("html", {"lang": "en"}) in page.elements
    assert [tags.count(tag) for tag in ("title", "main", "h1")] == [1, 1, 1]
    assert tags.count("caption") == tags.count("table") > 2
    assert {attributes.get("scope") for tag, attributes in page.elements if tag == "th"} == {
        "col",
        "row",
    }


def test_report_is_escaped():
    """A text is a text, whatever is in it and wherever it stands."""
    evil = "<script>alert('\"1')</script> & co"
    domain = NOW.domains[0]
    identity = replace(domain.identities[0], region=evil, status=evil, ses=None)
    record = replace(domain.records[0], name=evil, fingerprint=evil)
    texts = dict.fromkeys(("wrong", "due", "notes"), (f"{evil}\u202e\x1b",))
    domain = replace(domain, domain=evil, identities=(identity,), records=(record,), **texts)
    page = as_html(replace(NOW, stack=evil, project=evil, account_id=evil, domains=(domain,)))
    assert "<title>DKIM keys of &lt;script&gt;" in page
    assert "<script" not in page
    assert [line for line in page.splitlines() if not line.isprintable()] == []
    assert {dict(found).get("id") for tag, found in Page(page).elements if tag == "section"} == {
        evil
    }


def test_a_folder_that_is_not_there(rotated):
    """The file can't be written: one line, and the exit code that it has in every command."""
    result = rotated.run("status", "--html", str(rotated.directory / "no" / "report.html"))
    assert result.exit_code == 3
    assert result.stderr.endswith("report.html: can't be written: No such file or directory\n")


def test_worst_first(rotated, world, report):
    """
    Who opens the list sees first, in words, what is wrong, why, a link to the rest, and whose it
    is.
    """
    rotated.write(f"    {DOMAIN}: {{generation: 2}}\n    zz.example: {{generation: 1}}\n")
    text = report()
    head, *rows = [row for row in Page(text).rows if len(row) == 4]
    assert head == ["Domain", "Status", "Why", "Next rotation"]
    assert [row[:2] for row in rows] == [["zz.example", "wrong"], [DOMAIN, "well"]]
    del world.resolver.records[f"s3._domainkey.{DOMAIN}"]
    assert "record of generation 3 (standby): 0 of 2 servers show the key" in report()
    for part in (
        '<h3 class="wrong">Wrong</h3>',
        '<a href="#zz.example">zz.example</a>',
        '<section id="zz.example">',
        "not made yet: <code>pulumi up</code> makes it, or says why not",
        f"Project ses-byodkim, AWS account not known yet; made by byodkim {__version__}.",
    ):
        assert part in text


OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    # Nothing but the page: the browser itself has no network.
    *("--disable-background-networking", "--disable-component-update"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
)

# The report has no script, so another page holds it, and measures.
HOLDER = """<!DOCTYPE html><body style="margin: 0"><iframe id="report" srcdoc="{page}"
  style="border: 0; width: {width}px; height: 4000px"></iframe><p id="result"></p><script>
  document.getElementById("report").onload = (event) => {{
    const report = event.target.contentDocument, view = event.target.contentWindow;
    const color = (selector) => view.getComputedStyle(report.querySelector(selector)).color;
    document.getElementById("result").textContent = JSON.stringify({{
      title: report.title, wide: report.documentElement.scrollWidth,
      rows: report.querySelectorAll("tbody tr").length, wrong: color("span.wrong"), plain: color("p"),
    }});
  }};
</script></body>"""


@pytest.fixture
def browser(tmp_path):
    if not shutil.which("chromium"):
        pytest.skip("no chromium: .ci/run installs it")

    def run(*arguments):
        done = subprocess.run(
            [
                "timeout",
                "120",
                "chromium",
                *OPTIONS,
                f"--user-data-dir={tmp_path / 'profile'}",
                *arguments,
            ],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_report_in_a_browser(browser, tmp_path):
    """
    Every row is there, nothing is wider than the window, and what is wrong has another colour.
    """
    page = tmp_path / "holder.html"
    page.write_text(HOLDER.format(page=html.escape(as_html(NOW)), width=360))
    shown = browser("--dump-dom", page.as_uri())
    (result,) = re.findall(r'<p id="result">(.*?)</p>', shown)
    rows = len(NOW.domains) + sum(len(one.identities) + len(one.records) for one in NOW.domains)
    seen = json.loads(result)
    assert (seen["title"], seen["rows"]) == ("DKIM keys of dev", rows)
    assert seen["wide"] <= 360
    assert (seen["wrong"], seen["plain"]) == ("rgb(165, 14, 14)", "rgb(27, 27, 27)")
