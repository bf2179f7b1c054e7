"""A sandbox, and an emulated SES alone, for the tests of the sandbox itself."""

import pytest

from sandbox.world import Sandbox
from tests.sandbox.ses_client import World


@pytest.fixture
def sandbox():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def here():
    """Without a rate limit; SES first checks DNS after `CHECK_SECONDS`."""
    world = World()
    with world.ses:
        yield world
