"""A private key that is not encrypted is named, wherever it stands, with the command that mends it."""

import json

import pulumi
import pytest
import yaml
from pulumi.runtime.config import set_all_config

from byodkim_provider import plain_keys

SECURE = {"secure": "AAABAHpbnVkOm5vdGhpbmc="}
PLAIN = "-----BEGIN PRIVATE KEY-----MIIEvQ"


def domains(**keys):
    """A map of domains with keys of `example.com`, by generation; the underscore before it is Python's."""
    return {
        "example.com": {
            "generation": 1,
            "keys": {
                int(generation[1:]): {"selector": f"s{generation[1:]}", "privateKey": key}
                for generation, key in keys.items()
            },
        }
    }


DECRYPTED = json.loads(json.dumps(domains(_1=PLAIN, _2="another")))
FIRST, SECOND = (
    f'domains["example.com"].keys["{generation}"].privateKey: is not encrypted, set it with `pulumi config '
    f"set --secret --path 'ses-byodkim:domains[\"example.com\"].keys.{generation}.privateKey'`, "
    "and make another key if somebody may have read this one"
    for generation in (1, 2)
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project, in another folder than the one the program runs in."""
    monkeypatch.setattr(pulumi, "get_project", lambda: "ses-byodkim")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "dev")
    monkeypatch.setattr(pulumi, "get_root_directory", lambda: str(tmp_path))
    (tmp_path / "stacks").mkdir()
    write(tmp_path / "Pulumi.yaml", {"name": "ses-byodkim", "stackConfigDir": "stacks"})
    set_all_config({}, ["ses-byodkim:domains"])
    yield tmp_path
    set_all_config({}, [])


def write(path, content):
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (domains(_1=SECURE, _2=SECURE), []),
        (domains(_1=PLAIN, _2=SECURE), [FIRST]),
        (domains(_1=PLAIN, _2=PLAIN), [FIRST, SECOND]),
        (domains(_1=PLAIN, _2=SECURE, _3=PLAIN), [FIRST]),
        (json.dumps(domains(_1=PLAIN, _2=PLAIN)), [FIRST, SECOND]),
        (SECURE, []),
        ({}, []),
        (None, []),
    ],
    ids=["secret", "one plain", "all plain", "gone since", "JSON", "all in one secret", "empty", "null"],
)
def test_stack_file(project, written, expected):
    """In the stack file each key is judged by itself: that another one there is secret proves nothing."""
    write(project / "stacks" / "Pulumi.dev.yaml", {"config": {"ses-byodkim:domains": written}})
    assert plain_keys.in_stack(DECRYPTED) == expected


@pytest.mark.parametrize("name", ["ses-byodkim:domains", "domains"])
@pytest.mark.parametrize("form", [lambda value: value, lambda value: {"value": value}], ids=["short", "long"])
def test_project_file(project, name, form):
    """A project file may hold configuration for all stacks."""
    write(project / "Pulumi.yaml", {"name": "ses-byodkim", "config": {name: form(domains(_1=PLAIN))}})
    write(project / "Pulumi.dev.yaml", {"config": {"ses-byodkim:domains": domains(_1=SECURE, _2=SECURE)}})
    assert plain_keys.in_stack(DECRYPTED) == [FIRST]


@pytest.mark.parametrize("content", [None, "", "config: [", "config: 1", "- config"])
def test_no_stack_file(project, content):
    """Without a file that tells, it counts whether Pulumi says that anything there is secret."""
    if content is not None:
        write(project / "stacks" / "Pulumi.dev.yaml", content)
    assert plain_keys.in_stack(DECRYPTED) == []
    set_all_config({}, [])
    assert plain_keys.in_stack(DECRYPTED) == [FIRST, SECOND]


def test_nothing_is_secret(project):
    """A stack file that would do is not the one the values come from, if Pulumi knows of no secret."""
    write(project / "stacks" / "Pulumi.dev.yaml", {"config": {"ses-byodkim:domains": domains(_1=SECURE)}})
    set_all_config({}, ["ses-byodkim:defaults"])
    assert plain_keys.in_stack(DECRYPTED) == [FIRST, SECOND]


def test_program_directory(project, monkeypatch):
    """Where nobody says where the project is, it is where the program runs."""
    monkeypatch.setattr(pulumi, "get_root_directory", lambda: None)
    monkeypatch.chdir(project)
    write(project / "stacks" / "Pulumi.dev.yaml", {"config": {"ses-byodkim:domains": domains(_1=PLAIN)}})
    assert plain_keys.in_stack(DECRYPTED) == [FIRST]


@pytest.mark.parametrize(
    "config",
    [None, {}, [], "text", {"example.com": None}, {"example.com": {"keys": []}}, {"a": {"keys": {"1": "k"}}}],
    ids=repr,
)
def test_other_shapes(project, config):
    """What is no map of domains is refused by others, and is no reason to fail here."""
    set_all_config({}, [])
    assert plain_keys.in_stack(config) == []
