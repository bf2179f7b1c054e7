"""A sandbox, and an emulated SES alone, for the tests of the sandbox itself."""

import pytest

from sandbox.world import Sandbox
from tests.sandbox.ses_client import world


@pytest.fixture
def sandbox():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def here():
    with world() as running:
        yield running
