"""`byodkim rotate` edits the stack file so that another key signs, and says what that does first."""

import errno
import json
import os
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byodkim_provider.cli.rotate import rotation
from byodkim_provider.cli.stack import Domain
from byodkim_provider.config import settings
from byodkim_provider.config.problems import line
from byodkim_provider.errors import InvalidSettings, StillInUse
from byodkim_provider.identity import rules
from byodkim_provider.identity.state import KeyInSes, Stored
from byodkim_provider.messages import Message
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.messages.identity import IdentityMessages
from tests.support.cases import cases
from tests.support.cli_project import CliProject, configuration
from tests.support.fakes import REGION, START
from tests.support.world import DOMAIN, World

DAY = timedelta(days=1)
NOTHING = ""
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


def signing(world, generation, *, since=200, domain=DOMAIN, until=None, **changes):
    """An identity in the state: days since when *generation* signs, and *until* when others did."""
    now = world.clock.now()
    at = now - since * DAY
    return Stored(
        declared=world.declared(generation, domain=domain, **changes),
        instance="i",
        key=KeyInSes(set_at=at, set_by="", signing_since=at, status="SUCCESS"),
        signed_until={number: now - days * DAY for number, days in (until or {}).items()},
    )


def edited(project, before, *arguments):
    """What the domain's lines are after the rotation, if they were *before*."""
    project.write(f"    example.com:\n{before}")
    result = project.run("rotate", DOMAIN, "--yes", *arguments)
    assert result.exit_code == 0, result.stderr
    return project.stack_file.read_text().partition("    example.com:\n")[2]


KEYS = "      keys:\n" + "".join(
    f"        {number}: {{ selector: s{number}, privateKey: own{number} }}\n" for number in (2, 3)
)


@cases(
    ("published", "until", "before", "after"),
    {
        "plain": ((1, 2, 3), {}, "      generation: 2 # signs\n", "      generation: 3 # signs\n"),
        "tidied": (
            (1, 2, 3),
            {},
            "      generation: 2\n      published: [1, 2, 3]\n      overlapDays: 0\n      protect: true\n",
            "      generation: 3\n      protect: true\n",
        ),
        "still on its way": (
            (1, 2, 3),
            {1: 3},
            "      generation: 2\n      published: [1, 2, 3]\n",
            "      generation: 3\n      published: [1, 2, 3, 4]\n",
        ),
        "a shorter overlap": (
            (1, 2, 3),
            {1: 3},
            "      generation: 2\n      overlapDays: 2\n",
            "      generation: 3\n      overlapDays: 2\n",
        ),
        "a standby replaced": (
            (2, 4),
            {},
            "      generation: 2\n      published: [2, 4]\n",
            "      generation: 4\n      published: [2, 4, 5]\n",
        ),
        "no standby": ((2,), {}, "      generation: 2\n      published: [2]\n", "      generation: 3\n"),
        "supplied keys": ((2, 3), {}, f"      generation: 2\n{KEYS}", f"      generation: 3\n{KEYS}"),
        "supplied keys, written out": (
            (2, 3),
            {},
            f"      generation: 2\n      published: [2, 3]\n{KEYS}",
            f"      generation: 3\n{KEYS}",
        ),
    },
)
def test_forward(project, world, published, until, before, after):
    """The next published generation signs; `published` says no more than it must."""
    project.stored = [signing(world, 2, published=published, until=until)]
    assert edited(project, before) == after


@cases(
    ("generation", "published", "before", "after"),
    {
        "to the first": (
            2,
            (1, 2, 3),
            "      generation: 2\n",
            "      generation: 1\n      published: [1, 2, 3]\n",
        ),
        "past one that is gone": (
            4,
            (2, 4, 5),
            "      generation: 4\n      published: [2, 4, 5]\n",
            "      generation: 2\n      published: [2, 4, 5]\n",
        ),
    },
)
def test_back(project, world, generation, published, before, after):
    """The previous generation signs again, and nothing leaves DNS."""
    project.published = {DOMAIN: tuple(number for number in published if number < 5)}
    project.stored = [signing(world, min(generation, 4), published=published)]
    assert edited(project, before, "--back") == after


def test_back_over_a_standby(project, world):
    """After 2 → 4 the way back is to 2, which signed, and not to 3, which never did."""
    project.published = {DOMAIN: (2, 3, 4)}
    project.stored = [signing(world, 4, published=(2, 3, 4, 5), until={2: 1})]
    before = "      generation: 4\n      published: [2, 3, 4, 5]\n"
    assert edited(project, before, "--back") == before.replace("generation: 4", "generation: 2")


def test_forward_again(project, world):
    """After a step back the way forward is to the same generation, and tidies up."""
    project.stored = [signing(world, 2, published=(2, 3, 4), until={2: 9, 3: 1})]
    before = "      generation: 2\n      published: [2, 3, 4]\n"
    assert edited(project, before) == "      generation: 3\n"


@cases(
    ("until", "after"),
    {
        "nothing else on its way": (
            {1: 60},
            "      generation: 3\n      published: [3, 4]\n      overlapDays: 0\n",
        ),
        "an innocent key on its way": (
            {1: 6},
            "      generation: 3\n      published: [1, 3, 4]\n      overlapDays: 0\n",
        ),
    },
)
def test_compromised(project, world, until, after):
    """The leaked key leaves DNS at once, and only that one; what fails is said."""
    project.stored = [signing(world, 2, until=until)]
    assert edited(project, "      generation: 2\n", "--compromised") == after


def test_compromised_says_what_fails(project):
    """What a person must know before comes before the change."""
    result = project.run("rotate", DOMAIN, "--compromised", "--dry-run")
    assert result.stderr == (
        "byodkim: example.com: generation 2 → 3, in DNS: 3, 4\n"
        "byodkim: example.com: the update that switches to generation 3 also removes the record of 2\n"
        "byodkim: example.com: mail signed with generation 2 that is on its way fails DKIM, and so does what "
        "SES signs with it until it has found the record of 3\n"
        "byodkim: example.com: `overlapDays: 0` allows that, and the next rotation removes it\n"
    )


@given(
    way=st.sampled_from(["forward", "back", "compromised"]),
    around=st.sets(st.integers(1, 5)),
    until=st.dictionaries(st.integers(1, 5), st.sampled_from([0, 9, 11])),
    is_written=st.booleans(),
    supplied=st.none() | st.sets(st.integers(1, 6)),
)
def test_the_step_is_allowed(signing_keys, way, around, until, is_written, supplied):
    """No step is planned that the preview would refuse, whatever signed lately; a leaked key leaves."""
    world = World(signing_keys)
    published = tuple(sorted({3, *around}))
    stored = signing(world, 3, published=published, until=until)
    written = {"generation": 3, **({"published": list(published)} if is_written else {})}
    read = settings.domain(DOMAIN, written | {"published": list(published), "regions": [REGION]})
    written |= {} if supplied is None else {"keys": dict.fromkeys(supplied)}
    of_state = {"identities": (stored,), "records": (), "stack_id": None, "retired_at": None}
    domain = Domain(name=DOMAIN, settings=read, listed=True, written=written, **of_state)
    now = world.clock.now()
    try:
        step = rotation(way, domain, now)
    except (InvalidSettings, StillInUse):  # nowhere to go, or signed mail would fail
        return
    assert step.generation in step.published
    assert (3 in step.published) == (way != "compromised")
    overlap_days = 0 if way == "compromised" else 10
    declared = replace(
        stored.declared,
        generation=step.generation,
        published=step.published,
        overlap_days=overlap_days,
        selector="another",
    )
    rules.refuse_unsafe(stored, declared, unknown=(), now=now)


def test_output(project, world):
    """Standard output has the change and nothing else; then it is written and Pulumi runs."""
    project.stored = [signing(world, 2)]
    project.write("    # ours\n    Example.COM: { generation: 2 } # all\n")
    result = project.run("rotate", "example.com.", "--yes")
    assert result.stdout == (
        "--- stacks/Pulumi.dev.yaml\n"
        "+++ stacks/Pulumi.dev.yaml\n"
        "@@ -2,4 +2,4 @@\n"
        "   aws:region: eu-west-1\n"
        "   ses-byodkim:domains:\n"
        "     # ours\n"
        "-    Example.COM: { generation: 2 } # all\n"
        "+    Example.COM: {generation: 3}   # all\n"
    )
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
    },
)
def test_asks_first(project, arguments, answer, exit_code, written, ran):
    """Nothing is written or run before somebody has said yes to the change."""
    result = project.run("rotate", DOMAIN, *arguments, terminal=True, answer=answer)
    assert "+    example.com: {generation: 3}\n" in result.stdout
    assert result.exit_code == exit_code
    assert ("generation: 3" in project.stack_file.read_text()) == written
    assert [arguments for arguments, _ in project.ran] == ran


def it_begins_to_change_something(project):
    project.secrets["arn"] = None


def it_writes_into_the_file(project):
    with project.stack_file.open("a") as file:
        file.write("encryptionsalt: v1:abc\n")


def its_state_is_lost(project):
    project.complaint = "could not reach the backend"


@cases(
    ("what_happens", "exit_code"),
    {
        "it changes something": (it_begins_to_change_something, 255),
        "it writes into the file": (it_writes_into_the_file, 255),
        "its state is lost": (its_state_is_lost, 255),
        "it is killed": (lambda _: None, -9),
    },
)
def test_pulumi_fails(project, what_happens, exit_code):
    """If `pulumi up` fails half-way, or nobody knows, the change stays, and it says so."""
    project.up_exit_code, project.while_up = exit_code, lambda: what_happens(project)
    result = project.run("rotate", DOMAIN, "--yes")
    assert result.exit_code == 1
    assert result.stderr.endswith(said(CliMessages.UP_FAILED(file=FILE)))
    assert "{generation: 3}" in project.stack_file.read_text()


def test_pulumi_does_not_begin(project):
    """If `pulumi up` fails before it changes anything, as with a wrong passphrase, the file is as before."""
    before = project.stack_file.read_bytes()
    project.up_exit_code = 255
    result = project.run("rotate", DOMAIN, "--yes")
    assert result.exit_code == 1
    assert result.stderr.endswith(said(CliMessages.NOTHING_CHANGED(file=FILE)))
    assert project.stack_file.read_bytes() == before


def test_edited_meanwhile(project, world, monkeypatch):
    """What somebody else wrote while the question was open is not overwritten."""
    look_up = world.resolver.txt

    def edit_and_look_up(*arguments):
        project.stack_file.write_text(project.stack_file.read_text() + "# theirs\n")
        return look_up(*arguments)

    monkeypatch.setattr(world.resolver, "txt", edit_and_look_up)
    result = project.run("rotate", DOMAIN, "--yes")
    assert result.stderr.splitlines()[1:] == [
        "byodkim: stacks/Pulumi.dev.yaml: was changed meanwhile, nothing was written"
    ]
    assert (result.exit_code, project.ran) == (1, [])
    assert project.stack_file.read_text().endswith("{generation: 2}\n# theirs\n")


def test_the_file_is_replaced_whole(project):
    """Nobody ever reads half a file; links and permissions stay, and nothing is left beside it."""
    file = project.directory / "elsewhere.yaml"
    project.stack_file.rename(file)
    file.chmod(0o640)
    project.stack_file.symlink_to(file)
    before = file.read_text()
    with file.open() as opened:
        assert project.run("rotate", DOMAIN, "--yes").exit_code == 0
        assert opened.read() == before
    assert project.stack_file.is_symlink()
    assert file.read_text() == before.replace("2}", "3}")
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(one.name for one in project.directory.iterdir()) == [
        "Pulumi.yaml",
        "elsewhere.yaml",
        "stacks",
    ]
    assert [one.name for one in project.stack_file.parent.iterdir()] == ["Pulumi.dev.yaml"]


def test_read_only(project):
    """A file that its owner made read-only is not replaced, though its folder can be written."""
    project.stack_file.chmod(0o444)
    before = project.stack_file.read_bytes()
    result = project.run("rotate", DOMAIN, "--yes")
    said = "byodkim: stacks/Pulumi.dev.yaml: is read-only, nothing was written"
    assert (result.exit_code, result.stderr.splitlines()[1:], project.ran) == (2, [said], [])
    assert (project.stack_file.read_bytes(), project.stack_file.stat().st_mode & 0o777) == (before, 0o444)


def test_the_file_can_not_be_written(project, monkeypatch):
    """Then it is what it was, and Pulumi does not run."""
    before = project.stack_file.read_bytes()

    def no_space(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_space)
    result = project.run("rotate", DOMAIN, "--yes")
    assert result.stderr.splitlines()[1:] == [
        "byodkim: stacks/Pulumi.dev.yaml: can't be written: No space left on device"
    ]
    assert (result.exit_code, project.ran) == (2, [])
    assert project.stack_file.read_bytes() == before
    assert [one.name for one in project.stack_file.parent.iterdir()] == ["Pulumi.dev.yaml"]


@pytest.mark.parametrize("name", ["ses-byodkim:domains", "domains"])
@pytest.mark.parametrize("kind", ["value", "default"])
def test_written_for_all_stacks(project, world, name, kind):
    """The file in which the value stands is edited, be it the project's, whose defaults hold too."""
    project.stored = [signing(world, 2, until={1: 3})]
    project.stack_file.write_text("config: {aws:region: eu-west-1}\n")
    before = project.stack_file.read_bytes()
    with (project.directory / "Pulumi.yaml").open("a") as file:
        file.write(
            f"config:\n  {name}:\n    {kind}:\n      Example.com: {{ generation: 2 }} # ours\n"
            "  ses-byodkim:defaults: { value: { overlapDays: 2 } }\n"
        )
    result = project.run("rotate", DOMAIN, "--yes")
    assert (result.exit_code, result.stderr.count("\n")) == (0, 1)
    assert result.stdout.startswith("--- Pulumi.yaml\n+++ Pulumi.yaml\n")
    assert "      Example.com: {generation: 3}   # ours\n" in (project.directory / "Pulumi.yaml").read_text()
    assert project.stack_file.read_bytes() == before


def test_stack_file_goes_first(project):
    """Domains in the stack file hide those in the project file, as Pulumi has it."""
    with (project.directory / "Pulumi.yaml").open("a") as file:
        file.write("config: {domains: {value: {example.com: {generation: 7}}}}\n")
    result = project.run("rotate", DOMAIN, "--yes")
    assert (result.exit_code, result.stdout[:29]) == (0, "--- stacks/Pulumi.dev.yaml\n++")


def written_elsewhere(project):
    project.stack_file.write_text("config: {aws:region: eu-west-1}\n")


def written_as_text(project):
    project.stack_file.write_text(
        'config: {aws:region: eu-west-1, ses-byodkim:domains: \'{"example.com": {"generation": 2}}\'}\n'
    )


def only_pulumi_reads_it(project):
    project.write("    example.com: {generation: 2}\t# signs\n")


def pulumi_reads_it_otherwise(project):
    project.stored = [signing(project.world, 3)]
    project.write("    example.com: {generation: 002}\n")
    project.printed = project.printed.replace(":2}", ":3}")


NO_MAP = CliMessages.NO_MAP(project="ses-byodkim", file=FILE, project_file="Pulumi.yaml")
NOT_READ = CliMessages.NOT_READ(
    file=FILE, problem="line 4: found character '\\t' that cannot start any token"
)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (written_elsewhere, NO_MAP),
        (written_as_text, NO_MAP),
        (only_pulumi_reads_it, NOT_READ),
        (pulumi_reads_it_otherwise, CliMessages.ELSEWHERE(domain=DOMAIN, file=FILE)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_not_editable(project, change, problem):
    """A file that does not say what Pulumi hears is not edited."""
    project.printed = configuration(project.directory / "Pulumi.yaml", project.stack_file)
    change(project)
    before = project.stack_file.read_bytes()
    result = project.run("rotate", DOMAIN, "--yes")
    assert result.stderr == said(problem)
    assert (result.exit_code, result.stdout, project.ran) == (1, "", [])
    assert project.stack_file.read_bytes() == before


@cases(
    ("arguments", "rotated"),
    {
        "all": (["--all"], ["example.com", "example.net"]),
        "older than 180 days": (["--older-than", "180d"], ["example.com"]),
        "older than 20 days": (["--older-than", "20d"], ["example.com", "example.net"]),
        "none that old": (["--older-than", "300d"], []),
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
        assert result.stderr == "byodkim: nothing to do: no key of this stack is meant\n"


NO_STANDBY = said(CliMessages.NO_STANDBY(domain=DOMAIN, generation=4))

LEFT_OUT = said(str(CliMessages.NOT_ROTATED(domains=DOMAIN)))


@cases(
    ("arguments", "rotated", "exit_code", "left_out"),
    {
        "by age": (
            ["--older-than", "90d", "--yes"],
            ["example.net", "example.org"],
            1,
            NO_STANDBY + LEFT_OUT,
        ),
        "dry run": (["--older-than", "90d", "--dry-run"], [], 1, NO_STANDBY + LEFT_OUT),
        "none that can": (["--older-than", "250d", "--yes"], [], 1, NO_STANDBY),
        "all": (["--all", "--yes"], [], 1, NO_STANDBY),
        "named": (["example.net", "example.com", "--yes"], [], 1, NO_STANDBY),
    },
)
def test_one_can_not_rotate(project, world, arguments, rotated, exit_code, left_out):
    """Of the keys that are due, those that can rotate do, and it says which can't; else it is all or none."""
    for name in ("example.net", "example.org"):
        world.publish(1, 2, 3, domain=name)
    project.stored = [
        signing(world, 3, published=(2, 3), since=300),
        signing(world, 1, domain="example.net"),
        signing(world, 1, domain="example.org"),
    ]
    others = "    example.net: {generation: 1}\n    example.org: {generation: 1}\n"
    project.write(f"{others}    example.com:\n      generation: 3\n{KEYS}")
    result = project.run("rotate", *arguments)
    assert result.exit_code == exit_code
    assert "".join(line for line in result.stderr.splitlines(True) if "→" not in line) == left_out
    assert re.findall(r"(example\.\w+): {generation: 2}", project.stack_file.read_text()) == rotated
    assert len(project.ran) == (1 if rotated else 0)


def test_record_is_not_visible(project, world):
    """A switch that will have to wait for DNS is announced."""
    del world.resolver.records["s3._domainkey.example.com"]
    result = project.run("rotate", DOMAIN, "--dry-run")
    assert result.stderr.splitlines()[1:] == [
        "byodkim: example.com: the record of generation 3 is not visible: 0 of 2 servers show the key, "
        "ns1.example.net and ns2.example.net have no TXT record",
        "byodkim: example.com: the update waits for it at most 120 s, then fails and SES keeps its key",
    ]


def test_no_record_and_no_standby(project, world):
    """A generation that is not published yet, and a last supplied key, are announced."""
    project.stored = [signing(world, 2, published=(2,))]
    project.write("    example.com: {generation: 2, published: [2]}\n")
    result = project.run("rotate", DOMAIN, "--dry-run")
    assert result.stderr.splitlines()[1:] == [
        "byodkim: example.com: generation 3 has no record yet, the update makes it and waits for DNS"
    ]
    project.stored = [signing(world, 2, published=(2, 3))]
    project.write(f"    example.com:\n      generation: 2\n{KEYS}")
    result = project.run("rotate", DOMAIN, "--dry-run")
    assert result.stderr.splitlines()[1:] == [
        "byodkim: example.com: there is no standby after it, add `keys.4` before the next rotation"
    ]


def not_made(project, world):
    project.stored = []


def in_another_generation(project, world):
    project.stored = [signing(world, 2), signing(world, 1, region="us-east-1")]


def awaiting(project, world):
    project.stored = [replace(signing(world, 2), key=None)]


def retired(project, world):
    project.write("    example.com: {generation: 2, retired: true}\n")


def within_the_overlap(project, world):
    project.stored = [signing(world, 2, until={1: 3}), signing(world, 2, until={1: 2}, region="us-east-1")]


def first(project, world):
    project.stored = [signing(world, 1)]
    project.write("    example.com: {generation: 1}\n")


def last_key(project, world):
    project.stored = [signing(world, 3, published=(2, 3))]
    project.write(f"    example.com:\n      generation: 3\n{KEYS}")


def merged(project, world):
    project.write("    x.example: &one {generation: 2}\n    example.com: *one\n")


def two(project, world):
    project.stored = [signing(world, 2, until={1: 3})]
    project.write("    example.com: {generation: 2}\n    example.net: {generation: 1}\n")


def nothing(project, world):
    pass


def rotated_lately(signed_until):
    return IdentityMessages.ROTATED_LATELY(
        domain=DOMAIN,
        generation=1,
        signed_until=signed_until,
        allowed_from=signed_until + timedelta(days=10),
        target=3,
        today=[1, 2, 3, 4],
    )


@pytest.mark.parametrize(
    ("change", "arguments", "problems"),
    [
        (not_made, [DOMAIN], [CliMessages.NOT_MADE(domain=DOMAIN)]),
        (
            in_another_generation,
            [DOMAIN],
            [CliMessages.OTHER_GENERATION(name="example.com us-east-1", generation=1, wanted=2)],
        ),
        (awaiting, [DOMAIN], [CliMessages.WAITS_FOR_DNS(name="example.com eu-west-1")]),
        (retired, [DOMAIN], [CliMessages.RETIRED(domain=DOMAIN)]),
        (within_the_overlap, [DOMAIN], [rotated_lately(START - timedelta(days=2))]),
        (first, [DOMAIN, "--back"], [CliMessages.NO_WAY_BACK(domain=DOMAIN, generation=1)]),
        (last_key, [DOMAIN], [CliMessages.NO_STANDBY(domain=DOMAIN, generation=4)]),
        (last_key, [DOMAIN, "--compromised"], [CliMessages.NO_STANDBY(domain=DOMAIN, generation=4)]),
        (merged, [DOMAIN], [line(("domains", DOMAIN), SettingMessages.NOT_EDITABLE())]),
        (
            two,
            ["--all"],
            [rotated_lately(START - timedelta(days=3)), CliMessages.NOT_MADE(domain="example.net")],
        ),
        (
            nothing,
            ["example.net"],
            [
                CliMessages.OTHER_DOMAIN(
                    domain="example.net", stack="dev", known=", did you mean 'example.com'?"
                )
            ],
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_refused(project, world, change, arguments, problems):
    """What would make mail fail or lead nowhere is refused, for all domains at once, with the way out."""
    change(project, world)
    before = project.stack_file.read_bytes()
    result = project.run("rotate", *arguments, "--yes")
    assert result.stderr == "".join(map(said, problems))
    assert (result.exit_code, result.stdout) == (1, "")
    assert (project.stack_file.read_bytes(), project.ran) == (before, [])


@cases(
    ("arguments", "text"),
    {
        "nothing": ([], "Give one of: domains, --all, --older-than."),
        "both": ([DOMAIN, "--all"], "Give one of: domains, --all, --older-than."),
        "both ways": (
            [DOMAIN, "--back", "--compromised", "--yes"],
            "Give --back or --compromised, not both.",
        ),
        "nobody to ask": ([DOMAIN], "Nobody is there to be asked: give --yes or --dry-run."),
        "months": (
            ["--older-than", "6m"],
            "Invalid value for '--older-than': '6m' is not a number of days such as '180d'.",
        ),
        "no domain": (
            ["example", "--yes"],
            "Invalid value for '[DOMAIN]...': 'example' is a single label, expected a domain such as "
            "'example.com'",
        ),
    },
)
def test_wrong_usage(project, arguments, text):
    """A command line that says too little or too much is not guessed at."""
    result = project.run("rotate", *arguments)
    assert result.stderr.endswith(f"\nError: {text}\n")
    assert (result.exit_code, result.stdout, project.ran) == (2, "", [])


def test_only_the_edit(project):
    """With --no-up the file is written, for a pull request, and Pulumi does not run."""
    result = project.run("rotate", DOMAIN, "--yes", "--no-up")
    assert (result.exit_code, project.ran) == (0, [])
    assert "generation: 3" in project.stack_file.read_text()
    project.write(ONE)
    result = project.run("rotate", DOMAIN, "--no-up", terminal=True, answer="n\n")
    assert "byodkim: write this? [y/N]" in result.stderr
    assert (result.exit_code, project.ran) == (1, [])
    assert "generation: 2" in project.stack_file.read_text()


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
                "changes": {"generation": 3, "published": None},
                "notes": ["generation 2 → 3, in DNS: 2, 3, 4"],
            }
        ],
        "problems": {},
        "diff": json.loads(result.stdout)["diff"],
    }
    assert project.run("rotate", DOMAIN, "--yes", "--json").exit_code == 2
    nothing = json.loads(project.run("rotate", "--older-than", "999d", "--dry-run", "--json").stdout)
    assert (nothing["written"], nothing["rotations"]) == (False, [])


def test_nothing_encrypted_is_shown(project):
    """The lines around a change are shown without what nobody can read."""
    text = project.stack_file.read_text()
    project.stack_file.write_text(
        f"encryptionsalt: v1:SALT=:v1:SALT\n{text}"
        "  ses-byodkim:privateKeys: { own: { secure: v1:abc== } }\n"
    )
    result = project.run("rotate", DOMAIN, "--dry-run")
    assert "ses-byodkim:privateKeys: { own: { secure: … } }" in result.stdout
    assert "v1:" not in result.stdout
