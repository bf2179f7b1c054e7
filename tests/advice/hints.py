"""
Every hint of the product, as its source has it.

Source in, texts out: `{}` stands for what is filled in, and a hint that is put together is its parts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PRODUCT: Final = Path(__file__).parents[2] / "byodkim_provider"

MAKERS: Final = ("_hint", "hint", "_lost", "hint_for", "next_step")
"""Functions that return hints, or parts of them."""

VARIABLES: Final = ("hint", "to_do", "WITHOUT_A_STACK", "_forbidden", "key_refused", "NO_ZONE")
"""What hints, or parts of them, are called before they are put together."""

NOTHING_CHANGED: Final = (
    "nothing was changed(?: in (?:SES|Secrets Manager|Route 53|DNS|{}))?|this call changed nothing"
)
"""The state things are in, which most hints begin with: no advice."""


def hints() -> set[str]:
    """All of them, without the state that they begin with."""
    files = (file for file in PRODUCT.rglob("*.py") if file.parent.name != "messages")
    found = {text for file in files for text in _of_module(ast.parse(file.read_text()))}
    return {advice for text in found if (advice := _without_state(text))}


def _of_module(module: ast.Module) -> Iterator[str]:
    constants = {
        name.id: node.value
        for node in module.body
        if isinstance(node, ast.AnnAssign) and isinstance(name := node.target, ast.Name) and node.value
    }
    parts = {id(part) for node in ast.walk(module) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(module):
        if id(node) in parts:
            continue
        match node:
            case ast.keyword(arg="hint", value=ast.Name(id=name)) if name in constants:
                yield from _texts(constants[name])
            case ast.keyword(arg="hint" | "forbidden", value=value):
                yield from _texts(value)
            case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)], value=value) if (
                name in VARIABLES
            ):
                yield from _texts(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if name in VARIABLES:
                yield from _texts(value)
            case ast.FunctionDef(name=name) if name in MAKERS:
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Return | ast.Assign) and inner.value:
                        yield from _texts(inner.value)
            case ast.Constant() | ast.JoinedStr():
                for text in _texts(node):
                    yield from text.split("hint: ")[1:]


def _texts(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in parts)
        case ast.BoolOp(values=values) | ast.Tuple(elts=values):
            for value in values:
                yield from _texts(value)
        case ast.BinOp(left=left, right=right):
            yield from _texts(left)
            yield from _texts(right)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _texts(body)
            yield from _texts(orelse)


def _without_state(text: str) -> str:
    return re.sub(rf"^({NOTHING_CHANGED}|{{}}|[;, ])+", "", text).strip(" ,;\n")
