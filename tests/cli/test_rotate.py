"""
`byodkim rotate` writes that another key signs, and says what that does first.

If it fails, a key signs whose record is not in DNS, or a record leaves while mail needs it. What
the real `pulumi config` makes of a stack file is in `engine/test_rotate.py`.
"""

from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from byodkim_provider.cli.rotate import Entry, rotation
from byodkim_provider.cli.state import Domain
from byodkim_provider.config import settings
from byodkim_provider.errors import ByodkimError
from byodkim_provider.identity import rules
from byodkim_provider.messages.cli import CliMessages
from tests.support.cases import cases
from tests.support.cli_project import CliProject, signing
from tests.support.fakes import REGION
from tests.support.world import DOMAIN, World

FILE = "stacks/Pulumi.dev.yaml"
ONE = "    example.com: {generation: 2}\n"


def said(problem):
    return f"byodkim: {problem.with_hint()}\n"


@pytest.fixture
def project(tmp_path, world):
    """A stack of which generation 2 signs."""
    project = CliProject(tmp_path, world)
    project.stored = [signing(world, 2)]
    project.write(ONE)
    return project


OWN_KEYS = "keys: {2: {selector: s2, privateKey: own2}, 3: {selector: s3, privateKey: own3}}"


def entry(lines):
    """A domain of the stack file, with its *lines*."""
    return "    example.com:\n" + "".join(f"      {line}\n" for line in lines.split("; "))


def written(project):
    """What the stack file has of the domains."""
    return yaml.safe_load(project.stack_file.read_text())["config"]["ses-byodkim:domains"]


LEAKED = ("--compromised",)
LISTED = "generation: 2; published: [1, 2, 3]; overlapDays: 0; tags: {}"


@cases(
    ("options", "signs", "published", "until", "before", "after"),
    {
        # The next published generation signs; `published` says no more than it must.
        "tidied": ((), 2, (1, 2, 3), {}, LISTED, "generation: 3; tags: {}"),
        "supplied": ((), 2, (2, 3), {}, f"generation: 2; {OWN_KEYS}", f"generation: 3; {OWN_KEYS}"),
        # What signed last signs again, and nothing leaves DNS.
        "back": (
            ("--back",),
            4,
            (2, 3, 4, 5),
            {2: 1},
            "generation: 4; published: [2, 3, 4, 5]",
            "generation: 2; published: [2, 3, 4, 5]",
        ),
        # The leaked key leaves DNS at once, and only that one: an innocent one may be on its way.
        "leaked": (
            LEAKED,
            2,
            (1, 2, 3),
            {1: 6},
            "generation: 2",
            "generation: 3; published: [1, 3, 4]; overlapDays: 0",
        ),
    },
)
def test_edits(project, world, options, signs, published, until, before, after):
    """Each way writes the next step; the settings of the domain, before and after, stand here."""
    project.published = {DOMAIN: tuple(number for number in published if number < 5)}
    project.stored = [signing(world, signs, published=published, until=until)]
    project.write(entry(before))
    result = project.run("rotate", DOMAIN, "--yes", *options)
    assert result.exit_code == 0, result.stderr
    assert written(project) == yaml.safe_load(entry(after))


def test_a_refused_run_is_no_rotation(signing_keys):
    """A record that a refused run would have removed stands: it stays after a late signature."""
    world = World(signing_keys)
    here = signing(world, 2, published=(2, 3), until={1: 6})
    there = signing(world, 2, published=(1, 2, 3), until={1: 6})
    wanted = {"generation": 2, "published": [2, 3], "regions": [REGION]}
    read = settings.domain(DOMAIN, wanted)
    domain = Domain(name=DOMAIN, settings=read, identities=(here, there))
    assert 1 in rotation("compromised", domain, Entry(""), world.clock.now()).published
    with pytest.raises(ByodkimError, match="generation 1 signed until"):
        rotation("forward", domain, Entry(""), world.clock.now())


@given(
    way=st.sampled_from(["forward", "back", "compromised"]),
    around=st.sets(st.integers(1, 5)),
    until=st.dictionaries(st.integers(1, 5), st.sampled_from([0, 9, 11])),
    is_written=st.booleans(),
    supplied=st.none() | st.sets(st.integers(1, 6)),
)
def test_the_step_is_allowed(signing_keys, way, around, until, is_written, supplied):
    """
    No step is planned that the preview would refuse, whatever signed lately; a leaked key leaves.
    """
    world = World(signing_keys)
    published = tuple(sorted({3, *around}))
    stored = signing(world, 3, published=published, until=until)
    all_written = {"generation": 3, "published": list(published), "regions": [REGION]}
    read = settings.domain(DOMAIN, all_written)
    if supplied is not None:
        read = read.model_copy(update={"keys": dict.fromkeys(supplied)})
    domain = Domain(name=DOMAIN, settings=read, identities=(stored,))
    entry = Entry("", frozenset({"generation", "published"} if is_written else {"generation"}))
    now = world.clock.now()
    try:
        step = rotation(way, domain, entry, now)
    except ByodkimError as refused:  # nowhere to go, or signed mail would fail
        if refused.kind not in ("InvalidSettings", "StillInUse"):
            raise
        return
    assert step.generation in step.published
    assert (3 in step.published) == (way != "compromised")
    after = {"generation": step.generation, "published": step.published, "selector": "another"}
    declared = replace(stored.declared, overlap_days=0 if way == "compromised" else 10, **after)
    rules.refuse_unsafe(stored, declared, unknown=(), now=now)


CHANGE = """\
ses-byodkim:domains["Example.COM"].generation: 2 -> 3
ses-byodkim:domains["Example.COM"].published: [1, 2, 3] -> (default)
"""


@cases(
    ("options", "answer", "exit_code", "writes", "ran"),
    {
        "dry run": (["--dry-run", "--yes"], None, 0, False, []),
        "yes": ([], "y\n", 0, True, [["up", "-s", "dev"]]),
        "no": ([], "n\n", 1, False, []),
        "all the same": (["--yes"], None, 0, True, [["up", "-s", "dev", "--yes"]]),
        "for a pull request": (["--no-up"], "y\n", 0, True, []),
    },
)
def test_asks_first(project, options, answer, exit_code, writes, ran):
    """
    The change is shown as settings, in the file's spelling; nothing is written or run before
    somebody says yes to it, and with --no-up Pulumi never runs.
    """
    project.write("    Example.COM: { generation: 2, published: [1, 2, 3] }\n")
    result = project.run("rotate", "example.com.", *options, terminal=True, answer=answer)
    assert result.stdout == CHANGE
    assert ("byodkim: write this? [y/N]" in result.stderr) == (options == ["--no-up"])
    assert (result.exit_code, "generation: 3" in project.stack_file.read_text()) == (
        exit_code,
        writes,
    )
    assert project.ran == [(arguments, project.directory) for arguments in ran]


def test_not_written(project):
    """Where the file can't be written, perhaps a part of the change stands in it."""
    project.read_only = "set-all"
    result = project.run("rotate", DOMAIN, "--yes")
    problem = CliMessages.NOT_WRITTEN(file=FILE, error="").hint
    assert (result.exit_code, problem in result.stderr) == (2, True)
    assert (written(project)[DOMAIN]["generation"], project.ran) == (2, [])


CONFIG = "config:\n  aws:region: eu-west-1\n"


def test_not_in_the_stack_file(project):
    """
    Where the project file, an environment or a text lists a domain, `pulumi config` would put a
    second list in front of it, without all other domains: the change is shown, and not written.
    """
    project.settings = project._last_settings()
    project.printed = "{}"
    project.stack_file.write_text(CONFIG)
    result = project.run("rotate", DOMAIN, "--yes")
    problem = said(CliMessages.NOT_LISTED(file=FILE, domains=DOMAIN))
    assert (result.exit_code, result.stderr.endswith(problem)) == (1, True)
    assert result.stdout.startswith("example.com.generation: 2 -> 3\n")
    assert (project.stack_file.read_text(), project.ran) == (CONFIG, [])
    assert project.run("rotate", DOMAIN, "--dry-run").stdout == result.stdout


ALL = ["example.com", "example.net", "example.org"]
NO_STANDBY = CliMessages.NO_STANDBY(domain=DOMAIN, generation=4)


@cases(
    ("arguments", "rotated", "others"),
    {
        "all": (["--all"], [], said(NO_STANDBY)),
        "older": (["--older-than", "20"], ALL[1:], said(NO_STANDBY)),
        "none that old": (["--older-than", "999"], [], f"byodkim: {CliMessages.NOTHING_TO_DO()}\n"),
        "named": (["example.org", "EXAMPLE.net", "example.net"], [ALL[2], ALL[1]], ""),
    },
)
def test_which(project, world, arguments, rotated, others):
    """
    Domains are named, or meant by age, or all but the retired ones. All rotate or none; of those
    that are due, those that can do.
    """
    project.stored = [
        signing(world, 3, published=(2, 3), since=300),
        signing(world, 1, domain="example.net"),
        signing(world, 1, domain="example.org", since=30),
        signing(world, 1, domain="retired.example"),
    ]
    listed = "    example.net: {generation: 1}\n    example.org: {generation: 1}\n"
    listed += "    retired.example: {generation: 1, retired: true}\n"
    project.write(listed + entry(f"generation: 3; {OWN_KEYS}"))
    result = project.run("rotate", *arguments, "--yes")
    lines = result.stderr.splitlines(True)
    assert [line.split(": ")[1] for line in lines if "→" in line] == rotated
    assert "".join(line for line in lines if "→" not in line) == others
    assert result.exit_code == (1 if NO_STANDBY.with_hint() in others else 0)
    done = [name for name, one in written(project).items() if one == {"generation": 2}]
    assert (done, len(project.ran)) == (sorted(rotated), 1 if rotated else 0)


SERVER = "a mail server of your own"


@cases(
    ("options", "published", "before", "notes"),
    {
        "not published yet": ((), (2,), "generation: 2; published: [2]", ["has no record yet"]),
        "the last supplied key": ((), (2, 3), f"generation: 2; {OWN_KEYS}", ["add `keys.4`"]),
        "leaked, typed in": (
            LEAKED,
            (1, 2, 3),
            "generation: 2; overlapDays: 30; dns: {provider: manual, panel: godaddy}",
            ["delete the record of 2 in the panel", SERVER, "set `overlapDays: 30` again"],
        ),
        "leaked, adopted": (
            LEAKED,
            (1, 2, 3),
            "generation: 2; adopt: true",
            ["with `adopt: true` the record of 2 stays in DNS", SERVER],
        ),
    },
)
def test_what_is_announced(project, world, options, published, before, notes):
    """What a person should know of the next generation comes before the change."""
    project.stored = [signing(world, 2, published=published)]
    project.write(entry(before))
    lines = project.run("rotate", DOMAIN, "--dry-run", *options).stderr.splitlines()
    assert "generation 2 → 3, in DNS: " in lines[0]
    assert all(note in line for note, line in zip(notes, lines[1:], strict=True))


THERE = {"region": "us-east-1"}
LATELY = [{"until": {1: 3}}, {"until": {1: 2}, **THERE}]
UNFINISHED = "generation 2 does not sign yet, or not in each Region"
FROM_2 = entry("generation: 2; published: [2, 3]")


@cases(
    ("stored", "written", "options", "problem"),
    {
        "not made": ([], ONE, [], UNFINISHED),
        "in another generation": ([{}, {"generation": 1, **THERE}], ONE, [], UNFINISHED),
        "retired": ([{}], entry("generation: 2; retired: true"), [], "example.com: is retired"),
        "lately": (LATELY, ONE, [], "generation 1 signed until 2026-11-23 12:00 UTC"),
        "within the default": (
            [{"until": {1: 11}}],
            entry("generation: 2; overlapDays: 0") + "  ses-byodkim:defaults: {overlapDays: 30}\n",
            [],
            "generation 1 signed until",
        ),
        "the first": ([{"published": (2, 3)}], FROM_2, ["--back"], "no way back"),
    },
)
def test_refused(project, world, stored, written, options, problem):
    """What would make mail fail or lead nowhere is refused."""
    project.stored = [signing(world, **{"generation": 2, **one}) for one in stored]
    project.write(written)
    before = project.stack_file.read_bytes()
    result = project.run("rotate", DOMAIN, *options, "--yes")
    assert (result.exit_code, result.stdout) == (1, "")
    assert problem in result.stderr
    assert (project.stack_file.read_bytes(), project.ran) == (before, [])
