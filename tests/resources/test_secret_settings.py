"""What is secret because a setting of the stack is."""

import pulumi
import pytest
from pulumi.runtime.config import set_all_config

from byodkim_provider.resources.sdk import as_secret_as

ROLES = [{"roleArn": "arn:aws:iam::123456789012:role/dns", "externalId": "external-id"}]


@pytest.fixture(autouse=True)
def no_configuration():
    yield
    set_all_config({}, [])


@pytest.mark.parametrize("value", [ROLES, None], ids=["roles", "nothing"])
@pytest.mark.parametrize("secret", [True, False])
def test_as_secret_as(value, secret):
    """
    Pulumi hands settings over decrypted and unmarked; what one of them leads to is marked again.
    """
    set_all_config({"aws:assumeRoles": "[]"}, ["aws:assumeRoles"] if secret else ["aws:token"])

    found = []

    @pulumi.runtime.test
    def run():
        marked = as_secret_as("aws:assumeRoles", value)
        is_secret = isinstance(marked, pulumi.Output) and marked.is_secret()
        return pulumi.Output.all(is_secret, marked).apply(found.append)

    run()
    assert [[secret, value]] == found
