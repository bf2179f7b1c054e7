"""
What the real `pulumi config` makes of a stack file when `byodkim rotate` writes with it.

If it fails, a rotation loses what a person or Pulumi wrote: a comment, a secret, another domain.
"""

from itertools import chain

import pytest
import yaml

from byodkim_provider.cli import stack as cli
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.rotate import Change, entries_of, write

pytestmark = pytest.mark.engine

BEFORE = """\
config:
    # where
    aws:region: eu-west-1   # Ireland
    ses-byodkim:domains:
        # ours
        Example.COM: { generation: 2 } # all
        "quoted.example": # q
            # since June
            generation: 2   # signs
            published: [1, 2, 3]
            overlapDays: 0
            tags: {a: "1"}

        # about the next one
        'lines.example':
          published:
          - 1
          - 2
          generation: 2
        anchor.example: &one
          generation: 2
        alias.example: *one
        merged.example:
          <<: *one
          tags: {}
    ses-byodkim:privateKeys:
        own: {secure: SECRET}
        other:
            secure: SECRET
"""

AFTER = """\
config:
  # where
  aws:region: eu-west-1 # Ireland
  ses-byodkim:domains:
    # ours
    Example.COM: {generation: 3} # all
    "quoted.example": # q
      # since June
      generation: 3 # signs
      tags: {a: "1"}
    # about the next one
    'lines.example':
      generation: 1
      published:
        - 1
        - 2
        - 3
    anchor.example: &one
      generation: 2
    alias.example:
      generation: 3
    merged.example:
      tags: {}
      generation: 3
  ses-byodkim:privateKeys:
    own: {secure: 'SECRET'}
    other:
      secure: SECRET
"""


def step(domain, *changes):
    return [(domain, *change) for change in changes]


FORWARD = ("generation", 2, 3)


@pytest.fixture
def written(open_stack, shell):
    """What stands in a stack file with *text* after *steps*; nobody knows the passphrase."""
    made = open_stack(has_passphrase=True)
    salt = made._settings.read_text().partition("config:")[0]
    secret = made.encrypted("of our own")["secure"]
    shell(made)

    def written(text, *steps):
        made._settings.write_text(salt + text.replace("SECRET", secret))
        environment = Environment(directory=made._work)
        stack = cli.open_stack("dev", environment)
        entries = entries_of(stack)
        changes = [
            Change(f"{entries[domain].path}.{setting}", before, after)
            for domain, setting, before, after in chain.from_iterable(steps)
        ]
        write(changes, stack, environment)
        after = made._settings.read_text()
        assert after.startswith(salt)
        return after.removeprefix(salt).replace(secret, "SECRET")

    return written


def test_writes(written):
    """
    Comments, order, quotes, flow maps and secrets stay. Pulumi lays out the lines, and writes an
    alias out, so that the domain that it repeats stays as it is.
    """
    steps = [
        step("example.com", FORWARD),
        step(
            "quoted.example",
            FORWARD,
            ("published", [1, 2, 3], None),
            ("overlapDays", 0, None),
        ),
        step("lines.example", ("generation", 2, 1), ("published", [1, 2], [1, 2, 3])),
        step("alias.example", FORWARD),
        step("merged.example", FORWARD),
    ]
    assert written(BEFORE, *steps) == AFTER


@pytest.mark.parametrize("key", ["domains", "ses-byodkim:config:domains"])
def test_other_names_of_the_key(written, key):
    """However the key of the map is spelled, that map is edited and no second one comes."""
    text = (
        f"config:\n  {key}:\n    a.example: {{generation: 2}}\n    b.example: {{generation: 1}}\n"
    )
    after = written(
        text, step("a.example", FORWARD, ("published", None, [2, 3]), ("overlapDays", None, 0))
    )
    assert yaml.safe_load(after)["config"] == {
        "ses-byodkim:domains": {
            "a.example": {"generation": 3, "published": [2, 3], "overlapDays": 0},
            "b.example": {"generation": 1},
        }
    }
