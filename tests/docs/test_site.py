"""If this fails, the site of the documentation is not built, or has a dead link."""

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

from tests.docs.pages import PAGES, ROOT


def test_site(tmp_path):
    """A strict build ends well: each link of a page leads to a page and a heading of the site."""
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "site" / "search.json").read_text())
    places = {one["location"].partition("#")[0] for one in found["items"]}
    assert _from_elsewhere(tmp_path / "site") == set()
    pages = {page.removeprefix("docs/") for page in PAGES if page.startswith("docs/")}
    assert places == {page.removesuffix("README.md").replace(".md", "/") for page in pages}


LOADED = re.compile(r"""(?:@import|url\() *["']?([^"')]+)""")
"""What a style sheet has loaded."""


class Loaded(HTMLParser):
    """The addresses that a page has loaded without a click."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        self.addresses += [given[name] for name in ("src", "poster", "data") if name in given]
        self.addresses += [one.split()[0] for one in given.get("srcset", "").split(",") if one]
        self.addresses += LOADED.findall(given.get("style", ""))
        if tag == "link" and given.get("rel") not in ("canonical", "next", "prev"):
            self.addresses.append(given["href"])
        if "mermaid" in given.get("class", "").split():
            self.addresses.append("//of-the-bundle")  # which loads Mermaid from another host


def _from_elsewhere(site):
    """What the pages of *site* load from another host: scripts, styles, pictures, fonts."""
    addresses = []
    for page in site.rglob("*.html"):
        loaded = Loaded()
        loaded.feed(page.read_text(encoding="utf-8"))
        addresses += loaded.addresses
    for sheet in site.rglob("*.css"):
        addresses += LOADED.findall(sheet.read_text(encoding="utf-8"))
    assert addresses
    return {one for one in addresses if re.match("(?!data:)[a-z+.-]+:|//", one)}


def test_found_from_the_index():
    """Each page has its link in the index, and its entry in the navigation of the site."""
    pages = {page.removeprefix("docs/") for page in PAGES if page.startswith("docs/")} - {
        "README.md"
    }
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert {page for page in pages if f"]({page})" not in index} == set()
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert {page for page in pages if f" {page}\n" not in navigation} == set()
