"""
What people read, and paste, while the record of a key is not visible: the refusal of a switch, or
the warning of a new identity that waits for DNS.
"""

from byodkim_provider.dns.visibility import Diagnosis, servers_asked
from byodkim_provider.errors import ByodkimError
from byodkim_provider.hosts.registry import to_paste
from byodkim_provider.hosts.zones import by_hand
from byodkim_provider.identity.delegation import served_elsewhere
from byodkim_provider.identity.state import Declared
from byodkim_provider.messages import Message
from byodkim_provider.messages.identity import IdentityMessages


def not_visible(
    declared: Declared, found: Diagnosis, waited_seconds: float, *, still: str
) -> ByodkimError:
    """
    The refusal of a key whose record is not visible. *still* says what SES does meanwhile, such as
    "it still signs with 's1'".
    """
    said = IdentityMessages.NOT_VISIBLE(
        name=declared.record_name,
        seconds=waited_seconds,
        answers=", ".join(found.phrases()),
        still=still,
        step=_step(declared, found, elsewhere=""),
    )
    return ByodkimError(said, kind="RecordNotVisible")


def waiting_for_dns(declared: Declared, found: Diagnosis) -> str:
    """The warning of a new identity that is stored as waiting."""
    elsewhere = served_elsewhere(declared, servers_asked(found.answers))
    why = elsewhere or found.summary()
    step = _step(declared, found, elsewhere=elsewhere)
    return str(IdentityMessages.WAITS_FOR_DNS(name=str(declared), why=why, step=step))


def _step(declared: Declared, found: Diagnosis, *, elsewhere: str) -> Message:
    """What to do about a record that is not visible, perhaps since it is served *elsewhere*."""
    if found.code == "private-key":  # a record with the private key must not be corrected
        if declared.supplied_keys:
            return IdentityMessages.LEAKED_OWN()
        return IdentityMessages.LEAKED_KEY(domain=declared.domain)
    has_cname = found.target and found.targets == {found.target}
    if not has_cname and (elsewhere or declared.is_slow):
        these = "these CNAMEs are" if declared.cname else "this record is"
        return IdentityMessages.PASTE(records=what_to_paste(declared), these=these)
    is_unseen = all(answer.failure == "no zone" for answer in found.answers)
    again = IdentityMessages.MADE_AGAIN()
    if is_unseen and not elsewhere:
        again = IdentityMessages.NO_ZONE()
    labels = ", ".join(zone.label for zone in declared.signing_zones)
    return IdentityMessages.NOTHING_TO_PASTE(zones=labels, again=again)


def what_to_paste(declared: Declared) -> str:
    """
    The records that have to be there before SES gets the key, each field on a line of its own.
    """
    if declared.cname:
        cnames = declared.cnames.items()
        lines = [f"  type:  CNAME\n  name:  {name}\n  value: {target}" for name, target in cnames]
        return "\n".join(lines)
    slow = [zone for zone in declared.signing_zones if zone.hours_to_show]
    if slow and not by_hand(declared.signing_zones):
        label, hours = slow[0].label, slow[0].hours_to_show
        return (
            f"  it is at {label}, which may take {hours} hours to show it: nothing has to be pasted"
        )
    pasted = declared.by_hand
    return to_paste(
        pasted.panel if pasted else None,
        name=declared.record_name,
        value=declared.record_value,
        zone=(pasted.name if pasted else "") or declared.domain,
    )
