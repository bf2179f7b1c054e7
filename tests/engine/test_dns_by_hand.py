"""A domain whose DNS only people can write to: records pasted, or `_domainkey` delegated."""

import pytest

from sandbox.ses.identity import easy_dkim_keys
from tests.engine.panel import Panel
from tests.engine.stack import REGION, requests, steps

pytestmark = pytest.mark.engine

MANUAL = "manual.example"
DELEGATED = "delegated.example"
GOOGLE = "v=DKIM1; k=rsa; p=" + "A" * 392
NEWSVC = "v=DKIM1; k=rsa; p=" + "B" * 392
FOREIGN_SELECTORS = "pulumi-python:dynamic/byodkim:ForeignSelectors"
TWO_STEPS = (
    " has a problem: {0}: its zone '_domainkey.{0}' is protected and takes two steps: first `release: true` "
    "beside its `delegate: true` and a `pulumi up` that succeeds, then remove it (docs/how-to/leaving.md)"
)


def declared(domain, dns):
    return {domain: {"generation": 1, "dns": dns}}


def shown(result, domain):
    return result.outputs["domains"][domain]


def test_manual(sandbox, open_stack):
    """SES is told once a person has pasted the record; until then each run is one look at it."""
    panel = Panel(sandbox, MANUAL)
    stack = open_stack(declared(MANUAL, "manual"))
    first = stack.up()
    assert first.ok, first.stdout
    assert [step for step in first.steps if step[2].endswith(":Record")] == []
    [signing, _] = shown(first, MANUAL)["records"]
    assert (
        f"warning: {MANUAL} eu-west-1: waiting for DNS, the key is not sent to SES yet: "
        "0 of 4 servers show the key, "
        "ns-1.sandbox.test, ns-2.sandbox.test, ns-3.sandbox.test and ns-4.sandbox.test have no TXT record\n"
        f"      type:  TXT\n      name:  {signing['name']}\n      value: {signing['value']}\n"
        "      the next `pulumi up` goes on once this record is there" in first.stdout
    )

    with requests(sandbox) as asked:
        again = stack.up()
    assert again.ok, again.stdout
    assert asked.operations == []
    looks = [query for query in asked.dns if query.name == signing["name"]]
    assert len(looks) == len({query.server for query in looks}) == 4

    panel.paste(signing["name"], signing["value"])
    told = stack.up()
    assert shown(told, MANUAL)["regions"]["eu-west-1"]["status"] == "SUCCESS"


def test_delegated(sandbox, open_stack):
    """From pasting to a delegation and back: no key is lost, ours or anybody's; in between nobody pastes."""
    panel = Panel(sandbox, DELEGATED)
    panel.paste(f"google._domainkey.{DELEGATED}", GOOGLE)
    panel.paste(f"selector1._domainkey.{DELEGATED}", "selector1.mail.example", kind="CNAME")
    stack = open_stack(declared(DELEGATED, "manual"))
    records = shown(stack.up(), DELEGATED)["records"]
    for record in records:
        panel.paste(record["name"], record["value"])
    assert stack.up().ok

    stack.declare(declared(DELEGATED, ["manual", {"delegate": True}]))
    refused = stack.preview()
    assert not refused.ok
    for selector in ("google", "selector1"):
        assert (
            f"{DELEGATED}: a delegated _domainkey would hide '{selector}._domainkey.{DELEGATED}'; "
            "`keep: [google, selector1]` carries it over" in refused.stdout
        )

    delegate = {"delegate": True, "keep": ["google", "selector1"]}
    stack.declare(declared(DELEGATED, ["manual", delegate]))
    made = stack.up()
    assert made.ok, made.stdout
    delegation = shown(made, DELEGATED)["delegation"]
    assert f"{DELEGATED}: to delegate its keys, add" in made.stdout
    panel.paste(delegation["name"], *delegation["name_servers"], kind="NS")
    for record in [*records, {"name": f"google._domainkey.{DELEGATED}", "value": GOOGLE}]:
        assert sandbox.dns.txt(record["name"]) == (record["value"],)
    [zone] = [zone for zone in sandbox.aws.zones() if zone.name.rstrip(".") == delegation["name"]]
    aliases = [record_set for record_set in zone.record_sets if record_set.type == "CNAME"]
    assert [(alias.name, alias.values) for alias in aliases] == [
        (f"selector1._domainkey.{DELEGATED}.", ("selector1.mail.example",))
    ]

    # What another service hands out later can't be seen behind the delegation: its value is written down.
    panel.paste(f"newsvc._domainkey.{DELEGATED}", NEWSVC)
    stack.declare(declared(DELEGATED, delegate | {"keep": ["google", "selector1", "newsvc"]}))
    hidden = stack.preview()
    assert not hidden.ok
    assert (
        f"{DELEGATED}: keep can't carry over 'newsvc._domainkey.{DELEGATED}': there is no TXT or CNAME "
        "record, or the delegation hides it; give its value, a key or the target of a CNAME: "
        "`keep: [google, selector1, {newsvc: …}]`" in hidden.stdout
    )
    delegate["keep"] = ["google", "selector1", {"newsvc": NEWSVC}]
    stack.declare(declared(DELEGATED, delegate))
    assert stack.up().ok
    assert sandbox.dns.txt(f"newsvc._domainkey.{DELEGATED}") == (NEWSVC,)
    assert sandbox.dns.txt(f"google._domainkey.{DELEGATED}") == (GOOGLE,)

    stack.declare({DELEGATED: {"generation": 2, "dns": delegate}})
    rotated = stack.up()
    assert rotated.ok, rotated.stdout
    assert shown(rotated, DELEGATED)["regions"]["eu-west-1"]["status"] == "SUCCESS"
    with requests(sandbox) as asked:
        assert set(stack.up().changes) == {"same"}
    assert (asked.ses, asked.dns) == ([], [])

    stack.declare({DELEGATED: {"generation": 2, "dns": "manual"}})
    too_early = stack.up()
    assert not too_early.ok
    assert "the record is still asked for at delegate (ns-5.sandbox.test," in too_early.stdout
    records = shown(rotated, DELEGATED)["records"]
    for record in records:
        assert sandbox.dns.txt(record["name"]) == (record["value"],)

    # docs/how-to/leaving.md, "A delegation ends", back to pasting: what mail needs is pasted first.
    for record in records:
        panel.paste(record["name"], record["value"])
    stack.declare({DELEGATED: {"generation": 2, "dns": delegate | {"release": True}}})
    stands = stack.preview()
    assert not stands.ok
    assert (
        f"{DELEGATED}: the parent zone still delegates '_domainkey.{DELEGATED}' to ns-5.sandbox.test,"
        in stands.stdout
    )
    panel.remove(delegation["name"], *delegation["name_servers"], kind="NS")
    stack.declare({DELEGATED: {"generation": 2, "dns": "manual"}})
    protected = stack.preview()
    assert not protected.ok
    assert TWO_STEPS.format(DELEGATED) in protected.stdout

    stack.declare({DELEGATED: {"generation": 2, "dns": delegate | {"release": True}}})
    released = stack.up()
    assert released.ok, released.stdout
    assert steps(released) == [("update", f"_domainkey.{DELEGATED}", FOREIGN_SELECTORS)]
    stack.declare({DELEGATED: {"generation": 2, "dns": "manual"}})
    back = stack.up()
    assert back.ok, back.stdout
    assert "protected" not in back.stdout
    assert delegation["name"] not in {zone.name.rstrip(".") for zone in sandbox.aws.zones()}
    for record in records:
        assert sandbox.dns.txt(record["name"]) == (record["value"],)
    assert sandbox.ses.signing_key(DELEGATED, REGION)[0] == records[1]["name"].partition(".")[0]


@pytest.mark.parametrize("how", ["the entry is deleted", "destroy"])
def test_delegated_domain_is_removed(sandbox, open_stack, how):
    """docs/how-to/leaving.md, "A delegation ends": two steps, whether the domain goes or the whole stack."""
    domain, other = f"{how.split()[-1]}.example", f"other.{how.split()[-1]}.example"
    panel = Panel(sandbox, domain)
    stays = {other: {"generation": 1}}
    delegate = {"delegate": True, "keep": {"newsvc": NEWSVC}}
    stack = open_stack(stays | declared(domain, delegate))
    delegation = shown(stack.up(), domain)["delegation"]
    panel.paste(delegation["name"], *delegation["name_servers"], kind="NS")
    assert stack.up().ok

    stack.declare(stays)
    for refused in (stack.preview(), stack.up()):
        assert not refused.ok
        assert TWO_STEPS.format(domain) in refused.stdout
    assert domain in sandbox.ses.identities(REGION)

    retired = {"retired": True, "dns": delegate}
    stack.declare(stays | {domain: {"generation": 1, **retired}})
    assert stack.up().ok
    panel.remove(delegation["name"], *delegation["name_servers"], kind="NS")
    stack.declare(stays | {domain: {"generation": 1, **retired, "dns": delegate | {"release": True}}})
    released = stack.up()
    assert released.ok, released.stdout
    assert f"the zone '_domainkey.{domain}' is not protected any more" in released.stdout
    stack.declare(stays)
    gone = stack.destroy() if how == "destroy" else stack.up()
    assert gone.ok, gone.stdout
    assert delegation["name"] not in {zone.name.rstrip(".") for zone in sandbox.aws.zones()}
    assert (other in sandbox.ses.identities(REGION)) == (how != "destroy")


def test_easy_dkim_is_not_hidden(sandbox, open_stack):
    """The three aliases with which SES signs by itself have names that only SES can tell."""
    domain = "easy.example"
    panel = Panel(sandbox, domain)
    sandbox.ses.put_easy_dkim(domain, REGION)
    tokens = sorted(key.selector for key in easy_dkim_keys())
    for token in tokens:
        panel.paste(f"{token}._domainkey.{domain}", f"{token}.dkim.amazonses.com", kind="CNAME")
    stack = open_stack(declared(domain, {"delegate": True}))
    refused = stack.preview()
    assert not refused.ok
    assert f"`keep: [{', '.join(tokens)}]` carries it over" in refused.stdout
