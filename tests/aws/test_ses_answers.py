"""An answer that does not have the form of SES's is none: nothing is concluded from it."""

import functools
import json

import pytest

from byodkim_provider.errors import SesRefused
from byodkim_provider.messages.aws import AwsMessages
from tests.fuzz.ses import IDENTITY, Response, wire
from tests.support.cases import cases


def identity(**changes):
    """A GetEmailIdentity answer with these fields, by their path."""
    answer = json.loads(json.dumps(IDENTITY))
    for path, value in changes.items():
        *parents, last = path.split("__")
        functools.reduce(dict.__getitem__, parents, answer)[last] = value
    return json.dumps(answer).encode()


def answered(body, status=200, **headers):
    sent = {"x-amzn-requestid": "5f3c", "content-type": "application/json", **headers}
    sent = {name: value for name, value in sent.items() if value is not None}
    return wire().ses([Response(status, "", sent, body)])


@cases(
    ("changes", "field", "expected"),
    {
        "status": ({"DkimAttributes__Status": "MAYBE"}, "dkim_status", "MAYBE"),
        "origin": ({"DkimAttributes__SigningAttributesOrigin": "AWS_SES_MARS_1"}, "origin", "AWS_SES_MARS_1"),
        "no DKIM": ({"DkimAttributes": None}, "dkim_status", ""),
        "no info": ({"VerificationInfo": {}}, "last_checked", None),
        "null": ({"VerificationInfo": None}, "error_type", ""),
        "no tags": ({"Tags": None}, "tags", {}),
        "field": ({"SomethingNew": [1]}, "origin", "EXTERNAL"),
    },
)
def test_unknown(changes, field, expected):
    """A word or a field that SES did not have before is taken as it is, a missing one as not told."""
    assert getattr(answered(identity(**changes)).get_email_identity("example.com"), field) == expected


@cases(
    ("status", "body", "code"),
    {
        "escape": (404, b'{"message": "\\u001b[2J"}', "HTTP status 404"),
        "list": (400, b"[]", "a response that is not SES's"),
        "no text": (503, b"\x80", "HTTP status 503"),
        "number": (503, b'{"message": 1}', "HTTP status 503"),
    },
)
def test_errors(status, body, code):
    """An error in no form of SES's is told by its status, and no terminal obeys it."""
    with pytest.raises(SesRefused) as refused:
        answered(body, status).get_email_identity("example.com")
    assert code in (refused.value.code, f"HTTP status {refused.value.code}")
    assert all(line.isprintable() for line in str(refused.value).splitlines())


@cases(
    "body",
    {
        "message": b'{"message": null}',
        "Message": b'{"Message": null}',
        "all": b'{"message": null, "code": null, "__type": null}',
        "nothing": b"{}",
        "no body": b"",
    },
)
@pytest.mark.parametrize("action", ["get_email_identity", "delete_email_identity"])
def test_error_without_a_message(body, action):
    """SES gives no reason with some of its errors, as for malformed JSON: it is SES's answer all the same."""
    ses = answered(body, 400, **{"x-amzn-errortype": "SerializationException"})
    with pytest.raises(SesRefused) as refused:
        getattr(ses, action)("example.com")
    unchanged = [AwsMessages.UNCHANGED(service="SES")] if action[:3] == "del" else []
    assert refused.value.code == "SerializationException"
    assert refused.value.message.fields["steps"] == [*unchanged, AwsMessages.NO_REASON(service="SES")]
