"""
How to fix a misconfigured record in the panel of a DNS provider.

Instructions by the codes of `misconfigurations` and `diagnosis`. Each says what to do first, then why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from byodkim_provider.dkim.misconfigurations import PLACEHOLDER
from byodkim_provider.dns.panels import Panel, name_rule, value_rule

Kept = Literal["Route 53", "elsewhere"]
"""Where a stack keeps a record: in Route 53 alone, or also at another host, or by another package."""

_WHOLE: Final = "replace {value} as a whole, {value_rule}"

_COPY: Final = "replace {value}: copy the one here, do not type it"

_FIXES: Final[Mapping[str, str]] = {
    # Wrong values at the right name, by `misconfigurations.ValueCode`.
    "another-key": "replace {value}; but if anything still signs with the key there, leave that record, and "
    "take a new selector for this key: a selector never gets a second one",
    "bare-rsa-key": "replace {value}: its base64 has to be what `openssl rsa -pubout` writes",
    "base64url": "replace {value}: its base64 has '+' and '/', not '-' and '_'",
    "case-changed": "replace {value}: upper and lower case count in it",
    "character-lost": f"{_WHOLE}: what split it at 255 dropped a character",
    "character-wrong": _COPY,
    "characters-added": _COPY,
    "cut": f"{_WHOLE}; if it is cut again, the panel can't hold it: make a key of 1024 bits with a new "
    "selector",
    "empty": "replace {value}, which is empty",
    "escaped-semicolons": "replace {value}: no backslash before ';', or the short form that begins with p=",
    "final-dot": "replace {value}: a final dot belongs behind names, not behind values",
    "invisible-characters": "replace {value}: delete all of it first, so that nothing invisible is left",
    "key-missing": "replace {value}: what stands there has no key",
    "line-breaks": "replace {value}: everything on one line, as it is printed here",
    "literal-quotes": "replace {value}: {value_rule}",
    "malformed": _WHOLE,
    "no-txt": "add the record in the zone {zone}; if the panel shows it there, see that it was saved",
    "not-dkim": "replace {value}: what stands there is for something else; if it is needed, it belongs at "
    "another name",
    "p-missing": "replace {value}: it begins with p=, before the key",
    "pem-armour": "replace {value}: p= and the base64 between the BEGIN and END lines, on one line",
    "placeholder": "replace {value}: " + PLACEHOLDER + " stands for p= and your own public key",
    "plus-lost": "replace {value}: copy the one here, in which every '+' is still there",
    "private-key": "delete the record{there} at once, then {new_key}: whoever has read this one can sign as "
    "you; only the public key belongs in DNS",
    "revoked": "replace {value}; but if the key was revoked on purpose, leave the record, and make a new key "
    "with a new selector",
    "semicolons-missing": "replace {value}: with a ';' between its tags, or the short form that begins with "
    "p= and has no other tag",
    "several-records": "delete every TXT record at this name but one with this key: which one a verifier "
    "takes is undefined",
    "several-wrong-records": "delete every TXT record at this name, then add one, {value_rule}",
    "split-into-records": "delete every TXT record at this name, then add one, {value_rule}",
    "strings-swapped": _WHOLE,
    "too-long": _WHOLE,
    "url-encoded": "replace {value}: copy the one here, without '%2B' and the like",
    "wrong-tag": "replace {value} by the short form, which begins with p= and has no other tag",
    "zone-line": "replace {value}: from p= on; name, TTL and type have fields of their own",
    # Records at a wrong name, by `misconfigurations.MisplacedCode`.
    "at-apex": "change {name} of the record{there}: selector and '._domainkey' belong to it",
    "domainkey-doubled": "change {name} of the record{there}: '_domainkey' once",
    "domainkey-missing": "change {name} of the record{there}: '._domainkey' belongs behind the selector",
    "domainkey-missing-zone-doubled": "change {name} of the record{there}: '._domainkey' belongs behind the "
    "selector; {name_rule}",
    "selector-missing": "change {name} of the record{there}: the selector belongs before '._domainkey'",
    "sub-domain-missing": "add a record with the sub-domain in {name}; delete the one{there} only if nothing "
    "signs for {zone} with it",
    "underscore-missing": "change {name} of the record{there}: with the underscore of '_domainkey'; if the "
    "panel refuses it, its support has to add the record",
    "underscore-missing-zone-doubled": "change {name} of the record{there}: with the underscore of "
    "'_domainkey'; {name_rule}",
    "zone-doubled": "change {name} of the record{there}: {name_rule}",
    # Codes of `diagnosis`.
    "cname": "delete the CNAME record at this name, then add the TXT record: a name with a CNAME has nothing "
    "else",
    "hidden-by-delegation": "add the record in the zone {zone}, where its own name servers get it from",
    "servers-differ": "wait some minutes and run this again; if it stays so, ask the provider why not all of "
    "its name servers have the record",
    "wildcard": "add the record at exactly this name: it goes before the wildcard, which may stay",
    "wrong-panel": "add the record here, where the zone is served",
}

ADDED: Final = (
    *("cname", "hidden-by-delegation", "no-txt", "several-wrong-records", "split-into-records"),
    *("sub-domain-missing", "wildcard", "wrong-panel"),
)
"""Misconfigurations whose fix is a new record; of the others one is there that has to be edited."""

_WRITTEN_AGAIN: Final = "run `pulumi up --refresh`, which writes the record again: this stack keeps it"

_IN_ROUTE53: Final[Mapping[str, str]] = {
    **dict.fromkeys(_FIXES, _WRITTEN_AGAIN),
    # What a refresh does not see, or the run can't overwrite.
    **{code: _FIXES[code] for code in ("private-key", "servers-differ")},
    "cname": "delete the CNAME record at this name, then run `pulumi up --refresh`, which writes the record "
    "again",
    **dict.fromkeys(
        ("hidden-by-delegation", "wrong-panel"),
        "say in `dns` of the stack file who serves {zone}, and run `pulumi up`; or have {zone} served where "
        "the stack keeps the record",
    ),
}
"""The same for a record that a stack keeps in Route 53: nobody types it in."""

_ELSEWHERE: Final[Mapping[str, str]] = {
    # A supplied key never replaces another value.
    **{
        code: f"{text}; if the run refuses because another value is there, delete that one and run it again"
        if text == _WRITTEN_AGAIN
        else text
        for code, text in _IN_ROUTE53.items()
    },
    "no-txt": f"{_WRITTEN_AGAIN}; if the run changes nothing, its host has the record already: wait, some "
    "hosts take hours to show one; or the name servers of {zone} are not that host's",
    # A refresh finds the right record beside the others.
    "several-records": _FIXES["several-records"],
}
"""The same for a record at a host where each value is a record of its own."""

_TABLES: Final[Mapping[Kept | None, Mapping[str, str]]] = {
    None: _FIXES,
    "Route 53": _IN_ROUTE53,
    "elsewhere": _ELSEWHERE,
}

MISCONFIGURATIONS: Final = tuple(_FIXES)
"""Codes of all misconfigurations: those of `misconfigurations`, and what `diagnosis` adds."""

NEW_KEY: Final = "make a new key with a new selector"
"""How to get another key without a stack that makes one."""


def fix(
    panel: Panel,
    code: str,
    *,
    zone: str,
    found_at: str = "",
    new_key: str = NEW_KEY,
    kept: Kept | None = None,
) -> str:
    """
    How to fix the misconfiguration *code*, one of `MISCONFIGURATIONS`, in the words of this panel.

    *zone* is the zone in the panel, *found_at* the wrong name of the record, if it has one;
    *new_key* says how to get another key. *kept*: where a stack keeps the record, None if people type it in.
    """
    return _TABLES[kept][code].format(
        name=f"{panel.name_field!r}",
        value=f"{panel.value_field!r}",
        name_rule=name_rule(panel),
        value_rule=value_rule(panel),
        zone=zone,
        there=f" at {found_at}" if found_at else "",
        new_key=new_key,
    )
