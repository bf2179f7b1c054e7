"""
What `byodkim scan` makes of a domain: its entry in a stack file, and a comment for whoever reads
it.

Values in, YAML out. What SES and DNS say is written by others: it is escaped, and the YAML is read
back and compared. `identity.plan` decides what `pulumi up` does with an identity that exists; one
line here says it.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml import YAML

from byodkim_provider.aws.route53 import Route53Client
from byodkim_provider.aws.ses import OWNER_TAG, STACK_TAG, TAGS, SesIdentity
from byodkim_provider.cli.terminal import by_text
from byodkim_provider.config import settings, stack_file
from byodkim_provider.dkim import records
from byodkim_provider.dns.resolver import ZoneInDns
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.hosts.registry import PANELS, SPECS, recognise
from byodkim_provider.identity.ownership import Signing, is_easy, primary, signing, signs_today
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.quoting import printable

API_HOSTS: Final = {panel: host for host, spec in SPECS.items() for panel in spec.panels}
"""By panel, the `dns` that writes there once it has credentials (docs/how-to/dns.md)."""


@dataclass(frozen=True, slots=True)
class DnsHome:
    """Where the records of a domain go."""

    title: str = ""
    """For people, such as "Route 53" or "GoDaddy"."""
    setting: Any = None
    """`dns` in the stack file; None: the default, `route53`."""
    note: str = ""
    """What there is to decide."""
    failure: str = ""
    """Why no zone was found in DNS (then SES finds no record); empty if one was."""


@dataclass(frozen=True, slots=True)
class Found:
    """A domain that SES has, in one Region or several."""

    domain: str
    identities: Mapping[str, SesIdentity]
    """By Region, sorted."""
    zone: ZoneInDns
    dns: DnsHome


def _owner(one: SesIdentity) -> str | None:
    """The Pulumi stack that the identity belongs to, by its tags."""
    return one.tags.get(STACK_TAG) or one.tags.get(OWNER_TAG)


def home_of(domain: str, seen: ZoneInDns, route53: Route53Client | None) -> DnsHome:
    """
    Where the records of *domain* go, whose zone in DNS is *seen*.

    *route53* has the zones of the account, None if they can't be read. Nothing is guessed: DNS that
    is not known is `manual`, which works everywhere.
    """
    every = route53.zones() if route53 else {}
    zones = {zone_id: name for zone_id, name in every.items() if records.is_in(domain, name)}
    for zone_id, name in zones.items():
        # An account may have zones that nobody delegates to.
        if (
            route53
            and name == seen.name
            and {*seen.name_servers} & {*route53.name_servers(zone_id)}
        ):
            longest = max(map(len, zones.values()))
            is_found = [one for one, its in zones.items() if len(its) == longest] == [
                zone_id
            ]  # by its name
            return DnsHome("Route 53", None if is_found else {"zoneId": zone_id})
    if not seen.name:
        why = (
            "no zone in DNS"
            if seen.failure == "no zone"
            else f"no answer from DNS ({seen.failure})"
        )
        return DnsHome(failure=f"{why}, though Route 53 has a zone" if zones else why)
    panel = recognise(seen.name_servers)
    name = next((name for name, one in PANELS.items() if one is panel), "")
    setting = {"panel": name} if name else {}
    setting |= {} if seen.name == domain else {"zone": seen.name}
    note = f"`dns: {API_HOSTS[name]}` needs nobody who pastes" if name in API_HOSTS else ""
    if name == "route53":
        note = (
            f"{'' if route53 else 'perhaps '}of another account: `dns: {{assumeRole: …}}` writes "
            "there"
        )
    return DnsHome(
        panel.title if panel else "other",
        {"provider": "manual", **setting} if setting else "manual",
        note,
    )


def why_no_entry(found: Found, *, named: bool) -> str:
    """Why the domain gets no entry, although it is perhaps *named* in full; "" if it gets one."""
    try:
        settings.domain(found.domain, entry(found, ()))
    except InvalidSettings as error:
        return "; ".join(error.problems)
    owners = sorted(filter(None, map(_owner, found.identities.values())))
    if owners and not named:  # one `up` would take it
        return str(CliMessages.STACK_HAS_IT(domain=found.domain, stack=owners[0]))
    if found.dns.failure:  # it would stay pending
        return str(CliMessages.NO_RECORD_FOUND(domain=found.domain, why=found.dns.failure))
    return ""


def entry(found: Found, default_regions: Sequence[str]) -> dict[str, Any]:
    """The settings of the domain, as under `domains`; *default_regions* need not be written."""
    regions = [*found.identities]
    return {
        "generation": 1,
        **({"regions": regions} if regions != [*default_regions] else {}),
        **({"dns": found.dns.setting} if found.dns.setting is not None else {}),
        **({"mailFrom": kept} if (kept := mail_from(found)) else {}),
        "adopt": True,
    }


def mail_from(found: Found) -> Any:
    """
    `mailFrom` that changes nothing in SES; None where it can't be kept so, or SES does not use it.
    """
    end, seen = f".{found.domain}", found.identities
    labels = {region: one.mail_from.removesuffix(end) for region, one in seen.items()}
    used = {(one.mail_from_status, one.on_mx_failure) for one in seen.values()}
    rejects = used == {("SUCCESS", "REJECT_MESSAGE")}
    can_be_kept = rejects or used == {("SUCCESS", "USE_DEFAULT_VALUE")}
    if not can_be_kept or len({*labels.values()}) < len(labels) or "." in "".join(labels.values()):
        return None
    label: Any = labels if len(labels) > 1 else next(iter(labels.values()))
    return {"label": label, "onMxFailure": "reject"} if rejects else label


def comments(found: Found) -> list[str]:
    """
    What `pulumi up` does with the domain, and what there is to decide: a line, more if Regions
    differ.
    """
    ups = by_text((region, _up(one)) for region, one in found.identities.items())
    lines = [text if len(ups) == 1 else f"{', '.join(regions)}: {text}" for regions, text in ups]
    replicas = [region for region, one in found.identities.items() if primary(one)]
    if replicas:
        lines.append(str(CliMessages.REPLICAS(regions=", ".join(replicas))))
    if found.dns.setting is not None:  # only then there is a note, too
        lines[-1] += f"; DNS: {', '.join(filter(None, (found.dns.title, found.dns.note)))}"
    # Others write tags: a line separator in one ends the comment for some readers of YAML, Pulumi's
    # too.
    return [printable(line) for line in lines]


def _up(one: SesIdentity) -> str:
    """What `pulumi up` does with one identity."""
    owner = f"taken from the stack {_owner(one)}; " if _owner(one) else ""
    has = signs_today(one) if is_easy(one) else f"BYODKIM {one.selector or '(selector not shown)'}"
    if not one.signing_enabled:
        does = f"{has}, signing disabled: gets a new key, signing is enabled"
    elif signing(one) == "none":
        does = f"{has} is {one.dkim_status or 'not set up'}, mail is unsigned: gets a new key"
    elif signing(one) == "byodkim":
        does = (
            f"{has}: gets a new key, perhaps unsigned until SES finds it; no change if `keys` has "
            "its key"
        )
    else:
        does = f"{has}: refused until acceptUnsignedWindow accepts unsigned mail"
    tags = len(one.tags.keys() - set(TAGS))
    refuses = (
        f", for which SES refuses all mail ({one.mail_from_status})" if one.refuses_mail else ""
    )
    kept = {
        f"MAIL FROM {one.mail_from}{refuses}": one.mail_from,
        f"configuration set {one.configuration_set}": one.configuration_set,
        f"{tags} tag{'s' if tags > 1 else ''}": tags,
    }
    return "; ".join(
        (f"{owner}{does}", *(f"keeps {what}" for what, is_there in kept.items() if is_there))
    )


def summary(found: Sequence[Found]) -> str:
    """How many identities sign how."""
    count = Counter(signing(one) for each in found for one in each.identities.values())
    words: Mapping[Signing, str] = {
        "byodkim": "BYODKIM",
        "easy": "Easy DKIM",
        "none": "not signing",
    }
    kinds = ", ".join(f"{count[kind]} {word}" for kind, word in words.items() if count[kind])
    return f"domains: {len(found)}, identities: {count.total()} ({kinds})"


def as_entries(found: Sequence[Found], default_regions: Sequence[str], indent: int) -> str:
    """The entries of the map `domains`, each line indented by *indent*."""
    lines = []
    for one in found:
        lines += [*(f"# {comment}" for comment in comments(one)), f"{in_yaml(one.domain)}:"]
        written = [
            f"  {key}: {in_yaml(value)}" for key, value in entry(one, default_regions).items()
        ]
        if "easy" in map(signing, one.identities.values()):
            written.insert(-1, "  # acceptUnsignedWindow: true")
        lines += written
    text = "".join(f"{' ' * indent}{line}\n" for line in lines)
    return read_back(text, {one.domain: entry(one, default_regions) for one in found})


def as_stack_file(
    found: Sequence[Found], head: Sequence[str], shared: Mapping[str, Any], key: str
) -> str:
    """
    A whole stack file, domains below *key*, with settings they have *shared*; *head* becomes a
    comment.
    """
    regions = [shared["aws:region"]]
    lines = [*(f"# {printable(line)}" for line in head), "config:"]
    lines += [f"  {name}: {in_yaml(value)}" for name, value in shared.items()]
    text = "".join(f"{line}\n" for line in (*lines, f"  {key}:")) + as_entries(found, regions, 4)
    entries = {one.domain: entry(one, regions) for one in found}
    return read_back(text, {"config": {**shared, key: entries}})


def in_yaml(value: Any) -> str:
    """*value* as YAML on one line."""
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style = True
    yaml.sort_base_mapping_type_on_output = False
    yaml.width = 10_000  # a long line is easier to edit than a folded one
    yaml.allow_unicode = False
    written = io.StringIO()
    yaml.dump({"_": value}, written)
    return written.getvalue().strip().removeprefix("{_: ").removesuffix("}")


def read_back(text: str, meant: Any) -> str:
    """
    *text*, which is YAML, if every reader finds in it what was *meant*; else raises
    `InvalidSettings`.

    Pulumi's reader begins a new line also at U+0085, U+2028 and U+2029, ours does not.
    """
    if re.search("[\r\x85\u2028\u2029]", text) or stack_file.load(text) != meant:
        raise InvalidSettings(CliMessages.NOT_AS_YAML())
    return text
