"""
If this fails, what people paste is read otherwise by BIND, OpenDKIM or dkimpy.

Each size of key under a short and under the longest possible name, from the printed zone file
through real name servers to a verifier.
"""

import subprocess
from itertools import product
from pathlib import Path

import dkim
import dns.message
import dns.query
import pytest

from byodkim_provider.cli.records import Record, as_zone_file
from byodkim_provider.dkim import keys
from byodkim_provider.dkim.records import NAME_OCTETS, record_name, record_value
from byodkim_provider.hosts.registry import PANELS
from tests.dns import name_server
from tests.support.testdata import TESTDATA

LONG_SELECTOR = "s" * 63
LONG_DOMAIN = ".".join(["d" * 59] * 3)[: NAME_OCTETS - len(record_name(LONG_SELECTOR, ""))]
NAMES = {"short": ("s", "a.example"), "long": (LONG_SELECTOR, LONG_DOMAIN)}
SIZES = (1024, 1536, 2048)
CASES = [
    pytest.param(bits, name, id=f"{bits} bits, {name} name") for bits, name in product(SIZES, NAMES)
]
every_record = pytest.mark.parametrize(("bits", "name"), CASES)


def selector_and_domain(bits: int, name: str) -> tuple[str, str]:
    """A domain of its own for each size, as long as that of the others."""
    selector, domain = NAMES[name]
    return selector, f"{'abc'[SIZES.index(bits)]}{domain[1:]}"


def private_key(bits: int) -> Path:
    return TESTDATA / f"rsa{bits}.pkcs8.pem"


def printed(bits: int, name: str) -> str:
    """What `byodkim records --format zone` prints of a key."""
    selector, domain = selector_and_domain(bits, name)
    key = keys.load(private_key(bits).read_bytes())
    record = Record(
        name=record_name(selector, domain),
        value=record_value(key.public_key_der),
        domain=domain,
        panel=PANELS["other"],
        zone=domain,
        kind="TXT",
        ttl=300,
        is_written=True,
    )
    return as_zone_file([record])


def test_the_long_name_is_the_longest():
    """No name in DNS is longer."""
    assert {len(record_name(*selector_and_domain(bits, "long"))) for bits in SIZES} == {NAME_OCTETS}


@every_record
def test_named_checkzone(tmp_path, bits, name):
    """BIND takes the printed lines as they are."""
    _, domain = selector_and_domain(bits, name)
    zone_file = tmp_path / "zone"
    zone_file.write_text(name_server.zone_text(printed(bits, name)))
    command = [name_server.program("named-checkzone", "bind9-utils"), domain, str(zone_file)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (0, "OK") == (result.returncode, result.stdout.splitlines()[-1]), result.stdout


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """Of BIND and NSD, which serve the printed zone files."""
    zones = {
        selector_and_domain(bits, name)[1]: name_server.zone_text(printed(bits, name))
        for bits, name in product(SIZES, NAMES)
    }
    with name_server.running(tmp_path_factory.mktemp("name-servers"), zones, zones) as port:
        yield port


@every_record
def test_opendkim(port, tmp_path, bits, name):
    """OpenDKIM finds in DNS the public half of the private key."""
    selector, domain = selector_and_domain(bits, name)
    zones = f'forward-zone:\n name: "."\n forward-addr: {name_server.BIND}@{port}\n'
    found, said = name_server.opendkim_says(tmp_path, private_key(bits), domain, selector, zones)
    assert found, said


@every_record
def test_dkimpy(port, bits, name):
    """A mail that is signed with the private key verifies by either name server's record."""
    question = dns.message.make_query(record_name(*selector_and_domain(bits, name)), "TXT")
    message = b"From: a@example.com\r\nSubject: key\r\n\r\nbody\r\n"
    # Not signed as the domain: dkimpy folds the line within a long one, and then can't read it.
    signature = dkim.sign(message, b"s", b"example.com", private_key(bits).read_bytes())
    for address in (name_server.BIND, name_server.NSD):
        reply, _ = dns.query.udp_with_fallback(question, address, timeout=5, port=port)
        ((record,),) = reply.answer
        value = b"".join(record.strings)
        assert dkim.verify(signature + message, dnsfunc=lambda *_, found=value, **__: found)
