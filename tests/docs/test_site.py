"""
If this fails, the site of the documentation is not built, has a dead link, loads something from
elsewhere, or can't be read by somebody with a phone, at night, or by a screen reader.
"""

import itertools
import json
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.docs.pages import PAGES, ROOT
from tests.support.browser import TOO_WIDE, needs_browser, opened, views, violations

WIDTHS = {390, 1280}

COLOURS = {
    *("", "get-started/", "how-to/dns/", "how-to/other-languages/", "how-to/own-mail-server/"),
    "reference/json/",
}
"""Pages that have pictures, tables and blocks of every language between them."""

QUERIES = {
    "wider than the window": TOO_WIDE,
    "short code in two lines": """
        [...document.querySelectorAll("code:not(pre code)")]
            .filter(code => code.textContent.length < (innerWidth < 960 ? 24 : 42)
                && code.getClientRects().length > 1)
            .map(code => code.textContent)""",
    "an item of a list within another paragraph": """
        [...document.querySelectorAll("article :is(p, li)")]
            .filter(text => /\\n\\d+\\. /.test([...text.childNodes]
                .filter(node => !node.matches || !node.matches("ol, ul, p, pre, div"))
                .map(node => node.textContent).join("")))
            .map(text => text.textContent)""",
    "a backslash before a pipe": """
        [...document.querySelectorAll("article code")]
            .filter(code => code.textContent.includes("\\\\|") && !code.closest("pre"))
            .map(code => code.textContent)""",
    "code under its copy button": """
        [...document.querySelectorAll("pre:has(> .md-code__nav)")]
            .filter(block => block.querySelector("code").getBoundingClientRect().right
                > block.querySelector(".md-code__nav").getBoundingClientRect().left)
            .map(block => block.textContent)""",
}
"""What is wrong with a page, and how the browser finds it."""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A strict build ends well: each link of a page leads to a page and a heading of the site."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    shutil.copytree(ROOT / "docs", folder / "docs")
    build = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(build, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


@pytest.fixture
def address(site):
    """Where the site is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def places():
    """The addresses of all pages, below that of the site."""
    pages = (page.removeprefix("docs/") for page in PAGES if page.startswith("docs/"))
    return sorted(page.removesuffix("README.md").replace(".md", "/") for page in pages)


def test_search(site):
    """Search finds each page."""
    items = json.loads((site / "search.json").read_text())["items"]
    assert {item["location"].partition("#")[0] for item in items} == {*places()}


@needs_browser
def test_browser(address):
    """
    In a real browser nothing is loaded from elsewhere, nothing breaks or runs out of a page, and
    axe finds nothing to mend. Each page is light or dark, and wide or narrow for axe, in turn.
    All have the colours of those whose contrast is judged.
    """
    problems, requests = [], []
    with opened(requests) as page:
        for place, (width, scheme) in zip(places(), itertools.cycle(views(*sorted(WIDTHS)))):
            page.emulate_media(color_scheme=scheme)
            for shown in (*WIDTHS - {width}, width):
                page.set_viewport_size({"width": shown, "height": 900})
                page.goto(address + place)
                for problem, query in QUERIES.items():
                    if found := page.evaluate(query):
                        problems.append((place, shown, problem, found))
            for rule in violations(page, contrast=place in COLOURS):
                problems.append((place, width, scheme, *rule))
    assert not problems, "\n".join(map(str, problems))
    assert {url for url in requests if not url.startswith((address, "data:"))} == set()
