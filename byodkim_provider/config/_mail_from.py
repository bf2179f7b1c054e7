"""`mailFrom` of a domain: the sub-domain to which bounces go, one in each Region."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from byodkim_provider.config._written import Written
from byodkim_provider.config.problems import Problem
from byodkim_provider.config.values import MailFromLabel
from byodkim_provider.dkim import records
from byodkim_provider.messages.config import MailFromProblem

MAX_LABEL: Final = 63
"""Octets (RFC 1035 section 2.3.4)."""


class MailFrom(Written):
    """The custom MAIL FROM domain of a domain's mail."""

    label: Annotated[str | Mapping[str, str], MailFromLabel()]
    """
    The label before the domain: `bounce` makes `bounce.example.com`. With several Regions each has its own,
    `bounce-eu-west-1.example.com`; a map gives them labels of your choice, keyed by Region.
    """
    on_mx_failure: Literal["useDefault", "reject"] = "useDefault"
    """While SES finds no MX record: send as `amazonses.com`, or reject the mail."""

    def label_in(self, region: str, regions: Sequence[str]) -> str:
        """The label in *region*, one of the domain's *regions*."""
        if isinstance(self.label, str):
            return self.label if len(regions) == 1 else f"{self.label}-{region}"
        return self.label[region]

    def problems(self, domain: str, regions: Sequence[str], domains: Collection[str]) -> Iterator[Problem]:
        """Why it can't be the setting of *domain*, one of *domains*, in these *regions*."""
        if isinstance(self.label, Mapping) and {*self.label} != {*regions}:
            yield ("label",), MailFromProblem.REGIONS(regions=", ".join(regions))
            return
        labels = [self.label_in(region, regions) for region in regions]
        for label in dict.fromkeys(labels):
            name = f"{label}.{domain}"
            if labels.count(label) > 1:
                yield ("label",), MailFromProblem.TWICE(label=label)
            if len(label) > MAX_LABEL or len(name) > records.NAME_OCTETS:
                yield ("label",), MailFromProblem.TOO_LONG(name=name)
            if name in domains:
                yield ("label",), MailFromProblem.SENDS(name=name)


def as_mail_from(written: object) -> object:
    """`mailFrom` in its long form: a label, or a map from Region to label, is an object."""
    is_map = isinstance(written, Mapping) and written and all(re.search("-.*-", str(key)) for key in written)
    return {"label": written} if isinstance(written, str) or is_map else written


def any_form(schema: dict[str, Any]) -> None:
    """The JSON Schema of `mailFrom`, with its short forms."""
    long = next(one for one in schema.pop("anyOf") if one.get("type") != "null")
    schema["anyOf"] = [*MailFromLabel.schema["anyOf"], long]
