"""`mailFrom` of a domain: the sub-domain to which bounces go, one in each Region."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from byodkim_provider.config._written import Written
from byodkim_provider.config.values import Region, Text
from byodkim_provider.messages import Message
from byodkim_provider.messages.config import MailFromProblem

_LABEL: Final = Text("[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", "one label like 'bounce', in lower case")
"""At most 32 octets, so that the name of a Region goes with it into one label of DNS."""

_BY_REGION: Final = {"type": "object", "minProperties": 1, "propertyNames": Region.schema}
_FORMS: Final = [_LABEL.schema, {**_BY_REGION, "additionalProperties": _LABEL.schema}]


class MailFrom(Written):
    """The custom MAIL FROM domain of a domain's mail."""

    label: Annotated[
        dict[Annotated[str, AfterValidator(lambda key: key and Region().read(key))], Annotated[str, _LABEL]],
        BeforeValidator(lambda written: {"": written} if isinstance(written, str) else written),
        WithJsonSchema({"anyOf": _FORMS}),
    ]
    """
    The label before the domain: `bounce` makes `bounce.example.com`. With several Regions each has its own,
    `bounce-eu-west-1.example.com`; a map gives them labels of your choice, keyed by Region.
    """
    on_mx_failure: Literal["useDefault", "reject"] = "useDefault"
    """While SES finds no MX record: send as `amazonses.com`, or reject the mail."""

    def label_in(self, region: str, regions: Sequence[str]) -> str:
        """The label in *region*, one of the domain's *regions*."""
        for_all = self.label.get("")
        return self.label[region] if for_all is None else "-".join([for_all, region][: len(regions)])

    def problems(self, domain: str, regions: Sequence[str], domains: Collection[str]) -> Iterator[Message]:
        """Why *label* can't be that of *domain*, one of *domains*, in these *regions*."""
        if {*self.label} not in ({""}, {*regions}):
            yield MailFromProblem.REGIONS(regions=", ".join(regions))
            return
        labels = [self.label_in(region, regions) for region in regions]
        for label in dict.fromkeys(labels):
            if labels.count(label) > 1:
                yield MailFromProblem.TWICE(label=label)
            if (name := f"{label}.{domain}") in domains:
                yield MailFromProblem.SENDS(name=name)


def as_mail_from(written: object) -> object:
    """`mailFrom` in its long form: a label, or a map from Region to label, is an object."""
    is_map = isinstance(written, Mapping) and written and all(re.search("-.*-", str(key)) for key in written)
    return {"label": written} if isinstance(written, str) or is_map else written


def any_form(schema: dict[str, Any]) -> None:
    """The JSON Schema of `mailFrom`, with its short forms."""
    long = next(one for one in schema.pop("anyOf") if one.get("type") != "null")
    schema["anyOf"] = [*_FORMS, long]
