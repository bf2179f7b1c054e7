"""
Answers that are made to cost: each has a budget of time and of memory, however long it is.

A name server may send 64 KB, a host may send without end. Servers that refer to ever new ones are
in `tests/dns/test_hostile_servers.py`.
"""

import gzip
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.TXT import TXT
from hypothesis import strategies as st

from byodkim_provider.dns import visibility
from byodkim_provider.dns._replies import values_of
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.interface import HostSettings
from byodkim_provider.hosts.publish import NOT_AS_DOCUMENTED
from byodkim_provider.hosts.registry import SPECS, credentials
from sandbox.http_stand_in import Response
from tests.fuzz.dns import NAME, public_key
from tests.fuzz.target import Target
from tests.fuzz.values import words
from tests.support.http_answer import Answering

SECONDS: Final = 5
"""Of a processor, with memory watched: a tenth of it is usual."""

MIB: Final = 64
"""Of memory at a time."""


@contextmanager
def budget() -> Iterator[None]:
    """
    What the caller does costs little, or is harm: a refusal must not cost more than an answer.
    """
    began = time.process_time()
    tracemalloc.start()
    try:
        yield
    finally:
        used = tracemalloc.get_traced_memory()[1] // 2**20
        tracemalloc.stop()
        assert used < MIB, f"{used} MiB for one answer"
        assert time.process_time() - began < SECONDS, "too much of a processor for one answer"


# Values


@dataclass(frozen=True)
class Values:
    """TXT values that repeat some words, different ones at each server."""

    words: tuple[str, ...]
    number: int
    octets: int
    """Of all values at one server together."""

    def at(self, server: int) -> list[TXT]:
        words = "".join(self.words).encode() or b"x"
        each = max(self.octets // self.number - 4, 1)
        text = (words * (each // len(words) + 1))[:each]
        values = [text + f"{server:02}{number:02}".encode() for number in range(self.number)]
        return [
            TXT(
                RdataClass.IN, RdataType.TXT, [one[at : at + 255] for at in range(0, len(one), 255)]
            )
            for one in values
        ]


WORDS: Final = (
    *("END ", "PUBLIC KEY", "TXT ", " ", "\t", "\r\n", "\ufeff"),
    *words(
        'p= v=DKIM1 k=rsa MI MIIE MIIB AgEA BEGIN PRIVATE ; : = \\ \\; %4D " ----- _domainkey é A'
    ),
)

values = st.builds(
    Values,
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(tuple),
    number=st.sampled_from([1, 1, 2, 3, 20, 1000]),
    octets=st.sampled_from([3000, 12_000, 60_000]),
)


def put_values(case: Values) -> None:
    """All that `doctor` and a wait make of the answers of a zone's servers."""
    found = [case.at(one) for one in range(4)]
    with budget():
        judge([Answer(f"ns{one}.example.net", values_of(there)) for one, there in enumerate(found)])


def judge(answers: list[Answer]) -> None:
    for expected in (public_key(), None):
        seen, shown = visibility.judge(answers, expected), visibility.judge(answers, public_key())
        said = (seen.summary(), shown.summary())
        assert max(map(len, said)) < 20_000
        assert not shown.visible
        assert shown.code != "private-key" or seen.code == "private-key"


# HTTP


@dataclass(frozen=True)
class Body:
    """A response over HTTP: some octets again and again."""

    status: int
    begin: str
    again: str
    times: int
    end: str
    encoding: str
    """`Content-Encoding`; empty for none."""
    provider: Any = "dreamhost"

    def response(self) -> Response:
        body = f"{self.begin}{self.again * self.times}{self.end}".encode()
        if self.encoding == "gzip":
            body = gzip.compress(body, compresslevel=1)
        return Response(
            self.status, body, {"Content-Encoding": self.encoding} if self.encoding else {}
        )


bodies = st.builds(
    Body,
    status=st.sampled_from([200, 200, 400, 429, 500]),
    begin=st.sampled_from(
        ["", '{"result": "error", "data": "', '{"errors": ["', '{"message": "', "["]
    ),
    again=st.sampled_from(
        [" ", "[", "x ", "x", '{"message":', '", "', "é", "1,", "Value '", "://", "' at "]
    ),
    times=st.sampled_from([0, 900, 100_000, 5_000_000]),
    end=st.sampled_from(["", '"}', '"]}', "]", "0]"]),
    encoding=st.sampled_from(["", "", "gzip", "br", "gzip, gzip"]),
    provider=st.sampled_from(sorted(SPECS.keys() - {"rfc2136"})),
)


def put_body(case: Body) -> None:
    """One read at a host that answers so; at its end nothing is left that waits."""
    with Answering(case.response()) as server:
        secrets = dict.fromkeys(SPECS[case.provider].secrets, "secret-token")
        variables = {f"{case.provider.upper()}_BASE_URL": server.url}
        if case.provider == "cpanel":
            secrets = {"url": server.url.replace("://", "://me:secret-token@")}
        module = import_module(f"byodkim_provider.hosts.{case.provider}")
        host = module.Host(
            HostSettings(provider=case.provider, zone="example.com"),
            credentials(case.provider, None, {case.provider: secrets}, variables),
        )
        try:
            with budget():
                host.values(NAME)
        except (DnsRefused, DnsUnconfirmed) as error:
            said = error.text
        except NOT_AS_DOCUMENTED:
            said = ""
        else:
            said = ""
    assert len(said) < 500, "a page is no message"


TARGETS = (
    Target(
        "hostile TXT values",
        values,
        put_values,
        regressions=tuple(
            Values((word,), number, 60_000) for word in ("p=", "MI", "BEGIN") for number in (1, 20)
        ),
    ),
    Target(
        "hostile HTTP responses",
        bodies,
        put_body,
        regressions=(
            Body(200, '"', "x", 60_000_000, '"', "gzip"),
            Body(200, '{"errors": ["', "x", 3_000_000, '"], "status": 0}', "", provider="cpanel"),
            Body(403, '{"message": "', "Value '", 30_000, '"}', ""),
        ),
    ),
)
