"""If this fails, a private key in plain goes into a state without a word."""

import pytest

from tests.engine.results import problems
from tests.engine.search import load
from tests.engine.stack import KEY, OPENSSL_KEY, requests
from tests.support.leaks import KeySearch

pytestmark = pytest.mark.engine


def test_plain_key(sandbox, open_stack):
    """The plain key is named with the command that mends it, and nobody is asked anything."""
    domain = "plain.example"
    sandbox.add_zone(domain)
    stack = open_stack()
    written = {
        "generation": 1,
        "published": [1],
        "keys": {1: {"selector": "s1", "privateKey": "own"}},
    }
    stack.configure(
        {
            **stack._shared,
            "ses-byodkim:domains": {domain: written},
            "ses-byodkim:privateKeys": {"own": OPENSSL_KEY},
        }
    )
    with requests(sandbox) as asked:
        refused = stack.preview()
    assert refused.failed
    assert problems(refused, "privateKeys") == [
        """["own"]: is not encrypted, set it with `pulumi config set --secret --path """
        """'privateKeys["own"]'`, and make another one if somebody may have read this"""
    ]
    assert (asked.ses, asked.dns) == ([], [])
    assert KEY not in {kind for _, _, kind in refused.steps}
    assert not KeySearch([load(OPENSSL_KEY.encode())]).found_in(refused.stdout + refused.stderr)
    # Pulumi's own event of the configuration shows what is not encrypted: not for the search after
    # the test.
    stack.unsearched.remove(refused)

    stack.set_secret('ses-byodkim:privateKeys["own"]', OPENSSL_KEY)
    assert stack.preview().ok
