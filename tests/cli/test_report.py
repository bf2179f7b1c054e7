"""`byodkim status --html` writes one page that needs nothing beside it, and holds no key."""

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from byodkim_provider import __version__
from byodkim_provider.cli.layout import as_html
from tests.cli.test_layout import NOW
from tests.support.cli_project import CliProject
from tests.support.world import DOMAIN


@pytest.fixture
def project(tmp_path, world):
    project = CliProject(tmp_path, world)
    project.write(f"    {DOMAIN}: {{generation: 2}}\n")
    world.publish(1, 2, 3)
    project.stored = [world.update(world.verified(1), 2)]
    world.clock.advance(timedelta(days=1))
    return project


@pytest.fixture
def report(project):
    """The page that the command writes now."""

    def report():
        project.run("status", "--html", str(project.directory / "report.html"))
        return (project.directory / "report.html").read_text()

    return report


class Page(HTMLParser):
    """The elements of a page, and the cells of its tables."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.rows, self._cell = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


def keys(text):
    """The rows of the table of keys, each by its first cell."""
    return {row[0]: row[1:] for row in Page(text).rows if row[2:3] != [] and "_domainkey" in row[2]}


def test_keys(project, world, report):
    """For each key: its fingerprint, its role, when it signed, and where it is seen."""
    file = project.directory / "report.html"
    result = project.run("status", "--html", str(file))
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "dev: 1 domain, 1 well")
    assert result.stderr == f"byodkim: {file} is written\n"
    since = "2026-11-25 13:00 UTC"
    expected = [("previous", "–", since), ("signing", since, "signs now"), ("standby", "–", "–")]
    assert keys(file.read_text()) == {
        f"{n}": [role, f"s{n}._domainkey.{DOMAIN}", world.declared(n).fingerprint, *times, "2 of 2"]
        for n, (role, *times) in enumerate(expected, 1)
    }
    assert "<td>well</td><td></td><td>2027-05-24 13:00 UTC</td>" in file.read_text()


def test_adopted(project, world, report):
    """The standby of an adopted identity has no last signature; the note beside it says that nobody knows."""
    world.put("old", generation=4)
    world.next_run()
    project.write(f"    {DOMAIN}: {{generation: 1, adopt: true}}\n")
    project.stored = [world.create(1, adopt=True, supplied_keys={2: "s2:another"})]
    text = report()
    times = [(role, *times) for role, _, _, *times, _ in keys(text).values()]
    assert times == [("signing", "2026-11-26 13:00 UTC", "signs now"), ("standby", "–", "–")]
    assert "as nobody knows whether it signed before the identity was adopted" in text


def test_what_is_wrong(world, report):
    """What is wrong is said in words, not by colour alone."""
    del world.resolver.records[f"s3._domainkey.{DOMAIN}"]
    page = report()
    assert '<h3 class="wrong">Wrong</h3>' in page
    assert "record of generation 3 (standby): 0 of 2 servers show the key" in page


def test_no_key(project, world, report):
    """Neither a private key nor anything that is encrypted is in it; public keys are fingerprints."""
    supplied = ", ".join(f"{n}: {{selector: s{n}, privateKey: own}}" for n in (1, 2, 3))
    project.write(
        f"    {DOMAIN}: {{generation: 2, keys: {{{supplied}}}}}\n"
        "  ses-byodkim:privateKeys: {own: {secure: v1:abc}}\n"
    )
    secrets = ("v1:abc", "PRIVATE", "p=", world.declared(2).record_value[10:40])
    assert not any(secret in report() for secret in secrets)


def test_alone_and_accessible():
    """No script, no other file, no address of one; a language, a title, captions and headings of cells."""
    text = as_html(NOW)
    page = Page(text)
    tags = [tag for tag, _ in page.elements]
    assert not {*tags} & {"script", "link", "img", "iframe", "object", "form"}
    assert not re.search(r"https?:|url\(|@import|\bon\w+=", text)
    assert ("html", {"lang": "en"}) in page.elements
    assert [tags.count(tag) for tag in ("title", "main", "h1")] == [1, 1, 1]
    assert tags.count("caption") == tags.count("table") > 2
    assert {attributes.get("scope") for tag, attributes in page.elements if tag == "th"} == {"col", "row"}


def test_escaped():
    """A text is a text, whatever is in it and wherever it stands."""
    evil = "<script>alert('\"1')</script> & co"
    domain = NOW.domains[0]
    identity = replace(domain.identities[0], region=evil, status=evil, ses=None)
    record = replace(domain.records[0], name=evil, fingerprint=evil)
    texts = dict.fromkeys(("wrong", "due", "notes"), (f"{evil}\u202e\x1b",))
    domain = replace(domain, domain=evil, identities=(identity,), records=(record,), **texts)
    page = as_html(replace(NOW, stack=evil, project=evil, account_id=evil, domains=(domain,)))
    assert "<title>DKIM keys of &lt;script&gt;" in page
    assert "<script" not in page
    assert [line for line in page.splitlines() if not line.isprintable()] == []
    assert {dict(found).get("id") for tag, found in Page(page).elements if tag == "section"} == {evil}


def test_a_folder_that_is_not_there(project):
    """The file can't be written: one line, and the exit code that it has in every command."""
    result = project.run("status", "--html", str(project.directory / "no" / "report.html"))
    assert result.exit_code == 3
    assert result.stderr.endswith("report.html: can't be written: No such file or directory\n")


def test_worst_first(project, report):
    """Who opens the list sees first what is wrong, why, and a link to the rest; and whose stack it is."""
    project.write(f"    {DOMAIN}: {{generation: 2}}\n    zz.example: {{generation: 1}}\n")
    text = report()
    head, *rows = [row for row in Page(text).rows if len(row) == 4]
    assert head == ["Domain", "Status", "Why", "Next rotation"]
    assert [row[:2] for row in rows] == [["zz.example", "wrong"], [DOMAIN, "well"]]
    for part in (
        '<a href="#zz.example">zz.example</a>',
        '<section id="zz.example">',
        "not made yet: <code>pulumi up</code> makes it, or says why not",
        f"Project ses-byodkim, AWS account not known yet; made by byodkim {__version__}.",
    ):
        assert part in text
