"""
Every text of an error, a warning or a note of the product, as its source has it.

Source in, texts out: `…` stands for what is filled in.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

import byodkim_provider.errors
import byodkim_provider.hosts.interface
from tests.advice.hints import hints

PRODUCT: Final = Path(byodkim_provider.errors.__file__).parent

OTHERS: Final = {
    "BadParameter",
    "CannotRead",
    "CannotWrite",
    "LocatedError",
    "Refused",
    "RunError",
    "UsageError",
    "ValueError",
}
"""What is raised and shown, beside the classes of `errors` and of `hosts.interface`."""

ELSEWHERE: Final = ("dkim/misconfigurations.py", "cli/configuration.py")
"""What `byodkim doctor` says is in a table of its own; `cli.configuration` shows nothing."""

MAKERS: Final = re.compile(
    r"_?(\w*problems?|\w*reason|why_\w+|refus\w+|exists|existing|several|no_session|not_editable|"
    r"stopped\w*|unsigned|too_early|second_key|unknown_key|unknown_to_state|not_visible|failure|"
    r"hidden|\w*in_stack|encrypted_in_vain|text|line|lost)"
)
"""Functions that return errors, or texts of them."""

SAYS: Final = {"end_program", "info", "say", "warn"}
"""What shows an error, a warning or a note."""

WARNINGS: Final = re.compile(
    r"\w*_warnings|_not_checked|_say_\w+|served_elsewhere|waiting_for_dns|will_take_over|taking_over|planned_switch"
)
"""Functions that return warnings or notes."""

TABLES: Final = re.compile(r"_(\w+_PROBLEMS|MEANS)")
"""Constants with one text in each row, the last of a tuple or the value of a dict."""

SILENT: Final = {"hint", "request_id", "operation", "param_hint"}
"""Arguments that are not the text."""


def error_classes() -> set[str]:
    """The names that users see before a message."""
    return _exceptions(byodkim_provider.errors) - {"ByodkimError"}


def error_texts() -> set[str]:
    """The texts of all modules; each has a blank, so that a bare name is none."""
    files = (file for file in PRODUCT.rglob("*.py") if not file.as_posix().endswith(ELSEWHERE))
    found = {text for file in files for text in _of_module(ast.parse(file.read_text()))}
    # A hint is in tests/advice, and what begins with a comma is the end of a text.
    return {text for text in found if re.search(r"\w \w|\w …|… \w", text) and text[0] != ","} - hints()


def _exceptions(module: ModuleType) -> set[str]:
    """Names of the exceptions that *module* defines for others."""
    return {
        name
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Exception)
        and value.__module__ == module.__name__
        and not name.startswith("_")
    }


def _of_module(module: ast.Module) -> Iterator[str]:
    constants = {
        name.id: node.value
        for node in module.body
        if isinstance(node, ast.AnnAssign) and isinstance(name := node.target, ast.Name) and node.value
    }
    raised = {
        *_exceptions(byodkim_provider.hosts.interface),
        *_exceptions(byodkim_provider.errors),
        *OTHERS,
    }
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=keywords):
                if name in raised | SAYS or MAKERS.fullmatch(name) or _appends_a_problem(node):
                    for argument in (*args, *(one.value for one in keywords if one.arg not in SILENT)):
                        yield from _texts(argument, constants)
            case ast.FunctionDef(name=name) if MAKERS.fullmatch(name) or WARNINGS.fullmatch(name):
                for inner in ast.walk(node):
                    match inner:
                        case ast.Return(value=ast.expr() as value) | ast.Yield(value=ast.expr() as value):
                            yield from _texts(value, constants)
                        case ast.Assign(targets=[ast.Name(id="line" | "text")], value=value) if (
                            WARNINGS.fullmatch(name)
                        ):
                            yield from _texts(value, constants)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Tuple(elts=rows)) if TABLES.fullmatch(
                name
            ):
                for row in rows:
                    yield from list(_texts(row, {}))[-1:]
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict(values=rows)) if TABLES.fullmatch(
                name
            ):
                for row in rows:
                    yield from _texts(row, {})
            case ast.Assign(targets=[ast.Name(id="detail" | "problem" | "problems" | "reason")], value=value):
                yield from _texts(value, constants)


def _appends_a_problem(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and (
        node.func.attr == "append" and ast.unparse(node.func.value).endswith("problems")
    )


def _texts(node: ast.expr, constants: dict[str, ast.expr]) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield _message(text)
        case ast.JoinedStr(values=parts):
            yield _message("".join(one.value if isinstance(one, ast.Constant) else "…" for one in parts))
        case ast.Call(func=ast.Name(id="printable" | "line"), args=[*_, value]):
            yield from _texts(value, constants)
        case ast.Name(id=name) if name in constants:
            yield from _texts(constants[name], {})
        case ast.BoolOp(values=values) | ast.Tuple(elts=values) | ast.List(elts=values):
            for value in values:
                yield from _texts(value, constants)
        case ast.ListComp(elt=value) | ast.GeneratorExp(elt=value) | ast.Starred(value=value):
            yield from _texts(value, constants)
        case ast.BinOp(left=left, right=right):
            yield from _texts(left, constants)
            yield from _texts(right, constants)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _texts(body, constants)
            yield from _texts(orelse, constants)


def _message(text: str) -> str:
    """*text* without its hint, and without further lines."""
    return text.partition("\n")[0].strip()
