"""Command lines, with stack files and states that may be anything."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st

from byodkim_provider.dkim import keys
from tests.fuzz.configuration import STACK_FILES
from tests.fuzz.target import Target
from tests.fuzz.values import mutated, mutated_text, texts, words
from tests.support.cli_project import CliProject, configuration
from tests.support.world import World

WORDS: Final = (
    "",
    *words("""
        status rotate records doctor iam-policy --help -h -s --stack dev other -- -
        example.com EXAMPLE.com. mail.example.com --json --all --yes --dry-run --back --no-up
        --compromised --older-than 90 --role arn:aws:iam::123456789012:role/x --selector s1
        --key /dev/null --panel wix --zone --format prometheus zone route53
        --nameserver 127.0.0.1:53 [::1]
    """),
)

PROJECT_FILE: Final = "name: ses-byodkim\nruntime: python\nstackConfigDir: stacks\n"

COMMANDS: Final = ("status", "rotate", "records", "doctor", "iam-policy")

_RECORD: Final = {
    "generation": 1.0,
    "role": "signing",
    "name": "s1._domainkey.example.com",
    "value": "p=",
}

_RESOURCES: Final = [
    {"type": "byodkim:index:ByodkimDomain", "outputs": {"records": [_RECORD]}},
    {"type": "pulumi-python:dynamic/byodkim:ByodkimIdentity", "outputs": "IDENTITY"},
]

EXPORTS: Final = tuple(
    {"version": 3, "deployment": {"resources": some}} for some in ([], _RESOURCES)
)


@dataclass(frozen=True)
class Case:
    """What somebody typed, in which project."""

    arguments: list[str]
    stack_file: str
    export: Any
    project_file: str = ""


class _Project(CliProject):
    """A project whose state is *export*."""

    export: Any = None

    def _ask_pulumi(self, arguments: Any, directory: Path) -> str:
        if "export" in arguments:
            return json.dumps(self.export)
        if "config" in arguments:
            return configuration(directory / "Pulumi.yaml", self.stack_file)
        return "dev\n"


def put(case: Case) -> None:
    """It ends with one of its exit codes, and what went wrong is in words."""
    world = World(_KEYS)
    stored = world.created(1, account_id="123456789012").to_outputs()
    export = json.loads(json.dumps(case.export).replace('"IDENTITY"', json.dumps(stored)))
    with tempfile.TemporaryDirectory() as directory:
        project = _Project(Path(directory), world)
        project.export = export
        # Lone surrogates become octets that are no UTF-8.
        project.stack_file.write_bytes(case.stack_file.encode("utf-8", "surrogatepass"))
        if case.project_file:
            (Path(directory) / "Pulumi.yaml").write_bytes(
                case.project_file.encode("utf-8", "surrogatepass")
            )
        result = project.run(*case.arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (0, 1, 2, 3)
    assert "Traceback" not in result.output


_KEYS: Final = tuple(keys.generate(keys.MIN_BITS) for _ in range(3))

TARGETS = (
    Target(
        "command lines",
        st.builds(
            Case,
            arguments=st.builds(
                # No operating system hands on an argument with a NUL.
                lambda command, rest: [command, *(word.replace("\0", "") for word in rest)],
                st.sampled_from(COMMANDS),
                st.lists(
                    st.one_of(st.sampled_from(WORDS), st.sampled_from(WORDS), texts), max_size=4
                ),
            ),
            stack_file=st.one_of(st.sampled_from(STACK_FILES), mutated_text(STACK_FILES)),
            project_file=st.one_of(st.just(""), st.just(""), mutated_text([PROJECT_FILE])),
            export=st.one_of(st.just(EXPORTS[1]), mutated(EXPORTS)),
        ),
        put,
        weight=1,
    ),
)
