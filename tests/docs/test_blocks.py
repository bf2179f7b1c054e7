"""If this fails, somebody who pastes a block of README or docs gets an error, or a dead link."""

import itertools
import json
import re
import shlex
from contextlib import suppress

import click
import jsonschema
import pytest

from byodkim_provider.cli import main
from byodkim_provider.config import settings, stack_file
from tests.docs.pages import PAGES, ROOT, blocks, in_one_line

LEFT_BY_STACK_INIT = (
    "secretsprovider: awskms://alias/pulumi\nencryptedkey: AQICAHhAsbIcVx0ZcgdSjhrAAWsF\n"
)
"""What `pulumi stack init` with a KMS key has left in a stack file."""

SCHEMA = json.loads((ROOT / "stacks" / "schema.json").read_text())


@pytest.mark.parametrize("pasted", blocks("yaml"), ids=str)
def test_yaml(pasted):
    """
    A stack file in a page is a stack file as it stands, below what `pulumi stack init` has left.
    """
    config = stack_file.load(LEFT_BY_STACK_INIT + pasted.text)["config"]
    jsonschema.validate({"config": config}, SCHEMA)
    prefix = "ses-byodkim:"
    ours = {
        name.removeprefix(prefix): one for name, one in config.items() if name.startswith(prefix)
    }
    assert settings.load(ours, default_region=config["aws:region"]).domains


def test_links():
    """A link within the documentation leads to a page and a heading that are there."""
    links = [
        (page, *target.partition("#")[::2])
        for page in [*PAGES, "CONTRIBUTING.md", "CHANGELOG.md"]
        for target in re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text())
        if "://" not in target.partition("#")[0]
    ]
    assert len(links) > 100
    for page, file, anchor in links:
        found = (ROOT / page).parent / file if file else ROOT / page
        assert found.is_file(), (page, file)
        assert not anchor or anchor in anchors(found), (page, file, anchor)


def anchors(page):
    """Of the headings of *page*, as GitHub makes them."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


COMMANDS = re.findall(r"^byodkim .*", "".join(one.text for one in blocks("sh")), re.MULTILINE)
INLINE = [
    one for page in PAGES for one in re.findall(r"`(byodkim [a-z][^`<[]*)`", in_one_line(page))
]


@pytest.mark.parametrize("typed", sorted({*COMMANDS, *INLINE}))
def test_byodkim(typed):
    """A command line of ours in a page has no option that the command does not know."""
    words = itertools.takewhile(
        lambda word: word[0] not in "<>|", shlex.split(typed, comments=True)[1:]
    )
    with click.Context(main, info_name="byodkim", **main.context_settings) as context:
        command = main.get_command(context, next(words))
        with suppress(
            click.BadOptionUsage if typed in INLINE else ()
        ):  # an option is named without its value
            _, left, _ = command.make_parser(click.Context(command, context)).parse_args([*words])
            assert left == []
