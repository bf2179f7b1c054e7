"""If this fails, who does what `byodkim doctor` says of a record by API has no right record."""

from __future__ import annotations

import pytest

from byodkim_provider.dkim import records
from byodkim_provider.dkim.misconfigurations import code_of, misconfiguration
from byodkim_provider.dns import diagnosis
from byodkim_provider.errors import DnsRefused
from byodkim_provider.hosts.registry import PANELS
from byodkim_provider.resources.dns_record_provider import DnsRecordProvider
from tests.support.memory_host import NAME, Host

DOMAIN = "example.com"


class Run:
    """`pulumi up --refresh` of a stack with one record. A class because it keeps the state."""

    def __init__(self, host, existing, value):
        self.provider = DnsRecordProvider(lambda *_: host)
        where = {"provider": "godaddy", "zone": DOMAIN, "domain": DOMAIN, "regions": []}
        self.inputs = where | {"name": NAME, "value": value, "existing": existing}
        self.made = self.provider.create(self.inputs)

    def again(self):
        """Whether the run ends without an error."""
        if self.provider.read(self.made.id, self.made.outs).id is None:
            try:
                self.made = self.provider.create(self.inputs)
            except DnsRefused:
                return False
        return True


@pytest.mark.parametrize("existing", ["replace", "same key"], ids=["generated key", "supplied key"])
@pytest.mark.parametrize("others", [(), ("v=spf1 -all",), ("v=spf1 -all", "another")])
@pytest.mark.parametrize("is_there", [True, False], ids=["there", "gone"])
def test_followed(signing_keys, existing, others, is_there):
    """
    A run writes the record again; a value that the run refuses, or does not see, is deleted by
    hand.
    """
    key = signing_keys[0].public_key_der
    value = records.record_value(key)
    host = Host()
    run = Run(host, existing, value)
    host.there = [*([value] if is_there else []), *others]
    if wrong := misconfiguration(tuple(host.there), key):
        said = diagnosis.fix(PANELS["other"], code_of(wrong), zone=DOMAIN, kept=True)
        assert said.startswith("run `pulumi up --refresh`, ")
        if not run.again():
            assert (
                "if the run refuses because another value is there, delete that one and run "
                "it again"
            ) in said
            host.there = []
            assert run.again()
        if code_of(wrong) == "several-records":
            assert "in Route 53, for a generated key, that removes the other values" in said
            assert "if others still stand beside it then, delete them" in said
            host.there = [value]
    assert [value] == host.there
