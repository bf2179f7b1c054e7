"""A private key that is not encrypted is named, wherever it stands, with the command that mends it."""

import json

import pulumi
import pytest
import yaml
from pulumi.runtime.config import set_all_config

from byodkim_provider.program import unencrypted_keys

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


@pytest.fixture(autouse=True)
def warnings(monkeypatch):
    """What the person in front of Pulumi is warned of."""
    said = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    return said


def write(path, content):
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (domains(_1=SECURE, _2=SECURE), []),
        (domains(_1=PLAIN, _2=SECURE), [FIRST]),
        (domains(_1=PLAIN, _2=PLAIN), [FIRST, SECOND]),
        (domains(_1=PLAIN, _2=SECURE, _3=PLAIN), [FIRST]),
        (json.dumps(domains(_1=PLAIN, _2=PLAIN)), [FIRST, SECOND]),
    ],
    ids=["secret", "one plain", "all plain", "gone since", "JSON"],
)
def test_stack_file(project, written, expected):
    """In the stack file each key is judged by itself: that another one there is secret proves nothing."""
    write(project / "stacks" / "Pulumi.dev.yaml", {"config": {"ses-byodkim:domains": written}})
    assert unencrypted_keys.in_stack(DECRYPTED) == expected


@pytest.mark.parametrize("name", ["ses-byodkim:domains", "domains"])
@pytest.mark.parametrize(
    "form",
    [
        lambda value: value,
        lambda value: {"value": value},
        lambda value: {"default": value},
        lambda value: {"type": "object", "default": value},
    ],
    ids=["short", "value", "default", "with a type"],
)
def test_project_file(project, name, form):
    """A project file may hold configuration for all stacks."""
    write(project / "Pulumi.yaml", {"name": "ses-byodkim", "config": {name: form(domains(_1=PLAIN))}})
    write(project / "Pulumi.dev.yaml", {"config": {"ses-byodkim:domains": domains(_1=SECURE, _2=SECURE)}})
    assert unencrypted_keys.in_stack(DECRYPTED) == [FIRST]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "stacks/Pulumi.dev.yaml: there is no such file"),
        ("", "they stand in no file that was read"),
        ("config: 1", "they stand in no file that was read"),
        ("- config", "they stand in no file that was read"),
        ("config: [", "stacks/Pulumi.dev.yaml: line 1: expected the node content, but found '<stream end>'"),
        (
            "config:\n  ses-byodkim:domains:\t{}\n",
            "stacks/Pulumi.dev.yaml: line 2: found character '\\t' that cannot start any token",
        ),
        (b"\xff", "stacks/Pulumi.dev.yaml: is not in UTF-8"),
    ],
    ids=["no file", "empty", "a number", "a list", "cut off", "a tab", "another encoding"],
)
def test_no_stack_file(project, warnings, content, reason):
    """Without a file that tells, it counts whether Pulumi knows of a secret there, and that is said."""
    if content is not None:
        write(project / "stacks" / "Pulumi.dev.yaml", content)
    assert unencrypted_keys.in_stack(DECRYPTED) == []
    assert warnings == [
        "could not check that the private keys of example.com 1, example.com 2 are encrypted: " + reason
    ]
    warnings.clear()
    set_all_config({}, [])
    assert unencrypted_keys.in_stack(DECRYPTED) == [FIRST, SECOND]
    assert unencrypted_keys.in_stack({"example.com": {"generation": 1}}) == []
    assert warnings == []


def test_another_file(project, warnings):
    """Keys that the file does not have come from elsewhere; they are named, and the others are checked."""
    write(project / "stacks" / "Pulumi.dev.yaml", {"config": {"ses-byodkim:domains": domains(_2=PLAIN)}})
    assert unencrypted_keys.in_stack(DECRYPTED) == [SECOND]
    assert warnings == [
        "could not check that the private keys of example.com 1 are encrypted: "
        "they stand in no file that was read"
    ]


@pytest.mark.parametrize(
    "written",
    [
        domains(_1=SECURE, _2=SECURE),
        json.dumps(domains(_1=SECURE, _2=SECURE)),
        SECURE,
        {"example.com": SECURE},
        {"example.com": {"keys": SECURE}},
        {"example.com": {"keys": {1: SECURE, 2: SECURE}}},
    ],
    ids=["each", "JSON", "all", "the domain", "its keys", "each with its selector"],
)
def test_encrypted(project, warnings, written):
    """What is encrypted, by itself or with all around it, is in order, and nothing is said."""
    write(project / "stacks" / "Pulumi.dev.yaml", {"config": {"ses-byodkim:domains": written}})
    assert unencrypted_keys.in_stack(DECRYPTED) == []
    assert warnings == []


def test_many(project, warnings):
    """Of many keys a few are named."""
    given = {f"{number}.example": domains(_1=PLAIN)["example.com"] for number in range(9)}
    assert unencrypted_keys.in_stack(given) == []
    assert warnings == [
        "could not check that the private keys of 0.example 1, 1.example 1, 2.example 1 and 6 more "
        "are encrypted: stacks/Pulumi.dev.yaml: there is no such file"
    ]


@pytest.mark.parametrize("name", ["ses-byodkim:domains", "ses-byodkim:config:domains", "domains"])
def test_spellings(project, name):
    """Pulumi takes more than one spelling of a name, and so does the check."""
    write(project / "stacks" / "Pulumi.dev.yaml", {"config": {name: domains(_1=PLAIN)}})
    assert unencrypted_keys.in_stack(DECRYPTED) == [FIRST]


def test_yml(project):
    """The stack file's name ends as the project file's does."""
    (project / "Pulumi.yaml").rename(project / "Pulumi.yml")
    write(project / "stacks" / "Pulumi.dev.yml", {"config": {"ses-byodkim:domains": domains(_1=PLAIN)}})
    assert unencrypted_keys.in_stack(DECRYPTED) == [FIRST]


def test_nothing_is_secret(project):
    """A stack file that would do is not the one the values come from, if Pulumi knows of no secret."""
    write(project / "stacks" / "Pulumi.dev.yaml", {"config": {"ses-byodkim:domains": domains(_1=SECURE)}})
    set_all_config({}, ["ses-byodkim:defaults"])
    assert unencrypted_keys.in_stack(DECRYPTED) == [FIRST, SECOND]


def test_program_directory(project, monkeypatch):
    """Where nobody says where the project is, it is where the program runs."""
    monkeypatch.setattr(pulumi, "get_root_directory", lambda: None)
    monkeypatch.chdir(project)
    write(project / "stacks" / "Pulumi.dev.yaml", {"config": {"ses-byodkim:domains": domains(_1=PLAIN)}})
    assert unencrypted_keys.in_stack(DECRYPTED) == [FIRST]


@pytest.mark.parametrize(
    "config",
    [None, {}, [], "text", {"example.com": None}, {"example.com": {"keys": []}}, {"a": {"keys": {"1": "k"}}}],
    ids=repr,
)
def test_other_shapes(project, config):
    """What is no map of domains is refused by others, and is no reason to fail here."""
    set_all_config({}, [])
    assert unencrypted_keys.in_stack(config) == []


CREDENTIALS = {"godaddy": {"token": "gd_pat"}, "panel": {"accountId": "jo", "token": "cp"}}
TOKENS = [
    f'dnsCredentials["{name}"].token: is not encrypted, set it with `pulumi config set --secret --path '
    f"'ses-byodkim:dnsCredentials.{name}.token'`, and have the host make another one if somebody may "
    "have read this"
    for name in ("godaddy", "panel")
]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (CREDENTIALS, TOKENS),
        ({"godaddy": {"token": SECURE}, "panel": {"accountId": "jo", "token": "cp"}}, TOKENS[1:]),
        ({"godaddy": {"token": SECURE}, "panel": {"accountId": "jo", "token": SECURE}}, []),
        ({"godaddy": SECURE, "panel": SECURE}, []),
        (SECURE, []),
        (None, []),
        ([CREDENTIALS], []),
    ],
    ids=["all plain", "one plain", "secret", "all of one", "all in one secret", "null", "another shape"],
)
def test_credentials(project, written, expected):
    """What opens a DNS host is encrypted; who opens it need not be."""
    set_all_config({}, ["ses-byodkim:dnsCredentials"])
    write(project / "stacks" / "Pulumi.dev.yaml", {"config": {"ses-byodkim:dnsCredentials": written}})
    assert unencrypted_keys.credentials_in_stack(CREDENTIALS) == expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "stacks/Pulumi.dev.yaml: there is no such file"),
        ("config: [", "stacks/Pulumi.dev.yaml: line 1: expected the node content, but found '<stream end>'"),
        ("", "they stand in no file that was read"),
    ],
    ids=["no file", "cut off", "empty"],
)
def test_credentials_that_could_not_be_checked(project, warnings, content, reason):
    """Without a file that tells whether they are encrypted, that is said, too."""
    set_all_config({}, ["ses-byodkim:dnsCredentials"])
    if content is not None:
        write(project / "stacks" / "Pulumi.dev.yaml", content)
    assert unencrypted_keys.credentials_in_stack(CREDENTIALS) == []
    assert warnings == [
        "could not check that the secrets under dnsCredentials for godaddy token, panel token are encrypted: "
        + reason
    ]


def test_no_credential_is_secret(project):
    """If Pulumi knows of no secret there, all is plain."""
    set_all_config({}, [])
    assert unencrypted_keys.credentials_in_stack(CREDENTIALS) == TOKENS
    assert unencrypted_keys.credentials_in_stack(None) == []
    assert unencrypted_keys.credentials_in_stack({"godaddy": "text"}) == []


def test_encrypted_in_vain(project):
    """What is encrypted and would be in plain in the state is named; keys are not, nor what holds them."""
    written = domains(_1=SECURE, _2=SECURE)
    written["example.com"] |= {"tags": {"team": SECURE, "cost": "7"}, "dns": [{"zoneId": SECURE}]}
    written["example.com"]["keys"][1]["selector"] = SECURE
    written |= {"keys.example": {"keys": SECURE}, "key.example": {"keys": {"1": SECURE}}}
    config = {
        "ses-byodkim:domains": written,
        "ses-byodkim:defaults": {"keyStore": {"kmsKeyId": SECURE}},
        "ses-byodkim:dnsCredentials": {"godaddy": {"token": SECURE}},
    }
    write(project / "stacks" / "Pulumi.dev.yaml", {"config": config})
    set_all_config({}, list(config))
    assert [problem.partition(": ")[0] for problem in unencrypted_keys.encrypted_in_vain()] == [
        "defaults.keyStore.kmsKeyId",
        'domains["example.com"].dns[0].zoneId',
        'domains["example.com"].keys["1"].selector',
        'domains["example.com"].tags["team"]',
    ]
    assert unencrypted_keys.encrypted_in_vain()[0].partition(": ")[2] == (
        "is encrypted, and would be unencrypted in the stack's state: only private keys and "
        "dnsCredentials stay secret, set it without `--secret`"
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "stacks/Pulumi.dev.yaml: there is no such file"),
        ("config: [", "stacks/Pulumi.dev.yaml: line 1: expected the node content, but found '<stream end>'"),
        ("", "it stands in no file that was read"),
    ],
    ids=["no file", "cut off", "empty"],
)
def test_in_vain_or_not(project, warnings, content, reason):
    """Without a file that tells what is encrypted, the state may hold it in plain, and that is said."""
    if content is not None:
        write(project / "stacks" / "Pulumi.dev.yaml", content)
    assert unencrypted_keys.encrypted_in_vain() == []
    assert warnings == [
        "could not check what of ses-byodkim:domains is encrypted, and may be unencrypted in the "
        f"stack's state: {reason}"
    ]


def test_encrypted_is_found(project, warnings):
    """Keys that are encrypted are what Pulumi knows of, and nothing more is said."""
    written = {"config": {"ses-byodkim:domains": domains(_1=SECURE)}}
    write(project / "stacks" / "Pulumi.dev.yaml", written)
    assert unencrypted_keys.encrypted_in_vain() == []
    assert warnings == []


def test_all_defaults_in_vain(project):
    """Defaults hold no keys, so encrypted as a whole they are in plain in the state as well."""
    write(project / "stacks" / "Pulumi.dev.yaml", {"config": {"ses-byodkim:defaults": SECURE}})
    set_all_config({}, ["ses-byodkim:defaults"])
    (problem,) = unencrypted_keys.encrypted_in_vain()
    assert problem.startswith("defaults: is encrypted, and would be unencrypted in the stack's state: ")


@pytest.mark.parametrize("written", [SECURE, "not JSON", [1], {"example.com": None}, None])
def test_nothing_in_vain(project, written):
    """What is encrypted as a whole may hold keys, and what can't be right is said elsewhere."""
    write(project / "stacks" / "Pulumi.dev.yaml", {"config": {"ses-byodkim:domains": written}})
    assert unencrypted_keys.encrypted_in_vain() == []
