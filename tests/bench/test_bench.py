"""The bench measures: all programs at the smallest size, from preview to destroy."""

import pytest

from tests.bench.cases import Case, measured

PROCESSES = {"engine", "program", "pulumi-aws stand-in", "sandbox"}
"""Of all programs; two of them have dynamic resources, and a plugin for these."""

CHANGES = "route53 ChangeResourceRecordSets"

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def found():
    """What was measured, by program."""
    return {one["program"]: one for one in measured(Case(1), lambda text: None)}


@pytest.mark.parametrize(
    ("program", "processes"),
    [("ours", PROCESSES | {"plugin"}), ("plain", PROCESSES), ("price", PROCESSES | {"plugin"})],
)
def test_measured(found, program, processes):
    """Each run has its time, and the CPU of all processes that are part of it."""
    runs = found[program]["runs"]
    assert list(runs) == ["preview", "first up", "unchanged up", "rotation", "destroy"]
    for run in runs.values():
        assert 0 < run["wall_seconds"]
        assert run["cpu_seconds"].keys() == processes
        assert run["peak_mib"].keys() == run["cpu_seconds"].keys()


def asked_of_ses(measurement):
    """Number by action, by run."""
    return {
        name: {action: number for action, number in run["requests"].items() if action.startswith("ses ")}
        for name, run in measurement["runs"].items()
    }


def test_plain(found):
    """The plain program makes an identity, gives it the next key and deletes it, and waits for nothing."""
    assert asked_of_ses(found["plain"]) == {
        "preview": {},
        "first up": {"ses CreateEmailIdentity": 1, "ses GetEmailIdentity": 1, "ses ListTagsForResource": 1},
        "unchanged up": {},
        "rotation": {
            "ses GetEmailIdentity": 1,
            "ses ListTagsForResource": 1,
            "ses PutEmailIdentityDkimSigningAttributes": 1,
        },
        "destroy": {"ses DeleteEmailIdentity": 1},
    }
    assert {"records": 1, "identities": 1, "providers": 1, "stack outputs": 1} == found["plain"]["resources"]


def test_price(found):
    """The engine's price is that of our stack: as many resources, the same changes of records, no SES."""
    ours, price = found["ours"], found["price"]
    changed = [[run["requests"].get(CHANGES, 0) for run in one["runs"].values()] for one in (ours, price)]
    assert changed == [[0, 2, 0, 1, 3]] * 2
    assert sum(price["resources"].values()) == sum(ours["resources"].values())
    assert price["resources"]["replayed"] == sum(
        ours["resources"][part] for part in ("keys", "identities", "verification")
    )
    assert not any(asked_of_ses(price).values())


def test_rest():
    """What is measured already is found by its conditions, whatever the program."""
    case = Case(10, ses_limit=True, programs=("ours", "plain"))
    mine = [{"program": name, **case.conditions} for name in case.programs]
    others = [mine[0] | {"domains": 100}, mine[0] | {"zone_each": True}, mine[0] | {"ses_limit": False}]
    assert case.of([others[0], *mine, *others[1:]]) == (mine, others)
