"""docs/reference/performance.md shows the raw results that lie beside it."""

from tests.bench.charts import charts
from tests.bench.page import FOLDER, PAGE, load_results, with_results


def test_page_is_current():
    """The tables are those of the kept results: `python -m tests.bench --page-only` writes them."""
    page = PAGE.read_text(encoding="utf-8")
    assert with_results(page, load_results()) == page


def test_charts_are_current():
    """So are the charts, and there is no other one."""
    drawn = charts(load_results()["programs"])
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.svg")} == drawn
