"""`byodkim status --html` writes one page that needs nothing beside it, and holds no key."""

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from byodkim_provider import __version__
from byodkim_provider.cli.layout import as_html
from tests.cli.test_layout import NOW
from tests.cli.test_status import ONE, record_gone
from tests.support.cli_project import CliProject
from tests.support.world import DOMAIN


@pytest.fixture
def project(tmp_path, world):
    project = CliProject(tmp_path, world)
    project.write(ONE.format(2))
    world.publish(1, 2, 3)
    project.stored = [world.update(world.verified(1), 2)]
    world.clock.advance(timedelta(days=1))
    return project


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


def test_keys(project, world):
    """For each key: its fingerprint, its role, when it signed, and where it is seen."""
    result = project.run("status", "--html", str(project.directory / "report.html"))
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "dev: 1 domain, 1 well")
    assert result.stderr == f"byodkim: {project.directory / 'report.html'} is written\n"
    text = (project.directory / "report.html").read_text()
    rows = {row[0]: row[1:] for row in Page(text).rows if row[2:3] != [] and "_domainkey" in row[2]}
    expected = {
        "1": ["previous", "s1", "–", "2026-11-25 13:00 UTC"],
        "2": ["signing", "s2", "2026-11-25 13:00 UTC", "signs now"],
        "3": ["standby", "s3", "–", "–"],
    }
    for number, (role, selector, since, last) in expected.items():
        fingerprint = world.declared(int(number)).fingerprint
        name = f"{selector}._domainkey.{DOMAIN}"
        assert rows[number] == [role, name, fingerprint, since, last, "2 of 2"]
    assert "<td>well</td><td></td><td>2027-05-24 13:00 UTC</td>" in text


def test_adopted(project, world):
    """The standby of an adopted identity has no last signature; the note beside it says that nobody knows."""
    world.put("old", generation=4)
    world.next_run()
    project.write(f"    {DOMAIN}: {{generation: 1, adopt: true}}\n")
    project.stored = [world.create(1, adopt=True, supplied_keys={2: "s2:another"})]
    project.run("status", "--html", str(project.directory / "report.html"))
    text = (project.directory / "report.html").read_text()
    rows = {row[1]: row[4:6] for row in Page(text).rows if row[2:3] != [] and "_domainkey" in row[2]}
    assert rows == {"signing": ["2026-11-26 13:00 UTC", "signs now"], "standby": ["–", "–"]}
    assert "as nobody knows whether it signed before the identity was adopted" in text


def test_what_is_wrong(project, world):
    """What is wrong is said in words, not by colour alone."""
    record_gone(project, world)
    project.run("status", "--html", str(project.directory / "report.html"))
    page = (project.directory / "report.html").read_text()
    assert '<h3 class="wrong">Wrong</h3>' in page
    assert "record of generation 3 (standby): 0 of 2 servers show the key" in page


def test_it_stands_alone(project):
    """No script, no other file, and no address of one."""
    page = as_html(NOW)
    tags = {tag for tag, _ in Page(page).elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "form"}
    assert not re.search(r"https?:|url\(|@import|\bon\w+=", page)


def test_no_key(project, world):
    """Neither a private key nor anything that is encrypted is in it; public keys are fingerprints."""
    project.write(
        ONE.format(2)
        + "      keys:\n"
        + "".join(f"        {n}: {{selector: s{n}, privateKey: own}}\n" for n in (1, 2, 3))
        + "  ses-byodkim:privateKeys: {own: {secure: v1:abc}}\n"
    )
    project.run("status", "--html", str(project.directory / "report.html"))
    page = (project.directory / "report.html").read_text()
    for secret in ("v1:abc", "PRIVATE", "p=", world.declared(2).record_value[10:40]):
        assert secret not in page


def test_accessible():
    """It has a language, a title, one main part, captions, and headings for columns and rows."""
    page = Page(as_html(NOW))
    tags = [tag for tag, _ in page.elements]
    assert ("html", {"lang": "en"}) in page.elements
    assert [tags.count(tag) for tag in ("title", "main", "h1")] == [1, 1, 1]
    assert tags.count("caption") == tags.count("table") > 2
    scopes = [attributes.get("scope") for tag, attributes in page.elements if tag == "th"]
    assert set(scopes) == {"col", "row"}


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


def test_worst_first(project, world):
    """Who opens the list sees first what is wrong, why, and a link to the rest; and whose stack it is."""
    project.write(ONE.format(2) + "    zz.example: {generation: 1}\n")
    project.run("status", "--html", str(project.directory / "report.html"))
    text = (project.directory / "report.html").read_text()
    head, *rows = [row for row in Page(text).rows if len(row) == 4]
    assert head == ["Domain", "Status", "Why", "Next rotation"]
    assert [row[:2] for row in rows] == [["zz.example", "wrong"], [DOMAIN, "well"]]
    assert '<a href="#zz.example">zz.example</a>' in text
    assert '<section id="zz.example">' in text
    assert "not made yet: <code>pulumi up</code> makes it, or says why not" in text
    assert f"Project ses-byodkim, AWS account not known yet; made by byodkim {__version__}." in text
