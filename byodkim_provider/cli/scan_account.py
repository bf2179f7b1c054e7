"""
Reads an account: which domains SES has in which Region, and what it says of each.

Lists and reads only; nothing here can write to AWS. Names come from list pages; an identity is
read once, at SES's pace, and what is read is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, zip_longest
from typing import Final, Protocol

from byodkim_provider.aws.route53 import Zone
from byodkim_provider.aws.ses import Listed, SesIdentity
from byodkim_provider.aws.ses_calls import SECONDS_PER_CALL
from byodkim_provider.cli import asking
from byodkim_provider.cli.messages import CannotRead, say
from byodkim_provider.cli.scan_readings import Reading, Readings
from byodkim_provider.dkim.records import normalise_domain
from byodkim_provider.dns.side_by_side import side_by_side
from byodkim_provider.errors import ByodkimError
from byodkim_provider.progress import Clock

THREADS_PER_REGION: Final = 2
"""One waits for its turn while the other's call is on its way."""

MOST_THREADS: Final = 32

INTERVAL_SECONDS: Final = 30
"""Seconds between two messages: three hours of reading are 360 lines of a CI log."""


class SesReads(Protocol):
    """The actions of SES that only read."""

    def get_email_identity(self, domain: str) -> SesIdentity | None: ...
    def list_email_identities(self) -> Iterable[tuple[Listed, ...]]: ...


class ZoneReads(Protocol):
    """The reads of Route 53."""

    def zones(self) -> tuple[Zone, ...]: ...
    def name_servers(self, zone_id: str) -> tuple[str, ...]: ...


class Account(Protocol):
    """An AWS account, as far as a scan reads it: `connections.Connections`."""

    def account_id(self, region: str) -> str: ...
    def ses(self, region: str, account_id: str | None) -> SesReads: ...
    def route53(self, region: str | None, role_arn: str | None) -> ZoneReads: ...


@dataclass
class Names:
    """What list pages say."""

    account_id: str
    regions: tuple[str, ...]
    """Those that answered."""
    domains: dict[str, dict[str, Listed]] = field(default_factory=dict)
    """By domain and Region, sorted."""
    addresses: int = 0
    """E-mail addresses, which inherit the DKIM of their domain."""
    invalid: dict[str, str] = field(default_factory=dict)
    """Names that this project can't manage, and why."""


def list_names(account: Account, regions: Sequence[str], *, named: bool) -> Names:
    """
    The names in *regions*; raises what a Region of them raises.

    Unless the Regions were *named* by the user, one that does not answer is left out: an account
    has Regions that are not enabled. If none answers, the first error is raised.
    """

    def listed(region: str) -> tuple[str, list[Listed]] | ByodkimError:
        try:
            ses = account.ses(region, None)
            return account.account_id(region), [one for page in ses.list_email_identities() for one in page]
        except ByodkimError as error:
            if named:
                raise
            return error

    answers = dict(
        zip(regions, asking.ask_all([(f"SES {one}", partial(listed, one)) for one in regions]), strict=True)
    )
    errors = {region: answer for region, answer in answers.items() if isinstance(answer, ByodkimError)}
    found = {region: answer for region, answer in answers.items() if not isinstance(answer, ByodkimError)}
    if not found:
        raise next(iter(errors.values()))
    if errors:
        say(f"not enabled, or not answering: {', '.join(errors)}; `--region` says why")
    names = Names(next(iter(found.values()))[0], tuple(found))
    for region, (_, identities) in found.items():
        for one in identities:
            _add(names, region, one)
    names.domains = dict(sorted(names.domains.items()))
    return names


def _add(names: Names, region: str, listed: Listed) -> None:
    if "@" in listed.name:
        names.addresses += 1
        return
    try:
        names.domains.setdefault(normalise_domain(listed.name), {})[region] = listed
    except ValueError as error:
        names.invalid[listed.name] = str(error)


def read_all(
    account: Account,
    wanted: Sequence[tuple[str, str]],
    readings: Readings,
    *,
    clock: Clock,
    report: Callable[[str], object] = say,
) -> list[Reading]:
    """
    The readings of *wanted*, domains and Regions; those that are not kept yet are read, and kept.

    An identity that was deleted meanwhile is left out. Ctrl-C, and an error, leave what was read
    in the file of *readings*.
    """
    missing = _in_turn([(domain, region) for domain, region in wanted if not readings.get(region, domain)])
    progress = _Progress(missing, report)

    def read(one: tuple[str, str]) -> None:
        domain, region = one
        identity = account.ses(region, None).get_email_identity(domain)
        if identity is not None:
            readings.keep(Reading.of(identity, domain, region, read_at=clock.now()))

    threads = min(THREADS_PER_REGION * len({region for _, region in missing}), MOST_THREADS)
    try:
        side_by_side(read, missing, at_once=threads, waiting=progress.show)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(progress.kept()) from None
    except (ByodkimError, CannotRead):
        report(progress.kept())
        raise
    found = (readings.get(region, domain) for domain, region in wanted)
    return [one for one in found if one]


def _in_turn(wanted: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """*wanted*, one of each Region after the other: each Region has a rate of its own."""
    by_region: dict[str, list[tuple[str, str]]] = {}
    for one in wanted:
        by_region.setdefault(one[1], []).append(one)
    return [one for one in chain.from_iterable(zip_longest(*by_region.values())) if one]


class _Progress:
    """Messages while identities are read. A class because it counts."""

    def __init__(self, missing: Sequence[tuple[str, str]], report: Callable[[str], object]) -> None:
        self._missing = missing
        self._report = report
        self._clock = Clock()
        self._due = self._clock.monotonic() + asking.FIRST_WORD_SECONDS
        self._done = 0

    def show(self, read: Collection[int]) -> None:
        """Called several times a second, with the positions of what is read."""
        self._done = len(read)
        if self._clock.monotonic() < self._due:
            return
        self._due = self._clock.monotonic() + INTERVAL_SECONDS
        left: dict[str, int] = {}
        for number, (_, region) in enumerate(self._missing):
            if number not in read:
                left[region] = left.get(region, 0) + 1
        if left:
            self._report(f"{self._so_far()}, about {_time(left)} left; what is read is kept")

    def kept(self) -> str:
        return f"{self._so_far()} and kept: the same command goes on"

    def _so_far(self) -> str:
        return f"{self._done} of {len(self._missing)} identities are read"


def _time(left: Mapping[str, int]) -> str:
    """How long the identities that are *left* take, by Region, as people say it."""
    seconds = max(left.values()) * SECONDS_PER_CALL
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
