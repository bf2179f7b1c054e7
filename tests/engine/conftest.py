"""
One sandbox for all engine tests, stacks in it, and after each test the search for secrets.

Tests share the sandbox and nothing else: each has domains of its own. SES looks into DNS at once
and allows any number of calls, unless a test says otherwise.
"""

import base64
import functools
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sandbox.ses.emulator import Switches
from sandbox.world import Sandbox
from tests.engine.stack import OPENSSL_KEY, OTHER_OPENSSL_KEY, Stack
from tests.support.leaks import KeySearch, shown_by
from tests.support.secrets_manager import SecretsManager

PASSPHRASE = b"sandbox"
"""With which `sandbox.pulumi.project` has secrets encrypted."""

STACK_SALT = re.compile(r'encryptionsalt"?:\s*"?v1:([^:]+):')
SECURE = re.compile(r'secure"?:\s*"?(v1:[^:\s"]+:[^:\s"]+)')
"""In a stack file. Not parsed: some tests write what PyYAML can't read."""

SALT = re.compile(r'"salt":\s*"v1:([^:"]+):')
CIPHERTEXT = re.compile(r'"ciphertext":\s*"(v1:[^:"]+:[^:"]+)"')


@pytest.fixture(scope="session")
def sandbox():
    """AWS, DNS and SES."""
    with Sandbox(switches=Switches(requests_per_second=None, first_look_seconds=0)) as world:
        yield world


@pytest.fixture(scope="session")
def all_secrets(sandbox):
    """Secrets Manager of all tests."""
    with SecretsManager.watched(sandbox.aws) as watched:
        yield watched


@pytest.fixture
def secrets_manager(all_secrets):
    """Secrets Manager of this test; what is called before it is none of its business."""
    all_secrets.calls.clear()
    yield all_secrets
    all_secrets.troubles = []


@pytest.fixture
def switches(sandbox):
    """How SES behaves, for this test alone."""
    before = {each.name: getattr(sandbox.ses.switches, each.name) for each in fields(Switches)}
    yield sandbox.ses.switches
    for name, value in before.items():
        setattr(sandbox.ses.switches, name, value)


@pytest.fixture(scope="session")
def open_stacks():
    """The stacks that are open now, for the search."""
    return []


@contextmanager
def opening(sandbox, open_stacks):
    """What opens stacks, with the arguments of `Stack`; they are closed at the end."""
    with ExitStack() as opened:

        def open_stack(*arguments, **options):
            stack = opened.enter_context(Stack(sandbox, *arguments, **options))
            open_stacks.append(stack)
            opened.callback(open_stacks.remove, stack)
            return stack

        yield open_stack


@pytest.fixture(scope="module")
def open_shared_stack(sandbox, open_stacks):
    """Opens stacks that live as long as the tests of one file."""
    with opening(sandbox, open_stacks) as open_stack:
        yield open_stack


@pytest.fixture
def open_stack(sandbox, open_stacks):
    """Opens stacks that live as long as the test."""
    with opening(sandbox, open_stacks) as open_stack:
        yield open_stack


@pytest.fixture(scope="session")
def searched():
    """Hashes of what was searched already: no key that is made later can stand in it."""
    return set()


@pytest.fixture(autouse=True)
def no_secret_is_shown(sandbox, all_secrets, open_stacks, open_stack, searched):
    """
    No private key and no secret of a stack file stands in plain in anything that a run showed or stored.

    It asks for *open_stack* so that the stacks are closed only after the search.
    """
    yield
    log = sandbox.ses.log
    sandbox.ses.reset_log()
    keys = {fingerprint(key): key for stack in open_stacks for key in keys_in_state(stack)}
    keys |= {key.fingerprint: load(key.pkcs1_der) for key in all_secrets.signing_keys()}
    sent = {call.fingerprint for call in log if call.fingerprint}
    assert sent <= keys.keys(), "SES was sent a key that would not be searched for"
    supplied = [load(OPENSSL_KEY.encode()), load(OTHER_OPENSSL_KEY.encode())]
    search = KeySearch([*keys.values(), *supplied], secrets_of(*open_stacks))
    shown = [("SES's log", repr(log))]
    for stack in open_stacks:
        shown += shown_by(stack, stack.results).items()
    new = {hash(text): (name, text) for name, text in shown if hash(text) not in searched}
    assert [(name, secrets) for name, text in new.values() if (secrets := search.found_in(text))] == []
    searched |= new.keys()


@pytest.fixture(autouse=True)
def no_traceback_is_shown(open_stacks, open_stack):
    """Whatever goes wrong, people read what it is and not where in the code it was raised."""
    yield
    results = [result for stack in open_stacks for result in stack.results]
    assert [each.stdout for each in results if "Traceback" in each.stdout + each.stderr] == []


def keys_in_state(stack: Stack) -> Iterator[RSAPrivateKey]:
    """Every key that is or was in the stack's state, decrypted."""
    for path in stack.state_files():
        text = path.read_text()
        for salt in set(SALT.findall(text)):
            for ciphertext in set(CIPHERTEXT.findall(text)):
                secret = json.loads(decrypted(ciphertext, salt))
                if isinstance(secret, str) and secret.startswith("MII"):
                    yield load(base64.b64decode(secret))


def secrets_of(*stacks: Stack) -> dict[str, str]:
    """Every secret that was in a stack file in any run, decrypted."""
    secrets = {
        decrypted(ciphertext, salt)
        for stack in stacks
        for text in stack.stack_files
        for salt in STACK_SALT.findall(text)
        for ciphertext in SECURE.findall(text)
    }
    return {f"secret {number}": secret for number, secret in enumerate(sorted(secrets), 1)}


def decrypted(ciphertext: str, salt: str) -> str:
    """What Pulumi wrote as `v1:<nonce>:<ciphertext>`."""
    _, nonce, octets = ciphertext.split(":")
    cipher = AESGCM(encryption_key(salt))
    return cipher.decrypt(base64.b64decode(nonce), base64.b64decode(octets), None).decode()


@functools.cache
def encryption_key(salt: str) -> bytes:
    """
    What Pulumi makes of the passphrase (pulumi/sdk, go/common/resource/config/crypt.go).

    `pulumi stack export --show-secrets` knows only what is in state now; keys that a test made
    and removed are in the files of the runs before.
    """
    return hashlib.pbkdf2_hmac("sha256", PASSPHRASE, base64.b64decode(salt), 1_000_000)


@functools.cache
def load(key: bytes) -> RSAPrivateKey:
    """From PEM or DER. Cached, for every state file has the same keys again."""
    read = serialization.load_pem_private_key if key.startswith(b"-") else serialization.load_der_private_key
    return read(key, None, unsafe_skip_rsa_key_validation=True)


def fingerprint(key: RSAPrivateKey) -> str:
    """As in SES's log."""
    public_der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(public_der).hexdigest()
