"""
The search for secrets in all that stacks stored and showed: which secrets there are, and where they
stand.

Secrets are what the runs themselves had: keys and stack files, decrypted. In plain they may stand
nowhere. Encrypted, where `pulumi stack export --show-secrets` shows them, they may stand in the
places of `MAY_BE`. Keys that a test made and removed are in the files of the runs before, which are
searched too.
"""

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from byodkim_provider.config.settings import NOT_SECRET
from byodkim_provider.dkim import keys
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.hosts.registry import SPECS
from sandbox.world import Sandbox
from tests.engine.stack import IDENTITY, KEY, OPENSSL_KEY, OTHER_OPENSSL_KEY, Stack
from tests.support.leaks import KeySearch, pieces, shown_by

SECURE = re.compile(r'secure"?:\s*"?(v1:[^:\s"]+:[^:\s"]+)')
"""In a stack file. Not parsed: some tests write what PyYAML can't read."""

CIPHERTEXT = re.compile(r'"ciphertext":\s*"(v1:[^:"]+:[^:"]+)"')

PKCS1 = re.compile(r"MII[A-Za-z0-9+/]{500,}=*")
"""A private key in the state."""

ENVIRONMENT = (
    "AWS_SECRET_ACCESS_KEY",
    *(
        name
        for spec in SPECS.values()
        for key, name in spec.secrets.items()
        if key not in NOT_SECRET
    ),
)
"""Variables that hold a secret, those of DNS hosts too."""


KEYS, STRINGS = "[a-z0-9]+ of a key of .*", "secret [0-9]+"
"""How `KeySearch` calls what it found: private keys, and other secrets of a stack file."""

_PLACES: Final = f"""
pulumi:providers:pulumi-python ses-byodkim:privateKeys    {KEYS}|{STRINGS}
pulumi:providers:pulumi-python ses-byodkim:dnsCredentials {STRINGS}
pulumi:providers:pulumi-python own-key:privateKey         {KEYS}|{STRINGS}
pulumi:providers:pulumi-python aws:accessKey              {STRINGS}
pulumi:providers:pulumi-python aws:secretKey              {STRINGS}
pulumi:providers:pulumi-python aws:assumeRoles            {STRINGS}
pulumi:providers:pulumi-python aws:defaultTags            {STRINGS}
pulumi:providers:aws           accessKey                  {STRINGS}
pulumi:providers:aws           secretKey                  {STRINGS}
pulumi:providers:aws           assumeRoles                {STRINGS}
pulumi:providers:aws           defaultTags                {STRINGS}
{KEY}                          private_key                {KEYS}
{IDENTITY}                     private_key                {KEYS}|{STRINGS}
{IDENTITY}                     tags                       {STRINGS}
"""
"""
Resource type, property, and the names of the secrets that may stand there, encrypted.

- The engine keeps the configuration of the last `up`, for runs without the program.
- A generated key is nowhere else, but with `keyStore: secretsManager`.
- An update of an identity sends SES its private key, which is an input only, and its tags, which
  have the values of `aws:defaultTags`.
"""

MAY_BE: Final[dict[tuple[str, str], str]] = {}
for _row in _PLACES.strip().splitlines():
    _kind, _property, _names = _row.split(maxsplit=2)
    MAY_BE[_kind, _property] = _names
"""
The same by resource type and property.

A secret that only the environment has may stand nowhere.
"""


def leaks(
    sandbox: Sandbox,
    stacks: Sequence[Stack],
    kept: Iterable[SigningKey] = (),
    *,
    searched: set[int],
) -> list[tuple[str, set[str]]]:
    """
    Where a secret stands in plain in what *stacks* stored and showed, and which one.

    *kept* are keys that are in no state. *searched* holds hashes of what was searched before, and
    gets more.
    """
    log = sandbox.ses.log
    sandbox.ses.reset_log()
    known = {key.fingerprint: load(key.pkcs1_der) for key in kept}
    for stack in stacks:
        known |= {key.fingerprint: load(key.pkcs1_der) for key in keys_in_state(stack)}
    sent = {call.fingerprint for call in log if call.fingerprint}
    assert sent <= known.keys(), "SES was sent a key that would not be searched for"
    supplied = [load(OPENSSL_KEY.encode()), load(OTHER_OPENSSL_KEY.encode())]
    strings = secrets_of(*stacks)
    for environment in (sandbox.environment, *(stack._environment for stack in stacks)):
        alone = (
            name for name in ENVIRONMENT if environment.get(name, "") not in {"", *strings.values()}
        )
        strings |= {name: environment[name] for name in alone}
    search = KeySearch([*known.values(), *supplied], strings)
    shown = [("SES's log", repr(log))]
    for stack in stacks:
        shown += shown_by(stack, stack.unsearched).items()
        stack.unsearched.clear()
    told = frozenset(strings.values())  # in another stack they may have been no secrets
    shown = [(name, text) for name, text in shown if hash((told, text)) not in searched]
    cut = [(name, pieces(text)) for name, text in shown]
    new = {piece for _, texts in cut for piece in texts if hash((told, piece)) not in searched}
    searched.update(hash((told, text)) for text in (*new, *(text for _, text in shown)))
    leaking = {piece: there for piece in new if (there := search.found_in(piece))}
    found = [(name, leaking[piece]) for name, texts in cut for piece in texts if piece in leaking]
    return found + [
        (f"{kind} {name}, decrypted", wrong)
        for stack in stacks
        for kind, name, there in found_in_export(stack, search, searched)
        if (wrong := {one for one in there if not re.fullmatch(MAY_BE.get((kind, name), ""), one)})
    ]


def found_in_export(
    stack: Stack, search: KeySearch, searched: set[int]
) -> Iterator[tuple[str, str, set[str]]]:
    """
    What `pulumi stack export --show-secrets` shows encrypted values of, after any run of *stack*.

    Resource type, property, and which secrets are in it. What *searched* knows is left out.
    """
    for path in stack.state_files():
        stored = path.read_bytes()
        if (file := hash(("export", stored))) in searched or b'"ciphertext"' not in stored:
            continue
        searched.add(file)
        latest = json.loads(stored)["checkpoint"]["latest"]
        resources = latest["resources"] + [
            one["resource"] for one in latest.get("pending_operations", [])
        ]
        for resource in resources:
            for name, ciphertext in _encrypted(resource):
                value = hash((resource["type"], name, ciphertext))
                if value not in searched and (
                    there := search.found_in(stack.decrypted(ciphertext))
                ):
                    yield resource["type"], name, there
                searched.add(value)


def _encrypted(resource: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each property of *resource* with a ciphertext in it."""
    for properties in (resource.get("inputs", {}), resource.get("outputs", {})):
        for name, value in properties.items():
            for ciphertext in CIPHERTEXT.findall(json.dumps(value)):
                yield name, ciphertext


def keys_in_state(stack: Stack) -> Iterator[SigningKey]:
    """Every key that is or was in the stack's state, decrypted."""
    for ciphertext in {
        one for path in stack.state_files() for one in CIPHERTEXT.findall(path.read_text())
    }:
        secret = json.loads(stack.decrypted(ciphertext))
        if isinstance(secret, str) and PKCS1.fullmatch(secret):
            yield from_state(secret)


def secrets_of(*stacks: Stack) -> dict[str, str]:
    """Every secret that was in a stack file in any run, decrypted."""
    secrets = {
        stack.decrypted(ciphertext)
        for stack in stacks
        for text in stack.stack_files
        for ciphertext in SECURE.findall(text)
    }
    secrets |= {
        urlsplit(one).password or one for one in secrets if "://" in one
    }  # a token within a URL
    return {f"secret {number}": secret for number, secret in enumerate(sorted(secrets), 1)}


@functools.cache
def load(key: bytes) -> RSAPrivateKey:
    """From PEM or DER. Cached, for every state file has the same keys again."""
    read = (
        serialization.load_pem_private_key
        if key.startswith(b"-")
        else serialization.load_der_private_key
    )
    return read(key, None, unsafe_skip_rsa_key_validation=True)


@functools.cache
def from_state(secret: str) -> SigningKey:
    """From the form that a key has in the state."""
    return keys.load(secret, proved=True)
