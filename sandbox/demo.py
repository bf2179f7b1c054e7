"""
The main job in front of one's eyes: `python -m sandbox.demo`.

Exits with an error as soon as anything is not as it should be; what it prints of the run is
what the engine, SES and DNS said, not what was expected of them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import dns.message
import dns.query
import yaml
from rich.console import Console
from rich.table import Table

from byodkim_provider import records
from sandbox.project import Project, Result
from sandbox.world import Sandbox

ROOT: Final = Path(__file__).resolve().parent.parent
ZONES: Final = ("example.com", "example.net", "example.org")
OPENSSL_KEY: Final = 'ses-byodkim:domains["example.org"].keys.1.privateKey'

console = Console(highlight=False)


def main() -> int:
    """Run the demo; 0 if every identity is verified and a second run changes nothing."""
    config = yaml.safe_load((ROOT / "stacks" / "Pulumi.demo.yaml").read_text())["config"]
    with Sandbox() as sandbox:
        for zone in ZONES:
            sandbox.add_zone(zone)
        config["ses-byodkim:defaults"] = {"dnsResolvers": [sandbox.dns_resolver]}
        with Project(sandbox, config=config, stack="demo") as project:
            project.set_secret(OPENSSL_KEY, _openssl("genrsa", "2048"))
            _run("pulumi preview", project.preview)
            up = _run("pulumi up", project.up)
            domains = up.outputs["domains"]
            console.rule("what there is now")
            console.print(_table(domains))
            verified = _all_verified(domains)
            console.rule("the records, as a resolver sees them")
            seen = min([_show_record(sandbox, record) for record in _records(domains)])  # all are shown
            sandbox.ses.reset_log()
            sandbox.dns.reset()
            again = _run("pulumi up, once more", project.up)
    unchanged = set(again.changes) == {"same"} and not sandbox.ses.log and not sandbox.dns.queries
    console.rule()
    console.print(f"every identity verified: {_yes(verified)}")
    console.print(f"every record in DNS holds its key: {_yes(seen)}")
    console.print(
        f"second `pulumi up` changed nothing: {_yes(unchanged)} "
        f"({len(sandbox.ses.log)} calls of SES, {len(sandbox.dns.queries)} DNS queries)"
    )
    return 0 if verified and seen and unchanged else 1


def _run(title: str, run: Any) -> Result:
    console.rule(title)
    result: Result = run(on_output=lambda line: print(line, flush=True))
    if result.failed:
        print(result.stderr, file=sys.stderr)
        raise SystemExit(f"demo: {title} failed")
    return result


def _openssl(*arguments: str) -> str:
    made = subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True)
    return made.stdout


def _records(domains: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [record for domain in domains.values() for record in domain["records"]]


def _all_verified(domains: Mapping[str, Any]) -> bool:
    regions = [region for domain in domains.values() for region in domain["regions"].values()]
    return all(region["status"] == "SUCCESS" for region in regions)


def _table(domains: Mapping[str, Any]) -> Table:
    table = Table("domain", "Region", "generation", "selector", "status", "record")
    for name, domain in sorted(domains.items()):
        record = next(one for one in domain["records"] if one["role"] == "signing")
        for region, identity in sorted(domain["regions"].items()):
            table.add_row(
                name,
                region,
                str(int(domain["generation"])),
                domain["selector"],
                identity["status"],
                f"{record['name']}\n{record['value'][:24]}…",
            )
    return table


def _show_record(sandbox: Sandbox, record: Mapping[str, Any]) -> bool:
    """Ask the resolver for *record*, show its answer; whether it holds the key."""
    host, port = sandbox.dns_resolver.rsplit(":", 1)
    query = dns.message.make_query(record["name"], "TXT", use_edns=True)
    answer, _ = dns.query.udp_with_fallback(query, host, port=int(port), timeout=5)
    values = [b"".join(data.strings).decode() for answers in answer.answer for data in answers]
    for line in answer.answer:
        console.print(f"{line.to_text()[:108]}… [dim]({record['role']})[/dim]")
    expected = records.public_key(record["value"])
    return expected is not None and [records.public_key(value) for value in values] == [expected]


def _yes(fact: bool) -> str:
    return "[green]yes[/green]" if fact else "[red]NO[/red]"


if __name__ == "__main__":
    sys.exit(main())
