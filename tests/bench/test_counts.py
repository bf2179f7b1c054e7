"""
If this fails, a run asks AWS or DNS more, or stores more, than it did.

Times are only measured, by `make bench`. Each bound is what the code needs now. Whoever makes it
need less lowers the bound in the same change; nobody raises one without a reason in the commit.
"""

import json
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from unittest.mock import patch

import pytest
import yaml
from moto.core.responses import BaseResponse

from sandbox.pulumi.plugins import ROOT
from sandbox.ses.emulator import Switches
from sandbox.world import Sandbox
from tests.engine.stack import Stack, requests
from tests.support.quick_runs import quick_runs

RESOLVER = "127.0.0.53"

DOMAINS = ("a.counts.example", "b.counts.example", "c.counts.example")
"""In one Region."""

ZONES = {"one zone": ("counts.example",), "a zone each": DOMAINS}

REQUESTS = yaml.safe_load("""
one zone:
  preview: {dns A authoritative: 12, dns NS authoritative: 3, dns TXT authoritative: 12,
    route53 GetHostedZone: 1, route53 ListHostedZones: 1, ses ListEmailIdentities: 1,
    sts GetCallerIdentity: 5}
  first up: {dns A authoritative: 24, dns NS authoritative: 6, dns TXT authoritative: 24,
    route53 ChangeResourceRecordSets: 6, route53 GetChange: 6, route53 GetHostedZone: 7,
    route53 ListHostedZones: 1, ses CreateEmailIdentity: 3, ses ListEmailIdentities: 2,
    sts GetCallerIdentity: 5}
  unchanged up: {route53 ListHostedZones: 1, sts GetCallerIdentity: 4}
  rotation: {dns A authoritative: 12, dns NS authoritative: 3, dns TXT authoritative: 12,
    route53 ChangeResourceRecordSets: 3, route53 GetChange: 3, route53 GetHostedZone: 3,
    route53 ListHostedZones: 1, ses GetEmailIdentity: 6,
    ses PutEmailIdentityDkimSigningAttributes: 3, sts GetCallerIdentity: 5}
  destroy: {route53 ChangeResourceRecordSets: 9, route53 GetChange: 9,
    route53 ListResourceRecordSets: 9, ses DeleteEmailIdentity: 3, ses GetEmailIdentity: 3,
    sts GetCallerIdentity: 2}
a zone each:
  preview: {dns A authoritative: 12, dns NS authoritative: 6, dns TXT authoritative: 12,
    route53 GetHostedZone: 3, route53 ListHostedZones: 1, ses ListEmailIdentities: 1,
    sts GetCallerIdentity: 5}
  first up: {dns A authoritative: 24, dns NS authoritative: 12, dns TXT authoritative: 24,
    route53 ChangeResourceRecordSets: 6, route53 GetChange: 6, route53 GetHostedZone: 9,
    route53 ListHostedZones: 1, ses CreateEmailIdentity: 3, ses ListEmailIdentities: 2,
    sts GetCallerIdentity: 5}
  unchanged up: {route53 ListHostedZones: 1, sts GetCallerIdentity: 4}
""")
"""
By the zones that the domains are in: of the three domains together, by run, with those of
`pulumi-aws`. Any other action is not called.
"""

DNS_ASKED_AGAIN = 1.5
"""
How many times its bound DNS may be asked: a question whose reply comes too late is asked again.
"""

PARTS = yaml.safe_load("""
ByodkimDomain: {number: 3, bytes: 700}
DkimKey: {number: 6, bytes: 7650}
Record: {number: 6, bytes: 5200}
ByodkimIdentity: {number: 3, bytes: 6450}
StackId: {number: 1, bytes: 250}
DkimVerification: {number: 1, bytes: 1550}
Stack: {number: 1, bytes: 1300}
providers: {number: 2, bytes: 400}
""")
"""
By the last word of a resource's type, with the engine's providers as the rest: resources of the
three domains together, and a domain's share of the state's JSON, up to the next fifty: keys differ
by some bytes. Without the paths of this machine.
"""

MOST_STATE_BYTES = 23_500
"""A domain's share of all parts together, with two keys and one Region."""

MODULES = {"program": 160, "plugin": 290, "plugin of other languages": 290, "byodkim --help": 30}
"""
Up to the next ten, since dependencies differ a little between versions of Python. Not counted are
the standard library's, and those that `IMPORTS` says are imported anyway.
"""


@contextmanager
def counted_requests(sandbox):
    """
    `service action` of this block, filled in at its end; DNS questions by whom they went to.
    """
    counted, call_action = Counter(), BaseResponse.call_action

    def count(response):
        counted[f"{response.service_name} {response._get_action()}"] += 1
        return call_action(response)

    with patch.object(BaseResponse, "call_action", count), requests(sandbox) as asked:
        yield counted
    counted.update(f"ses {call.operation}" for call in asked.ses)
    for query in asked.dns:
        whom = "resolver" if query.server == RESOLVER else "authoritative"
        counted[f"dns {query.type} {whom}"] += 1


@pytest.fixture(scope="module", params=REQUESTS)
def counted(request):
    """
    In which zones, what each run asked for, and the resources in the state after the first `up`.
    """
    asked = {}
    switches = Switches(requests_per_second=None, first_check_seconds=0)
    with (
        Sandbox(switches=switches) as sandbox,
        quick_runs(sandbox),
        Stack(sandbox, has_passphrase=True) as stack,  # which asks AWS for nothing
    ):
        for zone in ZONES[request.param]:
            sandbox.add_zone(zone)
        del stack._shared["ses-byodkim:defaults"]["keyBits"]  # as users have it
        methods = {"preview": stack.preview, "destroy": stack.destroy}
        for run in REQUESTS[request.param]:
            generation = 1 + (run in ("rotation", "destroy"))
            stack.declare({name: {"generation": generation} for name in DOMAINS})
            with counted_requests(sandbox) as asked[run]:
                result = methods.get(run, stack.up)()
            assert result.ok, result.errors
            if run == "first up":
                stored = json.loads(stack.export_text())["deployment"]["resources"]
    return request.param, asked, stored


@pytest.mark.engine
def test_requests(counted):
    """
    No run asks more of SES, Route 53, STS, Secrets Manager and DNS than it did, however many zones.
    """
    zones, asked, _ = counted
    more = {
        (run, action): number
        for run, requests in asked.items()
        for action, number in requests.items()
        if number
        > REQUESTS[zones][run].get(action, 0)
        * (DNS_ASKED_AGAIN if action.startswith("dns ") else 1)
    }
    assert more == {}


@pytest.mark.engine
def test_state(counted):
    """A domain is no more resources than it was, and no part of its state is larger."""
    *_, stored = counted
    numbers, sizes = Counter(), Counter()
    for resource in stored:
        last_word = resource["type"].rpartition(":")[2]
        part = last_word if last_word in PARTS else "providers"
        kept = {key: resource[key] for key in resource.keys() - {"stackTrace", "sourcePosition"}}
        numbers[part] += 1
        sizes[part] += len(json.dumps(kept, separators=(",", ":"))) / len(DOMAINS)
    for part, bounds in PARTS.items():
        assert numbers[part] <= bounds["number"], part
        assert sizes[part] <= bounds["bytes"], part
    assert sum(sizes.values()) <= MOST_STATE_BYTES


IMPORTS = {
    "program": ("import pulumi, pulumi_aws", "from byodkim_provider import declare_stack"),
    "plugin": (
        "import pulumi.dynamic, grpc",
        "from byodkim_provider.resources import "
        "dkim_identity_provider, dkim_key_provider, dkim_verification_provider",
    ),
    "plugin of other languages": (
        "import pulumi.dynamic, grpc, grpc.aio, pulumi.provider.server",
        "from byodkim_provider.plugin import servicer\n"
        "from byodkim_provider.resources import dkim_identity_provider, dkim_verification_provider",
    ),
    "byodkim --help": (
        "",
        "from contextlib import suppress\nfrom byodkim_provider.cli import main\n"
        "with suppress(SystemExit): main(['--help'])",
    ),
}
"""What is imported anyway, and what we import on top of it."""


@pytest.mark.parametrize("who", IMPORTS)
def test_modules(who):
    """None imports more modules than it did, the standard library's not counted."""
    before, ours = IMPORTS[who]
    script = (
        f"import sys\n{before}\nbefore = set(sys.modules)\n{ours}\n"
        "new = {name for name in sys.modules.keys() - before "
        "if name.partition('.')[0] not in sys.stdlib_module_names}\n"
        "print(len(new), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stderr) <= MODULES[who]
