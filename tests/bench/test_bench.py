"""The bench measures: one program at the smallest size, from preview to destroy."""

import pytest

from tests.bench.__main__ import shown
from tests.bench.cases import Case, measured

PROCESSES = {"engine", "program", "pulumi-aws stand-in", "sandbox"}
"""Of the plain program, which has no plugin of ours."""

pytestmark = pytest.mark.engine


def test_measured():
    """Each run has its time, the CPU of all processes that are part of it, and its requests."""
    (found,) = measured(Case(1, programs=("plain",)))
    runs = found["runs"]
    assert list(runs) == ["preview", "first up", "unchanged up", "rotation", "destroy"]
    for run in runs.values():
        assert 0 < run["wall_seconds"]
        assert run["cpu_seconds"].keys() == PROCESSES
        assert run["peak_mib"].keys() == run["cpu_seconds"].keys()
    ses = {
        name: {
            action: number
            for action, number in run["requests"].items()
            if action.startswith("ses ")
        }
        for name, run in runs.items()
    }
    assert ses == {
        "preview": {},
        "first up": {
            "ses CreateEmailIdentity": 1,
            "ses GetEmailIdentity": 1,
            "ses ListTagsForResource": 1,
        },
        "unchanged up": {},
        "rotation": {
            "ses GetEmailIdentity": 1,
            "ses ListTagsForResource": 1,
            "ses PutEmailIdentityDkimSigningAttributes": 1,
        },
        "destroy": {"ses DeleteEmailIdentity": 1},
    }
    assert "  unchanged up: " in shown(found)
    assert {"records": 1, "identities": 1, "providers": 1, "stack outputs": 1} == found["resources"]
