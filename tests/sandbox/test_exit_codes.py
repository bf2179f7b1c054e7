"""
How programs end with the stand-in for the Python language host; `tests/languages` asks the real
one.
"""

import pytest

from sandbox.pulumi.project import Project
from tests.support.endings import ENDINGS, errors


@pytest.mark.engine
def test_endings(sandbox):
    """The engine shows an error of its own after each exit code but 0 and 32."""
    endings = iter(ENDINGS)
    with Project(sandbox, config={}, program=lambda: exec(next(endings), {})) as project:
        for expected in ENDINGS.values():
            result = project.preview()
            assert result.failed
            assert errors(result.stdout) == expected
