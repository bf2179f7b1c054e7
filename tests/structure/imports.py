"""
Which package of the product imports which, read from the source.

A *part* is what stands at the top of `byodkim_provider/`: a module, or a sub-package as a whole.
Imports for type checkers, and those within functions, count too: they are knowledge of each other.
"""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import byodkim_provider

PRODUCT: Final = Path(byodkim_provider.__file__).parent

LAYERS: Final = (
    ("messages", "progress", "quoting", "times", "urls"),
    ("errors",),
    ("dkim", "property_types"),
    ("aws", "dns"),
    ("hosts",),
    ("config", "identity", "key_store"),
    ("cli", "resources"),
    ("program",),
    ("plugin",),
)
"""The parts of the product from the bottom up. A part imports only from the rows before its own."""


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> Iterator[str]:
    """What the import statements of *path* name: modules, or names in modules."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules() -> Iterator[tuple[str, Path]]:
    """
    Name of the part and path of every module, but for the package's own `__init__` and `__main__`.
    """
    for path in sorted(PRODUCT.rglob("*.py")):
        part = path.relative_to(PRODUCT).parts[0].removesuffix(".py")
        if part not in ("__init__", "__main__"):
            yield part, path


def parts() -> tuple[str, ...]:
    """Names of all parts, sorted."""
    return tuple(sorted({part for part, _ in modules()}))


def imports() -> dict[str, set[str]]:
    """For each part the other parts that it imports."""
    known = set(parts())
    found: dict[str, set[str]] = {part: set() for part in known}
    for part, path in modules():
        tops = {name.partition(".")[0] for name in _imported(path)}
        found[part] |= (tops & known) - {part}
    return found


def imports_of_modules() -> dict[str, set[str]]:
    """For each module, such as `dkim.keys`, the other modules of the product that it imports."""
    paths = {
        ".".join(path.relative_to(PRODUCT).with_suffix("").parts): path for _, path in modules()
    }
    # `from package import module` and `from module import name` name a module in one of two ways.
    names = {module: set(_imported(path)) for module, path in paths.items()}
    with_parents = {
        module: found | {name.rpartition(".")[0] for name in found}
        for module, found in names.items()
    }
    return {module: (found & paths.keys()) - {module} for module, found in with_parents.items()}


def _imported(path: Path) -> Iterator[str]:
    """What *path* imports from the product, without the name of the product."""
    for name in imported(path):
        package, _, rest = name.partition(".")
        if package == PRODUCT.name and rest:
            yield rest
