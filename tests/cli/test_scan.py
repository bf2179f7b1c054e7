"""If this fails, a stack file made from an account takes over what it should not."""

import json
import re

import pytest

from byodkim_provider.cli.scan import OTHERS
from byodkim_provider.config import settings, stack_file
from byodkim_provider.errors import InvalidSettings
from tests.support.cli_project import CliProject
from tests.support.fakes import REGION

OTHER = "us-east-1"
THEIRS = {"byodkim:owner": "0123456789abcdef/mail", "byodkim:stack": "other/prod"}
READS = {"GetEmailIdentity", "ListEmailIdentities"}
NEW_KEY = "gets a new key, perhaps unsigned until SES finds it; no change if `keys` has its key"


@pytest.fixture
def project(tmp_path, world):
    project = CliProject(tmp_path, world)
    yield project
    assert {call.operation for call in world.model.log} <= READS


@pytest.fixture
def has(world, signing_keys):
    """Lets SES have an identity."""
    key = signing_keys[0].pkcs1_base64()

    def has(domain, region=REGION, *, easy=False, primary="", selector="old", tags=None, **changes):
        if easy:
            world.model.put_easy_dkim(domain, region, primary=primary)
        else:
            world.model.put_identity(
                domain, region, selector=selector, private_key=key, tags=tags or {}
            )
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


SHOWN = f"""\
config:
  aws:region: {REGION}
  aws:allowedAccountIds: ['123456789012']
  ses-byodkim:domains:
    # {REGION}: BYODKIM old: {NEW_KEY}
    # {OTHER}: Easy DKIM: refused until acceptUnsignedWindow accepts unsigned mail
    a.example.com:
      generation: 1
      regions: [{REGION}, {OTHER}]
      # acceptUnsignedWindow: true
      adopt: true
    # {REGION}: BYODKIM old, signing disabled: gets a new key, signing is enabled
    b.example.net:
      generation: 1
      adopt: true
"""


def test_yaml(project, has):
    """It is a stack file; what is left out is said."""
    project.world.model.call("CreateEmailIdentity", REGION, {"EmailIdentity": "me@example.com"})
    project.world.forget()
    project.world.model.add_configuration_set(REGION, "theirs")
    has("a.example.com", tags={"team": "mail"}, configuration_set="theirs")
    has("a.example.com", OTHER, easy=True)
    has("b.example.net", signing_enabled=False)
    result = scan(project)
    assert (result.exit_code, result.stdout) == (0, SHOWN)
    assert result.stderr == f"byodkim: left out: {OTHERS}: me@example.com\n"


def test_regions(project, has):
    """The Region that most domains have is the stack's; who has it alone does not repeat it."""
    for name in ("a", "b"):
        has(f"{name}.example.com", OTHER)
    has("c.example.com")
    config = stack_file.load(scan(project).stdout)["config"]
    regions = [one.get("regions") for one in config["ses-byodkim:domains"].values()]
    assert (config["aws:region"], regions) == (OTHER, [None, None, [REGION]])


def test_the_settings_accept_it(project, has):
    """What is written is read by the project's own settings, whatever the names are."""
    names = ["12.34.example.com", "1e3.example.com", "no.example"]
    for name in names:
        has(name, easy=True)
    config = stack_file.load(scan(project).stdout)["config"]
    written = {"domains": config["ses-byodkim:domains"]}
    found = settings.load(written, default_region=config["aws:region"]).domains
    assert [(one.name, one.adopt) for one in found] == [(name, True) for name in names]


HOSTILE = (
    "x\u2028  aws:endpoints:\u2028    - sesv2: https://evil.example\u2028  other:x:\u2028    y:"
)
"""An owner tag that ends a comment for readers of YAML to which U+2028 is the end of a line."""


def test_tags_of_others(project, has):
    """A tag is data: nothing of it begins a line, nor is obeyed by GitHub anywhere in a line."""
    has("example.com", tags={"byodkim:owner": f"{HOSTILE}##[add-path]/tmp/evil"})
    result = scan(project, "--domain", "example.com")
    assert not re.search("[\\x85\u2028\u2029]", result.stdout)
    assert r"\u2028" in result.stdout
    assert "##[" not in result.output


def test_left_out(project, has):
    """What no stack file can list, or another AWS service looks after, is named."""
    has("example.com")
    has("some_name.example.com", easy=True)
    has("theirs.example.com", easy=True)
    project.world.model.change("theirs.example.com", REGION, is_managed=True)
    result = scan(project)
    assert list(adopted(result)) == ["example.com"]
    assert f"left out: {OTHERS}: some_name.example.com, theirs.example.com" in result.stderr


def test_of_another_stack(project, has):
    """What another stack has gets an entry only if it is named in full: one `up` would take it."""
    has("a.example.com", tags=THEIRS)
    has("b.example.com")
    said = (
        "a.example.com: the stack other/prod has it; another stack takes it over with "
        "`--domain a.example.com`\n"
    )
    result = scan(project, "--domain", "*.example.com")
    assert list(adopted(result)) == ["b.example.com"]
    assert said in result.stderr
    assert list(adopted(scan(project, "--limit", "1"))) == ["b.example.com"]
    result = scan(project, "--domain", "A.example.com")
    assert list(adopted(result)) == ["a.example.com"]
    assert f"# {REGION}: taken from the stack other/prod; BYODKIM old: " in result.stdout
    assert said not in result.stderr


# What it reads


@pytest.mark.parametrize(
    ("options", "domains", "reads"),
    [
        (("--domain", "A1.*", "--domain", "b1.*"), ["a1", "b1"], 3),
        (("--exclude", "a*"), ["b1", "b2"], 3),
        (("--limit", "1"), ["a1"], 1),
    ],
)
def test_filters(project, has, options, domains, reads):
    """Only what is asked for is read, as far as names say it."""
    has("a1.example.com")
    has("a2.example.com", easy=True)
    has("b1.example.com")
    has("b1.example.com", OTHER, easy=True)
    has("b2.example.com", signing_enabled=False)
    assert list(adopted(scan(project, *options))) == [f"{one}.example.com" for one in domains]
    assert called(project)["GetEmailIdentity"] == reads


def test_no_such_name(project, has):
    """A name that SES does not have is an error, before anything is read."""
    has("a1.example.com")
    result = scan(project, "--domain", "a1.*", "--domain", "A1.exmaple.com")
    said = "byodkim: a1.exmaple.com: SES has no such domain here\n"
    assert (result.exit_code, result.stderr) == (2, said)
    assert "GetEmailIdentity" not in called(project)


def test_nothing_found(project):
    """An account without domains has no stack file."""
    result = scan(project)
    assert (0, "", "byodkim: there is nothing to adopt\n") == (
        result.exit_code,
        result.stdout,
        result.stderr,
    )
    assert json.loads(scan(project, "--json").stdout)["domains"] == {}


def test_regions_that_are_not_enabled(project, has, monkeypatch):
    """Without --region a Region that refuses is named and left out, unless all do."""
    has("example.com")

    def ses(region, _):
        if region != REGION:
            raise InvalidSettings([f"aws: no response from STS in {region}"])
        return project.world.ses(region)

    def refused(result, region):
        return (2, f"byodkim: aws: no response from STS in {region}\n") == (
            result.exit_code,
            result.stderr,
        )

    monkeypatch.setattr(project, "ses", ses)
    result = project.run("scan")
    assert "byodkim: not enabled, or not answering: af-south-1, " in result.stderr
    assert list(adopted(result)) == ["example.com"]
    assert refused(scan(project), "us-east-1")
    monkeypatch.setattr(project, "ses", lambda *_: ses("nowhere", None))
    assert refused(project.run("scan"), "nowhere")
