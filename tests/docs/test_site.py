"""If this fails, the site of the documentation is not built, or has a dead link."""

import json
import shutil
import subprocess
import sys

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
    pages = {page.removeprefix("docs/") for page in PAGES if page.startswith("docs/")}
    assert places == {page.removesuffix("README.md").replace(".md", "/") for page in pages}


def test_found_from_the_index():
    """Each page has its link in the index, and its entry in the navigation of the site."""
    pages = {page.removeprefix("docs/") for page in PAGES if page.startswith("docs/")} - {
        "README.md"
    }
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert {page for page in pages if f"]({page})" not in index} == set()
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert {page for page in pages if f" {page}\n" not in navigation} == set()
