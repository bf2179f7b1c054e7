"""The page on MAIL FROM and DMARC, followed to the letter."""

import pytest

from sandbox.mail.client import send
from sandbox.mail.dmarc import judge_dmarc
from sandbox.mail.dns import ask
from tests.docs.pages import block
from tests.engine.stack import REGION

pytestmark = pytest.mark.engine

DOMAIN, PAGE = "example.com", "docs/how-to/dmarc.md"


def test_from_the_line_to_dmarc(sandbox, stack, follow):
    """One line, and mail is aligned twice under the record of the page; `doctor` says so in its words."""
    zone = sandbox.add_zone(DOMAIN)
    stack.paste(block(PAGE, "MAIL FROM and DMARC"))
    stack.well("pulumi up")
    for line in block(PAGE, "MAIL FROM and DMARC", 2).splitlines():
        name, kind, value = line.split(maxsplit=2)
        look_up = sandbox.dns.mx if kind == "MX" else sandbox.dns.txt
        assert look_up(name) == (value.strip('"'),)
    assert "4 records, 4 written by `pulumi up`" in follow(PAGE, "DNS somewhere else").stdout

    name, kind, value = block(PAGE, "The DMARC record").split(maxsplit=2)
    record = {"Name": name, "Type": kind, "TTL": 300, "ResourceRecords": [{"Value": value.strip()}]}
    changes = [{"Action": "CREATE", "ResourceRecordSet": record}]
    sandbox.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    verdict = judge_dmarc(send(sandbox, DOMAIN, REGION), lambda name: ask(name, sandbox.dns_resolver))
    assert verdict.is_aligned_twice
    assert follow(PAGE, "Check it").stdout.endswith(block(PAGE, "Check it", 2))
