"""
The stack file that adopts what a scan has found, with a comment for each domain.

Values in, text out. The settings are those of `config.schema`; what `pulumi up` does with an
identity that exists is decided in `identity.plan`, and said here in one line.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from byodkim_provider.cli.scan_dns import DnsHome
from byodkim_provider.cli.scan_readings import Reading
from byodkim_provider.config import settings, stack_file
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.quoting import printable

WINDOW: Final = "acceptUnsignedWindow"

ACCOUNTS: Final = "aws:allowedAccountIds"

PAGE: Final = "docs/how-to/adopt-an-account.md"


@dataclass(frozen=True, slots=True)
class Found:
    """A domain that SES has, in one Region or several."""

    domain: str
    readings: tuple[Reading, ...]
    """One for each Region, sorted."""
    dns: DnsHome

    @property
    def regions(self) -> tuple[str, ...]:
        return tuple(one.region for one in self.readings)

    @property
    def has_owner(self) -> bool:
        """Whether a stack's tag is on an identity of the domain."""
        return any(one.owner for one in self.readings)


def entry(found: Found, default_regions: Sequence[str]) -> dict[str, Any]:
    """The settings of the domain, as under `domains`; *default_regions* need not be written."""
    written: dict[str, Any] = {"generation": 1}
    if found.regions != tuple(default_regions):
        written["regions"] = list(found.regions)
    if found.dns.setting is not None:
        written["dns"] = found.dns.setting
    return {**written, "adopt": True}


def unreachable(found: Sequence[Found]) -> Iterator[str]:
    """A line for each reason why SES can't find the records of some domains."""
    by_reason: dict[str, list[str]] = {}
    for one in found:
        by_reason.setdefault(one.dns.failure, []).append(one.domain)
    for reason, domains in sorted(by_reason.items()):
        yield printable(f"{reason}, so SES can't find a record: {', '.join(domains)}")


def problem(found: Found) -> str:
    """Why the domain can't be in a stack file; "" if it can."""
    try:
        settings.domain(found.domain, entry(found, ()))
    except InvalidSettings as error:
        return "; ".join(error.problems)
    return ""


def comments(found: Found) -> list[str]:
    """What `pulumi up` does with the domain, and what there is to decide: a line, more if Regions differ."""
    by_text: dict[str, list[str]] = {}
    for one in found.readings:
        by_text.setdefault(_up(one), []).append(one.region)
    lines = [
        text if len(by_text) == 1 else f"{', '.join(regions)}: {text}" for text, regions in by_text.items()
    ]
    if found.dns.setting is not None or found.dns.note:
        lines[-1] += f"; DNS: {', '.join(filter(None, (found.dns.title, found.dns.note)))}"
    # Others write tags: a line separator in one ends the comment for some readers of YAML, Pulumi's too.
    return [printable(line) for line in lines]


def _up(one: Reading) -> str:
    """What `pulumi up` does with one identity."""
    kept = "".join(f"; keeps {fact}" for fact in _kept(one))
    owner = f"taken from the stack {one.owner}; " if one.owner else ""
    has = "Easy DKIM" if one.easy else f"BYODKIM {one.selector or '(selector not shown)'}"
    if not one.signing_enabled:
        does = f"{has}, signing disabled: gets a new key, signing is enabled"
    elif one.signing == "none":
        does = f"{has} is {one.status or 'not set up'}, mail is unsigned: gets a new key"
    elif one.easy and one.status == "SUCCESS":
        does = f"{has}: refused until {WINDOW} accepts unsigned mail"
    elif one.easy:
        does = f"{has} is {one.status}: gets a new key"
    else:
        does = f"{has}: gets a new key, perhaps unsigned until SES finds it; no change if `keys` has its key"
    return f"{owner}{does}{kept}"


def _kept(one: Reading) -> Iterator[str]:
    if one.configuration_set:
        yield f"configuration set {one.configuration_set}"
    if one.own_tags:
        yield f"{len(one.own_tags)} tag{'s' if len(one.own_tags) > 1 else ''}"


def needs_window(found: Found) -> bool:
    """Whether `pulumi up` refuses the domain until its unsigned window is accepted."""
    return any(one.signing == "easy" and one.status == "SUCCESS" for one in found.readings)


def as_entries(found: Sequence[Found], default_regions: Sequence[str], *, indent: int) -> str:
    """The entries of the map `domains`, each line indented by *indent*; empty if there are none."""
    if not found:
        return ""
    text = read_back(
        _dumped(_domains(found, default_regions, indent=0)),
        {one.domain: entry(one, default_regions) for one in found},
    )
    return "".join(f"{' ' * indent}{line}" for line in text.splitlines(keepends=True))


def as_stack_file(
    found: Sequence[Found],
    *,
    account_id: str,
    read_at: datetime,
    region: str,
    resolvers: Sequence[str],
    left_out: Sequence[Found] = (),
) -> str:
    """A whole stack file, for a stack that has no other domains; a comment names those *left_out*."""
    regions = sorted({one for each in found for one in each.regions})
    shared = file_settings(account_id=account_id, region=region, resolvers=resolvers)
    config = CommentedMap({name: _flow(value) for name, value in shared.items()})
    domains_key = f"{settings.PROJECT}:domains"
    config[domains_key] = _domains(found, (region,), indent=4)
    domains = f"{len(found)} domain{'s' if len(found) != 1 else ''}"
    head = (
        f"`byodkim scan` read AWS account {account_id} on {read_at:%Y-%m-%d}: {domains} in",
        f"{', '.join(regions)}. Each comment says what `pulumi up` does, and what there is to decide.",
        f"How to go on: {PAGE}",
        *(f"Left out: {line}." for line in unreachable(left_out)),
    )
    text = "".join(f"# {printable(line)}\n" for line in head) + _dumped({"config": config})
    entries = {one.domain: entry(one, (region,)) for one in found}
    return read_back(text, {"config": {**shared, domains_key: entries}})


def file_settings(*, account_id: str, region: str, resolvers: Sequence[str]) -> dict[str, Any]:
    """
    The settings beside the domains.

    The account is named so that no stack of another account makes new identities in place of those
    that were found.
    """
    shared = {f"{settings.PROJECT}:defaults": {"dnsResolvers": list(resolvers)}} if resolvers else {}
    return {"aws:region": region, ACCOUNTS: [account_id], **shared}


def in_yaml(value: Any) -> str:
    """*value* as YAML on one line."""
    return read_back(_dumped({"_": _flow(value)}), {"_": value}).removeprefix("_: ").removesuffix("\n")


def read_back(text: str, meant: Any) -> str:
    """
    *text*, which is YAML, if every reader finds in it what was *meant*; else raises `InvalidSettings`.

    Pulumi's reader begins a new line also at U+0085, U+2028 and U+2029, ours does not.
    """
    if re.search("[\r\x85\u2028\u2029]", text) or stack_file.load(text) != meant:
        raise InvalidSettings(["what was read can't be written as YAML: nothing was written"])
    return text


def _domains(found: Sequence[Found], default_regions: Sequence[str], *, indent: int) -> CommentedMap:
    domains = CommentedMap()
    for one in found:
        written = CommentedMap()
        for key, value in entry(one, default_regions).items():
            written[key] = _flow(value)
        if needs_window(one):
            written.yaml_set_comment_before_after_key("adopt", f"{WINDOW}: true", indent=indent + 2)
        domains[one.domain] = written
        domains.yaml_set_comment_before_after_key(one.domain, "\n".join(comments(one)), indent=indent)
    return domains


def _flow(value: Any) -> Any:
    """*value*, a list or a map on one line."""
    if not isinstance(value, list | Mapping):
        return value
    flow: Any = CommentedMap(value) if isinstance(value, Mapping) else CommentedSeq(value)
    flow.fa.set_flow_style()
    return flow


def _dumped(value: Any) -> str:
    yaml = YAML()
    yaml.width = 10_000  # a long line is easier to edit than a folded one
    yaml.allow_unicode = False  # in values; ruamel writes some line separators as they are
    written = io.StringIO()
    yaml.dump(value, written)
    return written.getvalue()
