"""If this fails, a message is shown with a brace in it, or stands in a table and nowhere else."""

import ast
import functools
import re

import pytest

from tests.docs.reference import AREAS, tables
from tests.structure.imports import modules

TABLES = {table.__name__: table for area in AREAS for table in tables(area)}


def _fields(text):
    return set(re.findall(r"(?<!\{)\{(\w+)", text.replace("{{", "")))


@functools.cache
def _uses():
    """Table, code and the names of the fields, of each place that uses a code; None for no call."""
    found = []
    for _, path in modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
        called = {call.func: {one.arg for one in call.keywords} for call in calls}
        for node in ast.walk(tree):
            match node:
                case ast.Attribute(value=ast.Name(id=table), attr=code) if (
                    table in TABLES and code.isupper()
                ):
                    found.append((table, code, called.get(node)))
    return found


def test_fields():
    """A message has every field that its text and its advice name."""
    missing = []
    for table, code, fields in _uses():
        named = _fields(TABLES[table][code].text + TABLES[table][code].advice)
        if fields is not None and None not in fields and not named <= fields:
            missing.append(f"{table}.{code}: {named - fields}")
    assert missing == []


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_no_code_is_left(table):
    """Every code is used, and none is another name of the code before it."""
    used = {code for name, code, _ in _uses() if name == table.__name__}
    codes = [one.name for one in table]
    assert sorted(used) == sorted(codes)
    assert [one.name for one in table] == list(table.__members__)


def test_kinds():
    """An error of no class of its own has a kind, which people read before the message."""
    nodes = [
        node
        for _, path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]
    calls = [
        one
        for one in nodes
        if isinstance(one, ast.Call) and ast.unparse(one.func) == "ByodkimError"
    ]
    assert calls
    assert [
        ast.unparse(one) for one in calls if "kind" not in {given.arg for given in one.keywords}
    ] == []
