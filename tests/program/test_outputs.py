"""If this fails, a stack's outputs call an identity verified that was not checked."""

from types import SimpleNamespace

import pulumi

from byodkim_provider.program._outputs import judged, verdicts_of
from tests.support.cases import cases

FIRST, LATER = "2026-11-25T12:00:00Z", "2026-11-25T13:00:00Z"
THIS = {"domain": "example.com", "region": "eu-west-1", "selector": "s2", "key_set_at": FIRST}
VERIFIED = THIS | {"status": "SUCCESS", "verified": True}
FAILED = THIS | {"status": "PENDING", "verified": False, "reason": "why"}
NOT_CHECKED = "PENDING, not checked: run `pulumi up` without `--target`"


@cases(
    ("results", "identity", "status", "line"),
    {
        "verified": ([VERIFIED], {}, "SUCCESS", ""),
        "not verified": ([FAILED], {}, "PENDING", "PENDING, why"),
        "unconfirmed": ([FAILED | {"status": "UNCONFIRMED"}], {}, "UNCONFIRMED", ""),
        "among others": (
            [FAILED | {"domain": "example.net"}, FAILED | {"region": "us-east-1"}, VERIFIED],
            {},
            "SUCCESS",
            "",
        ),
        "later key": ([VERIFIED], {"key_set_at": LATER}, "PENDING", NOT_CHECKED),
        "within a second": ([VERIFIED], {"selector": "s3"}, "PENDING", NOT_CHECKED),
        "never made": (None, {}, "PENDING", NOT_CHECKED),
        "drift since": (
            [VERIFIED],
            {"status": "GONE", "drift": ["gone from SES"]},
            "GONE",
            "gone from SES",
        ),
    },
)
def test_shown(results, identity, status, line):
    """
    The verdict is of this identity and this key; what a refresh has found since goes before it.

    SES calls the identity PENDING; a run with `--target` may have left the verification out.
    """
    of = {"selector": "s2", "key_set_at": FIRST, "status": "PENDING"}
    outputs = {
        name: pulumi.Output.from_input(value)
        for name, value in (of | {"drift": []} | identity).items()
    }
    found = []

    @pulumi.runtime.test
    def run():
        verification = SimpleNamespace(results=pulumi.Output.from_input(results))
        identity = SimpleNamespace(**outputs)
        status = judged("example.com", "eu-west-1", identity, verdicts_of(verification))
        return status.apply(found.append)

    run()
    assert found == [(status, f"example.com eu-west-1: {line}" if line else "")]
