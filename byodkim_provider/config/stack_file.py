"""
Parses the text of a stack file, and shows the difference of two texts without secrets.

Text in, values or text out: no file here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import unified_diff
from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
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


def stack_file(project_file: Path, project: Mapping[str, Any], stack: str) -> Path:
    """
    The file with the configuration of *stack*; it may not exist.

    Its suffix is that of *project_file*, whose content is *project*
    (https://github.com/pulumi/pulumi, sdk/go/common/workspace/paths.go).
    """
    # Joined as text: Pulumi takes an absolute folder too for a folder of the project.
    folder = Path(f"{project_file.parent}/{project.get('stackConfigDir') or '.'}")
    return folder / f"Pulumi.{stack.split('/')[-1]}{project_file.suffix}"


def domains_in(text: str, project: str) -> Any:
    """
    What the stack file *text* has as the domains of *project*; None if it has none.

    Raises `InvalidSettings` if it is no YAML.
    """
    loaded = load(text)
    config = loaded.get("config") if isinstance(loaded, Mapping) else None
    if not isinstance(config, Mapping):
        return None
    # Pulumi accepts three spellings.
    keys = (f"{project}:domains", "domains", f"{project}:config:domains")
    return next((config[key] for key in keys if config.get(key) is not None), None)


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
    loaded = load(before)
    config = loaded.get("config") if isinstance(loaded, Mapping) else None
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


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value
