"""What the commands print with `--json` fits the schemas in the package, errors too."""

import json
from importlib import resources

import jsonschema
import pytest

from byodkim_provider.cli.schemas import SCHEMAS, json_schema
from sandbox.ses.switches import Fault
from tests.support.cli_project import CliProject
from tests.support.fakes import REGION
from tests.support.world import DOMAIN


@pytest.fixture
def project(tmp_path, world):
    project = CliProject(tmp_path, world)
    project.write("    example.com:\n      generation: 2\n")
    world.publish(1, 2, 3)
    project.stored = [world.verified(2)]
    return project


def shipped(command):
    return json.loads(resources.files("byodkim_provider").joinpath(f"schemas/{command}.json").read_text())


def strict(schema):
    """The same, but no field may be added: what a command prints has to be described."""
    parts = {
        name: {**part, "additionalProperties": False} if "properties" in part else part
        for name, part in schema["$defs"].items()
    }
    return {**schema, "$defs": parts}


@pytest.mark.parametrize("command", SCHEMAS)
def test_shipped(command):
    """`make schema` wrote the file in the package, and it is a schema."""
    jsonschema.Draft202012Validator.check_schema(shipped(command))
    assert shipped(command) == json_schema(command)


def as_it_is(_project):
    pass


def wrong_and_due(project):
    project.write("    example.com:\n      generation: 2\n      overlapDays: 0\n      regions: [us-east-1]\n")
    del project.world.resolver.records[f"s3._domainkey.{DOMAIN}"]


def silent(project):
    project.world.resolver.failures["ns1.example.net"] = "silent"


def not_made(project):
    project.stored = []


def with_dmarc(project):
    project.world.resolver.records[f"_dmarc.{DOMAIN}"] = ("v=DMARC1; p=reject; adkim=s",)


def no_dns(project):
    project.write("    example.com: {generation: 2, dnsCheck: off}\n")


def no_answer(project):
    project.world.model.inject(Fault("access_denied", operation="GetEmailIdentity"))


def no_project(project):
    (project.directory / "Pulumi.yaml").unlink()


CHANGES = (as_it_is, wrong_and_due, silent, not_made, with_dmarc, no_dns, no_answer, no_project)
LINES = {
    "doctor": [["doctor"], ["doctor", DOMAIN, "--selector", "s9"], ["doctor", "nowhere.example"]],
    "iam-policy": [["iam-policy"], ["iam-policy", "--role", "arn:aws:iam::123456789012:role/no"]],
    "records": [["records"], ["records", DOMAIN, "--zone", "example.net"]],
    "rotate": [
        ["rotate", "--all", "--dry-run"],
        ["rotate", DOMAIN, "--yes", "--no-up"],
        ["rotate", "--older-than", "99d", "--dry-run"],
        ["rotate", DOMAIN, "--yes"],
    ],
    "scan": [
        ["scan", "--region", REGION],
        ["scan", "--region", REGION, "--names"],
        ["scan", "--add"],
        ["scan", "--region", "nowhere"],
    ],
    "status": [["status"], ["status", "--format", "prometheus"], ["status", "--colour"]],
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("line", [line for lines in LINES.values() for line in lines], ids=" ".join)
def test_printed(project, change, line):
    """Whatever happens, standard output is one JSON value that the command's schema describes in full."""
    change(project)
    result = project.run(*line, "--json")
    printed = json.loads(result.stdout)
    jsonschema.validate(printed, strict(shipped(line[0])))
    if isinstance(printed, dict) and "error" in printed:
        assert printed["error"]["exit_code"] == result.exit_code != 0
        assert printed["error"]["message"].splitlines()[0] in result.stderr


def test_every_command_has_a_schema():
    """Of each command that takes `--json`, what it prints is described and tested."""
    assert SCHEMAS.keys() == LINES.keys()


@pytest.mark.parametrize(
    ("arguments", "kind", "message", "hint"),
    [
        (
            ["status"],
            "SesRefused",
            "GetEmailIdentity for 'example.com' in eu-west-1: AccessDeniedException",
            "",
        ),
        (["rotate"], "UsageError", "Give one of: domains, --all, --older-than.", ""),
        (["state"], "UsageError", "No such command 'state'.", ""),
        (
            ["rotate", DOMAIN, "--dry-run", "--back"],
            "Refused",
            "example.com: no generation before 2 is published, there is no way back",
            "`byodkim rotate example.com` goes on to the next one",
        ),
    ],
    ids=["AWS", "usage", "no such command", "refused"],
)
def test_errors(project, arguments, kind, message, hint):
    """An error has its class, its message and its hint apart."""
    no_answer(project)
    project.write("    example.com:\n      generation: 2\n      published: [2, 3]\n")
    result = project.run(*arguments, "--json")
    error = json.loads(result.stdout)["error"]
    assert (error["kind"], error["exit_code"]) == (kind, result.exit_code)
    assert (error["message"], error["hint"]) == (message, hint)


def test_without_json(project):
    """Nothing of it is printed for people."""
    no_answer(project)
    assert project.run("status").stdout == ""
