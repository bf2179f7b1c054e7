"""
`python -m tests.acceptance.hosts PROVIDER ZONE`: does a DNS host do what its stand-in does?

It adds, lists and removes TXT records at two random names below `_domainkey.ZONE`, and nothing
else. It prints each request and answer without secrets and without the zone's other records, and at
the end each switch of the stand-in that is wrong. The secrets come from the environment variables
in docs/how-to/dns.md.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.interface import HostSettings
from byodkim_provider.hosts.registry import SPECS, credentials, open_host
from byodkim_provider.quoting import hidden
from tests.acceptance.lab import say
from tests.hosts.backends import HTTP

LONG: Final = "p=" + "A+/9" * 98
"""As long as the record of a key of 2048 bits."""

PRINTED: Final = {LONG: "<394>", LONG[:255]: "<first 255>", LONG[255:]: "<last 139>"}
"""How LONG and its strings are printed."""

SHORT: Final = "v=DKIM1; p="
"""A revoked key."""


@dataclass
class Exchange:
    """A request and its answer."""

    step: str
    method: str
    content: Mapping[str, Any]
    status: int = 0
    answer: Any = None


@dataclass
class Run:
    """What was said, about names that begin with *label*."""

    label: str
    exchanges: list[Exchange] = field(default_factory=list)

    def is_ours(self, entry: object) -> bool:
        # 18 octets are 24 characters of base64, whatever follows them in cPanel's names.
        labels = (self.label, b64encode(self.label.encode()).decode())
        return any(label in json.dumps(entry) for label in labels)

    def shown(self, answer: Any) -> Any:
        """*answer* without the entries of lists that are not of this run."""
        if isinstance(answer, dict):
            return {name: self.shown(part) for name, part in answer.items()}
        if isinstance(answer, list) and any(isinstance(entry, dict) for entry in answer):
            ours = [entry for entry in answer if self.is_ours(entry)]
            return [*ours, f"{len(answer) - len(ours)} more"]
        return answer

    def listed(self, name: str, *, beside: bool = False) -> list[Any]:
        """The field *name* of our records in lists; *beside*: in lists of a name without any."""
        asked = [each for each in self.exchanges if not beside or "-b." in json.dumps(each.content)]
        entries = [entry for each in asked for entry in _entries(each.answer)]
        return [entry[name] for entry in entries if name in entry and self.is_ours(entry)]

    def status(self, step: str, method: str = "PATCH") -> int | None:
        """The status of the answer to the first request of *step* with *method*."""
        statuses = [e.status for e in self.exchanges if (e.step, e.method) == (step, method)]
        return statuses[0] if statuses else None


def _entries(answer: Any) -> Iterator[dict[str, Any]]:
    """The objects in the lists of an answer, at any depth."""
    if isinstance(answer, dict):
        for part in answer.values():
            yield from _entries(part)
    if isinstance(answer, list):
        yield from (entry for entry in answer if isinstance(entry, dict))


def _long_form(run: Run) -> str:
    """In which form Wix took LONG."""
    taken = [e for e in run.exchanges if (e.step, e.method, e.status) == ("add", "PATCH", 200)]
    is_quoted = any('\\"p=' in json.dumps(each.content) for each in taken)
    return "quoted strings" if is_quoted else "one piece"


def _kept(run: Run) -> str:
    """Whether Wix lists LONG in a form in which it was never sent."""
    first = [each for each in run.exchanges if each.step == "add"]
    sent = json.dumps([each.content for each in first])
    entries = [entry for each in first for entry in _entries(each.answer) if run.is_ours(entry)]
    listed = [value for entry in entries for value in entry["values"]]
    return "as it came" if all(json.dumps(value) in sent for value in listed) else "quoted strings"


SEEN: Final[Mapping[str, Mapping[str, Callable[[Run], Any]]]] = {
    "cloudflare": {
        # SHORT was sent without quotes.
        "kept": lambda run: (
            "quoted strings" if f'"{SHORT}"' in run.listed("content") else "as it came"
        ),
        "filters": lambda run: not run.listed("content", beside=True),
    },
    "godaddy": {
        "doubles": lambda run: "kept" if run.status("add again", "POST") == 201 else "refused",
        "filters": lambda run: not run.listed("data", beside=True),
    },
    "dreamhost": {
        "final_dot": lambda run: any(name.endswith(".") for name in run.listed("record")),
    },
    "cpanel": {
        "relative_names": lambda run: not b64decode(run.listed("dname_b64")[0]).endswith(b"."),
    },
    "wix": {
        "kept": _kept,
        "long_values": _long_form,
        "wrong_form": lambda run: run.status("add"),
        "conflict": lambda run: run.status("add again"),
        "empty_lists": lambda run: "taken" if run.status("empty list") == 200 else "refused",
    },
}
"""How a run shows each switch of a stand-in."""


def second_value(provider: str, host: Any, name: str) -> None:
    """Somebody adds SHORT beside what is there, as the product never does."""
    record = {"type": "TXT", "name": name, "content": SHORT, "ttl": host._ttl}
    line = {"dname": f"{name}.", "ttl": host._ttl, "record_type": "TXT", "data": [SHORT]}
    match provider:
        case "cloudflare":  # without quotes, as people type it
            host._asked("POST", host._path, json=record)
        case "cpanel":
            host._edit(host._lines(name)[0], add=json.dumps(line))
        case "wix":
            [before] = host._sets(name)
            gone = host._set(name, before["values"], before["ttl"])
            host._change(deletions=[gone], additions=[gone | {"values": [*gone["values"], SHORT]}])
        case _:
            host.add(name, SHORT)


def empty_list(provider: str, host: Any, name: str) -> None:
    """A request that the product never makes: does Wix take it?"""
    if provider == "wix":
        changes = {"additions": [host._set(name, [SHORT], host._ttl)], "deletions": []}
        host._call("PATCH", host._path, json={"domainName": host._zone, **changes})


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """0 if every step ended as at the stand-in, whose switches are right."""
    if len(arguments) != 2 or arguments[0] not in SEEN:
        say(f"python -m tests.acceptance.hosts {'|'.join(SEEN)} ZONE")
        return 2
    provider, zone = arguments
    given = credentials(provider, None, None, environment)
    private = [given[key] for key in SPECS[provider].secrets]
    host: Any = open_host(HostSettings(provider=provider, zone=zone), given)
    call, judged = host._call, host._judged
    run = Run("byodkim-" + secrets.token_hex(5))
    name, beside = (f"{run.label}{end}._domainkey.{zone}" for end in ("", "-b"))
    step = ""

    def shown(text: str) -> None:
        for value, word in PRINTED.items():
            text = text.replace(value, word)
        say(hidden(text, private))

    def _call(method: str, path: str, **content: Any) -> Any:
        run.exchanges.append(Exchange(step, method, content))
        shown(f"> {method} {path} {json.dumps(content)}")
        return call(method, path, **content)

    def _judged(status: int, retry_after: float | None, data: bytes) -> Any:
        exchange = run.exchanges[-1]
        exchange.status = status
        with suppress(ValueError):
            exchange.answer = json.loads(data)
        shown(f"< {status} {json.dumps(run.shown(exchange.answer))}")
        return judged(status, retry_after, data)

    host._call, host._judged = _call, _judged
    steps: list[tuple[str, Callable[[], object], list[str]]] = [
        ("add", lambda: host.add(name, LONG), [LONG]),
        ("look beside it", lambda: host.values(beside), [LONG]),
        ("add again", lambda: host.add(name, LONG), [LONG]),
        ("a second value", lambda: second_value(provider, host, name), [LONG, SHORT]),
        ("empty list", lambda: empty_list(provider, host, beside), [LONG, SHORT]),
        ("remove one", lambda: host.remove(name, LONG), [SHORT]),
        ("remove both", lambda: host.remove(name, SHORT), []),
    ]
    faults = []
    try:
        for step, change, expected in steps:
            try:
                change()
            except (DnsRefused, DnsUnconfirmed) as error:  # what is then there decides
                say(f"{step}: {error}")
            is_right = sorted(host.values(name)) == sorted(expected)
            say(f"{step}: {'as expected' if is_right else 'WRONG'}")
            faults += [] if is_right else [step]
    except (DnsRefused, DnsUnconfirmed) as error:
        say(f"stopped: {error}")
        return 1
    finally:
        step = "clean up"
        for where, value in ((name, LONG), (name, SHORT), (beside, SHORT)):
            with suppress(DnsRefused, DnsUnconfirmed):
                host.remove(where, value)
    for switch, real in SEEN[provider].items():
        assumed, seen = getattr(HTTP[provider], switch), real(run)
        if seen != assumed and (switch, seen) != ("wrong_form", 200):
            say(f"switch {switch} of the stand-in is wrong: {assumed!r} there, {seen!r} here")
            faults.append(switch)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
