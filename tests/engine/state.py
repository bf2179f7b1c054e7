"""
What a stack's state says of its resources, and how it is some days later.

No assertion here. Secrets stay encrypted on the way.
"""

import json
import re
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from byodkim_provider.identity.state import Stored
from byodkim_provider.times import moment, timestamp
from tests.engine.stack import DOMAIN, IDENTITY, Stack

MOMENT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
"""As our resources store it; the engine's own times have fractions of seconds."""


def urn(kind: str, name: str) -> str:
    """Of a resource of a domain, as `pulumi stack --show-urns` shows it."""
    return f"urn:pulumi:dev::ses-byodkim::{DOMAIN}${kind}::{name}"


def stored(stack: Stack, domain: str, region: str) -> Stored:
    """What is stored of an identity."""
    resources = json.loads(stack.export_text())["deployment"]["resources"]
    arn = f"arn:aws:ses:{region}:{stack.sandbox.account}:identity/{domain}"
    (outputs,) = [
        each["outputs"] for each in resources if (each["type"], each.get("id")) == (IDENTITY, arn)
    ]
    return Stored.from_outputs(outputs)


def days_pass(stack: Stack, days: int, *plans: Path) -> None:
    """
    All that the stack and saved *plans* remember was so many days earlier.

    The plugin goes by the computer's clock, which no test moves. What SES said goes by the
    sandbox's, which is ahead of it if another test has moved it: so far, all is moved as well.
    """
    ahead = max(stack.sandbox.clock.now() - datetime.now(UTC), timedelta())

    def moved(text: str) -> str:
        return MOMENT.sub(
            lambda found: timestamp(moment(found[0]) - timedelta(days=days) - ahead), text
        )

    for file in (stack.state_file, *plans):
        file.write_text(moved(file.read_text()))


def import_state(stack: Stack, exported: str) -> None:
    """`pulumi stack import` of what `pulumi stack export` printed."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "state.json"
        file.write_text(exported)
        arguments = ["stack", "import", "--file", str(file), "--stack", stack._stack.name]
        stack._pulumi.run(arguments, str(stack._work), stack._environment)
