"""The HTML report in a real browser: nothing is cut off at any width, and it prints."""

import html
import json
import re
import shutil
import subprocess

import pytest

from byodkim_provider.cli.layout import as_html
from tests.cli.test_layout import NOW

pytestmark = pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium: .ci/run installs it")

OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    # Nothing but the page: the browser itself has no network.
    *(
        "--disable-background-networking",
        "--disable-component-update",
        "--host-resolver-rules=MAP * ~NOTFOUND",
    ),
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
    def run(*arguments):
        done = subprocess.run(
            ["timeout", "120", "chromium", *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", *arguments],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("width", [360])
def test_seen(browser, tmp_path, width):
    """Every row is there, nothing is wider than the window, and what is wrong has another colour."""
    page = tmp_path / "holder.html"
    page.write_text(HOLDER.format(page=html.escape(as_html(NOW)), width=width))
    shown = browser("--dump-dom", page.as_uri())
    (result,) = re.findall(r'<p id="result">(.*?)</p>', shown)
    rows = len(NOW.domains) + sum(len(one.identities) + len(one.records) for one in NOW.domains)
    seen = json.loads(result)
    assert (seen["title"], seen["rows"]) == ("DKIM keys of dev", rows)
    assert seen["wide"] <= width
    assert (seen["wrong"], seen["plain"]) == ("rgb(165, 14, 14)", "rgb(27, 27, 27)")


def test_printed(browser, tmp_path):
    """It prints: a PDF of a page or two."""
    (tmp_path / "report.html").write_text(as_html(NOW))
    browser(f"--print-to-pdf={tmp_path / 'report.pdf'}", (tmp_path / "report.html").as_uri())
    printed = (tmp_path / "report.pdf").read_bytes()
    assert printed.startswith(b"%PDF-")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 3
