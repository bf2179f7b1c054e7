"""Which programs are measured at which sizes, and the runs of each, from preview to destroy."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from byodkim_provider.dkim import keys, records
from byodkim_provider.dkim.records import cnames
from sandbox.pulumi.aws_account import RECORDS_WAIT
from sandbox.pulumi.plugins import ROOT
from tests.bench.servers import open_servers
from tests.bench.stack import BenchStack, RunFailed
from tests.bench.state import bytes_by_part, resources_by_part

PROGRAMS: Final = ROOT / "tests" / "bench" / "programs"

ACCOUNT_ZONES: Final = 500
"""Zones in the account where each domain has one of its own."""

LIMITED_SIZES: Final = (10, 100)
"""Sizes at which SES's limit is on as well: it sets the time, so that few sizes say all."""

WAITING_SIZE: Final = 100
"""
Size at which records also take as long as with the real pulumi-aws, with and without `--parallel`.
"""

PARALLEL: Final = 64
"""Steps at a time, instead of four for each core."""

PLAIN: Final = "--show-secrets"

CNAME_ZONE: Final = "keys.example.net"

KEYS: Final = 10
"""Keys that the plain program's domains share: making them is not its business."""


@dataclass(frozen=True)
class Case:
    """A sandbox in which programs run one after the other, on the same domains."""

    domains: int
    zone_each: bool = False
    """Each domain in a zone of its own, in an account of `ACCOUNT_ZONES`; else all in one zone."""
    ses_limit: bool = False
    """SES allows one call a second; else any number."""
    record_waits: bool = False
    """Each record takes as long and as many requests as with the real pulumi-aws."""
    cname: bool = False
    """The records stand in a zone of ours, and three CNAMEs of each domain lead to them."""
    parallel: int | None = None
    """Steps at a time; None for the engine's own number."""
    programs: tuple[str, ...] = ("ours", "own", "remote", "plain", "price")

    @property
    def zones(self) -> list[str]:
        if not self.zone_each:
            return ["bench.example"]
        return [f"d{number}.example" for number in range(max(ACCOUNT_ZONES, self.domains))]

    @property
    def names(self) -> list[str]:
        if self.zone_each:
            return self.zones[: self.domains]
        return [f"d{number}.{self.zones[0]}" for number in range(self.domains)]

    @property
    def conditions(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if name != "programs"}

    @property
    def defaults(self) -> dict[str, object]:
        """Under `ses-byodkim:defaults`."""
        dns = {"provider": "route53", "zone": CNAME_ZONE, "cname": "ses"}
        return {"dns": dns} if self.cname else {}

    def zone_of(self, name: str) -> str:
        return name if self.zone_each else self.zones[0]


def described(conditions: Mapping[str, Any]) -> str:
    """Those of a case, in the words of the page."""
    return ", ".join(
        [
            f"{conditions['domains']}",
            "a zone each" if conditions["zone_each"] else "one zone",
            *(["`cname`"] if conditions["cname"] else []),
            *(["limit on"] if conditions["ses_limit"] else []),
            *(["records wait"] if conditions["record_waits"] else []),
            *([f"`--parallel {conditions['parallel']}`"] if conditions["parallel"] else []),
        ]
    )


def cases(sizes: Sequence[int]) -> Iterator[Case]:
    """Smallest first, so that a program that fails does so early."""
    for size in sorted(sizes):
        yield Case(size)
        if size in LIMITED_SIZES:
            yield Case(size, ses_limit=True, programs=("ours", "plain"))
        yield Case(size, zone_each=True, programs=("ours", "plain"))
        if size == WAITING_SIZE:
            yield Case(size, ses_limit=True, record_waits=True, programs=("ours", "plain"))
            # The plain program fails with so many steps at a time: SES refuses some calls until it
            # gives up.
            yield Case(
                size, ses_limit=True, record_waits=True, parallel=PARALLEL, programs=("ours",)
            )
        if size >= WAITING_SIZE:
            yield Case(size, ses_limit=True, record_waits=True, cname=True, programs=("ours",))


def measured(case: Case) -> Iterator[dict[str, Any]]:
    """The measurements of each of the case's programs."""
    with (
        open_servers(requests_per_second=1 if case.ses_limit else None) as servers,
        tempfile.TemporaryDirectory(prefix="byodkim-bench-") as directory,
    ):
        if case.cname:
            servers.add_zones([CNAME_ZONE])
            wanted = [one for name in case.names for one in cnames("ses", name, CNAME_ZONE)]
            servers.add_cnames(case.zones[0], wanted)
        else:
            servers.add_zones(case.zones)
        for program in case.programs:
            measure = _ours if program == "ours" else _theirs
            yield {
                "program": program,
                **case.conditions,
                **measure(case, servers, Path(directory), program),
            }


def _ours(case: Case, servers: Any, directory: Path, program: str) -> dict[str, Any]:
    stack = _stack(case, servers, directory / program, ROOT / "__main__.py")

    def generation(number: int) -> None:
        stack.configure(
            {
                "aws:region": "eu-west-1",
                "ses-byodkim:defaults": {"dnsResolvers": [servers.resolver()], **case.defaults},
                "ses-byodkim:domains": {name: {"generation": number} for name in case.names},
            }
        )
        if number == 2:  # what the state was after the first
            _write(_recorded(directory, 1), stack.export(PLAIN))

    found, rotated = _runs(stack, generation)
    _write(_recorded(directory, 2), rotated)
    return found


def _theirs(case: Case, servers: Any, directory: Path, program: str) -> dict[str, Any]:
    """Of a program of `PROGRAMS`, which reads from a file what it is to declare."""
    stack = _stack(case, servers, directory / program, PROGRAMS / f"{program}.py")
    stack.configure({"aws:region": "eu-west-1"})
    pool = [keys.generate(2048) for _ in range(KEYS)] if program == "plain" else []

    def plain(index: int, name: str, number: int) -> dict[str, Any]:
        key = pool[(index + number) % KEYS]
        record = records.route53_value(records.record_value(key.public_key_der))
        made = {"selector": f"s{number}", "private_key": key.pkcs1_base64(), "record": record}
        return {"zone": case.zone_of(name), "key": made}

    def generation(number: int) -> None:
        file, names = directory / f"{program}-{number}.json", case.names
        if program == "price":
            stack.variables["BENCH_RECORDED"] = str(_recorded(directory, number))
        elif program == "plain":
            wanted = {name: plain(index, name, number) for index, name in enumerate(names)}
            stack.variables["BENCH_PLAIN"] = str(_write(file, wanted))
        else:
            inputs = {"generation": number, "dnsResolvers": [servers.resolver()], "wait": True}
            stack.variables["BENCH_DOMAINS"] = str(_write(file, dict.fromkeys(names, inputs)))

    return _runs(stack, generation)[0]


def _recorded(directory: Path, number: int) -> Path:
    """Where the resources of our program stand, of each generation."""
    return directory / f"recorded-{number}.json"


def _stack(case: Case, servers: Any, directory: Path, program: Path) -> BenchStack:
    options = ("--parallel", str(case.parallel)) if case.parallel else ()
    stack = BenchStack(servers, directory, program=program, options=options)
    if case.record_waits:
        stack.variables[RECORDS_WAIT] = "yes"
    return stack


def _runs(
    stack: BenchStack, generation: Callable[[int], None]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """
    Each run once, in the order of a stack's life; *generation* declares which key signs.

    What was measured, and the resources after the rotation.
    """
    runs: dict[str, Any] = {}

    def run(name: str, command: str) -> None:
        runs[name] = stack.run(command)
        # Of hundreds of domains a run takes many minutes, and the measurements are shown at the
        # end.
        print(f"{name}: {runs[name]['wall_seconds']:.0f} s", file=sys.stderr, flush=True)

    generation(1)
    run("preview", "preview")
    run("first up", "up")
    stored = stack.export()
    _check(stored)
    run("unchanged up", "up")
    generation(2)
    run("rotation", "up")
    rotated = stack.export(PLAIN)
    _check(rotated)
    run("destroy", "destroy")
    found = {
        "runs": runs,
        "state_bytes": bytes_by_part(stored),
        "resources": resources_by_part(stored),
    }
    return found, rotated


def _check(resources: Sequence[Mapping[str, Any]]) -> None:
    """A run that ended without its work done has no time; raises `RunFailed`."""
    (stack,) = (one for one in resources if one["type"] == "pulumi:pulumi:Stack")
    if pending := stack.get("outputs", {}).get("pending"):
        raise RunFailed(f"not verified: {pending}")


def _write(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value))
    return path
