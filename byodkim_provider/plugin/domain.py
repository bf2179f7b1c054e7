"""
`byodkim:index:Domain`: the component of a sending domain, as a program in another language declares
it.

Its inputs are those of a domain in a stack file. They are plain values: what is declared depends on
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from byodkim_provider.config import settings
from byodkim_provider.plugin.package import DOMAIN
from byodkim_provider.program import stack_config
from byodkim_provider.program.domain import ByodkimDomain


class Domain(ByodkimDomain):
    """The domain, and what a program can read of it."""

    _type = DOMAIN

    def __init__(
        self,
        name: str,
        given: Mapping[str, Any],
        opts: pulumi.ResourceOptions,
        limits: pulumi.CustomTimeouts,
    ) -> None:
        """
        *given* are the inputs, known and decrypted; *limits* are how long a run waits for SES.

        Raises `InvalidSettings`.
        """
        stack_config.refuse_unsafe_secrets()
        written = dict(given)
        domain, self._waits, self._limits = (
            written.pop("domain", name),
            written.pop("wait", False),
            limits,
        )
        resolved = settings.domain(domain, written, default_region=stack_config.region())
        of_python = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=ByodkimDomain._type)])
        super().__init__(name, resolved, pulumi.ResourceOptions.merge(opts, of_python))

    def outputs(self) -> dict[str, Any]:
        """The outputs by name, as the schema has them."""
        return {
            "selector": self.selector,
            "records": self.records,
            "cnames": dict(self.cnames),
            "arns": {region: one.arn for region, one in self.identities.items()},
            "statuses": self.statuses(),
        }
