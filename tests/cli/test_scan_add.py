"""`byodkim scan --add` writes into the file of a stack, which keeps every byte it has."""

import pytest

from byodkim_provider.cli.environment import replace_file
from byodkim_provider.cli.terminal import Refused
from byodkim_provider.config import stack_file
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages.cli import CliMessages
from tests.support.cases import cases
from tests.support.cli_project import CliProject
from tests.support.fakes import REGION

SALT = "encryptionsalt: v1:gHpGKXVAqKg=:v1:UZVsHySdWzFjHOOv:E5dJJGt8ADcRh7bCq1W0r0wAZR7Zmw==\n"
NEW_KEY = "gets a new key, perhaps unsigned until SES finds it; no change if `keys` has its key"
COMMENT = f"    # BYODKIM old: {NEW_KEY}\n"
ENTRY = "      generation: 1\n      adopt: true\n"


@pytest.fixture
def project(tmp_path, world, signing_keys):
    """A project without a domain, and an account with three."""
    project = CliProject(tmp_path, world)
    project.zones_in_dns = {"example.com": ("ns-1.awsdns-1.com",)}
    project.zones_in_route53 = {"Z1": "example.com"}
    for name in ("a", "b", "c"):
        key = signing_keys[0].pkcs1_base64()
        world.model.put_identity(f"{name}.example.com", REGION, selector="old", private_key=key)
    return project


def scan(project, *arguments, **options):
    return project.run("scan", "--region", REGION, *arguments, **options)


def domains(project):
    """Under `ses-byodkim:domains` in the stack file."""
    return stack_file.load(project.stack_file.read_text())["config"]["ses-byodkim:domains"]


ACCOUNT = "  aws:allowedAccountIds: ['123456789012']\n"
ADD = ("-s", "dev", "--add", "--yes")


@pytest.mark.parametrize("left", [SALT, SALT.rstrip("\n")])
def test_first_wave(project, left):
    """Below what `pulumi stack init` left, the file becomes a whole one."""
    project.stack_file.write_text(left)
    result = scan(project, *ADD, "--limit", "1")
    assert result.exit_code == 0, result.stderr
    assert project.stack_file.read_text() == (
        f"{left.strip()}\nconfig:\n  aws:region: {REGION}\n{ACCOUNT}"
        f"  ses-byodkim:domains:\n{COMMENT}    a.example.com:\n{ENTRY}"
    )
    assert "+    a.example.com:\n" in result.stdout


def test_waves(project):
    """Each wave adds to the one before, and leaves out what the stack has."""
    project.write(
        "    B.example.com:  # mine\n        generation: 7\n        # adopt: true\n  zzz:last: 1\n"
    )
    before = project.stack_file.read_text()
    first = scan(project, *ADD, "--limit", "1")
    assert "byodkim: left out: domains that the stack has: 1\n" in first.stderr
    region = "  aws:region: eu-west-1\n"
    entry = f"{COMMENT}    a.example.com:\n{ENTRY}  zzz"
    after = before.replace("  zzz", entry).replace(region, f"{region}{ACCOUNT}")
    assert project.stack_file.read_text() == after
    assert list(domains(project)) == ["B.example.com", "a.example.com"]
    scan(project, *ADD)
    assert list(domains(project)) == ["B.example.com", "a.example.com", "c.example.com"]
    last = scan(project, "--stack", "dev", "--add", "--yes")
    assert (0, "") == (last.exit_code, last.stdout)
    assert last.stderr.endswith("byodkim: there is nothing to adopt\n")


def test_account(project):
    """A file that names accounts keeps them."""
    ours = "  aws:allowedAccountIds: ['123456789012', '210987654321']  # ours\n"
    project.write(f"    x.example.com: {{generation: 1}}\n{ours}")
    assert scan(project, *ADD).exit_code == 0
    text = project.stack_file.read_text()
    assert (text.count("aws:allowedAccountIds"), ours in text) == (1, True)


def test_deleted_entry(project):
    """
    What somebody deletes from the file is found again, and how it stays out is said when it is
    written.
    """
    first = scan(project, *ADD)
    assert first.stderr.endswith(f"Pulumi.dev.yaml is written\nbyodkim: {CliMessages.EXCLUDE()}\n")
    text = project.stack_file.read_text()
    project.stack_file.write_text(text[: text.index("    # ", text.index("b.example.com"))])
    assert list(domains(project)) == ["a.example.com", "b.example.com"]
    kept_out = scan(project, *ADD, "--exclude", "c.example.com")
    assert kept_out.stderr.endswith("there is nothing to adopt\n")
    scan(project, *ADD)
    assert "c.example.com" in domains(project)


def test_asks(project):
    """
    Nothing is written before somebody has seen the change and said yes; a file that is missing is
    made.
    """
    project.stack_file.write_text(SALT)
    for options in ({}, {"terminal": True, "answer": "n\n"}, {"terminal": True, "answer": ""}):
        result = scan(project, "--add", **options)
        assert (1, SALT) == (result.exit_code, project.stack_file.read_text())
        assert "+    a.example.com:\n" in result.stdout
    assert result.stderr.endswith(
        "byodkim: nothing was written\n  hint: `--yes` writes without a question\n"
    )
    project.stack_file.unlink()  # with the Pulumi Cloud `pulumi stack init` leaves none
    assert scan(project, "--add", terminal=True, answer="y\n").exit_code == 0
    assert len(domains(project)) == 3


TWO = "  aws:region: us-east-1\n"
DEFAULTS = "  ses-byodkim:defaults: {{regions: [{}]}}\n"
EACH = "  ses-byodkim:domains:\n    x.example.com: {generation: 1, regions: [us-east-1]}\n"


@pytest.mark.parametrize(
    ("shared", "written"),
    [
        ("  aws:region: eu-west-1\n", None),
        (TWO, [REGION]),
        ("  aws:region: eu-west-1\n" + DEFAULTS.format("us-east-1"), [REGION]),
        (TWO + DEFAULTS.format(REGION), None),
        (EACH, [REGION]),
    ],
)
def test_default_regions(project, shared, written):
    """
    Regions are written where the stack's own would be others; what the stack says is not said
    again.
    """
    project.stack_file.write_text(f"config:\n{shared}")
    assert scan(project, "--add", "--yes", "--limit", "1").exit_code == 0
    assert domains(project)["a.example.com"].get("regions") == written
    assert project.stack_file.read_text().count("aws:region") == shared.count("aws:region")


@cases(
    "text",
    {
        "flow": "config: {aws:region: eu-west-1}\n",
        "flow of domains": "config:\n  ses-byodkim:domains: {b.example.com: {generation: 1}}\n",
        "anchor": (
            "config:\n  ses-byodkim:domains: &all\n    b.example.com: {generation: 1}\n  x:y: "
            "*all\n"
        ),
        "list": "config:\n  ses-byodkim:domains: []\n",
    },
)
def test_not_line_by_line(project, text):
    """What can't be extended without a change to the rest stays as it is, with a way on."""
    project.stack_file.write_text(text)
    result = scan(project, "--add", "--yes")
    assert (1, text) == (result.exit_code, project.stack_file.read_text())
    assert "stacks/Pulumi.dev.yaml: can't be extended in place" in result.stderr


@pytest.mark.parametrize("empty", [" {}", "", " {}  # later", "\n    # later"])
def test_empty_map(project, empty):
    """A map of domains that is empty so far is filled where it stands; its comments stay."""
    project.stack_file.write_text(
        f"config:\n  ses-byodkim:domains:{empty}\n  aws:region: {REGION}\n"
    )
    result = scan(project, "--add", "--yes")
    assert result.exit_code == 0, result.stderr
    text = project.stack_file.read_text()
    assert list(domains(project)) == ["a.example.com", "b.example.com", "c.example.com"]
    assert ("# later" in text, text.count("ses-byodkim:domains")) == ("# later" in empty, 1)
    assert (
        text.index("ses-byodkim:domains") < text.index("a.example.com") < text.index("aws:region")
    )


def test_domains_of_the_project_file(project):
    """Domains that all stacks share are not added to behind their backs."""
    shared = "  ses-byodkim:domains: {value: {x.example.com: {generation: 1}}}\n"
    with (project.directory / "Pulumi.yaml").open("a") as file:
        file.write(f"config:\n  aws:region: {{value: eu-west-1}}\n{shared}")
    result = scan(project, "--add", "--yes")
    assert (1, False) == (result.exit_code, project.stack_file.exists())
    assert (
        "Pulumi.yaml: holds the domains of the stack, and other stacks may share it\n"
        in result.stderr
    )
    assert result.stderr.endswith(
        "hint: edit it by hand: without `--add` the entries are printed\n"
    )
    entries = scan(project, "-s", "dev").stdout
    assert f"{COMMENT}    a.example.com:\n{ENTRY}" in entries


NEW, X = "config:\n  n: 1\n  p:domains:\n    x: {a: 1}\n", "  p:domains:\n    b: {}\n"
NOTES = "config:\n  domains:\n   b:\n     k: 1\n     # a note\n{}  # of the next\n  z: 1\n{}"
REGION_ONLY = "config:\n  aws:region: r  # ours\n"
TEXT = "config:\n  p:domains:\n    b:\n      k: |\n        text\n"


@cases(
    ("text", "after"),
    {
        "nothing": ("", NEW),
        "salt": (SALT, f"{SALT}{NEW}"),
        "no last line end": (
            "config:\n    z: 1",
            "config:\n    z: 1\n    n: 1\n    p:domains:\n        x: {a: 1}\n",
        ),
        "CRLF": (
            "config:\r\n  z: 1\r\n",
            "config:\r\n  z: 1\r\n  n: 1\r\n  p:domains:\r\n    x: {a: 1}\r\n",
        ),
        "comments": (NOTES.format("", ""), NOTES.format("   x: {a: 1}\n", "  n: 1\n")),
        "literal": (TEXT, f"{TEXT}    x: {{a: 1}}\n  n: 1\n"),
        "Region": (f"{REGION_ONLY}{X[:-1]}", f"{REGION_ONLY}  n: 1\n{X}    x: {{a: 1}}\n"),
        "empty map": (
            "config:\n    domains: {}  # b\n    z: 1\n",
            "config:\n    domains:     # b\n        x: {a: 1}\n    z: 1\n    n: 1\n",
        ),
        "no map": ("config:\r\n  p:domains:", "config:\r\n  p:domains:\r\n    x: {a: 1}\r\n  n: 1"),
        "empty config": ("config: {}\n", NEW),
        "no config": (f"config: # b\n{SALT}", NEW.replace("config:", "config: # b") + SALT),
    },
)
def test_with_domains(text, after):
    """More domains stand below those that are there; the rest stays."""

    def entries(indent):
        return f"{' ' * indent}x: {{a: 1}}\n"

    assert stack_file.with_domains(text, "p", entries, others={"n": "1"}) == after


def test_with_a_domain_twice():
    """A domain that is there already is not there twice afterwards."""
    text = "config:\n  ses-byodkim:domains:\n    b.example:\n      generation: 1\n"
    with pytest.raises(InvalidSettings, match="can't be extended in place"):
        stack_file.with_domains(
            text, "ses-byodkim", lambda _: "    b.example: {generation: 2}\n", others={}
        )


def test_other_name(project):
    """In a project of another name the resolver is set where its domains are."""
    (project.directory / "Pulumi.yaml").write_text(
        "name: mail\nruntime: python\nstackConfigDir: stacks\n"
    )
    options = ("--nameserver", "10.0.0.53")
    printed = stack_file.load(scan(project, "-s", "dev", *options).stdout)
    assert scan(project, "--add", "--yes", *options).exit_code == 0
    for found in (printed, stack_file.load(project.stack_file.read_text())):
        ours = {"mail:defaults", "mail:domains"}
        assert found["config"].keys() == {"aws:region", "aws:allowedAccountIds", *ours}


def test_own_program(project):
    """A file that no program reads gets no domains; those of the program are left out."""
    project.has_own_program = True
    project.stored = [project.world.verified(1, domain="d.example.com")]
    before = "config:\n  aws:region: eu-west-1\n"
    project.stack_file.write_text(before)
    result = scan(project, *ADD)
    refusal = CliMessages.OWN_PROGRAM(edits="without `--add` the entries are printed")
    assert (1, f"byodkim: {refusal.with_hint()}\n") == (result.exit_code, result.stderr)
    assert before == project.stack_file.read_text()
    result = scan(project, "-s", "dev")
    assert "byodkim: left out: domains that the stack has: 1\n" in result.stderr
    found = stack_file.load(result.stdout)["config"]["ses-byodkim:domains"]
    assert list(found) == ["a.example.com", "b.example.com", "c.example.com"]


def test_other_encoding(project):
    """A file that Pulumi reads and we don't stays as it is."""
    project.printed = "KEY  VALUE\n"
    project.stack_file.write_bytes(text := "config: {}\n".encode("utf-16"))
    result = scan(project, *ADD)
    assert (1, text) == (result.exit_code, project.stack_file.read_bytes())
    assert result.stderr.endswith("Pulumi.dev.yaml: is not in UTF-8\n")


def test_made_meanwhile(tmp_path):
    """A file that was not there when the change was shown is not overwritten."""
    file = tmp_path / "file"
    replace_file(file, "file", None, "first")
    with pytest.raises(Refused, match="file: was changed meanwhile, nothing was written"):
        replace_file(file, "file", None, "second")
    assert file.read_text() == "first"


def test_domain_that_is_none(project):
    """A stack file with a name that is no domain is refused in a line, before anything is added."""
    project.write("    me@example.com:\n      generation: 1\n")
    result = project.run("scan", "--add", "--yes", "--region", REGION)
    assert (result.exit_code, "'me@example.com' is an e-mail address" in result.stderr) == (2, True)
