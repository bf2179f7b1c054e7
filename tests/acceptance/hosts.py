"""
`python -m tests.acceptance.hosts PROVIDER ZONE`: does a DNS host do what its stand-in does?

It adds, lists and removes TXT records at one random name below `_domainkey.ZONE`, and nothing else.
It prints each request and answer without secrets and without the zone's other records, and says of
each step whether it ended as at the stand-in. The secrets come from the environment variables in
docs/how-to/dns.md.
"""

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


def shown(answer: Any, label: str) -> Any:
    """*answer* without the entries of lists that are not about names with *label*."""
    if isinstance(answer, dict):
        return {name: shown(part, label) for name, part in answer.items()}
    if isinstance(answer, list) and any(isinstance(entry, dict) for entry in answer):
        # 18 octets are 24 characters of base64, whatever follows them in cPanel's names.
        labels = (label, b64encode(label.encode()).decode())
        ours = [entry for entry in answer if any(one in json.dumps(entry) for one in labels)]
        return [*ours, f"{len(answer) - len(ours)} more"]
    return answer


def print_traffic(host: Any, label: str, private: Sequence[str]) -> None:
    """Have *host* print each request and answer, without the *private* values."""
    call, judged = host._call, host._judged

    def printed(text: str) -> None:
        say(hidden(text, private))

    def _call(method: str, path: str, **content: Any) -> Any:
        printed(f"> {method} {path} {json.dumps(content)}")
        return call(method, path, **content)

    def _judged(status: int, retry_after: float | None, data: bytes) -> Any:
        answer = None
        with suppress(ValueError):
            answer = json.loads(data)
        printed(f"< {status} {json.dumps(shown(answer, label))}")
        return judged(status, retry_after, data)

    host._call, host._judged = _call, _judged


def second_value(provider: str, host: Any, name: str) -> None:
    """Somebody adds SHORT beside what is there, as the product never does."""
    record = {"type": "TXT", "name": name, "content": SHORT, "ttl": host._ttl}
    line = {"dname": f"{name}.", "ttl": host._ttl, "record_type": "TXT", "data": [SHORT]}
    match provider:
        case "cloudflare":  # without quotes, as people type it
            host._call("POST", host._path, json=record)
        case "cpanel":
            host._edit(host._lines(name)[0], add=json.dumps(line))
        case "wix":
            [before] = host._sets(name)
            gone = host._set(name, before["values"], before["ttl"])
            host._change(deletions=[gone], additions=[gone | {"values": [*gone["values"], SHORT]}])
        case _:
            host.add(name, SHORT)


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """0 if every step ended as at the stand-in."""
    if len(arguments) != 2 or arguments[0] not in HTTP:
        say(f"python -m tests.acceptance.hosts {'|'.join(HTTP)} ZONE")
        return 2
    provider, zone = arguments
    given = credentials(provider, None, None, environment)
    host: Any = open_host(HostSettings(provider=provider, zone=zone), given)
    label = "byodkim-" + secrets.token_hex(5)
    name = f"{label}._domainkey.{zone}"
    print_traffic(host, label, [given[key] for key in SPECS[provider].secrets])
    steps: list[tuple[str, Callable[[], object], list[str]]] = [
        ("add", lambda: host.add(name, LONG), [LONG]),
        ("add again", lambda: host.add(name, LONG), [LONG]),
        ("a second value", lambda: second_value(provider, host, name), [LONG, SHORT]),
        ("remove one", lambda: host.remove(name, LONG), [SHORT]),
        ("remove both", lambda: host.remove(name, SHORT), []),
    ]
    faults = 0
    try:
        for step, change, expected in steps:
            try:
                change()
            except (DnsRefused, DnsUnconfirmed) as error:  # what is then there decides
                say(f"{step}: {error}")
            is_right = sorted(host.values(name)) == sorted(expected)
            say(f"{step}: {'as expected' if is_right else 'WRONG'}")
            faults += not is_right
    except (DnsRefused, DnsUnconfirmed) as error:
        say(f"stopped: {error}")
        return 1
    finally:
        for value in (LONG, SHORT):
            with suppress(DnsRefused, DnsUnconfirmed):
                host.remove(name, value)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
