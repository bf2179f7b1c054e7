"""What a program reads of a `ByodkimDomain` that it declares."""

import pulumi
import pytest
from pulumi.runtime.settings import reset_options

from byodkim_provider import ByodkimDomain, ByodkimDomainArgs, DkimVerification, InvalidSettings
from tests.program.test_growth import Engine


def run(program):
    """Run *program* as Pulumi does."""
    pulumi.runtime.set_mocks(Engine(), project="own", stack="dev", preview=False)
    try:
        pulumi.runtime.test(program)()
    finally:
        reset_options()


def declared(**given):
    args = ByodkimDomainArgs(domain="example.com", generation=2, regions=["eu-west-1"], dns="manual", **given)
    return ByodkimDomain("mail", args)


def test_verification():
    """Who forgets `wait` gets no silent None, which Pulumi takes for "depends on nothing"."""

    def program():
        assert isinstance(declared(wait=True).verification, DkimVerification)
        with pytest.raises(InvalidSettings) as refused:
            pulumi.ResourceOptions(depends_on=declared().verification)
        assert str(refused.value) == (
            "mail: verification: is declared with `wait=True` only\n"
            "  hint: set `wait=True` in the arguments of 'mail'"
        )

    run(program)


def test_selector():
    """The selector is that of the key that signs."""
    found = []
    run(lambda: declared().selector.apply(found.append))
    assert found == ["s2"]
