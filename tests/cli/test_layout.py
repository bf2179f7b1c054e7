"""`byodkim status` in terminals of any width, and in none: what identifies is always there in full."""

import io
import json
import re
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.cli import layout
from byodkim_provider.cli.now import DomainNow, IdentityNow, RecordNow, StackNow
from byodkim_provider.cli.terminal import as_json
from tests.support.fakes import START

ANSI = re.compile("\x1b\\[[0-9;]*m")
SELECTORS = ("s20261125-3f9c2a71", "s20261125-3f9c2a72")
NAMES = ("example.com", "news.customer-service.eu.example.com")
SEEN = (
    "1 of 4 servers show the key, ns-1234.awsdns-56.example.net and ns-1.awsdns-02.example.org are silent, "
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
        wrong=("eu-west-1: DKIM signatures are disabled: run `pulumi up --refresh`", f"record: {SEEN}"),
        due=("rotate: generation 12 has signed for 200 days",),
        notes=("generation 11 may leave DNS from 2026-12-05 12:00 UTC",),
    )


def stack_now(*domains):
    return StackNow(stack="dev", verdict="wrong", checked_at=START, domains=domains)


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
        width = {"FORCE_COLOR": "1", "COLUMNS": str(columns)} if columns else {}
        for name in ("FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"TERM": "xterm", "NO_COLOR": "1", **width}.items():
            monkeypatch.setenv(name, value)
        layout.show(now)
        return [ANSI.sub("", line).rstrip() for line in written.getvalue().splitlines()]

    return show


@pytest.mark.parametrize("columns", [20, 40, 60, 79, 80, 100, 132, 200, 300, None])
def test_nothing_is_cut(shown, columns):
    """Every name is there in full, in one line, and a line is no longer than the terminal is wide."""
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
    assert [line for line in lines if line.startswith(NAMES)] == [f"{name}: wrong" for name in NAMES]
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
    """One that is wide enough gets tables, as wide as they have to be; a log of CI has 80 columns."""
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
