"""
Writes the parts of the reference that follow from the source: `python -m tests.docs.reference`.

The commands, as their `--help` has them; arguments and outputs of the public resources, as their
docstrings have them; messages and permissions, as their tables have them. Source in, pages out.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Final

import click

import byodkim_provider
from byodkim_provider import ByodkimDomainArgs, messages
from byodkim_provider.aws.permissions import PERMISSIONS
from byodkim_provider.cli import main
from byodkim_provider.config.json_schema import docstrings
from byodkim_provider.messages import Table
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.messages.dkim import DkimMessages
from byodkim_provider.messages.hosts import HostMessages, RecordMessages
from byodkim_provider.messages.identity import IdentityMessages
from tests.docs.pages import ROOT
from tests.docs.sections import SECTIONS

MARKS: Final = ("<!-- made: `make reference` writes from here -->\n\n", "\n\n<!-- to here -->")
MARKS_IN_CODE: Final = (
    "            opts: Options of the resource.\n",
    '\n        """\n        if args',
)

_AREAS: Final = "config dkim aws hosts identity program cli mail_from"
AREAS: Final = [import_module(f"{messages.__name__}.{one}") for one in _AREAS.split()]
"""The modules of messages, in the order of the page on errors."""

AS_HINTED: Final = (
    IdentityMessages.NOBODYS,
    IdentityMessages.STILL_IN_USE,
    IdentityMessages.UNKNOWN_TO_STATE,
    DkimMessages.OTHER_VALUE,
    RecordMessages.REFUSED,
    HostMessages.NO_SECRET,
    CliMessages.MAY_BE_A_KEY,
)
"""Sections whose messages are always shown with their advice: the page does not say it again."""

AS_SETTINGS: Final = "DnsSettings KeyStore MailFrom SuppliedKey"
"""Classes whose arguments are described on the page about settings."""


OF_ALL: Final = (
    "The stack; by default the selected one.",
    "Print JSON.",
    "Print JSON, errors too.",
)
"""What is said of options that every command has, at the head of the page."""


def commands() -> str:
    """What each command is for, its options and its exit codes, below a heading for each."""
    with click.Context(main, info_name="byodkim", **main.context_settings) as context:
        found = [(name, main.get_command(context, name)) for name in main.list_commands(context)]
        before: dict[tuple[str, str], str] = {}
        return "\n\n".join(
            _command(click.Context(one, context, name), one, before) for name, one in found if one
        )


def _command(
    context: click.Context, command: click.Command, before: dict[tuple[str, str], str]
) -> str:
    """A command; *before* has the options that another command has too, and its name."""
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    codes = re.findall(r"^ +(\d+) +(.+(?:\n {4,}\D.*)*)", command.epilog or "", re.MULTILINE)
    options = [record for one in command.params if (record := one.get_help_record(context))]
    own = [one for one in options if one[0].startswith("-") and one[1] not in OF_ALL]
    again = [
        one for one in own if before.setdefault(one, context.command_path) != context.command_path
    ]
    names = ", ".join(f"`{name.partition(' ')[0]}`" for name, _ in again)
    listed = [f"- `{name}`: {said}" for name, said in own if (name, said) not in again]
    listed += [f"- {names}: as for `{before[again[0]]}`."] if again else []
    listed += [f"- Exit code {code}: {' '.join(said.split())}." for code, said in codes]
    said = " ".join(inspect.cleandoc(command.help or "").split())
    return "\n".join([f"## {context.command_path}", "", f"`{usage}`", "", said, "", *listed])


def resources() -> str:
    """Arguments and outputs of each public class that has some, below a heading for each."""
    classes = [getattr(byodkim_provider, name) for name in byodkim_provider.__all__]
    return "\n\n".join(filter(None, (_class(one) for one in classes if isinstance(one, type))))


def _class(made: type) -> str:
    rows = list(_fields(ast.parse(textwrap.dedent(inspect.getsource(made))).body[0]))
    if not rows or made.__name__ in AS_SETTINGS.split():
        return ""
    text = (inspect.getdoc(made) or "").partition("\n\nExample::")[0]
    listed = []
    for name, kind, default, said in rows:
        typed = f"`{name}: {kind}{default and f' = {default}'}`"
        listed.append(f"- {typed}: {said}" if said else f"- {typed}")
    return "\n".join([f"## {made.__name__}", "", " ".join(text.split()), "", *listed])


def _fields(found: ast.stmt) -> Iterator[tuple[str, str, str, str]]:
    assert isinstance(found, ast.ClassDef)
    for node, after in zip(found.body, [*found.body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef) and "property" in map(
            ast.unparse, node.decorator_list
        ):
            meaning, kind = " ".join((ast.get_docstring(node) or "").split()), node.returns
            assert kind
            yield node.name, _type(kind), "", meaning
        if not isinstance(node, ast.AnnAssign):
            continue
        meaning = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            meaning = " ".join(str(after.value.value).split())
        default = ast.unparse(node.value) if node.value else ""
        yield ast.unparse(node.target), _type(node.annotation), default, meaning


def _type(annotation: ast.expr) -> str:
    """The type without what Pulumi wraps it into, and what checks it."""
    text = ast.unparse(annotation)
    text = re.sub(r"pulumi\.(?:Input|Output)\[((?:[^][]|\[[^][]*\])*)\]", r"\1", text)
    return re.sub(r"InstanceOf\[(\w+)\]", r"\1", text)


def errors() -> str:
    """Every message that has a section, a table for each of `AREAS`."""
    return "\n\n".join(map(_area, AREAS))


def _area(area: ModuleType) -> str:
    title = (area.__doc__ or "").strip().partition(".")[0]
    shown = [
        found
        for found in sections()
        if type(found[0]) in tables(area) and not is_of_parts(found[0])
    ]
    head = f"## {title}\n\n| text | what to do |\n| --- | --- |"
    return "\n".join([head, *(row for found in shown for row in _section(*found))])


def sections() -> list[tuple[Table, list[Table]]]:
    """The first message of each section, and all of its messages."""
    found: list[tuple[Table, list[Table]]] = []
    for one in (row for area in AREAS for table in tables(area) for row in table):
        if one in SECTIONS:
            found.append((one, []))
        found[-1][1].append(one)
    return found


def is_of_parts(section: Table) -> bool:
    """Whether it has parts of other messages, and no head: the page leaves it out."""
    return not SECTIONS[section]


def tables(area: ModuleType) -> list[type[Table]]:
    """The tables in a module of `messages`."""
    own = (one for one in vars(area).values() if getattr(one, "__module__", "") == area.__name__)
    return [one for one in own if isinstance(one, type) and issubclass(one, Table)]


def _section(section: Table, messages: list[Table]) -> list[str]:
    title, head = SECTIONS[section].split(". ", 1)
    texts: dict[str, list[str]] = {"": []}
    for one in messages:
        if re.search(r"\w", text := _shown(one.text)):  # not only the words of others
            advice = _shown(one.advice).strip("…") and _shown(one.advice)
            if section in AS_HINTED:
                advice = ""
            texts.setdefault(advice, []).append(_quoted(text))
    first, *rows = ("<br>".join(dict.fromkeys(quoted)) for quoted in texts.values())
    said = [f"**{title}.** {' '.join(head.split())}", *filter(None, [first])]
    listed = [f"| {quoted} | {advice} |" for quoted, advice in zip(rows, [*texts][1:], strict=True)]
    return [f"| {'<br>'.join(said)} | {'as the message says' if first else ''} |", *listed]


def _shown(text: str) -> str:
    """A *text* of a table with `…` in the place of each field."""
    shown = re.sub(r"(?<!\{)\{\w[^{}]*\}(?!\})", "…", text).replace("{{", "{").replace("}}", "}")
    return " ".join(shown.split())


def _quoted(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def permissions() -> str:
    """Every action that is called, on what, and under which condition."""
    table = ["| on | if | action, and why |", "| --- | --- | --- |"]
    for (on, needed), actions in PERMISSIONS.items():
        listed = "<br>".join(f"`{action}`: {why}" for action, why in actions.items())
        table.append(f"| {on} | {needed or '–'} | {listed} |")
    return "\n".join(table)


def arguments() -> str:
    """The first sentence of each argument, required ones first, as an editor shows it at a call."""
    fields = ByodkimDomainArgs.model_fields
    documented = docstrings(ByodkimDomainArgs)
    listed = []
    for name in sorted(documented, key=lambda name: not fields[name].is_required()):
        text = documented[name]
        sentence = " ".join(text.split()).partition(". ")[0].removesuffix(".")
        listed.append(textwrap.fill(f"{name}: {sentence}.", 88, subsequent_indent="    "))
    return textwrap.indent("\n".join(listed), " " * 12)


PARTS: Final = {
    "byodkim_provider/program/domain.py": arguments,
    "docs/reference/cli.md": commands,
    "docs/reference/errors.md": errors,
    "docs/reference/permissions.md": permissions,
    "docs/reference/resources.md": resources,
}
"""What stands between the marks of each page."""


def with_part(page: str) -> str:
    """*page* as it should be."""
    begin, end = MARKS if page.endswith(".md") else MARKS_IN_CODE
    before, _, rest = (ROOT / page).read_text(encoding="utf-8").partition(begin)
    return f"{before}{begin}{PARTS[page]()}{end}{rest.partition(end)[2]}"


if __name__ == "__main__":
    for one in PARTS:
        (ROOT / one).write_text(with_part(one), encoding="utf-8")
