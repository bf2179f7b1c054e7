"""What is advised about the stack file, pasted and typed as it is printed."""

import re
import textwrap

import pytest

from tests.engine.stack import OPENSSL_KEY

pytestmark = pytest.mark.engine

DOMAIN = "example.com"
SELECTOR = f"pulumi config set --path 'ses-byodkim:domains[\"{DOMAIN}\"].keys.1.selector' s1"
NAME = f"pulumi config set --path 'ses-byodkim:domains[\"{DOMAIN}\"].keys.1.privateKey' own"


def test_from_nothing(sandbox, stack):
    """
    The smallest stack file works as it is printed, and the printed command encrypts a plain key.
    """
    sandbox.add_zone(DOMAIN)
    nothing = stack.run("pulumi preview")
    assert nothing.exit_code != 0
    printed = re.search(r"the smallest stack file is\n((?: {8}.*\n)+)", nothing.stdout)[1]
    stack.paste(textwrap.dedent(printed))

    (stack.project / "key").write_text(OPENSSL_KEY)
    assert (
        stack.run(
            f"{SELECTOR}; {NAME}; pulumi config set --plaintext --path "
            "ses-byodkim:privateKeys.own < key"
        ).exit_code
        == 0
    )
    plain = stack.run("pulumi preview")
    assert plain.exit_code != 0
    assert not any(line in plain.shown for line in OPENSSL_KEY.splitlines()[1:-1])
    command = re.search(r"is not encrypted, set it with `([^`]+)`", plain.stdout)[1]
    assert stack.run(f"{command} < key").exit_code == 0
    assert stack.run("pulumi preview").exit_code == 0
