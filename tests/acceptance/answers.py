"""
What SES answered in a run, one answer of each shape, for contract tests.

    python -m tests.acceptance.answers acceptance-1a2b3c4d.jsonl > tests/testdata/ses/eu-north-1.json

A shape is the action with the keys, types and enumerated words of its answer; names and times don't count.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from tests.acceptance.journal import Journal

ACTIONS: Final = {
    "create_email_identity",
    "get_email_identity",
    "put_email_identity_dkim_signing_attributes",
}
"""Those whose answers the product reads."""


def answers(journal: Journal) -> list[dict[str, Any]]:
    """
    `action` and `answer` of the first answer of each shape; times in seconds since 1970.

    The answer of a refusal is `refused`: HTTP status, code and text.
    """
    found: dict[str, dict[str, Any]] = {}
    for entry in journal.entries:
        action, answer = entry["asked"][0], entry["answer"]
        if action in ACTIONS and isinstance(answer, dict):
            found.setdefault(f"{action} {_shape(answer)}", {"action": action, "answer": answer})
    return [one for _, one in sorted(found.items())]


def _shape(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{name}: {_shape(one)}" for name, one in sorted(value.items())) + "}"
        case list():
            return f"[{', '.join(sorted({_shape(one) for one in value}))}]"
        case str() if value.isupper():  # a status, a type
            return value
    return type(value).__name__


if __name__ == "__main__":
    print(json.dumps(answers(Journal(Path(sys.argv[1]))), indent=1))
