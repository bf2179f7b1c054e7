"""
Parses the text of a stack file, and edits a few of its values.

Text in, text out. An edit replaces the characters of the values it changes and no others, so
that comments, order, quotes and `secure:` values stay as they are, byte for byte. What comes
out is read again: an edit that would change anything else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import unified_diff
from pathlib import Path
from typing import Any, Final, TypeGuard

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from byodkim_provider.config.problems import line
from byodkim_provider.errors import InvalidSettings

PROJECT_FILES: Final = ("Pulumi.yaml", "Pulumi.yml")
"""File names that Pulumi accepts for the project file."""

HIDDEN: Final = ("privateKey", "secure", "encryptionsalt", "encryptedkey")
"""Keys of values that `diff` does not show: secrets, and what Pulumi has encrypted."""

Changes = Mapping[str, int | tuple[int, ...] | None]
"""New values of a domain's keys; None removes the key."""

_Pair = tuple[Node, Node]
"""A key of a map, and its value."""

_Splice = tuple[int, int, str]
"""Start and end of a replaced piece of the text, and its replacement."""


def stack_file(project_file: Path, project: Mapping[str, Any], stack: str) -> Path:
    """
    The file with the configuration of *stack*; it may not exist.

    Its suffix is that of *project_file*, whose content is *project*
    (https://github.com/pulumi/pulumi, sdk/go/common/workspace/paths.go).
    """
    # Joined as text: Pulumi takes an absolute folder too for a folder of the project.
    folder = Path(f"{project_file.parent}/{project.get('stackConfigDir') or '.'}")
    return folder / f"Pulumi.{stack.split('/')[-1]}{project_file.suffix}"


def key_paths(project: str, name: str, *, in_project_file: bool) -> Iterator[tuple[str, ...]]:
    """Keys that may lead to *name*: Pulumi accepts three spellings."""
    for key in (f"{project}:{name}", name, f"{project}:config:{name}"):
        if in_project_file:
            yield "config", key, "value"
            yield "config", key, "default"
        else:
            yield "config", key


def at(value: Any, path: Sequence[str]) -> Any:
    """What *path* leads to in *value*; None if it leads nowhere."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def edited(text: str, path: Sequence[str], changes: Mapping[str, Changes]) -> str:
    """
    *text* with *changes* made to domains, which are named as they are spelled in the file.

    *path* are the keys that lead to the map of domains. Raises `InvalidSettings` if a value
    does not stand in the file so that it can be edited there, as with anchors and merge keys.
    """
    domains: Node | None = YAML(typ="safe", pure=True).compose(text)
    for key in path:
        domains = _value(domains, key) if domains else None
    splices = [
        splice
        for domain, changed in changes.items()
        for splice in _splices(text, _value(domains, domain) if domains else None, domain, changed)
    ]
    result = text
    for start, end, replacement in sorted(splices, reverse=True):
        result = result[:start] + replacement + result[end:]
    _refuse_side_effects(text, result, path, changes)
    return result


def changed(domains: Mapping[str, Any], changes: Mapping[str, Changes]) -> dict[str, Any]:
    """
    A map of domains with *changes*.

    Returns copies, because an alias refers to the same object: changing one would change both.
    """
    after = dict(domains)
    for domain, values in changes.items():
        kept = {key: value for key, value in domains[domain].items() if key not in values}
        set_ = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
        after[domain] = kept | {key: value for key, value in set_.items() if value is not None}
    return after


def with_domains(text: str, project: str, entries: Callable[[int], str], *, others: Mapping[str, str]) -> str:
    """
    *text* with more domains; *entries* returns them as YAML at an indentation.

    *others* are settings to add to `config`, in YAML. Raises `InvalidSettings` if the file is not written
    line by line.
    """
    text = _with_lines(text, len(text), "")
    for _, empty in filter(_is_empty, _places(text, project)[:2]):
        if empty.start_mark.index < empty.end_mark.index:  # `{}`, behind which no line can go on
            text = text[: empty.start_mark.index].rstrip(" ") + text[empty.end_mark.index :]
    config, domains, key = _places(text, project)
    if any(place and not _is_block(place[1]) and not _is_empty(place) for place in (config, domains)):
        raise InvalidSettings([_NOT_EXTENDABLE])
    column = _column(config, otherwise=2)
    beside = "".join(f"{' ' * column}{name}: {value}\n" for name, value in others.items())
    if config and domains:
        region = _value(config[1], "aws:region")
        place = _next_line(text, _end(region)) if region else _after(text, config)
        added = [(place, beside), (_after(text, domains), entries(_column(domains, otherwise=column + 2)))]
    else:
        head, place = ("", _after(text, config)) if config else ("config:\n", len(text))
        added = [(place, f"{head}{beside}{' ' * column}{key}:\n{entries(column + 2)}")]
    result = text
    for place, lines in sorted(added, key=lambda one: one[0], reverse=True):  # stable: domains come first
        result = _with_lines(result, place, lines)
    before: Any = load(text) or {}
    kept = before.get("config") or {}
    beside_them = {name: load(value) for name, value in others.items()}
    expected = {**kept, **beside_them, key: {**(kept.get(key) or {}), **load(entries(0))}}
    try:
        same = load(result) == {**before, "config": expected}
    except (InvalidSettings, RecursionError):
        same = False
    if not same:
        raise InvalidSettings([_NOT_EXTENDABLE])
    return result


_NOT_EXTENDABLE: Final = "can't be extended in place (is it not written line by line?), edit it by hand"


def _places(text: str, project: str) -> tuple[_Pair | None, _Pair | None, str]:
    """`config` in *text* and the domains in it, None for what is not there; and the key of the domains."""
    config = _pair(YAML(typ="safe", pure=True).compose(text), "config")
    for _, key in key_paths(project, "domains", in_project_file=False):
        if config and (domains := _pair(config[1], key)):
            return config, domains, key
    return config, None, f"{project}:domains"


def _column(pair: _Pair | None, *, otherwise: int) -> int:
    """The column of the keys in the map of *pair*; *otherwise* if it has none."""
    return pair[1].value[0][0].start_mark.column if pair and pair[1].value else otherwise


def _after(text: str, pair: _Pair) -> int:
    """The beginning of the line after *pair*, a block or empty, and after the comments within the block."""
    end = _pair_end(pair)
    position = end if text[end - 1] == "\n" else _next_line(text, end)
    column = _column(pair, otherwise=len(text))
    while (comment := re.match("( *)#[^\n]*(\n|$)", text[position:])) and len(comment[1]) > column:
        position += comment.end()
    return position


def _with_lines(text: str, position: int, lines: str) -> str:
    """*text* with *lines* at *position*, with the file's own line ends."""
    newline = "\r\n" if "\r\n" in text else "\n"
    before = text[:position]
    if before and not before.endswith("\n"):
        before += newline
    return before + lines.replace("\n", newline) + text[position:]


def diff(before: str, after: str, name: str) -> str:
    """
    Unified diff of two texts of the file *name*.

    Private keys, and whatever is encrypted, are shown as "…": the lines around a change are printed too.
    """
    lines = unified_diff(_lines(before), _lines(after), fromfile=name, tofile=name)
    ending = "\n\\ No newline at end of file\n"
    return "".join(text if text.endswith("\n") else text + ending for text in lines)


def load(text: str) -> Any:
    """What a YAML file holds; raises `InvalidSettings`, which does not quote it."""
    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        # Never quote the line, it may hold a key; ruamel's message about a duplicate key quotes both values.
        problem = "a duplicate key" if isinstance(error, DuplicateKeyError) else error.problem
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise InvalidSettings([f"{where}{problem}"]) from None
    except (YAMLError, ValueError, RecursionError):  # invalid numbers and dates, deep nesting
        raise InvalidSettings(["is not valid YAML"]) from None


def _refuse_side_effects(text: str, result: str, path: Sequence[str], changes: Mapping[str, Changes]) -> None:
    """Raise unless *result* has the content of *text* with *changes*."""
    try:
        same = load(result) == _changed_at(load(text), path, changes)
    except (InvalidSettings, RecursionError):  # an alias may stand within what it repeats
        same = False
    if not same:
        raise InvalidSettings([_not_editable(domain) for domain in changes])


def _changed_at(value: Any, path: Sequence[str], changes: Mapping[str, Changes]) -> dict[str, Any]:
    """*value* with *changes* to the domains that *path* leads to."""
    if not path:
        return changed(value, changes)
    return {**value, path[0]: _changed_at(value[path[0]], path[1:], changes)}


def _not_editable(domain: str) -> str:
    text = "can't be edited in place (an anchor, a merge key or an empty value?), edit the stack file by hand"
    return line(("domains", domain), text)


def _splices(text: str, node: Node | None, domain: str, changes: Changes) -> Iterator[_Splice]:
    generation = _value(node, "generation") if node else None
    if not isinstance(node, MappingNode) or generation is None:
        raise InvalidSettings([_not_editable(domain)])
    pairs = list(node.value)
    keys = [key.value for key, _ in pairs]
    anchor = keys.index("generation")  # never removed, so keys are added and removed next to it
    added = []
    for key, value in changes.items():
        if key not in keys:
            added += [f"{key}: {_flow(value)}"] if value is not None else []
            continue
        position = keys.index(key)
        key_node, value_node = pairs[position]
        if _value(node, key) is None:
            raise InvalidSettings([_not_editable(domain)])
        if value is not None:
            yield _replaced(key_node, value_node, value)
        elif not node.flow_style:
            yield _line_start(text, key_node.start_mark.index), _next_line(text, _end(value_node)), ""
        elif position < anchor:
            yield key_node.start_mark.index, pairs[position + 1][0].start_mark.index, ""
        else:
            yield _end(pairs[position - 1][1]), _end(value_node), ""
    if added and node.flow_style:
        yield _end(generation), _end(generation), "".join(f", {one}" for one in added)
    elif added:
        indent = " " * pairs[anchor][0].start_mark.column
        newline = "\r\n" if "\r\n" in text else "\n"
        position = len(text[: _next_line(text, _end(generation))].rstrip("\r\n"))
        yield position, position, "".join(f"{newline}{indent}{one}" for one in added)


def _replaced(key: Node, node: Node, value: int | tuple[int, ...]) -> _Splice:
    if _is_block(node):
        return key.end_mark.index, _end(node), f": {_flow(value)}"
    return node.start_mark.index, _end(node), _flow(value)


def _flow(value: int | tuple[int, ...] | None) -> str:
    return str(list(value) if isinstance(value, tuple) else value)


def _pair(node: Node | None, key: str) -> _Pair | None:
    """*key* and its value in *node*; None if there is none, or only an alias."""
    for key_node, value in node.value if isinstance(node, MappingNode) else ():
        if key_node.value == key:
            return (key_node, value) if value.start_mark.index >= key_node.end_mark.index else None
    return None


def _value(node: Node, key: str) -> Node | None:
    """The value of `_pair`."""
    pair = _pair(node, key)
    return pair[1] if pair else None


def _end(node: Node) -> int:
    """Where *node* ends; the mark of a block collection stands before the next token, after comments."""
    if not _is_block(node):
        return int(node.end_mark.index)
    last = node.value[-1]
    return _pair_end(last) if isinstance(last, tuple) else _end(last)


def _pair_end(pair: _Pair) -> int:
    """Where *pair* ends; the mark of a value that is not written stands before the next token, too."""
    key, value = pair
    return _end(value) if value.start_mark.index < value.end_mark.index else int(key.end_mark.index)


def _is_block(node: Node) -> bool:
    """Whether *node* is a list or a map written line by line."""
    return isinstance(node, CollectionNode) and not node.flow_style


def _is_empty(pair: _Pair | None) -> TypeGuard[_Pair]:
    """Whether *pair* has no value, `null` or `{}`; with an anchor it is not empty, since others share it."""
    if pair is None or pair[1].anchor:
        return False
    return pair[1].tag == "tag:yaml.org,2002:null" or (isinstance(pair[1], MappingNode) and not pair[1].value)


def _line_start(text: str, position: int) -> int:
    return text.rfind("\n", 0, position) + 1


def _next_line(text: str, position: int) -> int:
    return text.find("\n", position) + 1 or len(text)


def _lines(text: str) -> list[str]:
    """The lines of *text*, without what nobody should read or can."""
    root = YAML(typ="safe", pure=True).compose(text)
    for key in reversed(list(_hidden(root)) if root else []):
        start, end = key.start_mark.index, len(text[: key.end_mark.index].rstrip())
        text = f"{text[:start]}…{text[end:]}"
    return text.splitlines(keepends=True)


def _hidden(node: Node) -> Iterator[Node]:
    """Values of the keys in `HIDDEN`, in the order they stand there."""
    for child in () if isinstance(node, ScalarNode) else node.value:
        key, value = child if isinstance(child, tuple) else (None, child)
        if key is not None and key.value in HIDDEN and isinstance(value, ScalarNode):
            yield value
        else:
            yield from _hidden(value)
