"""If this fails, a user reads a traceback in place of an error, or a secret in an error."""

import re

from sandbox.ses.switches import Fault
from tests.contract.conftest import REGION, Domain, StartPlugin
from tests.contract.plugin import PROVIDERS, Plugin, error_of

TOO_SMALL = (
    "InvalidKey: must be 1024 to 2048 bits, not 512\n  hint: make another key: `openssl genrsa "
    "2048`\n"
)
"""What the creation of a key of 512 bits says, which `check` would have refused."""


# Ours


def test_create(plugin: Plugin, domain: Domain) -> None:
    """
    An error of SES is told with its operation, its request and what SES says, without the key.
    """
    domain.publish()
    domain.sandbox.ses.inject(
        Fault("access_denied", operation="CreateEmailIdentity", domain=domain.name)
    )
    text = error_of(plugin.create, "ByodkimIdentity", domain.inputs())
    assert re.fullmatch(
        rf"SesRefused: CreateEmailIdentity for '{domain.name}' in {REGION}: AccessDeniedException "
        r"\(request [0-9a-f-]{36}\)\n"
        r"  hint: .*SES says: .* is not authorized to perform: ses:CreateEmailIdentity .*\n",
        text,
    )
    assert not domain.leaks_key(text)


# Bugs


def test_bug(plugin: Plugin, domain: Domain) -> None:
    """An error that nobody foresaw comes with its traceback, also after one that somebody did."""
    assert TOO_SMALL == error_of(plugin.create, "DkimKey", {"domain": domain.name, "bits": 512})
    text = error_of(plugin.create, "DkimKey", {})  # what `check` would have refused
    assert text.startswith("Traceback (most recent call last):\n")
    assert ", in create\n" in text
    assert text.endswith("\nKeyError, whose words BYODKIM_DEBUG=1 shows: they may quote a value\n")
    assert not domain.leaks_key(text)


def test_debug(start_plugin: StartPlugin, domain: Domain) -> None:
    """With BYODKIM_DEBUG set in the environment, errors of ours have their traceback, too."""
    plugin = start_plugin(BYODKIM_DEBUG="1")
    text = error_of(plugin.create, "DkimKey", {"domain": domain.name, "bits": 512})
    assert text.startswith("Traceback (most recent call last):\n")
    assert ", in create\n" in text
    assert text.endswith(TOO_SMALL)
    assert PROVIDERS["DkimKey"] not in text
