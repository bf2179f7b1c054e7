"""A sandbox for the tests of the sandbox itself."""

import pytest

from sandbox.world import Sandbox


@pytest.fixture
def sandbox():
    with Sandbox() as sandbox:
        yield sandbox
