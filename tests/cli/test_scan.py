"""`byodkim scan` reads what SES has, nothing twice, writes nothing to AWS, and says what `up` would do."""

import json
import re

import pytest

from byodkim_provider.aws.route53 import Zone
from byodkim_provider.cli import asking, scan_account, scan_entries
from byodkim_provider.cli.scan_readings import Readings
from byodkim_provider.config import settings, stack_file
from byodkim_provider.errors import AwsRefused, InvalidSettings
from sandbox.ses.switches import Fault
from tests.support.cli_project import CliProject
from tests.support.fakes import REGION, START

OTHER = "us-east-1"
THEIRS = {"byodkim:owner": "0123456789abcdef/mail", "byodkim:stack": "other/prod"}
READS = {"GetEmailIdentity", "ListEmailIdentities"}


@pytest.fixture
def project(tmp_path, world):
    """A project whose account has a zone in Route 53, and DNS elsewhere."""
    project = CliProject(tmp_path, world)
    project.zones_in_dns = {
        "example.com": ("ns-1.awsdns-1.com", "ns-2.awsdns-2.net"),
        "example.net": ("ns01.domaincontrol.com",),
    }
    project.zones_in_route53 = [Zone("Z1", "example.com", is_private=False)]
    yield project
    assert {call.operation for call in world.model.log} <= READS


@pytest.fixture
def has(world, signing_keys):
    """Lets SES have an identity."""
    key = signing_keys[0].pkcs1_base64()

    def has(domain, region=REGION, *, easy=False, selector="old", tags=None, **changes):
        if easy:
            world.model.put_easy_dkim(domain, region)
        else:
            world.model.put_identity(domain, region, selector=selector, private_key=key, tags=tags or {})
        if changes:
            world.model.change(domain, region, **changes)

    return has


def scan(project, *arguments, **options):
    """The scan of two Regions."""
    return project.run("scan", "--region", REGION, "--region", OTHER, *arguments, **options)


def called(project):
    """How often each action was called so far."""
    operations = project.world.calls()
    return {name: operations.count(name) for name in set(operations)}


def adopted(result):
    """The domains of the stack file that was printed."""
    return stack_file.load(result.stdout)["config"]["ses-byodkim:domains"]


# What it shows


def test_table(project, has):
    """One row an identity, with how it signs, where its DNS is, and what it has besides."""
    project.world.model.add_configuration_set(REGION, "theirs")
    has("a.example.com", tags={"team": "mail"}, configuration_set="theirs")
    has("a.example.com", OTHER, easy=True)
    has("b.example.net", signing_enabled=False)
    result = scan(project)
    assert result.exit_code == 0
    assert [re.split("  +", line) for line in result.stdout.splitlines()] == [
        ["domain", "Region", "signs with", "DKIM", "DNS", "configuration set", "tags"],
        ["a.example.com", REGION, "BYODKIM old", "SUCCESS", "Route 53", "theirs", "team=mail"],
        ["a.example.com", OTHER, "Easy DKIM", "SUCCESS", "Route 53", "–", "–"],
        ["b.example.net", REGION, "nothing (BYODKIM old, disabled)", "SUCCESS", "GoDaddy", "–", "–"],
    ]
    assert result.stderr == ("byodkim: 3 identities of 2 domains: 1 BYODKIM, 1 Easy DKIM, 1 not signing\n")


@pytest.mark.parametrize("column", ["configuration set", "tags"])
def test_nothing_to_show(project, has, column, monkeypatch):
    """A configuration set or tags that no identity has take no column, nor a line in a narrow terminal."""
    project.world.model.add_configuration_set(REGION, "theirs")
    has("a.example.com", **({"configuration_set": "theirs"} if column == "tags" else {"tags": {"a": "b"}}))
    has("b.example.com")
    (headings, *_) = scan(project).stdout.splitlines()
    other = {"tags": "configuration set", "configuration set": "tags"}[column]
    assert (other in headings, column in headings) == (True, False)
    for domain in ("a.example.com", "b.example.com"):
        project.world.model.change(domain, REGION, configuration_set=None, tags={})
    bare = scan(project, "--fresh").stdout
    assert [len(re.split("  +", line)) for line in bare.splitlines()] == [5, 5, 5]


def test_names(project, has):
    """The names alone need no reads: list pages say whether each is verified."""
    for number in range(25):  # more than a page
        has(f"d{number:02}.example.com", easy=True)
    project.world.model.put_easy_dkim("d03.example.com", OTHER, verified=False)
    result = scan(project, "--names")
    lines = result.stdout.splitlines()
    assert lines[0].split("  ")[0] == "domain"
    assert lines[4].split() == ["d03.example.com", REGION, OTHER, "(PENDING)"]
    assert len(lines) == 26
    assert set(called(project)) == {"ListEmailIdentities"}
    shown = json.loads(scan(project, "--names", "--format", "json").stdout)
    assert shown["domains"][3] == {
        "domain": "d03.example.com",
        "identities": [
            {"region": REGION, "verification_status": "SUCCESS"},
            {"region": OTHER, "verification_status": "PENDING"},
        ],
    }


def test_json(project, has):
    """A program gets what was read, and the entry of the stack file."""
    has("b.example.net", selector="s1", tags=THEIRS | {"team": "mail"})
    shown = json.loads(scan(project, "--format", "json").stdout)
    assert shown == {
        "account": "123456789012",
        "regions": [REGION, OTHER],
        "left_out": {"addresses": 0, "names": {}},
        "domains": [
            {
                "domain": "b.example.net",
                "identities": [
                    {
                        "region": REGION,
                        "read_at": "2026-11-25T12:00:00Z",
                        "status": "SUCCESS",
                        "signing_enabled": True,
                        "selector": "s1",
                        "configuration_set": None,
                        "tags": THEIRS | {"team": "mail"},
                        "signing": "byodkim",
                        "easy_dkim": False,
                    }
                ],
                "dns": {
                    "title": "GoDaddy",
                    "zone": "example.net",
                    "name_servers": ["ns01.domaincontrol.com"],
                    "failure": None,
                },
                "entry": {
                    "generation": 1,
                    "dns": {"provider": "manual", "panel": "godaddy", "zone": "example.net"},
                    "adopt": True,
                },
                "comments": [
                    "taken from the stack other/prod; BYODKIM s1: gets a new key, perhaps "
                    "unsigned until SES finds it; no change if `keys` has its key; keeps 1 tag; "
                    "DNS: GoDaddy, `dns: godaddy` needs nobody who pastes"
                ],
            }
        ],
    }


NEW_KEY = "gets a new key, perhaps unsigned until SES finds it; no change if `keys` has its key"


@pytest.mark.parametrize(
    ("identity", "comment", "window"),
    [
        ({}, f"BYODKIM old: {NEW_KEY}", False),
        ({"easy": True}, "Easy DKIM: refused until acceptUnsignedWindow accepts unsigned mail", True),
        (
            {"signing_enabled": False},
            "BYODKIM old, signing disabled: gets a new key, signing is enabled",
            False,
        ),
        (
            {"easy": True, "signing_enabled": False},
            "Easy DKIM, signing disabled: gets a new key, signing is enabled",
            False,
        ),
        ({"status": "FAILED"}, "BYODKIM old is FAILED, mail is unsigned: gets a new key", False),
        (
            {"easy": True, "status": "PENDING"},
            "Easy DKIM is PENDING, mail is unsigned: gets a new key",
            False,
        ),
        (
            {"easy": True, "status": "TEMPORARY_FAILURE"},
            "Easy DKIM is TEMPORARY_FAILURE: gets a new key",
            False,
        ),
        (
            {"tags": {"a": "1", "b": "2"}},
            f"BYODKIM old: {NEW_KEY}; keeps 2 tags",
            False,
        ),
    ],
)
def test_comment(project, has, identity, comment, window):
    """The comment says what `pulumi up` does, and what has to be decided stands there as a comment."""
    has("example.com", **identity)
    result = scan(project, "--format", "yaml")
    lines = result.stdout.splitlines()
    above = lines.index("    example.com:")
    assert lines[above - 1] == f"    # {comment}"
    assert ("      # acceptUnsignedWindow: true" in lines) == window
    assert adopted(result) == {"example.com": {"generation": 1, "adopt": True}}


def test_regions_that_differ(project, has):
    """A domain is one entry with all its Regions, and a line of comment for each way of signing."""
    has("example.com", easy=True)
    has("example.com", OTHER)
    has("other.example.com", OTHER)
    result = scan(project, "--format", "yaml")
    assert (
        f"    # {REGION}: Easy DKIM: refused until acceptUnsignedWindow accepts unsigned mail\n"
        f"    # {OTHER}: BYODKIM old: {NEW_KEY}\n"
        "    example.com:\n"
        "      generation: 1\n"
        f"      regions: [{REGION}, {OTHER}]\n"
        "      # acceptUnsignedWindow: true\n"
        "      adopt: true\n"
        f"    # BYODKIM old: {NEW_KEY}\n"
        "    other.example.com:\n"
    ) in result.stdout
    config = stack_file.load(result.stdout)["config"]
    assert (config["aws:region"], config["aws:allowedAccountIds"]) == (OTHER, ["123456789012"])
    assert "regions" not in config["ses-byodkim:domains"]["other.example.com"]


def test_the_settings_accept_it(project, has):
    """What is written is read by the project's own settings, whatever the names are."""
    names = ["1e3.example.com", "no.example", "xn--bcher-kva.example", "on.example.com", "12.34.example.com"]
    project.zones_in_dns |= dict.fromkeys(names, ("ns.example.org",))
    for name in names:
        has(name, easy=name < "b")
    loaded = stack_file.load(scan(project, "--format", "yaml", "--nameserver", "127.0.0.1:53").stdout)
    ours = {
        key.removeprefix("ses-byodkim:"): value
        for key, value in loaded["config"].items()
        if key.startswith("ses-byodkim:")
    }
    found = settings.load(ours, default_region=loaded["config"]["aws:region"]).domains
    assert [one.name for one in found] == sorted(names)
    assert {(one.adopt, one.generation, one.dns_resolvers) for one in found} == {(True, 1, ("127.0.0.1:53",))}


HOSTILE = "x\u2028  aws:endpoints:\u2028    - sesv2: https://evil.example\u2028  other:x:\u2028    y:"
"""An owner tag that ends a comment for readers of YAML to which U+2028 is the end of a line."""


@pytest.mark.parametrize("form", ["yaml", "table", "json"])
def test_tags_of_others(project, has, form):
    """A tag is data: nothing of it begins a line, in the file as on the screen."""
    has("example.com", tags={"byodkim:owner": HOSTILE, "team": "a\u2028b"})
    shown = scan(project, "--domain", "example.com", "--format", form).stdout
    assert not re.search("[\\x85\u2028\u2029]", shown)
    assert r"\u2028" in shown


@pytest.mark.parametrize(
    "text", ["a: 1 # x\u2028b: 2\n", "a: 1 # x\x85\n", "a: 1 # x\rb: 2\n", "a: 2\n", "- a\n"]
)
def test_read_back(text):
    """Text that a reader of YAML might take for anything but what was meant is not written."""
    assert scan_entries.read_back("a: 1 # x\n", {"a": 1})
    with pytest.raises(InvalidSettings, match="what was read can't be written as YAML: nothing was written"):
        scan_entries.read_back(text, {"a": 1})


def test_left_out(project, has):
    """What no stack file can list is named, with the reason."""
    has("example.com")
    has("some_name.example.com", easy=True)
    has(f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 40}.example", easy=True)
    project.world.model.call("CreateEmailIdentity", REGION, {"EmailIdentity": "me@example.com"})
    project.world.forget()
    result = scan(project, "--format", "yaml")
    assert list(adopted(result)) == ["example.com"]
    assert "left out: e-mail addresses, which inherit the DKIM of their domain: 1\n" in result.stderr
    assert "left out: 'some_name.example.com' has an underscore" in result.stderr
    assert "too long for a generated selector" in result.stderr


def test_of_another_stack(project, has):
    """What another stack has goes into a file only if it is named in full: one `up` would take it."""
    has("a.example.com", tags=THEIRS)
    has("b.example.com")
    said = "byodkim: left out: another stack has a.example.com: `--domain NAME` takes one over\n"
    result = scan(project, "--domain", "*.example.com", "--format", "yaml")
    assert list(adopted(result)) == ["b.example.com"]
    assert said in result.stderr
    result = scan(project, "--domain", "a.example.com", "--format", "yaml")
    assert list(adopted(result)) == ["a.example.com"]
    assert "# taken from the stack other/prod; " in result.stdout
    assert said not in result.stderr
    assert said not in scan(project).stderr


def test_no_zone(project, has, tmp_path):
    """A domain whose zone DNS does not find is shown, and holds up no wave: it goes into no stack file."""
    for name in ("a.example.org", "b.example.org", "c.example.com", "d.example.net", "e.example.net"):
        has(name)
    (first, *_) = scan(project).stdout.splitlines()[1:]
    assert re.split("  +", first)[4] == "no zone in DNS"
    said = "left out: no zone in DNS, so SES can't find a record: a.example.org, b.example.org"
    file = tmp_path / "new.yaml"
    written = scan(project, "--limit", "2", "-o", str(file))
    assert f"byodkim: {said}; the next scan asks again\n" in written.stderr
    text = file.read_text()
    assert list(stack_file.load(text)["config"]["ses-byodkim:domains"]) == ["c.example.com", "d.example.net"]
    assert f"# L{said[1:]}.\n" in text
    project.zones_in_dns["example.org"] = ("ns01.domaincontrol.com",)
    again = scan(project, "--limit", "2", "--format", "yaml")
    assert list(adopted(again)) == ["a.example.org", "b.example.org"]


def test_zone_that_is_not_served(project, has):
    """A zone of Route 53 that DNS does not lead to is no place for a record."""
    has("a.example.com")
    del project.zones_in_dns["example.com"]
    row = re.split("  +", scan(project).stdout.splitlines()[1])
    assert row[4] == "Route 53, no zone in DNS"
    refused = scan(project, "--format", "yaml")
    assert (2, "") == (refused.exit_code, refused.stdout)
    assert json.loads(scan(project, "--json").stdout)["domains"][0]["dns"]["failure"] == "no zone in DNS"


@pytest.mark.parametrize("options", [(), ("--format", "yaml"), ("--json",)], ids=" ".join)
def test_resolver_that_sees_no_zone(project, has, options):
    """Where the resolver sees no zone at all, the option for another one is said, unless it is given."""
    has("a.example.com")
    has("b.example.net")
    said = "byodkim: DNS shows no zone of any domain: if a resolver of your own network does, name it: "
    assert said not in scan(project, *options).stderr
    del project.zones_in_dns["example.com"]
    assert said not in scan(project, *options).stderr
    del project.zones_in_dns["example.net"]
    assert f"{said}--nameserver\n" in scan(project, *options).stderr
    assert said not in scan(project, *options, "--nameserver", "192.0.2.53").stderr


# What it reads


@pytest.mark.parametrize(
    ("options", "domains", "reads"),
    [
        ((), ["a1", "a2", "b1", "b2"], 5),
        (("--domain", "a*"), ["a1", "a2"], 2),
        (("--domain", "A1.*", "--domain", "b1.*"), ["a1", "b1"], 3),
        (("--exclude", "a*"), ["b1", "b2"], 3),
        (("--limit", "1"), ["a1"], 1),
        (("--signing", "easy"), ["a2", "b1"], 5),
        (("--signing", "none"), ["b2"], 5),
        (("--signing", "byodkim", "--limit", "1"), ["a1"], 5),
        (("--signing", "easy", "--signing", "none", "--exclude", "b1.*"), ["a2", "b2"], 3),
    ],
)
def test_filters(project, has, options, domains, reads):
    """Only what is asked for is read, as far as names say it."""
    has("a1.example.com")
    has("a2.example.com", easy=True)
    has("b1.example.com")
    has("b1.example.com", OTHER, easy=True)
    has("b2.example.com", signing_enabled=False)
    assert list(adopted(scan(project, *options, "--format", "yaml"))) == [
        f"{one}.example.com" for one in domains
    ]
    assert called(project)["GetEmailIdentity"] == reads


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "A1.exmaple.com",
            "--domain A1.exmaple.com: SES has no such domain here, did you mean 'a1.example.com'?",
        ),
        ("*.org", "--domain *.org: SES has no such domain here"),
    ],
)
def test_no_such_name(project, has, name, said):
    """A name that SES does not have is an error, before anything is read; the nearest one is named."""
    has("a1.example.com")
    has("b2.example.net")
    has("some_name.example.com")
    result = scan(project, "--domain", "b2.*", "--domain", "some_name.example.com", "--domain", name)
    assert (2, f"byodkim: {said}\n") == (result.exit_code, result.stderr)
    assert "GetEmailIdentity" not in called(project)


def test_nothing_found(project):
    """An account without domains has an empty table, and no stack file."""
    assert scan(project).exit_code == 0
    result = scan(project, "--format", "yaml")
    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.endswith("byodkim: there is no domain to write into a stack file\n")


def test_read_once(project, has):
    """What was read is not read again for a day, unless it is asked for."""
    has("example.com")
    first = scan(project).stdout
    project.world.forget()
    again = scan(project)
    assert again.stdout == first
    assert (
        "1 of 1 identities were read since 2026-11-25 12:00 UTC, `--fresh` reads them again" in again.stderr
    )
    assert "GetEmailIdentity" not in called(project)
    scan(project, "--fresh")
    assert called(project)["GetEmailIdentity"] == 1
    project.world.clock.advance(25 * 3600)
    scan(project)
    assert called(project)["GetEmailIdentity"] == 2


def test_goes_on_after_an_error(project, has):
    """After an error the same command reads what is missing; a line that was cut off does no harm."""
    for number in range(5):
        has(f"d{number}.example.com")
    project.world.model.inject(Fault("access_denied", domain="d3.example.com"))
    failed = scan(project)
    assert (2, "") == (failed.exit_code, failed.stdout)
    assert re.search(
        r"byodkim: \d of 5 identities are read and kept: the same command goes on\n", failed.stderr
    )
    assert "GetEmailIdentity for 'd3.example.com' in eu-west-1" in failed.stderr
    kept = project.directory / "cache" / "scan-123456789012.jsonl"
    assert kept.stat().st_mode & 0o777 == 0o600
    with kept.open("a") as file:
        file.write('{"domain": "d3.exam')
    read = {domain for _, domain in Readings(kept, since=START)._kept}
    project.world.forget()
    assert len(scan(project).stdout.splitlines()) == 6
    again = {call.domain for call in project.world.model.calls("GetEmailIdentity")}
    assert "d3.example.com" in again
    assert again.isdisjoint(read)


def test_a_file_of_ones_own(project, has, tmp_path):
    """The file for readings can be named, and one that can't be written is an error with a way on."""
    has("example.com")
    kept = tmp_path / "kept.jsonl"
    assert scan(project, "--readings", str(kept)).exit_code == 0
    assert json.loads(kept.read_text().strip())["domain"] == "example.com"
    (tmp_path / "file").write_text("")
    result = scan(project, "--readings", str(tmp_path / "file" / "kept"))
    assert result.exit_code == 2
    assert "hint: `--readings FILE` names another file\n" in result.stderr
    project.cache = None
    result = scan(project)
    assert (2, "") == (result.exit_code, result.stdout)
    assert "there is no home folder" in result.stderr
    assert scan(project, "--readings", str(kept)).exit_code == 0


def test_progress(monkeypatch, project, has):
    """Reading says how far it is, and for how long it goes on."""
    for number in range(3):
        has(f"d{number}.example.com")
        has(f"d{number}.example.com", OTHER)
    said = []
    wanted = [(f"d{number}.example.com", region) for number in range(3) for region in (REGION, OTHER)]
    readings = Readings(project.directory / "kept", since=START)
    clock = project.world.clock
    monkeypatch.setattr(asking, "FIRST_WORD_SECONDS", 0)
    scan_account.read_all(project, wanted, readings, clock=clock, report=said.append)
    assert said == ["0 of 6 identities are read, about 3 s left; what is read is kept"]


@pytest.mark.parametrize(
    ("left", "time"), [(1, "1 s"), (85, "89 s"), (86, "2 min"), (5000, "88 min"), (10_000, "2 h 55 min")]
)
def test_time_left(left, time):
    """The time follows from SES's rate, and from the Region with the most identities."""
    assert scan_account._time({"a": left, "b": 1}) == time


def test_deleted_meanwhile(project, has):
    """An identity that is gone when it is to be read is left out."""
    has("a.example.com")
    readings = Readings(project.directory / "kept", since=START)
    wanted = [("a.example.com", REGION), ("gone.example.com", REGION)]
    found = scan_account.read_all(project, wanted, readings, clock=project.world.clock)
    assert [one.domain for one in found] == ["a.example.com"]


def test_regions_that_are_not_enabled(project, has, monkeypatch):
    """Without --region each Region is asked; one that refuses is named and left out, unless all do."""
    has("example.com")

    def ses(region, _):
        if region != REGION:
            raise InvalidSettings([f"aws: no response from STS in {region}"])
        return project.world.ses(region)

    monkeypatch.setattr(project, "ses", ses)
    result = project.run("scan")
    assert result.exit_code == 0
    assert "byodkim: not enabled, or not answering: af-south-1, " in result.stderr
    assert "example.com  eu-west-1 " in result.stdout
    named = scan(project)
    assert (2, "byodkim: aws: no response from STS in us-east-1\n") == (named.exit_code, named.stderr)
    monkeypatch.setattr(project, "ses", lambda *_: ses("nowhere", None))
    none = project.run("scan")
    assert (2, "byodkim: aws: no response from STS in nowhere\n") == (none.exit_code, none.stderr)


def test_without_leave_to_read_zones(project, has, monkeypatch):
    """Name servers alone say where DNS is; that of Route 53 may be another account's."""
    has("example.com")

    def zones():
        raise AwsRefused("ListHostedZones", "the account", code="AccessDenied", reason="")

    monkeypatch.setattr(project, "zones", zones)
    result = scan(project, "--format", "yaml")
    assert "zones of Route 53 can't be read: ListHostedZones for the account: AccessDenied" in result.stderr
    assert adopted(result)["example.com"]["dns"] == {"provider": "manual", "panel": "route53"}
    assert "perhaps of another account: `dns: {assumeRole: …}` writes there" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--names", "--add"), "--names reads nothing that a stack file needs: leave it out."),
        (("--names", "--format", "yaml"), "--names reads nothing that a stack file needs: leave it out."),
        (("--add", "--output", "x.yaml"), "Give --add, or --format and --output."),
        (("--add", "--json"), "Give --add, or --format and --output."),
        (("--yes",), "--yes needs --add."),
        (("--region", "us-east-9"), "did you mean 'us-east-1' or 'us-east-2'?"),
        (("--limit", "0"), "0 is not in the range x>=1."),
        (("--signing", "dkim"), "'dkim' is not one of"),
        (("--format", "xml"), "'xml' is not one of"),
        (("--nameserver", "ns1.example.com"), "Invalid value for '--nameserver'"),
        (("somewhere",), "Got unexpected extra argument (somewhere)"),
    ],
)
def test_wrong_usage(project, arguments, said):
    """Wrong usage is said before anything is read."""
    result = project.run("scan", *arguments)
    assert (2, []) == (result.exit_code, project.world.calls())
    assert said in result.stderr
