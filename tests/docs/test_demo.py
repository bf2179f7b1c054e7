"""If this fails, the demo fails, or the start page shows another demo than people see."""

import re
from contextlib import contextmanager

import pytest

from sandbox import demo
from sandbox.pulumi.project import Project
from tests.docs.pages import block, shows
from tests.support.quick_runs import quick_runs

pytestmark = pytest.mark.engine

PAGE = "docs/README.md", "See it work", 2

DURING = re.compile(r"^during .*", re.MULTILINE)
"""How much mail is sent while a run lasts differs; the rest is always the same."""


def test_demo(monkeypatch, capsys):
    """It prints what the page shows, in 80 columns. `make demo` runs it in a process of its own."""

    @contextmanager
    def quick_project(sandbox, **options):
        with quick_runs(sandbox), Project(sandbox, **options) as project:
            yield project

    monkeypatch.setattr(demo, "Project", quick_project)
    assert demo.main() == 0
    printed = capsys.readouterr().out
    shown = DURING.search(block(*PAGE))[0]
    assert shows(DURING.sub(shown, printed), *PAGE)
    assert max(map(len, printed.splitlines())) <= 80
