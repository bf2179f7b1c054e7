"""
Looks for secrets in what was shown or stored, however they are written.

For private keys it looks for octets, not for text: any sixteen consecutive ones of a key's secret
numbers, after whatever may be base64, hex or escaped has been undone. Every file format of a key
holds these numbers whole, and its public half none of them. Any other secret is a string, looked
for whole.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from sandbox.pulumi.project import Project, Result

NUMBERS = ("d", "p", "q", "dmp1", "dmq1", "iqmp")
"""The secret ones (RFC 8017 section 3.2), by cryptography's names."""

WORD = 8
"""
Octets in a word. Every eighth octet of what is searched begins one: sixteen in a row hold a whole
one.
"""

DIGITS = 16
"""Every so many digits of a decimal number begin a block."""

SHORTEST = 16
"""
Characters of a secret string that is found in every encoding: `HEX` and `BASE64` need as many.
"""

ESCAPED = re.compile(rb"(?:%|\\x|\\u00)([0-9A-Fa-f]{2})")
"""As in URLs, in Python's and C's literals, in JSON."""

BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{20,}")
"""Of either alphabet. A PEM's lines and a JSON string's ends are long enough each."""

BETWEEN_HEX = b" \t\n\r\v\f:,"
"""
Stands between octets in hex, as `openssl rsa -text` writes them; so does `\\x`, in a dump.
"""

HEX = re.compile(rb"[0-9A-Fa-f]{30,}")

DECIMAL = re.compile(rb"[0-9]{31,}")


class KeySearch:
    """
    Finds *keys*, and *strings* that are secret, by name.

    A class so that the thousands of pieces of a key are cut once.
    """

    def __init__(
        self, keys: Iterable[RSAPrivateKey], strings: Mapping[str, str] | None = None
    ) -> None:
        self._strings: dict[bytes, str] = {}
        for name, string in (strings or {}).items():
            if len(string) < SHORTEST:
                raise ValueError(f"{name}: too short to be searched for")
            # As it is and as JSON writes it. Without backslashes, so that JSON within JSON is no
            # matter.
            for spelling in (
                string,
                json.dumps(string)[1:-1],
                json.dumps(string, ensure_ascii=False)[1:-1],
            ):
                self._strings[spelling.replace("\\", "").encode()] = name
            if BASE64.fullmatch(string.rstrip("=").encode()):
                # A TSIG key's secret is base64 of what it really is.
                self._strings[_from_base64(string.rstrip("=").encode())[0][:SHORTEST]] = name
        self._words: dict[int, str] = {}
        self._digits: dict[bytes, str] = {}
        for key in keys:
            numbers = key.private_numbers()
            for name in NUMBERS:
                number = getattr(numbers, name)
                octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
                what = f"{name} of a key of {key.key_size} bits"
                # Backwards too: it is how Python pickles integers.
                for way in (octets, octets[::-1]):
                    for start in range(WORD):
                        self._words |= dict.fromkeys(_words(way[start:]), what)
                digits = str(number).encode()
                blocks = (
                    digits[start : start + DIGITS] for start in range(len(digits) - DIGITS + 1)
                )
                self._digits |= dict.fromkeys(blocks, what)

    def found_in(self, shown: str | bytes) -> set[str]:
        """
        Which secrets stand in *shown*, numbers at least in part; in words, without the secret.
        """
        views = (
            [shown]
            if isinstance(shown, bytes)
            else [shown.encode(), shown.encode("latin-1", "ignore")]
        )
        found: set[str] = set()
        for octets in dict.fromkeys(views):
            for view in _views(octets, depth=2):
                found |= {self._words[word] for word in self._words.keys() & _words(view)}
                if self._strings:
                    text = view.replace(b"\\", b"")
                    found |= {name for string, name in self._strings.items() if string in text}
            blocks = {block for digits in DECIMAL.findall(octets) for block in _cut(digits, DIGITS)}
            found |= {self._digits[block] for block in self._digits.keys() & blocks}
        return found


def shown_by(project: Project, results: Sequence[Result]) -> dict[str, str]:
    """
    All that a project stored in its state, and that its runs showed: as people read it, and as
    events.
    """
    shown = {str(path): path.read_text() for path in project.state_files()}
    for number, result in enumerate(results, 1):
        shown[f"stdout of run {number}"] = result.stdout
        shown[f"stderr of run {number}"] = result.stderr
        shown[f"events of run {number}"] = json.dumps(
            result.events, default=vars, separators=(",", ":")
        )
    return shown


def pieces(shown: str) -> list[str]:
    """
    *shown*, JSON cut between its values: most of a run's were in the run before. No string is cut.
    """
    return shown.replace(',"', ',\n"').split("\n") if shown.startswith(("{", "[")) else [shown]


def _words(octets: bytes) -> set[int]:
    """
    *octets* as numbers of eight each. Not as slices, since megabytes are searched after each test.
    """
    return set(memoryview(octets[: len(octets) // WORD * WORD]).cast("Q"))


def _cut(octets: bytes, size: int) -> Iterator[bytes]:
    return (octets[start : start + size] for start in range(0, len(octets), size))


def _views(octets: bytes, *, depth: int) -> Iterator[bytes]:
    """
    *octets*, and what they are if they are written in some encoding; base64 within base64 as well.
    """
    unescaped = ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), octets)
    for text in dict.fromkeys([octets, unescaped]):
        yield text
        yield from _from_hex(text)
        for decoded in _from_base64(text):
            if depth > 1:
                yield from _views(decoded, depth=depth - 1)
            else:
                yield decoded


def _from_hex(text: bytes) -> list[bytes]:
    """
    Every run of hex digits, with the first octet beginning at the first digit or at the second.
    """
    digits = text.translate(None, BETWEEN_HEX).replace(b"\\x", b"")
    runs = HEX.findall(digits)
    return [
        b"".join(
            bytes.fromhex(run[start : start + (len(run) - start) // 2 * 2].decode()) for run in runs
        )
        for start in (0, 1)
        if runs
    ]


def _from_base64(text: bytes) -> list[bytes]:
    """Every run of base64, with its first character in each of the four places of a group."""
    runs = [run.translate(bytes.maketrans(b"-_", b"+/")) for run in BASE64.findall(text)]
    return [b"".join(_decoded(b"A" * place + run) for run in runs) for place in range(4) if runs]


def _decoded(run: bytes) -> bytes:
    return base64.b64decode(run + b"A" * (-len(run) % 4))
