"""A real browser, and what axe finds in a page that it shows: for the site and for the report."""

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

BROWSER: Final = shutil.which("chromium") or shutil.which("google-chrome")

needs_browser = pytest.mark.skipif(BROWSER is None, reason="no browser (Debian's package chromium)")

TOO_WIDE: Final = "document.documentElement.scrollWidth > window.innerWidth"
"""Whether a page is wider than the window, in JavaScript."""


def views(*widths: int) -> list[tuple[int, str]]:
    """Each of *widths*, in pixels, light and dark."""
    return list(itertools.product(widths, ("light", "dark")))


@contextmanager
def opened(requests: list[str]) -> Iterator[Page]:
    """An empty page; the URLs of what it loads are added to *requests*."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(120_000)  # on a busy machine
        page.on("request", lambda request: requests.append(request.url))
        yield page
        browser.close()


def violations(page: Page, *, contrast: bool = True) -> list[tuple[str, list[str]]]:
    """
    The rules of axe that *page* violates, each with what violates it; *contrast* takes longer than
    all other rules.
    """
    rules = {"color-contrast": {"enabled": contrast}}
    options = {"resultTypes": ["violations"], "rules": rules}
    found = Axe().run(page, options=options).response["violations"]
    return [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found]
