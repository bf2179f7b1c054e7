"""
What README and docs offer to be pasted is whole: no line is missing, nothing has to be filled in.
"""

import itertools
import json
import re
import shlex
from contextlib import suppress

import click
import jsonschema
import pulumi
import pytest
from pulumi.runtime.settings import reset_options

from byodkim_provider.cli import main
from byodkim_provider.config import settings, stack_file
from byodkim_provider.program import route53
from tests.docs.pages import PAGES, ROOT, blocks, in_one_line
from tests.program.test_dns_providers import Cloud

LEFT_BY_STACK_INIT = (
    "secretsprovider: awskms://alias/pulumi\nencryptedkey: AQICAHhAsbIcVx0ZcgdSjhrAAWsF\n"
)
"""What stands in the stack file after README's `pulumi stack init`."""

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


FOLLOWED = """
README.md: With a real AWS account 1 3 4; In a program of your own 1
SECURITY.md: Who can decrypt 1
docs/how-to/adopt-an-account.md: Try it in the sandbox 1; See what there is 1; The first wave 1 3
docs/how-to/adopt-an-account.md: The next waves 1; The Easy DKIM domains 1
docs/how-to/automation.md: Set up the workflows 1; Monitoring, and a report 1
docs/how-to/dmarc.md: DNS somewhere else 1; The DMARC record 2
docs/how-to/dns-team.md: What to add 1
docs/how-to/dns.md: A zone for the keys 1; Without Pulumi 1
docs/how-to/dns.md: By API: nobody pastes 2; A name server of your own 3
docs/how-to/existing-identities.md: From Terraform, pulumi-aws or CloudFormation 2 3
docs/how-to/from-easy-dkim.md: Away from Easy DKIM 1; Round the window: a sub-domain 1 2
docs/how-to/from-easy-dkim.md: Round the window: a planned downtime 2 3
docs/how-to/leaked-key.md: A key has leaked 1 2
docs/how-to/leaving.md: The state is lost 1; One domain only, and a saved plan 1 2
docs/how-to/rotation.md: The timeline 1; Going back 1
docs/how-to/trouble.md: A run stands, or was killed 1; Whom to ask 1
docs/reference/performance.md: Domains in a stack 1
docs/reference/permissions.md: Permissions 1
docs/reference/settings.md: A key of your own 1
docs/tutorial/first-domain.md: The first domain 1 2; A rotation 1 3; A broken record 1 3; Take it all back 1
examples/README.md: A project by `pulumi new` 1; A fleet of domains 1
"""
"""The blocks whose commands a test of this folder types, under the headings of each page."""

NOT_FOLLOWED = {
    (
        "docs/tutorial/first-domain.md",
        "Start the sandbox",
        1,
    ): "the tests have a sandbox of their own",
    ("README.md", "Try it", 1): "what this suite is, and what .ci/run calls",
    ("examples/README.md", "Examples", 1): "the first block of README's own program, and others",
    ("examples/README.md", "A stack read from other languages", 1): "`make languages` does",
    (
        "docs/how-to/leaving.md",
        "Replacing one resource",
        1,
    ): "versions of a state are the Pulumi Cloud's",
    (
        "docs/how-to/other-languages.md",
        "Install it",
        1,
    ): "`make languages` runs the program of that page",
    (
        "docs/how-to/other-languages.md",
        "Install it",
        2,
    ): "needs an index; the example is such a folder",
    ("docs/reference/real-ses.md", "Run it", 1): "tests/acceptance runs it without an account",
}


def test_all_commands_are_followed():
    """A block of commands is typed by a test as it stands, or it is said here why not."""
    followed = {
        (page, heading, int(number))
        for page, headings in (line.split(": ", 1) for line in FOLLOWED.split("\n")[1:-1])
        for heading, numbers in (
            re.fullmatch(r"(.+?)((?: \d)+)", one).groups() for one in headings.split("; ")
        )
        for number in numbers.split()
    }
    assert {(one.page, one.heading, one.number) for one in blocks("sh")} == {
        *followed,
        *NOT_FOLLOWED,
    }
    files = (ROOT / "tests" / "docs").glob("test_*.py")
    sources = [file.read_text() for file in files if file.name != "test_blocks.py"]
    typed = {(page, heading) for page, heading, _ in followed}
    named = {one for one in typed for text in sources if all(f'"{part}"' in text for part in one)}
    assert typed == named


def test_program(monkeypatch):
    """The program in README declares a domain."""
    (program,) = (one.text for one in blocks("python") if one.page == "README.md")
    cloud = Cloud()
    cloud.add_zone("Z1", "example.com")
    monkeypatch.setattr(route53, "_connect", lambda *_: cloud)
    pulumi.runtime.set_mocks(cloud, project="ses-byodkim", stack="dev", preview=False)
    try:
        pulumi.runtime.test(lambda: exec(program))()
    finally:
        reset_options()
    assert "example.com/eu-west-1" in {one.name for one in cloud.asked}


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


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/explanation/architecture.md"])
def test_files(name):
    """Each file that a page for contributors names is there, from the top or in the product."""
    page = (ROOT / name).read_text(encoding="utf-8")
    named = re.findall(r"`([\w.]+(?:/[\w.]+)+\.(?:py|md|ya?ml|json))`", page)
    places = (ROOT, ROOT / "byodkim_provider")
    assert [one for one in named if not any((place / one).exists() for place in places)] == []
