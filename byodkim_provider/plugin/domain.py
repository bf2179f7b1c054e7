"""
`byodkim:index:Domain`: the component of a sending domain, as a program in another language declares
it.

Its inputs are those of a domain in a stack file. They are plain values: what is declared depends on
them.
"""

from collections.abc import Mapping
from typing import Any

import pulumi

from byodkim_provider.plugin.package import DOMAIN
from byodkim_provider.program.domain import ByodkimDomain, ByodkimDomainArgs


class Domain(ByodkimDomain):
    """The domain, and what a program can read of it."""

    _type = DOMAIN

    def __init__(self, name: str, given: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        """*given* are the inputs, known and decrypted. Raises `InvalidSettings`."""
        args = ByodkimDomainArgs(**{"domain": name, **given})
        of_python = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=ByodkimDomain._type)])
        super().__init__(name, args, pulumi.ResourceOptions.merge(opts, of_python))

    def outputs(self) -> dict[str, Any]:
        """The outputs by name, as the schema has them."""
        return {
            "selector": self.selector,
            "records": self.records,
            "cnames": dict(self.cnames),
            "arns": {region: one.arn for region, one in self.identities.items()},
            "statuses": self.statuses(),
        }
