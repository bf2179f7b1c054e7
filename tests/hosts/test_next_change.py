"""
What is done at a name, from what stands there: the rules for other people's values, as a table.

If this fails, a run removes somebody's record, or publishes a key beside another one.
"""

import pytest

from byodkim_provider.dkim.records import record_value
from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.publish import Change, next_change
from byodkim_provider.messages.hosts import HostMessages
from tests.support.cases import cases
from tests.support.testdata import key

OURS = record_value(key("rsa2048.pkcs8").public_key_der)
TAGGED = f"v=DKIM1; k=rsa; {OURS}"
BEFORE = record_value(key("another").public_key_der)
THEIRS = "v=spf1 -all"

ADD, TAKE_BACK = Change("add", OURS), Change("remove", OURS)
TAGGED_TOO, REMOVE_TAGGED = f"k=rsa; {OURS}", Change("remove", TAGGED)
REMOVE_BEFORE, REMOVE_THEIRS = Change("remove", BEFORE), Change("remove", THEIRS)

OTHER_VALUE, OTHER_KEY = HostMessages.OTHER_VALUE, HostMessages.OTHER_KEY
STILL_LISTED = HostMessages.STILL_LISTED

NEVER, LOST, TAKEN = {}, {ADD: False}, {ADD: True}


@cases(
    ("existing", "there", "sent", "expected"),
    {
        # Nothing stands there.
        "free": ("same key", (), NEVER, ADD),
        # This key stands there.
        "ours": ("same key", (OURS,), NEVER, None),
        "ours in another form": ("same key", (TAGGED,), NEVER, None),
        # A selector that somebody chose.
        "theirs": ("same key", (THEIRS,), NEVER, OTHER_VALUE),
        "theirs and ours": ("same key", (OURS, THEIRS), NEVER, OTHER_VALUE),
        # One key in two forms is one value twice, and which one a verifier takes is undefined.
        "ours in two forms": ("same key", (TAGGED, OURS), NEVER, REMOVE_TAGGED),
        "the second form listed late": (
            "same key",
            (TAGGED_TOO, TAGGED),
            {REMOVE_TAGGED: True},
            STILL_LISTED,
        ),
        "ours in two forms, and theirs": ("same key", (OURS, TAGGED, THEIRS), NEVER, OTHER_VALUE),
        "theirs beside our lost addition": ("same key", (THEIRS, OURS), LOST, TAKE_BACK),
        "theirs, ours not listed": ("same key", (THEIRS,), TAKEN, OTHER_VALUE),
        "taken back": ("same key", (OURS, THEIRS), TAKEN | {TAKE_BACK: True}, OTHER_VALUE),
        # A generated selector is nobody else's.
        "replaced": ("replace", (THEIRS,), NEVER, REMOVE_THEIRS),
        "replaced, removal accepted": ("replace", (THEIRS,), {REMOVE_THEIRS: True}, ADD),
        "replaced, listed late": (
            "replace",
            (OURS, THEIRS),
            TAKEN | {REMOVE_THEIRS: True},
            STILL_LISTED,
        ),
        # A slot, in which the key that the stack had there makes way.
        "slot": ("slot", (BEFORE,), NEVER, REMOVE_BEFORE),
        "slot, in another form": (
            "slot",
            (f"v=DKIM1; {BEFORE}",),
            NEVER,
            Change("remove", f"v=DKIM1; {BEFORE}"),
        ),
        "slot, theirs": ("slot", (THEIRS,), NEVER, OTHER_KEY),
    },
)
def test_next_change(existing, there, sent, expected):
    """One change, none, or an error: nobody else's value is ever removed, or joined by ours."""
    before = BEFORE if existing == "slot" else None
    if isinstance(expected, HostMessages):
        refused = expected in (OTHER_VALUE, OTHER_KEY)
        with pytest.raises(DnsRefused if refused else DnsUnconfirmed) as caught:
            next_change(OURS, existing, before, there, sent)
        assert caught.value.message.code == expected
    else:
        assert next_change(OURS, existing, before, there, sent) == expected


def test_slot_of_another_stack():
    """A slot in which the stack had no key holds nobody's who may make way."""
    with pytest.raises(DnsRefused):
        next_change(OURS, "slot", None, (BEFORE,), {})
