"""What README and docs offer to be pasted is whole: no line is missing, nothing has to be filled in."""

import itertools
import json
import re
import shlex

import click
import jsonschema
import pytest

from byodkim_provider import settings, stack_file
from byodkim_provider.cli import main
from tests.docs.pages import PAGES, ROOT, blocks

LEFT_BY_STACK_INIT = {
    "passphrase": "encryptionsalt: v1:gHpGKXVAqKg=:v1:UZVsHySdWzFjHOOv:E5dJJGt8ADcRh7bCq1W0r0wAZR7Zmw==\n",
    "KMS": "secretsprovider: awskms://alias/pulumi\nencryptedkey: AQICAHhAsbIcVx0ZcgdSjhrAAWsF\n",
    "Pulumi Cloud": "",
}
"""What stands in the stack file after `pulumi stack init`."""

SCHEMA = json.loads((ROOT / "stacks" / "schema.json").read_text())


@pytest.mark.parametrize("left", LEFT_BY_STACK_INIT.values(), ids=LEFT_BY_STACK_INIT)
@pytest.mark.parametrize("pasted", blocks("yaml"), ids=str)
def test_yaml(left, pasted):
    """A stack file in a page is a stack file as it stands, below what `pulumi stack init` has left."""
    text = left + pasted.text
    config = stack_file.configuration(text)
    jsonschema.validate({"config": config}, SCHEMA)
    ours = {
        name.removeprefix("ses-byodkim:"): value
        for name, value in config.items()
        if name.startswith("ses-byodkim:")
    }
    loaded = settings.load(ours, default_region=config["aws:region"])
    assert [one.warnings for one in loaded.domains] == [()] * len(loaded.domains)


@pytest.mark.parametrize("page", PAGES)
def test_links(page):
    """A link within the documentation leads to a page and a heading that are there."""
    for target in re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text()):
        file, _, anchor = target.partition("#")
        if "://" in file:
            continue
        found = (ROOT / page).parent / file if file else ROOT / page
        assert found.is_file(), target
        assert not anchor or anchor in anchors(found), target


def anchors(page):
    """Of the headings of *page*, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


COMMANDS = {
    (str(shell), line): shlex.split(line, comments=True)
    for shell in blocks("sh")
    for line in shell.text.replace("\\\n", " ").splitlines()
    if line.startswith("byodkim ")
}


@pytest.mark.parametrize("typed", COMMANDS.values(), ids=[line for _, line in COMMANDS])
def test_byodkim(typed):
    """A command line of ours in a page has no option that the command does not know."""
    words = list(itertools.takewhile(lambda word: not word.startswith((">", "|", "<")), typed))
    with click.Context(main, info_name="byodkim") as context:
        command = main.get_command(context, words[1])
        command.make_parser(context).parse_args(words[2:])
