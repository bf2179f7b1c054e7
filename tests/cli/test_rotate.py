"""
`byodkim rotate` writes that another key signs, and says what that does first.

If it fails, a key signs whose record is not in DNS, or a record leaves while mail needs it. What
the real `pulumi config` makes of a stack file is in `engine/test_rotate.py`.
"""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from byodkim_provider.cli.rotate import Entry, rotation
from byodkim_provider.cli.state import Domain
from byodkim_provider.config import settings
from byodkim_provider.errors import ByodkimError
from byodkim_provider.identity import rules
from byodkim_provider.identity.state import KeyInSes, Stored
from byodkim_provider.messages import Message
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.messages.identity import IdentityMessages
from tests.support.cases import cases
from tests.support.cli_project import CliProject
from tests.support.fakes import REGION, START
from tests.support.testdata import pem
from tests.support.world import DOMAIN, World

DAY = timedelta(days=1)
FILE = "stacks/Pulumi.dev.yaml"
ONE = "    example.com: {generation: 2}\n"


def said(problem):
    """The lines on standard error."""
    return f"byodkim: {problem.with_hint() if isinstance(problem, Message) else problem}\n"


@pytest.fixture
def project(tmp_path, world):
    """A stack of which generation 2 signs."""
    project = CliProject(tmp_path, world)
    world.publish(1, 2, 3, 4)
    project.stored = [signing(world, 2)]
    project.write(ONE)
    return project


def signing(world, generation, *, since=200, domain=DOMAIN, until=None, sent=True, **changes):
    """An identity in the state: days since when *generation* signs, and *until* when others did."""
    now = world.clock.now()
    at = now - since * DAY
    return Stored(
        declared=world.declared(generation, domain=domain, **changes),
        instance="i",
        key=KeyInSes(key_set_at=at, key_set_by="", signing_since=at, status="SUCCESS")
        if sent
        else None,
        signed_until={number: now - days * DAY for number, days in (until or {}).items()},
    )


SUPPLIED = "keys:" + "".join(
    f";   {number}: {{ selector: s{number}, privateKey: own{number} }}" for number in (2, 3)
)


def entry(lines):
    """A domain of the stack file, with its *lines*."""
    return "    example.com:\n" + "".join(f"      {line}\n" for line in lines.split("; "))


def settings_of(lines):
    return yaml.safe_load(entry(lines))[DOMAIN]


def written(project):
    """The entry of the domain in the stack file."""
    domains = yaml.safe_load(project.stack_file.read_text())["config"]["ses-byodkim:domains"]
    return domains[DOMAIN]


FROM_2, FROM_4 = "generation: 2; published: [1, 2, 3]", "generation: 4; published: [2, 3, 4, 5]"
LISTED, GAP = f"generation: 2; published: [2, 3]; {SUPPLIED}", "generation: 4; published: [2, 4, 5]"
SKIPPED = "generation: 2; published: [2, 4]"
LEAKED = "generation: 3; published: [{}3, 4]; overlapDays: 0"


@cases(
    ("options", "signs", "published", "until", "before", "after"),
    {
        # The next published generation signs; `published` says no more than it must.
        "plain": ((), 2, (1, 2, 3), {}, "generation: 2 # signs", "generation: 3 # signs"),
        "tidied": (
            (),
            2,
            (1, 2, 3),
            {},
            f"{FROM_2}; overlapDays: 0; tags: {{}}",
            "generation: 3; tags: {}",
        ),
        "short": (
            (),
            2,
            (1, 2, 3),
            {1: 3},
            "generation: 2; overlapDays: 2",
            "generation: 3; overlapDays: 2",
        ),
        "replaced": ((), 2, (2, 4), {}, SKIPPED, "generation: 4; published: [2, 4, 5]"),
        "no standby": ((), 2, (2,), {}, "generation: 2; published: [2]", "generation: 3"),
        "supplied": ((), 2, (2, 3), {}, f"generation: 2; {SUPPLIED}", f"generation: 3; {SUPPLIED}"),
        "supplied, listed": ((), 2, (2, 3), {}, LISTED, f"generation: 3; {SUPPLIED}"),
        # The previous generation signs again, and nothing leaves DNS.
        "back": (
            ("--back",),
            2,
            (1, 2, 3),
            {},
            "generation: 2",
            "generation: 1; published: [1, 2, 3]",
        ),
        "past none": (("--back",), 4, (2, 4, 5), {}, GAP, GAP.replace(": 4", ": 2")),
        "past an unused one": (
            ("--back",),
            4,
            (2, 3, 4, 5),
            {2: 1},
            FROM_4,
            FROM_4.replace(": 4", ": 2"),
        ),
        # The leaked key leaves DNS at once, and only that one: an innocent one may be on its way.
        "leaked": (("--compromised",), 2, (1, 2, 3), {1: 60}, "generation: 2", LEAKED.format("")),
        "leaked, another": (
            ("--compromised",),
            2,
            (1, 2, 3),
            {1: 6},
            "generation: 2",
            LEAKED.format("1, "),
        ),
    },
)
def test_edits(project, world, options, signs, published, until, before, after):
    """
    Each way writes the next step; the settings of the domain, before and after, stand here.
    """
    project.published = {DOMAIN: tuple(number for number in published if number < 5)}
    project.stored = [signing(world, signs, published=published, until=until)]
    project.write(entry(before))
    result = project.run("rotate", DOMAIN, "--yes", *options)
    assert result.exit_code == 0, result.stderr
    assert written(project) == settings_of(after)


def test_compromised_says_what_fails(project):
    """What a person must know before comes before the change."""
    result = project.run("rotate", DOMAIN, "--compromised", "--dry-run")
    assert result.stderr == (
        "byodkim: example.com: generation 2 → 3, in DNS: 3, 4\n"
        "byodkim: example.com: the update also removes the record of 2: mail on its way that was "
        "signed with it fails DKIM, and so does what SES signs with it until it has found the "
        "record of 3; `overlapDays: 0` allows that, and the next rotation removes it\n"
        "byodkim: example.com: a mail server of your own that has this key from `byodkim key` must "
        "switch before: what it signs with it fails, too\n"
    )


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
    of_state = {"identities": (stored,), "records": (), "stack_id": None, "retired_at": None}
    domain = Domain(name=DOMAIN, settings=read, **of_state)
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


def test_output(project):
    """
    Standard output has the change as settings, in the file's spelling; then it is written and run.
    """
    project.write("    Example.COM: { generation: 2, published: [1, 2, 3] }\n")
    result = project.run("rotate", "example.com.", "--yes")
    assert result.stdout == CHANGE
    assert result.stderr == "byodkim: example.com: generation 2 → 3, in DNS: 2, 3, 4\n"
    assert project.ran == [(["up", "-s", "dev", "--yes"], project.directory)]
    assert "generation: 3" in project.stack_file.read_text()


@cases(
    ("arguments", "answer", "exit_code", "written", "ran"),
    {
        "dry run": (["--dry-run"], None, 0, False, []),
        "dry run all the same": (["--dry-run", "--yes"], None, 0, False, []),
        "yes": ([], "y\n", 0, True, [["up", "-s", "dev"]]),
        "no": ([], "n\n", 1, False, []),
        "nobody": ([], "", 1, False, []),
        "for a pull request": (["--yes", "--no-up"], None, 0, True, []),
        "for none": (["--no-up"], "n\n", 1, False, []),
    },
)
def test_asks_first(project, arguments, answer, exit_code, written, ran):
    """
    Nothing is written or run before somebody says yes to the change; with --no-up Pulumi never
    runs.
    """
    result = project.run("rotate", DOMAIN, *arguments, terminal=True, answer=answer)
    assert result.stdout == 'ses-byodkim:domains["example.com"].generation: 2 -> 3\n'
    assert ("byodkim: write this? [y/N]" in result.stderr) == (arguments == ["--no-up"])
    assert result.exit_code == exit_code
    assert ("generation: 3" in project.stack_file.read_text()) == written
    assert [arguments for arguments, _ in project.ran] == ran


def test_pulumi_fails(project):
    """If `pulumi up` fails, at whatever, the change stays, and the command says so."""
    project.up_exit_code = 255
    result = project.run("rotate", DOMAIN, "--yes")
    assert (result.exit_code, written(project)) == (1, {"generation": 3})
    assert result.stderr.endswith(said(CliMessages.UP_FAILED(file=FILE)))


@cases(
    ("command", "after"),
    {
        "the first write": ("rm-all", FROM_2),
        "the second write": ("set-all", "generation: 2"),
    },
)
def test_the_file_can_not_be_written(project, command, after):
    """That a part may stand in the file is said after a write that fails; no `up` runs."""
    project.write(entry(FROM_2))
    project.read_only = command
    result = project.run("rotate", DOMAIN, "--yes")
    assert CliMessages.NOT_WRITTEN(file=FILE, error="").hint in result.stderr
    assert (result.exit_code, project.ran, written(project)) == (2, [], settings_of(after))


CONFIG = "config:\n  aws:region: eu-west-1\n"
PATH = 'ses-byodkim:domains["example.com"]'


@pytest.mark.parametrize("name", ["ses-byodkim:domains", "domains", "ses-byodkim:config:domains"])
def test_spellings_of_the_key(project, name):
    """A map of domains is found under each key that Pulumi accepts for it."""
    project.settings = project._last_settings()
    project.stack_file.write_text(f"{CONFIG}  {name}: {{example.com: {{generation: 2}}}}\n")
    result = project.run("rotate", DOMAIN, "--dry-run")
    assert (result.exit_code, result.stdout) == (0, f"{PATH}.generation: 2 -> 3\n")


@cases(
    "text",
    {
        "elsewhere": CONFIG,
        "as text": CONFIG + '  ses-byodkim:domains: \'{"example.com": {"generation": 2}}\'\n',
        "another domain": f"{CONFIG}  ses-byodkim:domains: {{example.net: {{generation: 2}}}}\n",
    },
)
def test_not_in_the_stack_file(project, text):
    """
    Where the project file, an environment or a text lists a domain, `pulumi config` would put a
    second list in front of it, without all other domains: the change is shown, and not written.
    """
    project.settings = project._last_settings()
    project.printed = "{}"
    project.stack_file.write_text(text)
    result = project.run("rotate", DOMAIN, "--yes")
    assert (result.exit_code, result.stdout) == (1, "example.com.generation: 2 -> 3\n")
    assert result.stderr.endswith(said(CliMessages.NOT_LISTED(file=FILE, domains=DOMAIN)))
    assert (project.stack_file.read_text(), project.ran) == (text, [])
    assert project.run("rotate", DOMAIN, "--dry-run").exit_code == 0


def test_only_pulumi_reads_it(project):
    """A file in a YAML that Pulumi alone takes is named."""
    project.settings, project.printed = project._last_settings(), "{}"
    project.stack_file.write_text(
        f"{CONFIG}  ses-byodkim:domains:\n    example.com: {{generation: 2}}\t# signs\n"
    )
    result = project.run("rotate", DOMAIN, "--yes")
    error = "line 4: found character '\\t' that cannot start any token"
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"byodkim: can't read Pulumi.dev.yaml: {error}")


@cases(
    ("entry_now", "waiting"),
    {
        "generation": ("generation: 3", "generation"),
        "published": ("generation: 2; published: [2, 3]", "published"),
        "overlapDays": ("generation: 2; overlapDays: 5", "overlapDays"),
    },
)
def test_an_edit_that_waits_for_up(project, entry_now, waiting):
    """Beside an edit that no run has carried out, the next one would make two steps at once."""
    project.settings = project._last_settings()
    project.write(entry(entry_now))
    result = project.run("rotate", DOMAIN, "--yes")
    problem = CliMessages.OTHER_FILE(domain=DOMAIN, settings=waiting)
    assert (result.exit_code, result.stderr) == (1, said(problem))


def test_what_is_no_domain(project):
    """What is no domain in the stack file is refused, before anything is written."""
    project.settings = project._last_settings()
    project.write(f"{ONE}    exa..mple: {{generation: 1}}\n")
    result = project.run("rotate", DOMAIN, "--yes")
    assert (result.exit_code, result.stdout) == (2, "")
    assert 'domains["exa..mple"]' in result.stderr


@cases(
    ("setting", "value"),
    {
        "published": ("published", str),
        "a list of lines": ("published", str.splitlines),
        "overlapDays": ("overlapDays", str),
    },
)
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_a_key_in_place_of_a_number(project, setting, value, options):
    """A private key that is pasted into the file by mistake is not printed."""
    project.settings = project._last_settings()
    key = pem("another")
    project.write(f"    example.com: {json.dumps({'generation': 2, setting: value(key)})}\n")
    result = project.run("rotate", DOMAIN, "--compromised", "--dry-run", *options)
    assert setting in result.output
    assert not [line for line in key.splitlines()[1:-1] if line in result.output]


@cases(
    ("arguments", "rotated"),
    {
        "all": (["--all"], ["example.com", "example.net"]),
        "older than 180 days": (["--older-than", "180"], ["example.com"]),
        "older than 20 days": (["--older-than", "20"], ["example.com", "example.net"]),
        "none that old": (["--older-than", "300"], []),
        "named": (["example.net", "EXAMPLE.com", "example.com"], ["example.net", "example.com"]),
    },
)
def test_which(project, world, arguments, rotated):
    """Domains are named, or meant by age, or all but the retired ones."""
    world.publish(1, 2, 3, domain="example.net")
    project.stored = [
        signing(world, 2),
        signing(world, 2, region="us-east-1", since=10),
        signing(world, 1, domain="example.net", since=30),
        signing(world, 1, domain="example.org"),
    ]
    project.write(
        "    example.com: {generation: 2, regions: [eu-west-1, us-east-1]}\n"
        "    example.net: {generation: 1}\n"
        "    example.org: {generation: 1, retired: true}\n"
    )
    result = project.run("rotate", *arguments, "--yes")
    assert result.exit_code == 0
    assert [line.split(": ")[1] for line in result.stderr.splitlines() if "→" in line] == rotated
    assert len(project.ran) == (1 if rotated else 0)
    if not rotated:
        assert result.stderr == "byodkim: nothing to do: no domain of this stack matches\n"


NO_STANDBY = CliMessages.NO_STANDBY(domain=DOMAIN, generation=4)
LEFT_OUT = said(str(CliMessages.NOT_ROTATED(domains=DOMAIN)))


@cases(
    ("arguments", "rotated", "left_out"),
    {
        "by age": (["--older-than", "90", "--yes"], ["example.net", "example.org"], LEFT_OUT),
        "dry run": (["--older-than", "90", "--dry-run"], [], LEFT_OUT),
        "none that can": (["--older-than", "250", "--yes"], [], ""),
        "all": (["--all", "--yes"], [], ""),
        "named": (["example.net", "example.com", "--yes"], [], ""),
    },
)
def test_one_can_not_rotate(project, world, arguments, rotated, left_out):
    """
    Of the keys that are due, those that can rotate do, and it says which can't; else it is all or
    none.
    """
    for name in ("example.net", "example.org"):
        world.publish(1, 2, 3, domain=name)
    project.stored = [
        signing(world, 3, published=(2, 3), since=300),
        signing(world, 1, domain="example.net"),
        signing(world, 1, domain="example.org"),
    ]
    others = "    example.net: {generation: 1}\n    example.org: {generation: 1}\n"
    project.write(others + entry(f"generation: 3; {SUPPLIED}"))
    result = project.run("rotate", *arguments)
    others = "".join(line for line in result.stderr.splitlines(True) if "→" not in line)
    assert (result.exit_code, others) == (1, said(NO_STANDBY) + left_out)
    domains = yaml.safe_load(project.stack_file.read_text())["config"]["ses-byodkim:domains"]
    assert [name for name, one in domains.items() if one == {"generation": 2}] == rotated
    assert len(project.ran) == (1 if rotated else 0)


NO_RECORD = "generation 3 has no record yet, the update makes it and waits for DNS"
LAST_KEY = "there is no standby after it, add `keys.4` before the next rotation"


@cases(
    ("published", "written", "note"),
    {
        "not published yet": ((2,), "generation: 2; published: [2]", NO_RECORD),
        "the last supplied key": ((2, 3), f"generation: 2; {SUPPLIED}", LAST_KEY),
    },
)
def test_what_is_announced(project, world, published, written, note):
    """What a person should know of the next generation comes before the change."""
    project.stored = [signing(world, 2, published=published)]
    project.write(entry(written))
    result = project.run("rotate", DOMAIN, "--dry-run")
    assert result.stderr.splitlines()[1:] == [f"byodkim: example.com: {note}"]


def rotated_lately(days):
    ago = START - timedelta(days=days)
    now = {"signed_until": ago, "allowed_from": ago + timedelta(days=10), "today": [1, 2, 3, 4]}
    return IdentityMessages.ROTATED_LATELY(domain=DOMAIN, generation=1, target=3, **now)


NOT_MADE, RETIRED = CliMessages.NOT_MADE(domain=DOMAIN), CliMessages.RETIRED(domain=DOMAIN)
OTHER = CliMessages.UNFINISHED(name="example.com us-east-1", generation=2)
WAITS = CliMessages.UNFINISHED(name="example.com eu-west-1", generation=2)
NO_WAY_BACK = CliMessages.NO_WAY_BACK(domain=DOMAIN, generation=1)
NEITHER = [rotated_lately(3), CliMessages.NOT_MADE(domain="example.net")]
LAST = {"generation": 3, "published": (2, 3)}
LAST_ONE = f"generation: 3; {SUPPLIED}"
TWO = f"{ONE}    example.net: {{generation: 1}}\n"
THERE = {"region": "us-east-1"}


@cases(
    ("stored", "written", "arguments", "problems"),
    {
        "not made": ([], ONE, [DOMAIN], [NOT_MADE]),
        "in another generation": ([{}, {"generation": 1, **THERE}], ONE, [DOMAIN], [OTHER]),
        "awaiting DNS": ([{"sent": False}], ONE, [DOMAIN], [WAITS]),
        "retired": ([{}], entry("generation: 2; retired: true"), [DOMAIN], [RETIRED]),
        "lately": (
            [{"until": {1: 3}}, {"until": {1: 2}, **THERE}],
            ONE,
            [DOMAIN],
            [rotated_lately(2)],
        ),
        "the first": (
            [{"generation": 1}],
            entry("generation: 1"),
            [DOMAIN, "--back"],
            [NO_WAY_BACK],
        ),
        "the last key": ([LAST], entry(LAST_ONE), [DOMAIN], [NO_STANDBY]),
        "the last key has leaked": (
            [LAST],
            entry(LAST_ONE),
            [DOMAIN, "--compromised"],
            [NO_STANDBY],
        ),
        "two": ([{"until": {1: 3}}], TWO, ["--all"], NEITHER),
    },
)
def test_refused(project, world, stored, written, arguments, problems):
    """
    What would make mail fail or lead nowhere is refused, for all domains at once, with the way out.
    """
    project.stored = [signing(world, **{"generation": 2, **one}) for one in stored]
    project.write(written)
    before = project.stack_file.read_bytes()
    result = project.run("rotate", *arguments, "--yes")
    assert result.stderr == "".join(map(said, problems))
    assert (result.exit_code, result.stdout) == (1, "")
    assert (project.stack_file.read_bytes(), project.ran) == (before, [])


def test_json(project):
    """A program gets the steps as values; Pulumi's own output would be between them."""
    result = project.run("rotate", DOMAIN, "--yes", "--no-up", "--json")
    assert json.loads(result.stdout) == {
        "stack": "dev",
        "file": "stacks/Pulumi.dev.yaml",
        "written": True,
        "rotations": [
            {
                "domain": DOMAIN,
                "before": 2,
                "generation": 3,
                "published": [2, 3, 4],
                "changes": [{"setting": "generation", "before": 2, "after": 3}],
                "notes": ["generation 2 → 3, in DNS: 2, 3, 4"],
            }
        ],
        "problems": {},
    }
    assert project.run("rotate", DOMAIN, "--yes", "--json").exit_code == 2
    nothing = json.loads(project.run("rotate", "--older-than", "999", "--dry-run", "--json").stdout)
    assert (nothing["written"], nothing["rotations"]) == (False, [])
