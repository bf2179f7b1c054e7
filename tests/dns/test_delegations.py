"""When a delegated zone may go, as the servers of its parent zone tell."""

import pytest

from byodkim_provider.dns.delegations import removed_too_early, still_delegated
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.resources.dkim_verification_provider import DkimVerificationProvider
from byodkim_provider.resources.other_selectors_provider import ForeignSelectorsProvider
from tests.support.dns_servers import failing, honest, running, silent

ROOT = """
example.com. IN NS ns2.example.net.
example.com. IN NS ns3.example.net.
ns2.example.net. IN A 127.0.0.2
ns3.example.net. IN A 127.0.0.3
ns4.example.net. IN A 127.0.0.4
"""
DELEGATION = "_domainkey.example.com. IN NS ns4.example.net."
STANDS = (
    "example.com: the parent zone still delegates '_domainkey.example.com' to ns4.example.net\n"
    "  hint: nothing was changed; first put what mail still needs into the parent zone, then remove "
    "its NS records of '_domainkey.example.com', then release the zone"
)


def serve(network, number, text, behave=honest):
    """Let a server have *text* and nothing else in example.com."""
    network[number].reset()
    network[number].serve("example.com", text, behave)


@pytest.fixture(scope="module")
def running_network():
    with running() as network:
        yield network


@pytest.fixture
def network(running_network):
    """Two servers of example.com, and one that has the delegated zone."""
    running_network.reset()
    running_network[1].knows(ROOT)
    for number in (2, 3):
        serve(running_network, number, "")
    running_network[4].serve("_domainkey.example.com", "")
    return running_network


@pytest.fixture
def problem(network):
    """What `still_delegated` says of example.com."""

    def ask(reply_seconds=10):  # a busy machine is no silent server
        resolver = DnsResolver(resolvers=[f"127.0.0.1:{network.port}"], reply_seconds=reply_seconds)
        return still_delegated("example.com", resolver)

    return ask


@pytest.mark.parametrize("delegating", [(2, 3), (3,)], ids=["both", "one of two servers"])
@pytest.mark.parametrize("zone", ["there", "lame"])
def test_still_delegated(network, problem, delegating, zone):
    """Whoever delegates still, to servers that answer or not, keeps the zone."""
    for number in delegating:
        serve(network, number, DELEGATION)
    if zone == "lame":
        network[4].behave = failing("REFUSED")
    assert problem() == STANDS


def test_gone(network, problem):
    """A parent zone without the NS records has let go, whether or not one of its servers is silent."""
    assert problem() == ""
    network[3].behave = silent
    assert problem(reply_seconds=0.2) == ""


def test_unseen(network, problem):
    """Where no server of the parent zone answers, nobody can tell."""
    for number in (2, 3):
        network[number].behave = failing("SERVFAIL")
    assert problem() == (
        "example.com: whether the parent zone still delegates '_domainkey.example.com' can't be looked up "
        "(ns2.example.net: SERVFAIL, ns3.example.net: SERVFAIL)\n"
        "  hint: nothing was changed; try again later, or `dnsCheck: off` releases the zone unseen"
    )


def test_unseen_below(network, problem):
    """A parent zone that answers for itself alone has not said that it delegates no more."""

    def fails_below(answer, over_tcp):
        below = answer.question[0].name.labels[0] == b"_domainkey"
        return failing("SERVFAIL")(answer, over_tcp) if below else answer

    for number in (2, 3):
        network[number].behave = fails_below
    assert "still delegates '_domainkey.example.com' can't be looked up" in problem()


@pytest.mark.parametrize("dns_check", ["authoritative", "recursive"])
def test_release(network, dns_check):
    """A release is looked up once; what is released is not looked up again."""
    serve(network, 2, DELEGATION)
    provider = ForeignSelectorsProvider()
    live = {
        "domain": "example.com",
        "dns_check": dns_check,
        "dns_resolvers": [f"127.0.0.1:{network.port}"],
        "release": False,
    }
    released = live | {"release": True}
    stored = provider.check(live, live).inputs
    assert [one.reason for one in provider.check(stored, released).failures] == [STANDS]
    assert provider.diff("example.com", stored, released).changes

    serve(network, 2, "")
    assert provider.check(stored, released).failures == []
    asked = network.counts()
    assert provider.check(released, released).failures == []
    assert not provider.diff("example.com", released, released).changes
    assert network.counts() == asked


def test_release_unseen():
    """Without look-ups the release is what the stack file says."""
    live = {"domain": "example.com", "dns_check": "off"}
    assert ForeignSelectorsProvider().check(live, live | {"release": True}).failures == []


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        ({"example.com": False}, {}, True),
        ({"example.com": True}, {}, False),
        ({"example.com": False}, {"example.com": True}, False),
        ({}, {"example.com": False}, False),
    ],
    ids=["removed", "removed after its release", "released", "new"],
)
def test_removed_too_early(before, after, refused):
    """Who removes a zone that is protected is told the two steps."""
    expected = (
        "example.com: its zone '_domainkey.example.com' is protected and takes two steps: first "
        "`release: true` beside its `delegate: true` and a `pulumi up` that succeeds, then remove it "
        "(docs/how-to/leaving.md)"
    )
    result = DkimVerificationProvider().check({"delegations": before}, {"delegations": after})
    assert [one.reason for one in result.failures] == ([expected] if refused else [])
    assert [*removed_too_early(before, after)] == ([expected] if refused else [])
