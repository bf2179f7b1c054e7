"""
Parses the text of a stack file or of a project file.

Text in, values out: no file here. Pulumi's SDK brings the parser.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.property_types import json_map

PROJECT_FILES: Final = ("Pulumi.yaml", "Pulumi.yml")
"""File names that Pulumi accepts for the project file."""


def stack_file(project_file: Path, project: Mapping[str, Any], stack: str) -> Path:
    """
    The file with the configuration of *stack*; it may not exist.

    Its suffix is that of *project_file*, whose content is *project*
    (https://github.com/pulumi/pulumi, sdk/go/common/workspace/paths.go).
    """
    # Joined as text: Pulumi takes an absolute folder too for a folder of the project.
    folder = Path(f"{project_file.parent}/{project.get('stackConfigDir') or '.'}")
    return folder / f"Pulumi.{stack.split('/')[-1]}{project_file.suffix}"


def domains_in(loaded: Any, project: str) -> Any:
    """What a stack file, *loaded*, has as the domains of *project*; None if it has none."""
    config = json_map(json_map(loaded).get("config"))
    # Pulumi accepts three spellings.
    keys = (f"{project}:domains", "domains", f"{project}:config:domains")
    return next((config[key] for key in keys if config.get(key) is not None), None)


def load(text: str) -> Any:
    """
    What a YAML file holds; raises `InvalidSettings`, which does not quote it.
    """
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        # Never quote the line, it may hold a key.
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        problem = SettingMessages.DUPLICATE(where=where, problem=error.problem)
        raise InvalidSettings(problem) from None
    except (yaml.YAMLError, ValueError, RecursionError):  # also invalid numbers and dates
        raise InvalidSettings(SettingMessages.NOT_YAML()) from None
