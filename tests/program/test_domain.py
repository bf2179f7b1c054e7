"""If this fails, a program reads something wrong of its domain, or domains wait for each other."""

import asyncio
import json

import pulumi
import pytest
from pulumi.runtime.config import set_all_config
from pulumi.runtime.settings import reset_options

from byodkim_provider import ByodkimDomain, ByodkimDomainArgs, DkimVerification, InvalidSettings
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.program import declared_domains
from byodkim_provider.program.dns_provider import Zone
from tests.support.cloud import Engine


def run(program, engine=None):
    """Run *program* as Pulumi does."""
    pulumi.runtime.set_mocks(engine or Engine(), project="own", stack="dev", preview=False)
    try:
        pulumi.runtime.test(program)()
    finally:
        reset_options()


def declared(**given):
    args = ByodkimDomainArgs(
        domain="example.com", generation=2, regions=["eu-west-1"], dns="manual", **given
    )
    return ByodkimDomain("mail", args)


def test_verification():
    """Who forgets `wait` gets no silent None, which Pulumi takes for "depends on nothing"."""

    def program():
        with pytest.raises(InvalidSettings) as refused:
            pulumi.ResourceOptions(depends_on=declared().verification)
        assert str(refused.value) == (
            "mail: verification: is declared with `wait: true` only\n"
            "  hint: set `wait: true` in the arguments of 'mail'"
        )

    def waiting():
        assert isinstance(declared(wait=True).verification, DkimVerification)

    run(program)
    run(waiting)


@pytest.mark.parametrize("name", ["again", "mail"])
def test_declared_twice(name):
    """
    A second component for an identity is refused in the preview, before it makes a key; also one of
    the same name, whose parent may be of another type.
    """

    def program():
        declared()
        own = {"generation": 1, "dns": "manual"}
        ByodkimDomain("us", ByodkimDomainArgs(domain="example.com", regions=["us-east-1"], **own))
        args = ByodkimDomainArgs(domain="EXAMPLE.com.", regions=["eu-north-1", "eu-west-1"], **own)
        with pytest.raises(InvalidSettings) as refused:
            ByodkimDomain(name, args)
        assert str(refused.value) == str(
            InvalidSettings(
                ProgramMessages.DECLARED(domain="example.com", region="eu-west-1", first="mail")
            )
        )
        # The refused component has no identity, so this one may have it.
        north = ByodkimDomainArgs(domain="example.com", regions=["eu-north-1"], **own)
        ByodkimDomain("north", north)

    run(program)


def test_plain_credentials():
    """
    The token of a host that is not encrypted stops the program: the engine would store it as it is.
    """

    def program():
        with pytest.raises(InvalidSettings) as refused:
            declared()
        assert str(refused.value) == (
            'dnsCredentials["godaddy"].token: is not encrypted, set it with `pulumi config set '
            "--secret --path 'dnsCredentials[\"godaddy\"].token'`, and make another one "
            "if somebody "
            "may have read this"
        )
        assert isinstance(refused.value, pulumi.RunError)  # which Pulumi shows without a traceback

    token = json.dumps({"godaddy": {"token": "gd-token"}})
    try:
        set_all_config({"own:dnsCredentials": token}, [])
        run(program)
        set_all_config({"own:dnsCredentials": token}, ["own:dnsCredentials"])
        run(declared)
    finally:
        set_all_config({}, [])


class Own:
    """A DNS provider of the program's own, whose record waits for *awaited*."""

    def __init__(self, awaited=None):
        self.awaited = awaited

    def hosted_zone(self, domain, *, parent):
        return Zone(provider="own", name=domain)

    def publish(self, name, record, opts):
        after = pulumi.ResourceOptions(depends_on=self.awaited)
        return pulumi.ComponentResource(
            "own:index:Record", name, None, pulumi.ResourceOptions.merge(opts, after)
        )


@pytest.mark.parametrize("waits_for", ["another resource", "SES"])
def test_no_turn(monkeypatch, waits_for):
    """A domain that waits for another resource, or for SES, holds up no domain but its own."""
    monkeypatch.setattr(declared_domains, "parallel", lambda: 1)
    made = {}

    async def second():
        async with asyncio.timeout(10):
            while "second" not in made:
                await asyncio.sleep(0)
            await made["second"].selector.future()
        return []

    def program():
        awaited = pulumi.Output.from_input(second())
        of_domain, of_record = (
            (awaited, None) if waits_for == "another resource" else (None, awaited)
        )
        for name, after, provider in (
            ("first", of_domain, Own(of_record)),
            ("second", None, Own()),
        ):
            given = {"generation": 1, "regions": ["eu-west-1"], "dns_providers": [provider]}
            args = ByodkimDomainArgs(domain=f"{name}.test", wait=waits_for == "SES", **given)
            made[name] = ByodkimDomain(name, args, pulumi.ResourceOptions(depends_on=after))

    run(program)


def test_methods():
    """`help(ByodkimDomain)` has what a program may use, beside what every component has."""
    own = {name for name in vars(ByodkimDomain) if not name.startswith("_")}
    assert own == {"statuses", "verification"}
