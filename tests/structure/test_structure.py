"""If this fails, a module imports upwards or in a circle, and no part can be read by itself."""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter

from tests.conftest import START_FIRST
from tests.structure.imports import (
    LAYERS,
    PRODUCT,
    imported,
    imports,
    imports_of_modules,
    modules,
    parts,
)

ROOT = PRODUCT.parent

MANY_ZONES = 20

PULUMI = {"resources", "program", "plugin"}
"""Parts that know Pulumi."""


def test_layers() -> None:
    """A part imports only from the layers below its own, and every part has a layer."""
    layer_of = {part: number for number, row in enumerate(LAYERS) for part in row}
    assert set(parts()) == set(layer_of)
    upwards = [
        f"{part} imports {other}"
        for part, others in imports().items()
        for other in others
        if layer_of[other] >= layer_of[part]
    ]
    assert upwards == []


def test_no_circle_of_modules() -> None:
    """
    Modules never import each other in a circle: not within a package, nor by an import in a
    function.
    """
    graph = imports_of_modules()
    assert "config.schema" in graph["config.settings"]  # from a module
    assert "dkim.records" in graph["identity.lookups"]  # from a package
    assert "progress" in graph["resources._plugin"]
    TopologicalSorter(graph).prepare()


def test_who_knows_whom() -> None:
    """
    Pulumi is imported by the parts that speak with it, and by no other; sandbox and tests by none.
    """
    known = {(part, name.partition(".")[0]) for part, path in modules() for name in imported(path)}
    assert {part for part, name in known if name.startswith("pulumi")} == PULUMI
    assert {name for _, name in known} & {"sandbox", "tests"} == set()


def test_private_modules() -> None:
    """A module with an underscore is imported within its own package only."""
    strangers = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted(PRODUCT.rglob("*.py"))
        for name in imported(path)
        if re.search(r"\._[a-z]", name)
        and name.startswith(f"{PRODUCT.name}.")
        and name.rpartition("._")[0] != ".".join(path.relative_to(ROOT).parent.parts)
    ]
    assert strangers == []


def test_table_of_parts() -> None:
    """The page on architecture has every part."""
    text = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    listed = [part for row in rows for part in re.findall(r"`(\w+)/?`", row) if part in parts()]
    assert sorted(listed) == sorted(parts())


def test_files_that_start_first() -> None:
    """They are there: one that was renamed would start last again, and nothing would say so."""
    assert [name for name in START_FIRST if not (ROOT / "tests" / name).is_file()] == []


def test_zones_of_a_shared_sandbox() -> None:
    """
    No two tests of the engine have a zone of one name, since the workers share the tests out by
    chance.
    """
    users: dict[str, set[str]] = {}
    for path in sorted((ROOT / "tests" / "engine").glob("test_*.py")):
        for test in ast.parse(path.read_text(encoding="utf-8")).body:
            for name in _zones(test):
                users.setdefault(name, set()).add(f"{path.name}::{test.name}")
    assert len(users) > MANY_ZONES
    assert [sorted(tests) for tests in users.values() if len(tests) > 1] == []


def _zones(test: ast.stmt) -> Iterator[str]:
    """What *test* gives to `add_zone` or `Panel`, written there or assigned before."""
    assigned = {
        node.targets[0].id: node.value
        for node in ast.walk(test)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for node in ast.walk(test):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called == "Panel" or called.endswith(".add_zone"):
            name = node.args[-1]
            value = assigned.get(name.id) if isinstance(name, ast.Name) else name
            if isinstance(value, ast.Constant):
                yield value.value
