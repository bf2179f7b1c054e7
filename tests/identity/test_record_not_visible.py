"""If this fails, people paste the wrong record, or paste one in vain."""

from byodkim_provider.dns.resolver import Answer
from byodkim_provider.dns.visibility import judge
from byodkim_provider.identity.record_not_visible import not_visible, waiting_for_dns, what_to_paste
from byodkim_provider.messages.identity import IdentityMessages
from tests.support.cases import cases
from tests.support.zones import slots, zones


def test_what_to_paste(world):
    """What a person has to type, in the words of that panel."""
    anywhere = world.declared(1)
    assert f"  name:  {anywhere.record_name}\n" in what_to_paste(anywhere)
    panel = what_to_paste(world.declared(1, zones=zones("manual", panel="wix")))
    assert "    Host Name: s1._domainkey\n" in panel


MISSING = [Answer(server, ()) for server in ("ns1.shop.example", "ns2.shop.example")]
TARGET = "ses1._domainkey.example.com.keys.example.org"
PASTE = f"  type:  CNAME\n  name:  ses1._domainkey.example.com\n  value: {TARGET}"


def through_cname(server, values, failure="", target=TARGET):
    return Answer(server, values, failure, target=target)


@cases(
    ("answers", "step"),
    {
        "missing": (MISSING, PASTE),
        "to elsewhere": ([through_cname("ns.gone.example", (), target="gone.example")], PASTE),
        "no zone": ([through_cname("192.0.2.53", None, "no zone")], IdentityMessages.NO_ZONE),
        "no record": ([through_cname("ns-1.example.net", ())], IdentityMessages.MADE_AGAIN),
    },
)
def test_waiting_for_a_cname(world, answers, step):
    """
    The CNAMEs are to be pasted while that of the key is wrong; then it is its zone, or the record.
    """
    declared = world.declared(selector="ses1", zones=(slots("keys.example.org"),))
    assert declared.cnames[declared.record_name] == TARGET
    seen = judge(answers, b"key", TARGET)
    said = step if step == PASTE else str(step())
    assert said in not_visible(declared, seen, 120, still="it waits").message.with_hint()
    assert said in waiting_for_dns(declared, seen)
