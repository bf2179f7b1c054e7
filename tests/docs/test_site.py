"""If this fails, the site of the documentation is not built, or has a dead link."""

import json
import re
import shutil
import subprocess
import sys

from tests.docs.pages import PAGES, ROOT

FROM_ELSEWHERE = re.compile(
    r"""<(?:script|img|iframe|link rel="?stylesheet)[^>]*(?:src|href)=["']?(?:https?:)?//"""
    '|class="mermaid"'
)
"""What a page loads from another host without a click; Mermaid's bundle does so too."""


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
    for page in (tmp_path / "site").rglob("*.html"):
        assert not FROM_ELSEWHERE.search(page.read_text(encoding="utf-8")), page
    places = {one["location"].partition("#")[0] for one in found["items"]}
    pages = {page.removeprefix("docs/") for page in PAGES if page.startswith("docs/")}
    assert places == {page.removesuffix("README.md").replace(".md", "/") for page in pages}
