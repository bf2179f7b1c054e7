"""What gets into a transcript, and what does not."""

import os
from functools import partial

import pytest

from tests.acceptance import __main__ as acceptance
from tests.acceptance.direct import ZONE
from tests.acceptance.journal import Journal, masking
from tests.acceptance.lab import PREFIX

OURS = f"d.{PREFIX}0a1b2c3d.{ZONE}"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("arn:aws:ses:eu-west-1:123456789012:identity/x", "arn:aws:ses:eu-west-1:(account):identity/x"),
        ("arn:aws-cn:ses:a:210987654321:identity/x", "arn:aws-cn:ses:a:(account):identity/x"),
        ("User: arn:aws:iam::123456789012:user/alice may not", "User: (a principal) may not"),
        ("account 123456789012.", "account (account)."),
        ("Theirs.example and sub.theirs.example", "(a name) and (a name)"),
        ("*.theirs.example:443\nxn--e1afmkfd.xn--p1ai.", "*.(a name):443\n(a name)"),
        ("mail of me@corp.example", "mail of (an address)"),
        (f"{OURS} in {ZONE} stays", f"{OURS} in {ZONE} stays"),
        (f"a@{OURS} stays", f"a@{OURS} stays"),
        (f"ü.{OURS.upper()}. stays", f"ü.{OURS.upper()}. stays"),
        (f"theirs.{ZONE}", "(a name)"),
        ("ns-1.awsdns-12.co.uk and a.amazon.com", "ns-1.awsdns-12.co.uk and a.amazon.com"),
        ("at 1764146871.25", "at 1764146871.25"),
    ],
)
def test_masking(text, masked):
    """What says something of the account or of others is gone; all else, and each of our names, stays."""
    journal = Journal(mask=masking("123456789012", partial(acceptance.is_ours, ZONE)))
    assert journal.once([text], lambda: {"is": [text]}) == {"is": [masked]}
    assert journal.entries[0]["asked"] == [masked]


def test_events(tmp_path):
    """What a run has behind it is kept beside the answers, and an answer is masked once and for all."""
    journal = Journal(tmp_path / "journal", lambda text: text.replace("secret", "masked"))
    assert journal.once(["a secret"], lambda: {"is": "secret"}) == {"is": "masked"}
    journal.record("product", ["secret"])
    again = Journal(tmp_path / "journal", lambda text: text.replace("secret", "masked"))
    assert again.events == {"product": ["masked"]}
    assert again.once(["a secret"], lambda: None) == {"is": "masked"}
    assert not again.replays
    assert "secret" not in (tmp_path / "journal").read_text()


@pytest.mark.parametrize("cut", [1, 2, 20])
def test_last_line(tmp_path, cut):
    """A line that a kill cut off, be it only by its end of line, is as good as not written."""
    path = tmp_path / "journal"
    for number in (1, 2):
        Journal(path).record(f"event {number}")
    os.truncate(path, path.stat().st_size - cut)
    Journal(path).record("event 3")
    assert list(Journal(path).events) == ["event 1", "event 3"]
