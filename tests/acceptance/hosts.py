"""
`python -m tests.acceptance.hosts PROVIDER ZONE`: does a DNS host do what its stand-in does?

It adds, lists and removes TXT records at one random name below `_domainkey.ZONE`, and nothing else.
It prints each request and answer without secrets and without the zone's other records. The secrets
come from the environment variables in docs/how-to/dns.md.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.interface import HostSettings
from byodkim_provider.hosts.registry import SPECS, credentials, open_host
from byodkim_provider.quoting import hidden
from tests.acceptance.lab import say
from tests.hosts.backends import HTTP

LONG: Final = "p=" + "A+/9" * 98
"""As long as the record of a key of 2048 bits."""

SHORT: Final = "v=DKIM1; p="
"""A revoked key."""


def shown(answer: Any, labels: Sequence[str]) -> Any:
    """*answer* without the entries of lists that have none of *labels*."""
    if isinstance(answer, dict):
        return {name: shown(part, labels) for name, part in answer.items()}
    if isinstance(answer, list) and any(isinstance(entry, dict) for entry in answer):
        ours = [entry for entry in answer if any(label in json.dumps(entry) for label in labels)]
        return [*ours, f"{len(answer) - len(ours)} more"]
    return answer


def tell(host: Any, label: str, private: Sequence[str]) -> None:
    """Print what *host* asks and is answered from now on."""
    call, judged = host._call, host._judged
    # 18 octets are 24 characters of base64, whatever follows them in cPanel's names.
    labels = (label, b64encode(label.encode()).decode())

    def _call(method: str, path: str, **content: Any) -> Any:
        say(hidden(f"> {method} {path} {json.dumps(content)}", private))
        return call(method, path, **content)

    def _judged(status: int, retry_after: float | None, data: bytes) -> Any:
        answer = None
        with suppress(ValueError):
            answer = json.loads(data)
        say(hidden(f"< {status} {json.dumps(shown(answer, labels))}", private))
        return judged(status, retry_after, data)

    host._call, host._judged = _call, _judged


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """0 if every step ended as at the stand-in."""
    if len(arguments) != 2 or arguments[0] not in HTTP:
        say(f"python -m tests.acceptance.hosts {'|'.join(HTTP)} ZONE")
        return 2
    provider, zone = arguments
    given = credentials(provider, None, None, environment)
    host: Any = open_host(HostSettings(provider=provider, zone=zone), given)
    label = "byodkim-" + secrets.token_hex(5)
    tell(host, label, [given[key] for key in SPECS[provider].secrets])
    name = f"{label}._domainkey.{zone}"
    steps: list[tuple[str, Callable[[], object], list[str]]] = [
        ("add", lambda: host.add(name, LONG), [LONG]),
        ("add again", lambda: host.add(name, LONG), [LONG]),
        ("remove", lambda: host.remove(name, LONG), []),
        ("add another", lambda: host.add(name, SHORT), [SHORT]),
        ("remove that", lambda: host.remove(name, SHORT), []),
    ]
    wrong = 0
    try:
        for step, change, expected in steps:
            try:
                change()
            except (DnsRefused, DnsUnconfirmed) as error:  # what is then there decides
                say(f"{step}: {error}")
            is_right = list(host.values(name)) == expected
            say(f"{step}: {'as expected' if is_right else 'WRONG'}")
            wrong += not is_right
    except (DnsRefused, DnsUnconfirmed) as error:
        say(f"stopped: {error}")
        return 1
    finally:
        for value in (LONG, SHORT):
            with suppress(DnsRefused, DnsUnconfirmed):
                host.remove(name, value)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
