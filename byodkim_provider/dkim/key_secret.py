"""
What a secret that holds a signing key is called, and what is in it.

Text in, values out: no AWS, no clock. The secret holds all that makes the resource up, so that
a key whose creation was never heard of is found again whole.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from byodkim_provider.dkim import keys
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.errors import InvalidKey

__all__ = [
    "MAX_RECOVERY_DAYS",
    "MIN_RECOVERY_DAYS",
    "PREFIX",
    "KeySecret",
    "SecretArn",
    "name_problem",
    "names",
]

PREFIX: Final = "byodkim/"
"""With what the name of each secret begins."""

MIN_RECOVERY_DAYS: Final = 7
MAX_RECOVERY_DAYS: Final = 30
"""How long a deleted secret can be restored, in days (Secrets Manager API, DeleteSecret)."""

MAX_OWNER: Final = 256
"""Characters of a tag's value (Secrets Manager API, Tag); a secret's name may have twice as many."""

MAX_SHOWN: Final = 64
"""Longest text that is quoted for what is no ARN, in characters: it may be a key."""

_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:secretsmanager:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):secret:[!-~]+", re.ASCII
)


@dataclass(frozen=True, slots=True)
class SecretArn:
    """Where a secret is, as its ARN says."""

    region: str
    account_id: str

    @classmethod
    def parse(cls, arn: str) -> SecretArn:
        """Raises ValueError with what was expected."""
        found = _ARN.fullmatch(arn)
        if not found:
            seen = repr(arn) if len(arn) < MAX_SHOWN else f"a string of {len(arn)} characters"
            raise ValueError(f"{seen} is not the ARN of a secret in Secrets Manager")
        return cls(found["region"], found["account"])


@dataclass(frozen=True, slots=True)
class KeySecret:
    """The content of a secret: a key and whose it is."""

    domain: str
    selector: str
    created_at: str
    """ISO 8601, UTC."""
    key: SigningKey

    def to_text(self) -> str:
        """JSON, as people find it in the console; the key as SES takes it."""
        return json.dumps(
            {
                "domain": self.domain,
                "selector": self.selector,
                "createdAt": self.created_at,
                "privateKey": self.key.pkcs1_base64(),
            }
        )

    @classmethod
    def from_text(cls, text: str) -> KeySecret | None:
        """The value that `to_text` wrote; None for anything else."""
        try:
            content = json.loads(text)
            written = (content["domain"], content["selector"], content["createdAt"], content["privateKey"])
            domain, selector, created_at, private_key = (str(one) for one in written)
            return cls(domain, selector, created_at, keys.load(private_key))
        except (ValueError, TypeError, KeyError, RecursionError, InvalidKey):
            return None


def names(owner: str) -> Iterator[str]:
    """
    Names to try, in this order, for the secret of the resource *owner* (project/stack/resource).

    The first one is taken for up to 30 days after a deletion, so there are more.

    >>> list(itertools.islice(names("ses-byodkim/prod/example.com/3"), 2))
    ['byodkim/ses-byodkim/prod/example.com/3', 'byodkim/ses-byodkim/prod/example.com/3-2']
    """
    name = f"{PREFIX}{owner}"
    yield name
    for number in itertools.count(2):
        yield f"{name}-{number}"


def name_problem(owner: str) -> str | None:
    """Why the resource *owner* can't have a secret named after it; None if it can."""
    if len(owner) > MAX_OWNER:
        return f"must have at most {MAX_OWNER} characters, not {len(owner)}"
    strange = re.search("[^A-Za-z0-9/_+=.@-]", owner)
    if strange:
        return f"the secret '{PREFIX}{owner}' can't have {strange[0]!r} in its name"
    return None
