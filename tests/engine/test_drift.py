"""What others changed is seen by a refresh and put right by the next `up`, records before SES is told."""

import pytest

from byodkim_provider import keys, records
from sandbox.ses_identity import HeldKey, easy_dkim_keys
from tests.engine.panel import Panel
from tests.engine.stack import IDENTITY, OTHER_OPENSSL_KEY, RECORD, REGION, requests, steps
from tests.engine.state import stored

pytestmark = pytest.mark.engine

ZONE = "drift.example"

ORIGIN = f"origin.{ZONE}"
EASY = f"easy.{ZONE}"
FOREIGN = f"foreign.{ZONE}"
FAILED = f"failed.{ZONE}"
DELETED = f"deleted.{ZONE}"
RECORD_CHANGED = f"record-changed.{ZONE}"
RECORD_DELETED = f"record-deleted.{ZONE}"

ONE_KEY = {"generation": 1, "published": [1]}

CREATE, PUT = "CreateEmailIdentity", "PutEmailIdentityDkimSigningAttributes"


def test_drift(sandbox, open_stack):
    """
    Each drift of an identity costs the calls that mend it, and one of a record alone none.

    Easy DKIM that works is left to sign until its owner accepts a time without signatures.
    """
    panel = Panel(sandbox, ZONE)
    domains = dict.fromkeys((ORIGIN, EASY, FOREIGN, FAILED, DELETED, RECORD_CHANGED, RECORD_DELETED), ONE_KEY)
    stack = open_stack(domains)
    made = stack.up()
    assert made.outputs["pending"] == []
    published = {domain: made.outputs["domains"][domain]["records"][0] for domain in domains}

    theirs = keys.load(OTHER_OPENSSL_KEY)
    their_value = records.record_value(theirs.public_key_der)

    def change(domain, **changes):
        sandbox.ses.change(domain, REGION, **changes)

    def delete_record(domain):
        (record_set,) = sandbox.route53.list_resource_record_sets(
            HostedZoneId=panel.zone_id, StartRecordName=published[domain]["name"], MaxItems="1"
        )["ResourceRecordSets"]
        deletion = {"Action": "DELETE", "ResourceRecordSet": record_set}
        sandbox.route53.change_resource_record_sets(
            HostedZoneId=panel.zone_id, ChangeBatch={"Changes": [deletion]}
        )

    def exchange_record(domain):
        panel.paste(published[domain]["name"], their_value)

    (easy, *_) = easy_dkim_keys()
    change(ORIGIN, origin="AWS_SES", key=easy, status="PENDING")
    change(EASY, origin="AWS_SES", key=easy, status="SUCCESS")
    change(FOREIGN, key=HeldKey.of("theirs", theirs.pkcs1_base64()), status="PENDING")
    delete_record(FOREIGN)
    change(FAILED, status="FAILED")
    sandbox.ses.remove(DELETED, REGION)
    exchange_record(DELETED)
    exchange_record(RECORD_CHANGED)
    delete_record(RECORD_DELETED)

    assert stack.refresh().ok
    with requests(sandbox) as asked:
        mended = stack.up(continue_on_error=True)
    assert mended.failed
    assert (
        f"error: IdentityExists: {EASY} {REGION}: SES has this identity already (AWS_SES), "
        "signing with Easy DKIM\n" in mended.stdout
    )
    writes = [(call.domain, call.operation) for call in asked.ses if call.operation[:3] not in ("Get", "Lis")]
    assert sorted(writes) == [(DELETED, CREATE), (FAILED, PUT), (FOREIGN, PUT), (ORIGIN, PUT)]
    record = {domain: f"{domain}/1" for domain in domains}
    identity = {domain: f"{domain}/{REGION}" for domain in domains}
    done = [step for step in steps(mended) if step[2] in (RECORD, IDENTITY)]
    assert sorted(done) == sorted(
        [
            ("create", record[FOREIGN], RECORD),
            ("create", record[RECORD_DELETED], RECORD),
            ("update", record[DELETED], RECORD),
            ("update", record[RECORD_CHANGED], RECORD),
            *[("update", identity[domain], IDENTITY) for domain in (ORIGIN, EASY, FOREIGN, FAILED, DELETED)],
        ]
    )
    order = [name for _, name, _ in done]
    for domain in (FOREIGN, DELETED):
        assert order.index(record[domain]) < order.index(identity[domain])

    stack.declare(domains | {EASY: ONE_KEY | {"acceptUnsignedWindow": True}})
    settled = stack.up()
    assert settled.outputs["pending"] == []
    identities = sandbox.ses.identities(REGION)
    for domain, wanted in published.items():
        assert sandbox.dns.txt(wanted["name"]) == (wanted["value"],)
        assert (identities[domain].origin, identities[domain].status) == ("EXTERNAL", "SUCCESS")
        assert identities[domain].looks == 0, "SES was told of a record that was not there"
        assert sandbox.ses.signing_key(domain, REGION)[0] == stored(stack, domain, REGION).declared.selector
    with requests(sandbox) as asked:
        assert steps(stack.up()) == []
    assert (asked.ses, asked.dns) == ([], [])
