"""
The inputs of an identity in their normal form, and what is wrong with them.

What SES would accept without an error and never verify is refused here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
    problems: list[str] = []
    if "domain" not in unknown:
        try:
            checked["domain"] = records.normalise_domain(_text(inputs, "domain"))
        except ValueError as error:
            problems.append(f"domain: {error}")
    if "selector" not in unknown:
        selector = _text(inputs, "selector")
        problem = records.selector_problem(selector) or records.name_problem(
            selector, checked.get("domain", "")
        )
        if problem:
            problems.append(f"selector: {problem}")
    if "mail_from_domain" in checked:
        problems += _mail_from_problems(checked, unknown)
    problems += _key_problems(inputs, checked, unknown, checked_key)
    if "region" not in unknown:
        no_region = region_problem(_text(inputs, "region"))
        problems += [f"region: {no_region}"] if no_region else []
    problems += tag_lines(inputs.get("tags") or {})
    return checked, problems


def _mail_from_problems(checked: dict[str, Any], unknown: Collection[str]) -> list[str]:
    """What is wrong with the MAIL FROM domain; *checked* gets its normal form."""
    try:
        mail_from = records.normalise_domain(_text(checked, "mail_from_domain"))
    except ValueError as error:
        return [f"mail_from_domain: {error}"]
    checked["mail_from_domain"] = mail_from
    if "domain" in unknown or mail_from.endswith(f".{_text(checked, 'domain')}"):
        return []
    return [str(IdentityMessages.NO_SUB_DOMAIN(name=mail_from))]


def _key_problems(
    inputs: Mapping[str, Any],
    checked: dict[str, Any],
    unknown: Collection[str],
    checked_key: str | None,
) -> list[str]:
    """What is wrong with the key, or with what stands for it; *checked* gets its normal form."""
    if "secret_arn" in checked:
        try:
            parsed_arn(_text(checked, "secret_arn"))
        except ValueError as error:
            return [f"secret_arn: {error}"]
        return []
    if "private_key" in checked or not {"private_key", "secret_arn"} & set(unknown):
        checked.pop("record_value", None)  # it follows from the key
        if checked_key is not None and checked.get("private_key") == checked_key:
            return []
        try:
            checked["private_key"] = keys.load(_text(inputs, "private_key")).pkcs1_base64()
        except InvalidKey as error:
            return [f"private_key: {error.text}"]
    return []


def _text(inputs: Mapping[str, Any], name: str) -> str:
    value = inputs.get(name)
    return value if isinstance(value, str) else ""
