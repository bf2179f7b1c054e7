"""The table of what was sent, at the end of the run, where CI shows it too."""

from __future__ import annotations

import pytest

HEADING = f"{'SES':30}  moves switches    mails   real in window unsigned longest"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a row for each behaviour of SES."""
    reports = [
        report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())
    ]
    rows = [
        value
        for report in reports
        for name, value in report.user_properties
        if name == "continuity"
    ]
    if rows:
        terminalreporter.section("mail during and after switches of keys")
        terminalreporter.write_line(HEADING)
        for row in rows:
            terminalreporter.write_line(row)
