"""
A sample of the fault matrix, chosen by a seed that is printed; and does the matrix find what is
wrong?
"""

import os
import random
from dataclasses import fields, replace

import pytest

from byodkim_provider.aws.ses import STACK_TAG, SesClient
from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.interface import Credentials
from byodkim_provider.hosts.publish import RecordAtHost
from byodkim_provider.identity import lifecycle, ownership
from sandbox.ses.switches import Switches
from tests.faults.matrix import cells, problems
from tests.faults.scenarios import LIKELY, PROFILES, SCENARIOS

SAMPLE = 50

OTHER_SCENARIOS = 8
"""Of another behaviour of SES: without trouble each takes as long as three cells."""

SEED = int(os.environ["FAULTS_SEED"])
"""Of this run; that of an earlier one, from the environment, repeats it."""


def test_sample():
    """
    Whatever goes wrong with a call, two more runs bring all to where it would have been.

    Of the behaviours of SES the likely one, and another in some scenarios.
    """
    chosen = random.Random(SEED)
    other = chosen.choice([name for name in PROFILES if name != LIKELY])
    others = cells([other], chosen.sample(SCENARIOS, OTHER_SCENARIOS))
    sample = chosen.sample([*cells([LIKELY]), *others], SAMPLE)
    print(f"FAULTS_SEED={SEED}")
    unsound = [f"{cell}: {found}" for cell in sample if (found := problems(cell))]
    assert [] == unsound, f"FAULTS_SEED={SEED}"


def test_grid():
    """
    The grid has a thousand cells for one behaviour of SES alone, with all scenarios and services.
    """
    grid = list(cells([LIKELY]))
    assert 1000 <= len(grid)
    assert {scenario.name for scenario in SCENARIOS} == {cell.scenario for cell in grid}
    assert {"SES", "STS", "Route", "DNS", "Host"} == {cell.call.split()[0] for cell in grid}


@pytest.mark.parametrize("switch", [field.name for field in fields(Switches)])
def test_switches(switch):
    """Each behaviour of SES that is not known is tried in two ways at least."""
    tried = {getattr(profile, switch) for profile in PROFILES.values()}
    assert 2 <= len(tried), (
        f"set `{switch}` to its other answer in one of PROFILES (tests/faults/scenarios.py)"
    )


# Bugs that are planted: the matrix has to find them


BUGS = {}
"""
What stands in the place of a part of the product, and where in the grid that is noticed, by its
name and the scenario.
"""


def noticed(scenario, call, problem, *, place, name):
    """The function is planted as *name* of *place*, and the matrix finds *problem*."""

    def keep(planted):
        BUGS[f"{planted.__name__}: {scenario}"] = (place, name, planted, scenario, call, problem)
        return planted

    return keep


_whose = ownership.whose
_put_mail_from = SesClient.put_email_identity_mail_from_attributes
_get, _tag, _withdraw = SesClient.get_email_identity, SesClient.tag_resource, RecordAtHost.withdraw


@noticed("delete, adopted", "SES GetEmailIdentity", "lost", place=lifecycle, name="delete")
@noticed("replace", "SES TagResource", "lost", place=lifecycle, name="delete")
def deletes_without_a_look(stored, outside):
    outside.ses(stored.declared.region).delete_email_identity(stored.declared.domain)


@noticed(
    "set MAIL FROM",
    "SES PutEmailIdentityMailFromAttributes",
    "refused: all mail",
    place=SesClient,
    name="put_email_identity_mail_from_attributes",
)
def rejects_at_once(self, domain, mail_from, *, rejects):
    _put_mail_from(self, domain, mail_from, rejects=bool(mail_from))


@noticed("retire", "SES GetEmailIdentity", "left behind", place=lifecycle, name="delete")
def never_deletes(_stored, _outside):
    """The identity stays."""


@noticed(
    "create",
    "SES CreateEmailIdentity",
    "does not converge",
    place=SesClient,
    name="get_email_identity",
)
def does_not_know_its_own(self, domain):
    seen = _get(self, domain)
    return replace(seen, tags={}) if seen else None


@noticed("try to take a namesake's", "SES GetEmailIdentity", "lost", place=ownership, name="whose")
def goes_by_the_stacks_name(declared, tags):
    return None if tags.get(STACK_TAG) == declared.stack else _whose(declared, tags)


@noticed("adopt, same key", "SES TagResource", "touched", place=SesClient, name="tag_resource")
def removes_others_tags(self, domain, tags):
    self.untag_resource(domain, ("team",))
    _tag(self, domain, tags)


@noticed("create by API", "Host add", "ends", place=RecordAtHost, name="publish")
def adds_without_a_lookup(self, value, *_):
    try:
        self.host.add(self.name, value)
    except (DnsRefused, DnsUnconfirmed) as error:
        raise DnsUnconfirmed(error.message) from None
    return value


@noticed(
    "delete by API beside another value", "Host remove", "ends", place=RecordAtHost, name="withdraw"
)
def removes_others_values(self, value):
    for one in self.values():
        _withdraw(self, one)


@noticed("drop by API", "Host remove", "left behind", place=RecordAtHost, name="withdraw")
def leaves_the_record(self, value):
    """The record stays."""


@noticed(
    "destroy by API, new secret in the variable",
    "Host remove",
    "does not converge",
    place=Credentials,
    name="__getitem__",
)
def uses_the_old_secret(self, key):
    """The engine's copy of the configuration wins over the environment."""
    return self.given.get(key) or self.environment[self.variables[key]]


@pytest.mark.parametrize(
    ("place", "name", "planted", "scenario", "call", "problem"), BUGS.values(), ids=BUGS
)
def test_planted_bug(monkeypatch, place, name, planted, scenario, call, problem):
    """A bug in the product makes cells unsound, and the matrix says what comes of it."""
    grid = [cell for cell in cells([LIKELY]) if (cell.scenario, cell.call) == (scenario, call)]
    monkeypatch.setattr(place, name, planted)
    assert any(found.startswith(problem) for cell in grid for found in problems(cell))
