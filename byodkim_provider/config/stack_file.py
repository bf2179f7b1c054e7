"""
Parses the text of a stack file, and edits it so that a reviewer sees the edit and nothing else.

Text in, text out. ruamel.yaml writes the changed document; lines that it would only lay out in
another way stay as they stand in the file. The result is parsed again: an edit that would change
anything else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher, unified_diff
from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import Node, ScalarNode

from byodkim_provider.config.problems import SECRET_MAPS, strings_in
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.quoting import hidden, printable

PROJECT_FILES: Final = ("Pulumi.yaml", "Pulumi.yml")
"""File names that Pulumi accepts for the project file."""

_ENCRYPTED: Final = re.compile("((?:secure|encryptionsalt|encryptedkey): *)[^ ,}\r\n]+")

_SECRETS: Final = frozenset({*SECRET_MAPS, "accessKey", "secretKey", "token"})
"""Last parts of the keys below `config` whose values are secrets, of whichever namespace."""

MAX_NODES: Final = 200_000
"""Most keys and values of a file, with aliases written out: of 20,000 domains."""

_PLACEHOLDER: Final = "byodkim-new-domains"
"""Stands in the place of new domains while ruamel writes: it would move their comments."""


def stack_file(project_file: Path, project: Mapping[str, Any], stack: str) -> Path:
    """
    The file with the configuration of *stack*; it may not exist.

    Its suffix is that of *project_file*, whose content is *project*
    (https://github.com/pulumi/pulumi, sdk/go/common/workspace/paths.go).
    """
    # Joined as text: Pulumi takes an absolute folder too for a folder of the project.
    folder = Path(f"{project_file.parent}/{project.get('stackConfigDir') or '.'}")
    return folder / f"Pulumi.{stack.split('/')[-1]}{project_file.suffix}"


def key_paths(project: str, *, in_project_file: bool) -> Iterator[tuple[str, ...]]:
    """Keys that may lead to the map of domains: Pulumi accepts three spellings."""
    for key in (f"{project}:domains", "domains", f"{project}:config:domains"):
        if in_project_file:
            yield "config", key, "value"
            yield "config", key, "default"
        else:
            yield "config", key


def domains_in(text: str, project: str) -> Any:
    """
    What the stack file *text* has as the domains of *project*; None if it has none.

    Raises `InvalidSettings` if it is no YAML.
    """
    config = at(load(text), ("config",))
    found = [at(config, path[1:]) for path in key_paths(project, in_project_file=False)]
    return next((domains for domains in found if domains is not None), None)


def at(value: Any, path: Sequence[str]) -> Any:
    """What *path* leads to in *value*; None if it leads nowhere."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def load(text: str) -> Any:
    """
    What a YAML file holds, each alias copied; raises `InvalidSettings`, which does not quote it.
    """
    try:
        yaml = YAML(typ="safe", pure=True)
        node = yaml.compose(text)
        # Refused before it is built: where aliases repeat aliases, a few lines are millions of
        # values.
        if node is not None and _size(node, {}) > MAX_NODES:
            raise InvalidSettings(SettingMessages.TOO_LONG(most=MAX_NODES))
        return _copied(yaml.constructor.construct_document(node)) if node is not None else None
    except MarkedYAMLError as error:
        # Never quote the line, it may hold a key; ruamel's message about a duplicate key quotes
        # both values.
        problem = "a duplicate key" if isinstance(error, DuplicateKeyError) else error.problem
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise InvalidSettings(SettingMessages.DUPLICATE(where=where, problem=problem)) from None
    except (
        YAMLError,
        ValueError,
        RecursionError,
    ):  # invalid numbers and dates, an alias within itself
        raise InvalidSettings(SettingMessages.NOT_YAML()) from None


def _size(node: Node, known: dict[Node, int]) -> int:
    """
    How many nodes *node* is with each alias written out; *known* are the sizes of nodes with a
    name.
    """
    if node not in known:
        below = [] if isinstance(node, ScalarNode) else node.value
        parts = (part for one in below for part in (one if isinstance(one, tuple) else (one,)))
        known[node] = 1 + sum(_size(part, known) for part in parts)
    return known[node]


def diff(before: str, after: str, name: str) -> str:
    """
    Unified diff of two texts of the file *name*; encrypted values are shown as "…".

    Secrets and keys that are not encrypted are hidden too, and what a terminal obeys is escaped.
    """
    config = at(load(before), ("config",))
    settings = config.items() if isinstance(config, Mapping) else ()
    found = (value for key, value in settings if str(key).rpartition(":")[2] in _SECRETS)
    secrets = [
        one for value in found for _, text in strings_in(value, ()) for one in text.split("\n")
    ]
    texts = [StringIO(_ENCRYPTED.sub(r"\1…", text)).readlines() for text in (before, after)]
    ending = "\n\\ No newline at end of file\n"
    shown = []
    for one in unified_diff(texts[0], texts[1], fromfile=name, tofile=name):
        body = one.rstrip("\r\n")
        shown.append(
            "\t".join(map(printable, hidden(body, secrets).split("\t")))
            + (one[len(body) :] or ending)
        )
    return "".join(shown)


def with_domains(
    text: str, project: str, entries: Callable[[int], str], *, others: Mapping[str, str]
) -> str:
    """
    *text* with more domains; *entries* returns them as YAML at an indentation.

    *others* are settings to add to `config`, in YAML. Raises `InvalidSettings` if a domain is there
    already, or something else would change too.
    """
    expected = load(text) or {}
    config = expected["config"] = expected.get("config") or {}
    keys = [path[-1] for path in key_paths(project, in_project_file=False)]
    key = next((one for one in keys if one in config), keys[0])
    domains = config[key] = {} if config.get(key) is None else config[key]
    if not isinstance(domains, dict):
        raise InvalidSettings(SettingMessages.NOT_EXTENDABLE())
    domains |= load(entries(0))
    config |= {name: load(value) for name, value in others.items()}

    def change(document: Any) -> None:
        written = document["config"] = document.get("config") or CommentedMap()
        position = (
            list(written).index("aws:region") + 1 if "aws:region" in written else len(written)
        )
        for name, value in reversed([*others.items()]):
            written.insert(position, name, _round_trip().load(value))
        written[key] = written.get(key) or CommentedMap()
        written[key][_PLACEHOLDER] = None

    lines = _rewritten(text, change).splitlines(keepends=True)
    newline = "\r\n" if "\r\n" in text else "\n"
    result = "".join(
        entries(_margin(one)).replace("\n", newline) if one.strip() == f"{_PLACEHOLDER}:" else one
        for one in lines
    )
    if not _holds(result, expected):
        raise InvalidSettings(SettingMessages.NOT_EXTENDABLE())
    return result


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value


def _holds(text: str, expected: object) -> bool:
    try:
        return bool(load(text) == expected)
    except InvalidSettings:
        return False


def _round_trip() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1_000_000  # an encrypted value is one long line
    return yaml


def _rewritten(text: str, change: Callable[[Any], None]) -> str:
    """
    *text* after *change* to its document; "" if it can't be told which lines of the file change.

    ruamel writes the document before (*old*) and after the change (*new*). Where these differ, the
    lines of *new* replace those of the file (*lines*); where they don't, the file keeps its own.
    """
    newline, text = ("\r\n" if "\r\n" in text else "\n"), text.replace("\r\n", "\n")
    yaml = _round_trip()
    if first_indented := re.search("^ +", text, re.MULTILINE):
        yaml.map_indent = len(first_indented[0])
    document = yaml.load(text)
    before = "" if document is None else _dumped(yaml, document)
    document = CommentedMap() if document is None else document
    change(document)
    lines, old, new = (one.split("\n") for one in (text, before, _dumped(yaml, document)))
    places = _places(old, lines)
    result: list[str] = []
    done = 0
    for kind, start, end, first, last in SequenceMatcher(None, old, new).get_opcodes():
        if end not in places:
            return ""
        here, done = lines[done : places[end]], places[end]
        if kind == "equal":
            result += here
            continue
        shift = _shift(new[first], old[: start + 1], lines, places) if first < last else 0
        added = [" " * (_margin(one) + shift) + one.lstrip(" ") for one in new[first:last]]
        below = _taken_comments(result, _margin(added[0])) if kind == "insert" else []
        # ruamel drops the comments below a value that goes, but they may be about what comes next.
        same = {one.strip() for one in added}
        result += (
            added + below + [one for one in here if _is_comment(one) and one.strip() not in same]
        )
    return newline.join(result + lines[done:])


def _dumped(yaml: YAML, document: object) -> str:
    stream = StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _places(old: Sequence[str], lines: Sequence[str]) -> dict[int, int]:
    """
    Where in *lines* each line of *old* begins, which is the same document as ruamel lays it out.
    """
    places: dict[int, int] = {}
    for _, start, end, first, last in SequenceMatcher(None, _bare(old), _bare(lines)).get_opcodes():
        for number in range(end - start) if end - start == last - first else (0,):
            places.setdefault(start + number, first + number)
        places.setdefault(end, last)
    return places


def _bare(lines: Sequence[str]) -> list[str]:
    return ["".join(one.split()) for one in lines]


def _shift(line: str, above: Sequence[str], lines: Sequence[str], places: Mapping[int, int]) -> int:
    """
    How many columns further right the file has what ruamel writes at the indentation of *line*.
    """
    for number in reversed(range(len(above))):
        same_level = _margin(above[number]) == _margin(line) and not _is_comment(above[number])
        if same_level and number in places:
            return _margin(lines[places[number]]) - _margin(line)
    return 0


def _taken_comments(lines: list[str], margin: int) -> list[str]:
    """
    Comments and blank lines at the end of *lines*, taken from there: they are about what comes
    next.
    """
    first = len(lines)
    while first and _is_comment(lines[first - 1]) and _margin(lines[first - 1]) <= margin:
        first -= 1
    taken = lines[first:] if first else []
    del lines[len(lines) - len(taken) :]
    return taken


def _margin(text: str) -> int:
    return len(text) - len(text.lstrip(" "))


def _is_comment(text: str) -> bool:
    return text.strip()[:1] in ("", "#")
