"""
Name and content of a secret that holds a signing key.

Strings in, values out: no AWS, no clock. The secret holds everything that the resource needs:
if the response to its creation is lost, the next run can use the key in it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from byodkim_provider.dkim import keys
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.errors import InvalidKey
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.quoting import shown
from byodkim_provider.times import moment, timestamp

PREFIX: Final = "byodkim/"
"""Prefix of the name of every secret."""

STACK_ID_LENGTH: Final = 16
"""Of the id with which an owner begins, in characters."""

_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:secretsmanager:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):secret:[!-~]+",
    re.ASCII,
)


def parsed_arn(arn: str) -> tuple[str, str]:
    """Region and account of a secret, from its ARN; raises ValueError with what was expected."""
    found = _ARN.fullmatch(arn)
    if not found:
        raise ValueError(AwsMessages.ARN(seen=shown(arn)))
    return found["region"], found["account"]


@dataclass(frozen=True)
class KeySecret:
    """The content of a secret: a key, its domain and its selector."""

    domain: str
    selector: str
    created_at: str
    """ISO 8601, UTC."""
    key: SigningKey

    @property
    def is_of_a_slot(self) -> bool:
        """Whether the selector is one of a slot, and does not follow from the key."""
        return not self.selector.endswith(f"-{self.key.fingerprint[:8]}")

    def to_text(self) -> str:
        """JSON, readable in the console; the key in the form that SES takes."""
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
        """Parses what `to_text` returned; None for anything else."""
        try:
            content = json.loads(text)
            created_at = timestamp(moment(content["createdAt"]))
            key = keys.load(content["privateKey"])
            return cls(str(content["domain"]), str(content["selector"]), created_at, key)
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, InvalidKey):
            return None
