"""If this fails, a stack's outputs call an identity verified that was not checked."""

from types import SimpleNamespace

import pulumi

from byodkim_provider.program._outputs import known_of, line_about, status_in, verdicts_of
from tests.support.cases import cases

FIRST, LATER = "2026-11-25T12:00:00Z", "2026-11-25T13:00:00Z"
THIS = {"domain": "example.com", "region": "eu-west-1", "key_set_at": FIRST, "status": "SUCCESS"}
VERIFIED = {"status": "SUCCESS", "verified": True}
FAILED = {"status": "PENDING", "verified": False, "reason": "why"}


def known(results, **identity):
    """
    What is known of `example.com` in `eu-west-1`, which SES calls PENDING, beside these results.
    """
    found = []
    of = {"domain": "example.com", "region": "eu-west-1", "key_set_at": FIRST, "status": "PENDING"}
    outputs = {
        name: pulumi.Output.from_input(value)
        for name, value in (of | {"drift": []} | identity).items()
    }

    @pulumi.runtime.test
    def run():
        verification = SimpleNamespace(results=pulumi.Output.from_input(results))
        return known_of(SimpleNamespace(**outputs), verdicts_of(verification)).apply(found.append)

    run()
    return found[0]


@cases(
    ("results", "identity", "verdict"),
    {
        "of this key": ([THIS], {}, "SUCCESS"),
        "among others": (
            [THIS | {"domain": "example.net"}, THIS | {"region": "us-east-1"}, THIS],
            {},
            "SUCCESS",
        ),
        "later key": ([THIS], {"key_set_at": LATER}, None),
        "no key": ([THIS], {"key_set_at": None}, None),
        "never made": (None, {}, None),
    },
)
def test_verdict(results, identity, verdict):
    """The verdict is of this identity and this key; a run with `--target` may have left it out."""
    status, drift, found = known(results, **identity)
    assert ("PENDING", [], verdict) == (status, drift, found and found["status"])


@cases(
    ("found", "status", "line"),
    {
        "verified": (("PENDING", [], VERIFIED), "SUCCESS", ""),
        "not verified": (("PENDING", [], FAILED), "PENDING", "example.com eu-west-1: PENDING, why"),
        "unconfirmed": (("PENDING", [], FAILED | {"status": "UNCONFIRMED"}), "UNCONFIRMED", ""),
        "drift since": (
            ("GONE", ["gone from SES"], VERIFIED),
            "GONE",
            "example.com eu-west-1: gone from SES",
        ),
        "left out": (
            ("PENDING", [], None),
            "PENDING",
            "example.com eu-west-1: PENDING, not checked: run `pulumi up` without `--target`",
        ),
    },
)
def test_shown(found, status, line):
    """What a refresh has found since goes before the verdict of an earlier run."""
    assert (status, line) == (status_in(found), line_about("example.com eu-west-1", found))
