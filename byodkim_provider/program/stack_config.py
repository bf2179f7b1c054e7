"""
Reads the configuration of the running stack: all under the project's name, the Region, the
credentials.
"""

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pulumi
from pulumi.runtime import get_config, is_config_secret

from byodkim_provider.config import stack_file
from byodkim_provider.config.problems import SECRET_MAPS, secret_command, strings_in
from byodkim_provider.config.settings import KEYS, NOT_SECRET
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.property_types import Steps, from_json, line
from byodkim_provider.resources.sdk import configured_names

SHORTEST_SECRET: Final = 12
"""
Shortest string, in characters, that is taken for a secret because something in its setting is one,
or that is looked for in the stack file.
"""

_SECRET_KEY: Final = ("aws:secretKey",)
"""Path of a secret among the `aws:` settings. The name of the key, `aws:accessKey`, is none."""

_TOKEN: Final = ("aws:token",)
"""Path of the other secret among the `aws:` settings."""


def written() -> dict[str, object]:
    """
    All configured keys, decrypted: valid keys as plain values, any other, or a blank one, as a
    string.
    """
    project = pulumi.get_project()
    config, prefix = pulumi.Config(project), f"{project}:"
    ours = [name.removeprefix(prefix) for name in configured_names() if name.startswith(prefix)]
    values: dict[str, object] = {}
    for name in {*KEYS, *ours}:
        text = config.get(name)
        if text is not None:
            # A map is JSON; a key with nothing below it is blank.
            values[name] = from_json(text) if text and name in KEYS else text
    return values


def refuse_unsafe_secrets() -> None:
    """
    Raise `InvalidSettings` for each secret that is not encrypted, or that would be sent to AWS.

    A program calls this before it declares a domain of its own, and before it asks AWS.
    """
    problems = [*not_encrypted(), *sent_secrets()]
    if problems:
        raise InvalidSettings(problems)


def not_encrypted() -> Iterator[str]:
    """
    A problem for each secret that is not encrypted.

    Pulumi tells per setting whether something in it is encrypted. A plain secret beside an
    encrypted one is looked for in the stack file.
    """
    project = pulumi.get_project()
    for name in SECRET_MAPS:
        is_encrypted = is_config_secret(f"{project}:{name}")
        for steps, secret in strings_in(from_json(get_config(f"{project}:{name}")), (name,)):
            if steps[-1] in NOT_SECRET:
                continue
            if not is_encrypted or _is_in_stack_file(secret):
                yield line(steps, SettingMessages.NOT_ENCRYPTED(command=secret_command(steps)))


def _is_in_stack_file(secret: str) -> bool:
    """
    Whether the stack file has *secret* in plain. False if only Pulumi knows where the file is, as
    under the Automation API.
    """
    root, text = pulumi.get_root_directory(), _on_one_line(secret)
    if root is None or len(text) < SHORTEST_SECRET:
        return False
    return text in _stack_file(root, pulumi.get_stack())


@functools.cache
def _stack_file(root: str, stack: str) -> str:
    """The text of the file of *stack*, on one line; "" if there is none."""
    for name in stack_file.PROJECT_FILES:
        project_file = Path(root, name)
        if project_file.exists():
            project = stack_file.load(project_file.read_text(encoding="utf-8"))
            file = stack_file.stack_file(project_file, project, stack)
            return _on_one_line(file.read_text(encoding="utf-8")) if file.exists() else ""
    return ""


def _on_one_line(text: str) -> str:
    """*text* without line ends and blanks, which differ between a key and its form in YAML."""
    return "".join(text.replace("\\n", "").split())


def encrypted_in_vain(settings: Mapping[str, object]) -> Iterator[str]:
    """A problem for each key of a stack file that is encrypted and would not stay it."""
    project = pulumi.get_project()
    for name in settings:
        if name not in SECRET_MAPS and is_config_secret(f"{project}:{name}"):
            yield line((name,), ProgramMessages.NOT_PLAIN())


def sent_secrets() -> Iterator[str]:
    """
    A problem for each `aws:` setting whose value is a secret of another setting.

    A ciphertext of a stack file is not bound to its place. Whoever may write the file can copy the
    ciphertext of a token to a setting that is sent to an AWS account of theirs: to the external id
    of a role.
    """
    names = configured_names()
    secrets = [found for name in names for found in _secrets_in(name)]
    sent = [found for name in names if name.startswith("aws:") for found in _strings_in(name)]
    for path, text in sent:
        origins = [other for other, secret in secrets if secret == text and other[0] != path[0]]
        # If the secret key and the token are the same, one problem is enough: that of the token.
        is_said_of_token = path == _SECRET_KEY and {*origins} == {_TOKEN}
        if origins and not is_said_of_token:
            yield line(path, ProgramMessages.SENT_SECRET(command=secret_command(origins[0])))


def _secrets_in(name: str) -> Iterator[tuple[Steps, str]]:
    """
    Each secret in the setting *name*, with its path.

    Pulumi does not say which string in an encrypted setting is the secret: each long one counts,
    and so does the whole text, because a map may be encrypted as a whole.
    """
    path, text = _setting(name)
    has_only_secrets = path in (_SECRET_KEY, _TOKEN) or path[0] in SECRET_MAPS
    if has_only_secrets or is_config_secret(name):
        strings = [*_strings_in(name)]
        is_one_string = strings == [(path, text)]
        shortest = 1 if has_only_secrets or is_one_string else SHORTEST_SECRET
        for where, string in [(path, text), *strings]:
            if len(string) >= shortest and where[-1] not in NOT_SECRET:
                yield where, string


def _strings_in(name: str) -> Iterator[tuple[Steps, str]]:
    """Each string in the setting *name*, which is JSON or a string; stripped, with its path."""
    path, text = _setting(name)
    value = from_json(text)
    for where, string in strings_in(value if isinstance(value, dict | list) else text, path):
        if string.strip():
            yield where, string.strip()


def _setting(name: str) -> tuple[Steps, str]:
    """The path of the setting *name*, and its text, stripped."""
    path = (name.removeprefix(f"{pulumi.get_project()}:"),)
    return path, (get_config(name) or "").strip()


def region() -> str | None:
    """`aws:region`."""
    return pulumi.Config("aws").get("region")
