"""A private key in plain in the stack file stops the preview; an encrypted one does not."""

import pytest

from tests.engine.search import load
from tests.engine.stack import KEY, OPENSSL_KEY, OTHER_OPENSSL_KEY, REGION, requests
from tests.engine.test_refusals import problems
from tests.support.leaks import KeySearch

NOT_CHECKED = "could not check that the private keys of"

pytestmark = pytest.mark.engine


def test_plain_beside_secret(sandbox, open_stack):
    """The plain key is named with the command that mends it, although another one there is secret."""
    plain, secret = "plain.example", "secret.example"
    sandbox.add_zone(plain)
    sandbox.add_zone(secret)
    stack = open_stack()

    def written(**key):
        return {"generation": 1, "published": [1], "keys": {1: {"selector": "s1", **key}}}

    stack.configure(
        {
            "aws:region": REGION,
            "ses-byodkim:defaults": {"dnsResolvers": [sandbox.dns_resolver], "dnsWaitSeconds": 0},
            "ses-byodkim:domains": {plain: written(privateKey=OPENSSL_KEY), secret: written()},
        }
    )
    stack.set_secret(f'ses-byodkim:domains["{secret}"].keys.1.privateKey', OTHER_OPENSSL_KEY)
    with requests(sandbox) as asked:
        refused = stack.preview()
    assert refused.failed
    assert problems(refused, "domains") == [
        f"""["{plain}"].keys["1"].privateKey: is not encrypted, set it with """
        f"""`pulumi config set --secret --path 'ses-byodkim:domains["{plain}"].keys.1.privateKey'`, """
        """and make another key if somebody may have read this one"""
    ]
    assert (asked.ses, asked.dns) == ([], [])
    assert KEY not in {kind for _, _, kind in refused.steps}
    assert not KeySearch([load(OPENSSL_KEY.encode())]).found_in(refused.stdout + refused.stderr)
    # Pulumi's own event of the configuration shows what is not encrypted: not for the search after the test.
    stack.results.remove(refused)

    stack.set_secret(f'ses-byodkim:domains["{plain}"].keys.1.privateKey', OPENSSL_KEY)
    previewed = stack.preview()
    assert (previewed.ok, NOT_CHECKED in previewed.stdout) == (True, False)

    # Pulumi's YAML library takes a tab here, ours does not.
    written = stack._settings.read_text()
    stack._settings.write_text(written.replace("generation: ", "generation:\t"))
    previewed = stack.preview()
    assert previewed.ok
    assert (
        f"{NOT_CHECKED} {plain} 1, {secret} 1 are encrypted: stacks/Pulumi.dev.yaml: line "
        in previewed.stdout
    )
