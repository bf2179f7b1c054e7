"""A table of cases, in which the name of each stands beside it."""

import re
from collections.abc import Mapping, Sequence

import pytest
import yaml


def cases(names: str | Sequence[str], rows: Mapping[str, object]) -> pytest.MarkDecorator:
    """Run a test with each of *rows*, by its name."""
    return pytest.mark.parametrize(names, list(rows.values()), ids=list(rows))


def written_out(text: str) -> dict[str, tuple[object, list[str]]]:
    """
    Rows of settings and what is said of them, from a text.

    A line of YAML, as the settings are written, is the name of its row. Each line below it, by two
    blanks further in, is a problem; a line still further in goes on with the one above.
    """
    rows = {}
    for row in re.split(r"\n(?! )", text.strip()):
        written, *said = re.sub(r"\n    +", " ", row).splitlines()
        rows[written] = yaml.safe_load(f"{{{written}}}"), [line.strip() for line in said]
    return rows
