"""
The inputs of an identity in their normal form, and what is wrong with them.

What SES would accept without an error and never verify is refused here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from byodkim_provider.aws.regions import region_problem
from byodkim_provider.aws.settings import tag_lines
from byodkim_provider.dkim import keys, records
from byodkim_provider.dkim.key_secret import parsed_arn
from byodkim_provider.errors import InvalidKey
from byodkim_provider.messages.identity import IdentityMessages
from byodkim_provider.property_types import without_none


def check(
    inputs: Mapping[str, Any], *, unknown: Collection[str], checked_key: str | None = None
) -> tuple[dict[str, Any], list[str]]:
    """
    *inputs* in their normal form, and everything that is wrong with them.

    *unknown* names the inputs that a preview can't know yet; they are absent from *inputs*.
    *checked_key* is the private key that an earlier check returned: that takes a while.
    """
    checked = without_none(inputs)
    problems = list(tag_lines(checked.get("tags", {})))

    def normalise(name: str, form: Callable[[str], str]) -> None:
        try:
            checked[name] = form(checked.get(name, ""))
        except ValueError as error:
            problems.append(f"{name}: {error}")

    if "domain" not in unknown:
        normalise("domain", records.normalise_domain)
    domain = checked.get("domain", "")
    if "selector" not in unknown:
        selector = checked.get("selector", "")
        problem = records.selector_problem(selector) or records.name_problem(selector, domain)
        problems += [f"selector: {problem}"] if problem else []
    if "mail_from_domain" in checked:
        above = "" if "domain" in unknown else f".{domain}"
        normalise("mail_from_domain", partial(_mail_from, above))
    if "region" not in unknown:
        no_region = region_problem(checked.get("region", ""))
        problems += [f"region: {no_region}"] if no_region else []
    if "secret_arn" in checked:
        normalise("secret_arn", _secret_arn)
    elif "private_key" in checked or not {"private_key", "secret_arn"} & set(unknown):
        checked.pop("record_value", None)  # it follows from the key
        if checked_key is None or checked.get("private_key") != checked_key:
            normalise("private_key", _private_key)
    return checked, problems


def _mail_from(above: str, text: str) -> str:
    mail_from = records.normalise_domain(text)
    if not mail_from.endswith(above):
        raise ValueError(IdentityMessages.NO_SUB_DOMAIN(name=mail_from))
    return mail_from


def _secret_arn(text: str) -> str:
    parsed_arn(text)
    return text


def _private_key(text: str) -> str:
    try:
        return keys.load(text).pkcs1_base64()
    except InvalidKey as error:
        raise ValueError(error.text) from None
