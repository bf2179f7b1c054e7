"""An answer that does not have the form of SES's is none: nothing is concluded from it."""

import json

import pytest

from byodkim_provider.errors import SesRefused
from byodkim_provider.messages.aws import AwsStep
from tests.fuzz.ses import IDENTITY, Response, wire


def identity(**changes):
    """A GetEmailIdentity answer with these fields, by their path."""
    answer = json.loads(json.dumps(IDENTITY))
    for path, value in changes.items():
        *parents, last = path.split("__")
        inner = answer
        for parent in parents:
            inner = inner[parent]
        inner[last] = value
    return json.dumps(answer).encode()


def answered(body, status=200, **headers):
    sent = {"x-amzn-requestid": "5f3c", "content-type": "application/json", **headers}
    sent = {name: value for name, value in sent.items() if value is not None}
    return wire().ses([Response(status, "", sent, body)])


NO_REASON = AwsStep.NO_REASON(service="SES")


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b'"text"',
        b"1",
        b"{",
        b"\x80",
        b"[" * 100_000,
        b'{"IdentityType": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda body: body[:40].decode(errors="replace") if len(body) < 40 else "",
)
def test_refused(body):
    """Neither "gone" nor "verified" nor a traceback comes of it."""
    with pytest.raises(SesRefused) as refused:
        answered(body).get_email_identity("example.com")
    assert refused.value.code == "a response that is not SES's"


@pytest.mark.parametrize(
    "headers",
    [{"x-amzn-requestid": None}, {"content-type": "text/html"}],
    ids=["no request id", "HTML"],
)
def test_not_from_ses(headers):
    """A response of a proxy is an error, even if it is JSON."""
    with pytest.raises(SesRefused) as refused:
        answered(identity(), **headers).get_email_identity("example.com")
    assert refused.value.code == "a response that is not SES's"


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"DkimAttributes__Status": "MAYBE"}, "dkim_status", "MAYBE"),
        ({"DkimAttributes__SigningAttributesOrigin": "AWS_SES_MARS_1"}, "origin", "AWS_SES_MARS_1"),
        ({"DkimAttributes": None}, "dkim_status", ""),
        ({"VerificationInfo": {}}, "last_checked", None),
        ({"VerificationInfo": None}, "error_type", ""),
        ({"Tags": None}, "tags", {}),
        ({"SomethingNew": [1]}, "origin", "EXTERNAL"),
    ],
    ids=["status", "origin", "no DKIM", "no info", "null", "no tags", "field"],
)
def test_unknown(changes, field, expected):
    """A word or a field that SES did not have before is taken as it is, a missing one as not told."""
    assert getattr(answered(identity(**changes)).get_email_identity("example.com"), field) == expected


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (404, b'{"message": "\\u001b[2J"}', "HTTP status 404"),
        (400, b"[]", "a response that is not SES's"),
        (503, b"\x80", "HTTP status 503"),
        (503, b'{"message": 1}', "HTTP status 503"),
    ],
    ids=["escape", "list", "no text", "number"],
)
def test_errors(status, body, code):
    """An error in no form of SES's is told by its status, and no terminal obeys it."""
    with pytest.raises(SesRefused) as refused:
        answered(body, status).get_email_identity("example.com")
    assert code in (refused.value.code, f"HTTP status {refused.value.code}")
    assert all(line.isprintable() for line in str(refused.value).splitlines())


@pytest.mark.parametrize(
    "body",
    [
        b'{"message": null}',
        b'{"Message": null}',
        b'{"message": null, "code": null, "__type": null}',
        b"{}",
        b"",
    ],
    ids=["message", "Message", "all", "nothing", "no body"],
)
@pytest.mark.parametrize(
    ("call", "steps"),
    [
        (lambda ses: ses.get_email_identity("example.com"), [NO_REASON]),
        (
            lambda ses: ses.delete_email_identity("example.com"),
            [AwsStep.UNCHANGED(service="SES"), NO_REASON],
        ),
    ],
    ids=["a read", "a change"],
)
def test_error_without_a_message(body, call, steps):
    """SES gives no reason with some of its errors, as for malformed JSON: it is SES's answer all the same."""
    ses = answered(body, 400, **{"x-amzn-errortype": "SerializationException"})
    with pytest.raises(SesRefused) as refused:
        call(ses)
    assert refused.value.code == "SerializationException"
    assert refused.value.message.fields["steps"] == steps
