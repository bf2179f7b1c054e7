"""The command that a refusal of a key file names, run as it is named, makes a file that is read."""

import base64
import re
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import NoEncryption, load_pem_private_key, pkcs12

from byodkim_provider.dkim import keys
from byodkim_provider.errors import InvalidKey
from tests.support.testdata import TESTDATA, key

KEY = (TESTDATA / "rsa2048.pkcs8.pem").read_bytes()
PUBLIC_KEY_DER = key("rsa2048.pkcs8").public_key_der


def in_pkcs12():
    key = load_pem_private_key(KEY, password=None)
    return pkcs12.serialize_key_and_certificates(b"key", key, None, None, NoEncryption())


def public_half(content):
    return keys.load(content).public_key_der


def file(name):
    return (TESTDATA / f"{name}.pem").read_bytes()


FILES = {
    "encrypted PKCS#1": (public_half, file("encrypted.pkcs1"), ["-passin", "pass:test"]),
    "encrypted PKCS#8": (public_half, file("encrypted.pkcs8"), ["-passin", "pass:test"]),
    "PKCS#12": (public_half, in_pkcs12(), ["-passin", "pass:"]),
    "base64 of PEM": (public_half, base64.b64encode(KEY), []),
    "private key for a public one": (keys.load_public, KEY, []),
    "certificate for a public key": (keys.load_public, file("certificate"), []),
    "OpenSSH": (public_half, file("openssh"), ["-P", "", "-N", ""]),
}


@pytest.mark.parametrize(("load", "content", "answers"), FILES.values(), ids=FILES)
def test_followed(tmp_path, load, content, answers):
    """A file in another format is refused with the command that helps, and that helps."""
    with pytest.raises(InvalidKey) as refused:
        load(content)
    (command,) = re.findall("`(.*?)`", refused.value.text)
    program, *arguments = command.split()
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    given, new = tmp_path / "given", tmp_path / "new"
    given.write_bytes(content)
    given.chmod(0o600)
    named = {"FILE": given, "KEY": given, "COPY": given, "NEW": new}
    arguments = [str(named.get(argument, argument)) for argument in arguments]
    done = subprocess.run([program, *arguments, *answers], capture_output=True)
    assert done.returncode == 0, done.stderr
    written = (
        new.read_bytes() if new.exists() else done.stdout if program == "openssl" else given.read_bytes()
    )
    assert load(written) == PUBLIC_KEY_DER or program == "ssh-keygen", "that one has a key of its own"
