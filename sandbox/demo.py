"""
The main job in front of one's eyes: `python -m sandbox.demo`.

What it prints is what the engine, SES and DNS said. It fails if anything is not as it should be.
"""

import re
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final

import yaml
from rich.console import Console

from sandbox.mail.client import send
from sandbox.mail.sink import Message
from sandbox.pulumi.plugins import ROOT
from sandbox.pulumi.project import Project, Result
from sandbox.ses.switches import Switches
from sandbox.world import REGION, Sandbox

ZONES: Final = ("example.com", "example.net", "example.org")
OPENSSL_KEYS: Final = ("ses-byodkim:privateKeys.openssl1", "ses-byodkim:privateKeys.openssl2")
SHORTENED: Final = re.compile(
    r"pulumi-python:dynamic/byodkim:|byodkim:index:|/route53:Z\w+|aws:route53:"
)
"""What is left out of the engine's lines, so that they fit."""

SHOWN: Final = re.compile(
    r"^( [+~-]  (?!pulumi:)\S+ \S+ (?:created?|updated?))\b"  # the end of each step
    r"|^    ((?:[+~-] )?\d+ .*)"  # the sum of a run
    r"|^    (\S+ \S+: generation .*)"  # the switch of a key
)

ROTATED: Final = "news.example.net"
MAIL_SECONDS: Final = 0.2
LATER: Final = timedelta(days=4)
"""How long a queue keeps a message before it gives up (RFC 5321 section 4.5.4.1)."""

QUICK: Final = Switches(first_check_seconds=1)
"""Short, so that nobody has to wait; the real SES takes 20 seconds to 11 minutes."""

console = Console(highlight=False, width=80)


def main() -> int:
    config = yaml.safe_load((ROOT / "stacks" / "Pulumi.demo.yaml").read_text())["config"]
    with Sandbox(switches=QUICK) as sandbox:
        after = f"{QUICK.first_check_seconds:g} s"
        console.print(f"SES checks DNS after {after} here; the real one takes minutes.")
        for zone in ZONES:
            sandbox.add_zone(zone)
        config["ses-byodkim:defaults"] = {"dnsResolvers": [sandbox.dns_resolver]}
        with Project(sandbox, config=config, stack="demo") as project:
            for path in OPENSSL_KEYS:
                key = subprocess.check_output(
                    ["openssl", "genrsa", "2048"], stderr=subprocess.DEVNULL
                )
                project.set_config(path, key.decode(), secret=True)
            _run("pulumi preview", project.preview)
            made = _run("pulumi up", project.up)
            domains = made.outputs["domains"]
            regions = [
                region for domain in domains.values() for region in domain["regions"].values()
            ]
            sandbox.ses.reset_log()
            sandbox.dns.reset()
            again = _run("pulumi up, once more", project.up)
            unchanged = (
                set(again.changes) == {"same"} and not sandbox.ses.log and not sandbox.dns.queries
            )
            arrived = _rotate(sandbox, project)
    console.rule()
    facts = {
        "every identity verified": all(region["status"] == "SUCCESS" for region in regions),
        "second `pulumi up` changed nothing, and asked SES and DNS nothing": unchanged,
        f"no mail of {ROTATED} failed": arrived,
    }
    for fact, true in facts.items():
        console.print(f"{fact}: {'[green]yes[/green]' if true else '[red]NO[/red]'}")
    return 0 if all(facts.values()) else 1


def _rotate(sandbox: Sandbox, project: Project) -> bool:
    """
    Rotate one domain while mail is sent; returns whether all mail verified, at once and days later.
    """
    sent: dict[str, list[Message]] = {
        "before": [send(sandbox, ROTATED, REGION)],
        "during": [],
        "after": [],
    }
    project.set_config(f'ses-byodkim:domains["{ROTATED}"].generation', "2")
    over = threading.Event()

    def keep_sending() -> None:
        while not over.wait(MAIL_SECONDS):
            sent["during"].append(send(sandbox, ROTATED, REGION))

    _run(f"pulumi preview: the key of {ROTATED} is rotated", project.preview)
    with ThreadPoolExecutor() as pool:
        sending = pool.submit(keep_sending)
        try:
            _run("pulumi up, while mail is sent", project.up)
        finally:
            over.set()
        sending.result()
    sent["after"].append(send(sandbox, ROTATED, REGION))
    console.rule(f"what a mail server says of the mail of {ROTATED}")
    console.print(
        "Some mail is unsigned: AWS does not say what SES signs with until it has verified a new "
        "key, and the emulator takes the worse case, that it does not sign. Unsigned mail does "
        "not fail.\n"
    )
    sandbox.clock.advance(LATER)
    later = {message.id: message.verdict.result for message in sandbox.mail.verify_again(2 * LATER)}
    failed = 0
    console.print(f"{'sent':<8}{'verified':>10}{'unsigned':>10}{'failed':>8}", end="")
    console.print(f"{f'failed {LATER.days} days later':>22}")
    for when, messages in sent.items():
        at_once = Counter(message.verdict.result for message in messages)
        then = sum(later[message.id] == "fail" for message in messages)
        counts = f"{at_once['pass']:>10}{at_once['unsigned']:>10}{at_once['fail']:>8}{then:>22}"
        console.print(f"{when:<8}{counts}")
        failed += at_once["fail"] + then
    return failed == 0 and sent["after"][0].verdict.result == "pass"


def _run(title: str, run: Any) -> Result:
    console.rule(title)
    result: Result = run(on_output=_print, suppress_outputs=True)
    if result.failed:
        print(result.stderr, file=sys.stderr)
        raise SystemExit(f"demo: {title} failed")
    return result


def _print(line: str) -> None:
    """Print what a line of the engine says, if it is shown: types without their packages."""
    if found := SHOWN.match(SHORTENED.sub("", line.rstrip())):
        [text] = filter(None, found.groups())
        console.print(text)


if __name__ == "__main__":
    sys.exit(main())
