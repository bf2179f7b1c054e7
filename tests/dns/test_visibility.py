"""Whether a record is visible enough, and what is said about it."""

from __future__ import annotations

import base64
from dataclasses import replace

from byodkim_provider.dkim.misconfigurations import misconfiguration
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.dns.visibility import BY_RESOLVERS, judge
from tests.support.cases import cases
from tests.support.testdata import key

KEY, OTHER_KEY = (key(name).public_key_der for name in ("rsa1024.pkcs8", "another"))
RIGHT, OTHER = (f"p={base64.b64encode(key).decode()}" for key in (KEY, OTHER_KEY))


def answers(*said: tuple[str, ...] | str | Answer) -> tuple[Answer, ...]:
    """Answers of ns1, ns2 …: values, or why there are none."""
    return tuple(
        what
        if isinstance(what, Answer)
        else Answer(f"ns{number}", *((None, what) if isinstance(what, str) else (what,)))
        for number, what in enumerate(said, start=1)
    )


def slip(*values: str) -> str:
    """What is said of ns1 if it gives *values*; what is wrong with them is decided elsewhere."""
    return f", ns1: {misconfiguration(tuple(values), KEY)}"


ALIAS = Answer("ns2", (), alias="k2.example.org")


@cases(
    ("said", "visible", "count", "more"),
    {
        "most fail": (
            *([(RIGHT,), "silent", "REFUSED", "silent"], True, "1 of 4"),
            ", ns2 and ns4: silent, ns3: REFUSED",
        ),
        "all silent": (["silent"] * 3, False, "0 of 3", ", ns1, ns2 and ns3: silent"),
        "alias to itself": (
            *([(RIGHT,), replace(ALIAS, failure="CNAMEs to nowhere")], False, "1 of 2"),
            ", ns2: CNAMEs to nowhere (CNAME to k2.example.org)",
        ),
    },
)
def test_judge(said, visible, count, more):
    """
    Visible is: every server that answers has this key and nothing beside it, and at least one
    answers.
    """
    judgement = judge(answers(*said), KEY)
    assert (judgement.visible, judgement.summary()) == (
        visible,
        f"{count} servers show the key{more}",
    )
    assert judgement.answers == answers(*said)


def test_said():
    """A diagnosis names every server, the right ones too."""
    assert "ns1 and ns3: the key, ns2 and ns5: no TXT record, ns4: silent" == (
        judge(answers((RIGHT,), (), (RIGHT,), "silent", ()), KEY).said
    )


def test_second_hand():
    """What only resolvers say counts, with a word; nothing follows from it of the name servers."""
    seen = judge([Answer("192.0.2.53", (RIGHT,), by_resolver=True)], KEY)
    assert (seen.visible, seen.notes, seen.name_servers) == (True, (BY_RESOLVERS,), ())
