"""Every message of the tables is used, and gets its fields."""

import ast
import re

import pytest

from byodkim_provider.messages import SECTION, in_python
from tests.docs.reference import AREAS, tables
from tests.structure.imports import modules

TABLES = {table.__name__: table for area in AREAS for table in tables(area)}


def _fields(text):
    return set(re.findall(r"(?<!\{)\{(\w+)", text.replace("{{", "")))


def _uses():
    """Table, code and the names of the fields, of each place that uses a code; None for no call."""
    for _, path in modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
        called = {call.func: {one.arg for one in call.keywords} for call in calls}
        for node in ast.walk(tree):
            match node:
                case ast.Attribute(value=ast.Name(id=table), attr=code) if table in TABLES and code.isupper():
                    yield table, code, called.get(node)


USES = list(_uses())


def test_fields():
    """A message has every field that its text and its advice name."""
    missing = []
    for table, code, fields in USES:
        named = _fields(TABLES[table][code].text + TABLES[table][code].advice)
        if fields is not None and None not in fields and not named <= fields:
            missing.append(f"{table}.{code}: {named - fields}")
    assert missing == []


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_no_code_is_left(table):
    """Every code is used, and none is another name of the code before it."""
    used = {code for name, code, _ in USES if name == table.__name__}
    codes = [one.name for one in table if one.text != SECTION]
    assert sorted(used) == sorted(codes)
    assert [one.name for one in table] == list(table.__members__)


@pytest.mark.parametrize(
    ("yaml", "python"),
    [
        ("`overlapDays: 0`", "`overlap_days=0`"),
        ("`published: [1, 2]` and `adopt: true`", "`published=[1, 2]` and `adopt=True`"),
        ("`dns: {provider: route53, zoneId: …}`", "`dns={'provider': 'route53', 'zone_id': '…'}`"),
        ("`pulumi up` or `aws:profile`", "`pulumi up` or `aws:profile`"),
        ("`a: [`", "`a: [`"),
        ('domains["a.example"].dns[1].zoneId: wrong', "a.example: dns[1].zone_id: wrong"),
    ],
)
def test_in_python(yaml, python):
    """A setting is spelled as an argument, and nothing else is touched."""
    assert in_python(yaml) == python
