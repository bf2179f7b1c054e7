"""Key files: whole, damaged, of another kind, or something else."""

import base64
import re

from hypothesis import strategies as st

from byodkim_provider.dkim import keys, records
from tests.fuzz.target import Target, refusals
from tests.fuzz.values import mutated_text, texts
from tests.support.testdata import TESTDATA

FILES = tuple(path.read_text() for path in sorted(TESTDATA.glob("*.pem")))

DER = tuple(
    base64.b64decode("".join(block.split()))
    for file in FILES
    for block in re.findall("-----BEGIN [A-Z ]+-----\n([A-Za-z0-9+/=\n]+)-----END", file)
)


@st.composite
def damaged_der(draw: st.DrawFn) -> str:
    """Octets of a key with some of them changed, in base64."""
    der = bytearray(draw(st.sampled_from(DER)))
    for _ in range(draw(st.integers(1, 4))):
        der[draw(st.integers(0, min(len(der) - 1, 60)))] = draw(st.integers(0, 255))
    return base64.b64encode(
        bytes(der[: draw(st.one_of(st.just(len(der)), st.integers(0, len(der))))])
    ).decode()


base64_of_anything = st.binary(max_size=80).map(lambda octets: base64.b64encode(octets).decode())


def put_private(text: str) -> None:
    with refusals():
        keys.load(text)


def put_public(text: str) -> None:
    with refusals():
        records.record_value(keys.load_public(text.encode(errors="surrogatepass")))


def armoured(text: str) -> str:
    return f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"


TARGETS = (
    Target(
        "private keys",
        st.one_of(mutated_text(FILES), damaged_der(), base64_of_anything, texts),
        put_private,
        regressions=("MA==", "MIL/////", "MIID", "-----BEGIN PRIVATE KEY-----", "\\n"),
        weight=4,
    ),
    Target(
        "public keys",
        st.one_of(
            mutated_text(FILES),
            damaged_der().map(armoured),
            base64_of_anything.map(armoured),
            texts,
        ),
        put_public,
        weight=4,
    ),
)
