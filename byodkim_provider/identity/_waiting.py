"""
What people read while the record of a key is not visible: what to add, or what to do instead.

Values in, texts out.
"""

from __future__ import annotations

from byodkim_provider.dkim import generations
from byodkim_provider.dns.visibility import NO_ZONE, Visibility, servers_asked, zone_not_found
from byodkim_provider.errors import RecordNotVisible
from byodkim_provider.identity import dns_moves
from byodkim_provider.identity.state import MANUAL, Declared


def not_visible(
    declared: Declared, visibility: Visibility, waited_seconds: float, *, still: str
) -> RecordNotVisible:
    """The refusal of a key whose record is not visible; *still* is what SES, "it", goes on with."""
    is_pasted = declared.cname or MANUAL in declared.dns
    by_hand = f"\n{dns_moves.what_to_paste(declared)}" if is_pasted else ""
    to_do = f"correct the record and run `pulumi up --refresh`{by_hand}"
    return RecordNotVisible(
        declared.record_name,
        answers=visibility.phrases(),
        waited_seconds=waited_seconds,
        hint=f"nothing was changed in SES, {still}; {_new_key(declared) if visibility.leaked else to_do}",
    )


def waiting_for_dns(declared: Declared, visibility: Visibility | None) -> str:
    """The warning of a new identity that is stored as waiting; None: its record was not looked up."""
    elsewhere, why = "", "not looked for yet"
    if visibility:
        elsewhere = dns_moves.served_elsewhere(declared, servers_asked(visibility.answers))
        why = elsewhere or visibility.summary()
    if visibility and visibility.leaked:
        next_step = f"  {_new_key(declared)}"
    elif elsewhere or not declared.dns or declared.is_slow:
        these = "these CNAMEs are" if declared.cname else "this record is"
        next_step = f"{dns_moves.what_to_paste(declared)}\n  the next `pulumi up` goes on once {these} there"
    else:
        again = "`pulumi up --refresh` makes it again if somebody changed it, and goes on once DNS shows it"
        if visibility and zone_not_found(visibility.answers):
            again = NO_ZONE
        next_step = (
            f"  nothing has to be pasted, the stack made the record at {', '.join(declared.dns)}\n  {again}"
        )
    return (
        f"{declared.domain} {declared.region}: waiting for DNS, the key is not sent to SES yet: {why}\n"
        f"{next_step}"
    )


def _new_key(declared: Declared) -> str:
    """What to do once the private key stands in DNS: its record must not be corrected."""
    if declared.generation is None:
        return "delete the record at once, and take another key with another selector"
    signing, published = generations.after_leak(
        declared.generation,
        signing=declared.generation,
        published=declared.published,
        slots=declared.cname is not None,
    )
    return (
        "delete the record at once, and take another key: "
        f"`generation: {signing}` with `published: {list(published)}`, "
        "and `overlapDays: 0` if the leaked key has signed"
    )
