"""Which keys SES can sign with, and the reason for each that it can't. Vectors: testdata/README.md."""

import base64
import codecs
import re
from datetime import date

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PublicFormat,
    load_der_private_key,
    pkcs12,
)
from hypothesis import given
from hypothesis import strategies as st

from byodkim_provider.dkim import keys
from byodkim_provider.errors import InvalidKey
from tests.support.testdata import pem

EXPECTED = "expected an RSA private key (PKCS#1 or PKCS#8), as PEM or as base64 of its DER"


def body(text):
    """The base64 of a PEM block, on one line."""
    return "".join(line for line in text.splitlines() if not line.startswith("-----"))


def der(name):
    return base64.b64decode(body(pem(name)))


def encoded(octets):
    return base64.b64encode(octets).decode()


ENCRYPTED = "is encrypted, expected a key without passphrase (`openssl rsa -in FILE -out NEW` takes it off)"
PEM_IN_BASE64 = (
    "is base64 of a whole PEM file, expected the PEM itself (`openssl base64 -d -A -in FILE`), "
    "or base64 of its DER"
)
PKCS1, PKCS8 = pem("rsa2048.pkcs1"), pem("rsa2048.pkcs8")
ACCEPTED = {
    "PKCS#1 PEM": PKCS1,
    "PKCS#8 PEM": PKCS8,
    "PKCS#1 base64 DER": body(PKCS1),
    "PKCS#8 base64 DER": body(PKCS8),
    "base64 DER, wrapped": "\n".join(re.findall(".{1,76}", body(PKCS8))),
    "CRLF": PKCS1.replace("\n", "\r\n"),
    "CR alone": PKCS1.replace("\n", "\r"),
    "white space around": f"\n  {PKCS8}\n\n",
    "indented": PKCS8.replace("\n", "\n    "),
    "on one line": PKCS8.replace("\n", " "),
    "line breaks lost": PKCS8.replace("\n", ""),
    "line breaks written out": PKCS8.replace("\n", r"\n"),
    "CRLF written out": PKCS1.replace("\n", r"\r\n"),
    "no line break at the end": PKCS1.rstrip(),
    "text before and after it": f"Key of example.com, made in März\n{PKCS8}\n# the end\n",
    "bag attributes": pem("bag-attributes").partition("-----BEGIN")[0] + PKCS8,
    "certificate before it": pem("certificate") + PKCS8,
    "certificate after it": PKCS8 + pem("certificate"),
    "byte order mark": "\ufeff" + PKCS1,
    "file": PKCS8.encode(),
    "file with a byte order mark": codecs.BOM_UTF8 + PKCS8.encode(),
    "file in UTF-16": PKCS8.encode("utf-16"),
    "file in UTF-16, big-endian": codecs.BOM_UTF16_BE + PKCS8.encode("utf-16-be"),
    "file in UTF-16 without a mark": PKCS8.encode("utf-16-le"),
    "file in big-endian UTF-16 without a mark": body(PKCS8).encode("utf-16-be"),
    "file in Latin-1": f"Schlüssel\n{PKCS8}".encode("latin-1"),
    "file in DER, PKCS#1": der("rsa2048.pkcs1"),
    "file in DER, PKCS#8": der("rsa2048.pkcs8"),
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_every_form_of_a_key_is_the_same_key(text):
    """However a key is written, what SES gets is what `openssl rsa -traditional` wrote."""
    assert body(PKCS1) == keys.load(text).pkcs1_base64()


@pytest.mark.parametrize("bits", [1024, 1536, 2048])
def test_public_half(bits):
    """The public half is the one `openssl rsa -pubout` derives from the same file."""
    key = keys.load(pem(f"rsa{bits}.pkcs8"))
    assert (bits, der(f"rsa{bits}.public")) == (key.bits, key.public_key_der)
    assert keys.fingerprint(der(f"rsa{bits}.public")) == key.fingerprint


def test_a_proved_key_is_the_same_key():
    """A key that was loaded before is loaded again without the proof of its numbers."""
    key = keys.load(pem("rsa2048.pkcs8"))
    assert keys.load(key.pkcs1_base64(), proved=True) == key


def test_what_ses_takes():
    """The private key fits SES's pattern for `DomainSigningPrivateKey`, on one line."""
    text = keys.load(PKCS8).pkcs1_base64()
    assert re.fullmatch(r"[a-zA-Z0-9+\/]+={0,2}", text)
    assert len(text) <= 20480


def test_a_larger_exponent_is_fine():
    """Exponents a little above 65537 are good for verifiers, too."""
    assert keys.load(pem("rsa2048-e65539")).bits == 2048


REFUSED = {
    "empty": ("", f"is empty, {EXPECTED}"),
    "blank": (" \r\n\t", f"is empty, {EXPECTED}"),
    "not base64": ("my secret key", f"is not base64, {EXPECTED}"),
    "file name": ("./private.key", f"is not base64, {EXPECTED}"),
    "URL-safe base64": (body(PKCS1).replace("/", "_").replace("+", "-"), f"is not base64, {EXPECTED}"),
    "in quotes": (f'"{body(PKCS1)}"', f"is not base64, {EXPECTED}"),
    "a record's value": (f"p={body(pem('rsa2048.public'))}", f"is not base64, {EXPECTED}"),
    "typographic dashes": (PKCS1.replace("--", "—"), f"has characters outside ASCII, {EXPECTED}"),
    "base64 of other bytes": (
        encoded(b"no key at all"),
        f"is not a private key that can be read, {EXPECTED}",
    ),
    "base64 of two octets": ("MAA=", f"is not a private key that can be read, {EXPECTED}"),
    "base64 of an empty SEQUENCE": ("MIIAAA==", f"is not a private key that can be read, {EXPECTED}"),
    "base64 of a PEM file": (encoded(PKCS8.encode()), PEM_IN_BASE64),
    "base64 of a PEM file that begins with a line break": (encoded(b"\n" + PKCS8.encode()), PEM_IN_BASE64),
    "EC": (pem("ec"), f"is a key for EC, {EXPECTED}"),
    "EC, SEC 1": (pem("ec").split("PARAMETERS-----\n")[-1], f"is a key for EC, {EXPECTED}"),
    "EC, PKCS#8": (pem("ec.pkcs8"), f"is a key for EC, {EXPECTED}"),
    "EC, base64 DER": (body(pem("ec.pkcs8")), f"is a key for EC, {EXPECTED}"),
    "Ed25519": (pem("ed25519"), f"is a key for Ed25519, {EXPECTED}"),
    "Ed448": (pem("ed448"), f"is a key for Ed448, {EXPECTED}"),
    "X25519": (pem("x25519"), f"is a key for X25519, {EXPECTED}"),
    "DSA": (pem("dsa"), f"is a key for DSA, {EXPECTED}"),
    "DSA, PKCS#8": (pem("dsa.pkcs8"), f"is a key for DSA, {EXPECTED}"),
    "RSA-PSS": (pem("rsa-pss"), "is an RSA-PSS key, expected plain RSA (openssl genrsa)"),
    "RSA-PSS with parameters": (
        pem("rsa-pss-sha256"),
        "is an RSA-PSS key, expected plain RSA (openssl genrsa)",
    ),
    "encrypted PKCS#1": (pem("encrypted.pkcs1"), ENCRYPTED),
    "encrypted PKCS#8": (pem("encrypted.pkcs8"), ENCRYPTED),
    "encrypted PKCS#8, base64 DER": (body(pem("encrypted.pkcs8")), ENCRYPTED),
    "encrypted by a cipher that nobody has": (
        pem("encrypted.pkcs1").replace("AES-128-CBC", "RC2-40-CBC"),
        ENCRYPTED,
    ),
    "OpenSSH": (
        pem("openssh"),
        "is an OpenSSH key (`ssh-keygen -p -m PEM -f COPY` turns a copy of it into PEM)",
    ),
    "PKCS#12": (
        pkcs12.serialize_key_and_certificates(
            b"key", load_der_private_key(der("rsa2048.pkcs8"), None), None, None, NoEncryption()
        ),
        "is a PKCS#12 file (`openssl pkcs12 -in FILE -nocerts -nodes` takes the key out)",
    ),
    "certificate, DER": (der("certificate"), f"is a certificate, {EXPECTED}"),
    "public key, DER": (der("rsa2048.public"), f"is a public key, {EXPECTED}"),
    "encrypted, DER": (der("encrypted.pkcs8"), ENCRYPTED),
    "picture": (b"\x89PNG\r\n\x1a\n", f"has characters outside ASCII, {EXPECTED}"),
    "empty file": (b"", f"is empty, {EXPECTED}"),
    "no base64 in the block": (
        PKCS1.replace("MII", "M*I"),
        "is damaged: the text between BEGIN and END is not base64",
    ),
    "OpenSSH, base64": (body(pem("openssh")), f"is not a private key that can be read, {EXPECTED}"),
    "certificate": (pem("certificate"), f"is a certificate, {EXPECTED}"),
    "certificate, base64 DER": (body(pem("certificate")), f"is a certificate, {EXPECTED}"),
    "certificate request": (pem("request"), f"is a certificate request, {EXPECTED}"),
    "public key": (pem("rsa2048.public"), f"is a public key, {EXPECTED}"),
    "public key, PKCS#1": (pem("rsa2048.public-pkcs1"), f"is a public key, {EXPECTED}"),
    "public key, base64 DER": (body(pem("rsa2048.public")), f"is a public key, {EXPECTED}"),
    "another PEM block": (
        PKCS1.replace("RSA PRIVATE KEY", "DH PARAMETERS"),
        f"is another kind of PEM block, {EXPECTED}",
    ),
    "two keys": (PKCS8 + pem("another"), "holds 2 private keys, expected one"),
    "no END line": (
        PKCS1.replace("-----END RSA PRIVATE KEY-----\n", ""),
        "is cut short: no END line, expected a whole PEM block",
    ),
    "END line cut": (PKCS1.rstrip("-\n"), "is cut short: no END line, expected a whole PEM block"),
    "BEGIN line alone": (
        "-----BEGIN PRIVATE KEY-----",
        "is cut short: no END line, expected a whole PEM block",
    ),
    "no BEGIN line": (
        PKCS1.replace("-----BEGIN RSA PRIVATE KEY-----\n", ""),
        "has no BEGIN line, expected a whole PEM block",
    ),
    "a line lost": (
        "\n".join(line for number, line in enumerate(PKCS1.splitlines()) if number != 5),
        f"is cut short: {len(der('rsa2048.pkcs1')) - 48} octets of DER, expected {len(der('rsa2048.pkcs1'))}",
    ),
    "base64 cut": (body(PKCS1)[:1001], "is cut short: 1001 characters of base64, expected a multiple of 4"),
    "DER cut": (
        encoded(der("rsa2048.pkcs8")[:900]),
        f"is cut short: 900 octets of DER, expected {len(der('rsa2048.pkcs8'))}",
    ),
    "DER with a tail": (
        encoded(der("rsa2048.pkcs8") + b"tail"),
        f"has something after the key: {len(der('rsa2048.pkcs8')) + 4} octets of DER, "
        f"expected {len(der('rsa2048.pkcs8'))}",
    ),
    "two keys in DER": (
        encoded(der("rsa2048.pkcs8") + der("another")),
        f"has something after the key: {len(der('rsa2048.pkcs8') + der('another'))} octets of DER, "
        f"expected {len(der('rsa2048.pkcs8'))}",
    ),
    "512 bits": (pem("rsa512"), "must be 1024 to 2048 bits, not 512"),
    "1023 bits": (pem("rsa1023"), "must be 1024 to 2048 bits, not 1023"),
    "2050 bits": (pem("rsa2050"), "must be 1024 to 2048 bits, not 2050"),
    "3072 bits": (pem("rsa3072"), "must be 1024 to 2048 bits, not 3072"),
    "4096 bits": (pem("rsa4096"), "must be 1024 to 2048 bits, not 4096"),
    "e = 3": (pem("rsa2048-e3"), "has the public exponent 3, expected 65537 (openssl genrsa -f4)"),
    "three primes, PKCS#1": (
        pem("three-primes.pkcs1"),
        "has more than two primes, expected two (openssl genrsa without -primes)",
    ),
    "three primes, PKCS#8": (
        pem("three-primes.pkcs8"),
        "has more than two primes, expected two (openssl genrsa without -primes)",
    ),
}


def flipped(name, at):
    """The DER of a vector with one bit changed."""
    octets = bytearray(der(name))
    octets[at] ^= 0x10
    return encoded(octets)


REFUSED |= {
    f"{name} damaged at {at}": (flipped(name, at), "is damaged, its numbers do not belong together")
    for name, at in [("rsa2048.pkcs1", 100), ("rsa2048.pkcs1", 600), ("rsa2048.pkcs8", -1)]
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(text, reason):
    """What SES would take without a word and never verify is refused, with its own reason."""
    with pytest.raises(InvalidKey) as refused:
        keys.load(text)
    assert reason == refused.value.text


@pytest.mark.parametrize("text", [text for text, _ in REFUSED.values()], ids=REFUSED)
def test_a_refusal_quotes_nothing(text):
    """No part of what was given is in the error, nor in a cause that a traceback would print."""
    with pytest.raises(InvalidKey) as refused:
        keys.load(text)
    shown = text if isinstance(text, str) else encoded(text)
    given_parts = set(re.findall("[A-Za-z0-9+/]{20,}", shown))
    assert [part for part in given_parts if part in f"{refused.value!r} {refused.value}"] == []
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@given(st.text(max_size=200) | st.binary(max_size=200).map(encoded))
def test_any_other_text_is_refused(text):
    """Whatever the text, the answer is `InvalidKey` and no other exception."""
    with pytest.raises(InvalidKey):
        keys.load(text)


@given(cut=st.integers(1, len(PKCS8) - 2))
def test_a_cut_key_is_refused(cut):
    """A key that lost its end anywhere is never taken for a whole one."""
    with pytest.raises(InvalidKey):
        keys.load(PKCS8[:cut])


@given(cut=st.integers(1, len(der("rsa2048.pkcs1")) - 1))
def test_a_cut_der_is_refused(cut):
    """DER that lost its end anywhere is never taken for a whole key."""
    with pytest.raises(InvalidKey):
        keys.load(encoded(der("rsa2048.pkcs1")[:cut]))


@pytest.mark.parametrize("text", [repr, str, "{}".format], ids=["repr", "str", "format"])
def test_a_key_never_shows_itself(text):
    """Printed by accident, a key is its size and its fingerprint."""
    key = keys.load(PKCS8)
    assert f"SigningKey(bits=2048, fingerprint='{key.fingerprint}')" == text(key)


@pytest.fixture(scope="module")
def generated():
    return keys.generate(1024)


def test_generated_key(generated):
    """A generated key has the asked size and the usual exponent, and is loaded again as itself."""
    numbers = load_der_private_key(generated.pkcs1_der, password=None).public_key().public_numbers()
    assert (1024, 65537) == (numbers.n.bit_length(), numbers.e)
    assert generated == keys.load(generated.pkcs1_base64())


def test_generated_keys_differ(generated):
    """Each key is a new one."""
    assert generated.fingerprint != keys.generate(1024).fingerprint


@pytest.mark.parametrize("bits", [0, 1023, 2049, 4096])
def test_generates_nothing_ses_refuses(bits):
    """A size SES can't sign with is refused before a key is made."""
    with pytest.raises(InvalidKey, match=rf"^must be 1024 to 2048 bits, not {bits}\n"):
        keys.generate(bits)


def test_selector():
    """The selector of a generated key is its day and the beginning of its fingerprint."""
    assert keys.selector_for("3f9c2a71" + "0" * 56, date(2026, 11, 5)) == "s20261105-3f9c2a71"


def test_is_rsa_public_key():
    """Only SubjectPublicKeyInfo of plain RSA, whole and alone, is one."""
    public = der("rsa2048.public")
    others = [
        load_der_private_key(der(name), password=None)
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for name in ("ec.pkcs8", "ed25519")
    ]
    no = [b"", public[:-1], public + b"\0", der("rsa2048.public-pkcs1"), der("rsa2048.pkcs1"), *others]
    assert keys.is_rsa_public_key(public)
    assert [octets for octets in no if keys.is_rsa_public_key(octets)] == []
