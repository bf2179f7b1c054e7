"""
What SES has answered is read whole: responses that `make acceptance` has kept.

`sandbox.json` is of the emulator. A file of the real SES comes beside it, and is tested without another line.
"""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.errors import SesRefused
from tests.fuzz.ses import Response, wire
from tests.support.testdata import TESTDATA

RECORDED = [
    pytest.param(one["action"], one["answer"], id=f"{file.stem} {number} {one['action']}")
    for file in sorted((TESTDATA / "ses").glob("*.json"))
    for number, one in enumerate(json.loads(file.read_text()))
]


def sent(answer):
    """The response with which SES sends *answer*."""
    headers = {"content-type": "application/json", "x-amzn-requestid": "5f3c"}
    if "refused" in answer:
        status, code, text = answer["refused"]
        return Response(status, code, headers, json.dumps({"message": text}).encode())
    headers["date"] = format_datetime(datetime.fromtimestamp(answer["At"], UTC), usegmt=True)
    body = {name: value for name, value in answer.items() if name != "At"}
    return Response(200, "", headers, json.dumps(body).encode())


def time_of(seconds):
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


@pytest.mark.parametrize(("action", "answer"), RECORDED)
def test_answer(action, answer, signing_keys):
    ses = wire().ses([sent(answer)])
    more = {
        "create_email_identity": {
            "selector": "s1", "key": signing_keys[0], "configuration_set": None, "tags": {}
        },
        "put_email_identity_dkim_signing_attributes": {"selector": "s1", "key": signing_keys[0]},
    }  # fmt: skip

    def call():
        return getattr(ses, action)("example.com", **more.get(action, {}))

    if "refused" in answer:
        status, code, text = answer["refused"]
        if (action, status) == ("get_email_identity", 404):
            assert call() is None
            return
        with pytest.raises(SesRefused) as refused:
            call()
        assert (refused.value.code, text in str(refused.value)) == (code, True)
        return
    seen, dkim, info = call(), answer.get("DkimAttributes", {}), answer.get("VerificationInfo", {})
    assert (seen.at, seen.at.utcoffset()) == (time_of(answer["At"]), timedelta())
    if action != "get_email_identity":
        assert seen.dkim_status == (dkim.get("Status") or answer.get("DkimStatus"))
        return
    mail_from = answer.get("MailFromAttributes", {})
    assert seen == SesIdentity(
        identity_type=answer["IdentityType"],
        dkim_status=dkim["Status"],
        signing_enabled=dkim["SigningEnabled"],
        origin=dkim["SigningAttributesOrigin"],
        tokens=tuple(dkim.get("Tokens", ())),
        at=seen.at,
        tags={tag["Key"]: tag["Value"] for tag in answer["Tags"]},
        configuration_set=answer.get("ConfigurationSetName"),
        last_checked=time_of(info.get("LastCheckedTimestamp")),
        last_success=time_of(info.get("LastSuccessTimestamp")),
        error_type=info.get("ErrorType", ""),
        soa_seen=info.get("SOARecord", {}).get("PrimaryNameServer", ""),
        mail_from=mail_from.get("MailFromDomain", ""),
        mail_from_status=mail_from.get("MailFromDomainStatus", ""),
        on_mx_failure=mail_from.get("BehaviorOnMxFailure", ""),
    )
