"""
If this fails, an answer of SES is read wrongly, or a proxy's is taken for SES's.

`sandbox.json` has whole responses of the emulator. A file of the real SES comes beside it, and is
tested without another line.
"""

import functools
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.fuzz.ses import Response, wire
from tests.support.errors import raises
from tests.support.testdata import TESTDATA


def answered(body, status=200, **headers):
    sent = {"x-amzn-requestid": "5f3c", "content-type": "application/json", **headers}
    sent = {name: value for name, value in sent.items() if value is not None}
    return wire().ses([Response(status, "", sent, body)])


RECORDED = [
    pytest.param(one["action"], one["answer"], id=f"{file.stem} {number} {one['action']}")
    for file in sorted((TESTDATA / "ses").glob("*.json"))
    for number, one in enumerate(json.loads(file.read_text()))
]


def sent(answer):
    """SES that sends *answer*."""
    if "refused" in answer:
        status, code, text = answer["refused"]
        return answered(
            json.dumps({"message": text}).encode(), status, **{"x-amzn-errortype": code}
        )
    date = format_datetime(time_of(answer["At"]), usegmt=True)
    return answered(json.dumps({**answer, "At": None}).encode(), date=date)


def time_of(seconds):
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


@pytest.mark.parametrize(("action", "answer"), RECORDED)
def test_answer(action, answer, signing_keys):
    """Each field of a kept answer is read, and each refusal told."""
    key = {"selector": "s1", "key": signing_keys[0]}
    more = {
        "create_email_identity": key | {"configuration_set": None, "tags": {}},
        "put_email_identity_dkim_signing_attributes": key,
    }
    call = functools.partial(getattr(sent(answer), action), "example.com", **more.get(action, {}))

    if "refused" in answer:
        status, code, text = answer["refused"]
        if (action, status) == ("get_email_identity", 404):
            assert call() is None
            return
        with raises("SesRefused") as refused:
            call()
        assert (refused.value.code, text in str(refused.value)) == (code, True)
        return
    seen, dkim, info = call(), answer.get("DkimAttributes", {}), answer.get("VerificationInfo", {})
    assert (seen.at, seen.at.utcoffset()) == (time_of(answer["At"]), timedelta())
    if action != "get_email_identity":
        assert seen.dkim_status == (dkim.get("Status") or answer.get("DkimStatus"))
        return
    assert seen.tokens == tuple(dkim.get("Tokens", ()))
    assert seen.tags == {tag["Key"]: tag["Value"] for tag in answer["Tags"]}
    assert (seen.dkim_status, seen.signing_enabled) == (dkim["Status"], dkim["SigningEnabled"])
    assert seen.last_checked == time_of(info.get("LastCheckedTimestamp"))
    assert seen.error_type == info.get("ErrorType", "")
    assert seen.soa_seen == info.get("SOARecord", {}).get("PrimaryNameServer", "")
    assert seen.mail_from == answer.get("MailFromAttributes", {}).get("MailFromDomain", "")
