"""
How to fix a misconfigured record, by the codes of `misconfigurations` and `diagnosis`.

A code exists where the fix differs. Each fix says what to do first, then why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from byodkim_provider.dns.panels import TARGET_RULE, Panel, name_rule, target_field, value_rule

_FIXES: Final[Mapping[str, str]] = {
    # Wrong values at the right name, of `misconfigurations.Misconfiguration`.
    "another-key": "replace {value}; but if anything still signs with the key there, leave that record, and "
    "take a new selector for this key: a selector never gets a second one",
    "cut": "replace {value} as a whole with a copy of the right value: {value_rule}; if it is cut again, the "
    "panel can't hold it: make a key of 1024 bits with a new selector",
    "no-txt": "add the record in the zone {zone}; if the panel shows it there, see that it was saved",
    "not-dkim": "replace {value}: what stands there is for something else; if it is needed, it belongs at "
    "another name",
    "private-key": "delete the record{there} at once, then {new_key}: whoever has read this one can sign as "
    "you; only the public key belongs in DNS",
    "revoked": "replace {value}; but if the key was revoked on purpose, leave the record, and make a new key "
    "with a new selector",
    "several-records": "delete every TXT record at this name but one with this key: which one a verifier "
    "takes is undefined",
    "several-wrong-records": "delete every TXT record at this name, then add one, {value_rule}",
    "wrong-value": "replace {value} as a whole with a copy of the right value: {value_rule}",
    # Records at a wrong name, of `misconfigurations.Misplaced`.
    "sub-domain-missing": "add a record with the sub-domain in {name}; delete the one{there} only if nothing "
    "signs for {zone} with it",
    "underscore-missing": "change {name} of the record{there}: with the underscore of '_domainkey', "
    "{name_rule}; if the panel refuses it, its support has to add the record",
    "wrong-name": "change {name} of the record{there}: selector and '._domainkey' once each, {name_rule}",
    # Codes of `cnames`.
    "not-cname": "delete every TXT record at this name, then add the CNAME record: a name with a CNAME has "
    "nothing else",
    "proxied": "switch the proxy of this record off (at Cloudflare 'Proxy status: DNS only'); or if it is no "
    "CNAME, delete it and add the CNAME record",
    "wrong-target": "change {target_field} of the CNAME record at this name to {target}: {target_rule}",
    # Codes of `diagnosis`.
    "cname": "delete the CNAME record at this name, then add the TXT record: a name with a CNAME has nothing "
    "else",
    "served-elsewhere": "add the record in the zone {zone}, at the host whose name servers serve it",
    "servers-differ": "wait some minutes and run this again; if it stays so, ask the provider why not all of "
    "its name servers have the record",
    "wildcard": "add the record at exactly this name: it goes before the wildcard, which may stay",
}

CODES: Final = tuple(_FIXES)
"""Every misconfiguration that has a name."""

ADDED: Final = (
    "cname",
    "no-txt",
    "not-cname",
    "served-elsewhere",
    "several-wrong-records",
    "sub-domain-missing",
    "wildcard",
)
"""Misconfigurations whose fix is a new record; of the others a record has to be edited."""

NOTHING_TO_TYPE: Final = ("private-key", "servers-differ")
"""Misconfigurations without a value to type: the key has leaked, or DNS has the record already."""

_AGAIN: Final = "run `pulumi up --refresh`, which writes the record again: this stack keeps it"

_KEPT: Final[Mapping[str, str]] = {
    # A supplied key never replaces another value.
    **dict.fromkeys(
        CODES,
        f"{_AGAIN}; if the run refuses because another value is there, delete that one and run it again",
    ),
    # What a refresh does not see.
    **{code: _FIXES[code] for code in ("private-key", "servers-differ")},
    # At most hosts each value is a record of its own.
    "several-records": f"{_AGAIN}; if others still stand beside it then, delete them: which one a verifier "
    "takes is undefined",
    "cname": "delete the CNAME record at this name, then run `pulumi up --refresh`, which writes the record "
    "again",
    "no-txt": f"{_AGAIN}; if the run changes nothing, its host has the record already: wait, some hosts take "
    "hours to show one; or the name servers of {zone} are not that host's",
    "served-elsewhere": "have {zone} served where the stack keeps the record: by NS records in the zone "
    "above it, or at the registrar; or say in `dns` of the stack file who serves {zone}, and run `pulumi up`",
}
"""The same for a record that a stack keeps: nobody types it in."""

NEW_KEY: Final = "make a new key with a new selector"
"""How to get another key without a stack that makes one."""


def fix(
    panel: Panel,
    code: str,
    *,
    zone: str,
    found_at: str = "",
    new_key: str = NEW_KEY,
    kept: bool = False,
    target: str = "",
) -> str:
    """
    How to fix the misconfiguration *code*, one of `CODES`, in the words of this panel.

    *zone* is the zone in the panel, *found_at* the wrong name of the record, if it has one;
    *new_key* says how to get another key. *kept*: a stack keeps the record, so that nobody types it in.
    *target* is where a CNAME has to lead.
    """
    return (_KEPT if kept else _FIXES)[code].format(
        name=f"{panel.name_field!r}",
        value=f"{panel.value_field!r}",
        name_rule=name_rule(panel),
        value_rule=value_rule(panel),
        zone=zone,
        there=f" at {found_at}" if found_at else "",
        new_key=new_key,
        target=target,
        target_field=f"{target_field(panel)!r}",
        target_rule=TARGET_RULE,
    )
