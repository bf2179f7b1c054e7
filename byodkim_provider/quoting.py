"""
How an error message quotes a value, or the words of another service: without keys and secrets.

Strings only: no I/O.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final
from urllib.parse import quote, quote_plus

KEY_MATERIAL: Final = re.compile(
    r"[A-Za-z0-9+/=]{64,}|[A-Za-z0-9_=-]{64,}|([0-9A-Fa-f]{2}(:|\s|\\[nr]){1,9}){32,}"
    r"|([A-Za-z0-9+/=_-]{32,63}(\s|\\[nr]){1,9})+[A-Za-z0-9+/=_-]{16,63}"
)
"""
Matches a key or a session token in base64, base64url or hex, in lines too. No label or id is as
long.

A repetition has an upper bound, or is an alternative of its own. So the search takes time in
proportion to the length of a text.
"""

_BETWEEN: Final = re.compile(r"[\s,%]+")
"""
What stands between pieces of a key: line ends, blanks of a dump or a folded text, commas, URL
encoding.
"""

PASSWORD: Final = re.compile(r"(?<=://)[^/@\s]*@")
"""User and password in a URL, which botocore's errors quote."""

EXTERNAL_ID: Final = re.compile(
    "(?<=Value ')(?:(?!Value ').)*?(?=' at '(?:externalId|tags))", re.DOTALL
)
"""
The external id of a role, or a session tag, which STS quotes if it has a wrong character.

A match can't contain its own beginning. Otherwise, in a text of many beginnings, the search would
run from each of them to the end, for minutes.
"""

MAX_SHOWN: Final = 64
"""Longest string that is quoted, in characters: a line of PEM. A longer string may be a key."""

TOKEN: Final = re.compile(
    r"(?=[a-z0-9_-]*[A-Z+/=])(?=[A-Za-z+/=_-]*[0-9])[A-Za-z0-9+/=_-]{16}"
    "|(?=[a-f]*[0-9])[0-9a-f]{32}"
)
"""
Matches a shorter secret: DreamHost's have 16 characters, Cloudflare's 40, TSIG keys 24 and more,
hex 32.

Names of things, such as `eu-west-1-campaigns`, are in lower case and have no character of base64.
"""

LONG_NUMBER: Final = 10.0**MAX_SHOWN
"""A whole number from here on may be a key."""

MAX_QUOTED: Final = 300
"""Longest part of a record of others that is quoted, in characters."""

MAX_NAMED: Final = 253
"""
Longest name that is quoted, in characters: a domain. A longer one may be a key, pasted by accident.
"""


def shown(value: object) -> str:
    """
    *value* as an error message quotes it: as YAML writes it, what may be a secret by its length
    only.
    """
    if isinstance(value, str):
        is_secret = len(value) >= MAX_SHOWN or "\n" in value or TOKEN.search(value)
        return f"{len(value)} characters" if is_secret else repr(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        # Python writes no whole number of more than 4,300 digits.
        return "a long number" if abs(value) >= LONG_NUMBER else str(value)
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list"
    return f"a value of type {type(value).__name__}"


def named(key: str) -> str:
    """*key* as a path quotes it. Of a key that is too long for any name, only the length."""
    return f"({len(key)} characters)" if may_be_a_key(key) else key


def may_be_a_key(text: str, *, most: int = MAX_NAMED) -> bool:
    """
    Whether *text* is too long for a name of *most* characters or, its pieces joined, for a label of
    one.

    >>> may_be_a_key("d6:c4:06:1b:\\n    " * 10), may_be_a_key(f"{'a' * 63}.{'b' * 63}.example")
    (True, False)
    """
    return len(text) > most or KEY_MATERIAL.search(_BETWEEN.sub("", text)) is not None


def nearest(written: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The name of *known* that is most like *written*, upper and lower case apart; "" for none."""
    by_lower = {name.lower(): name for name in sorted(known)}
    near = get_close_matches(written.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[near[0]] if near else ""


def did_you_mean(written: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """
    The name of *known* that is nearest to *written*, as a question; empty if none is near.

    >>> did_you_mean("us-eest-1", ["eu-west-1", "us-east-1", "ap-south-1"])
    ", did you mean 'us-east-1'?"
    """
    name = nearest(written, known, cutoff=cutoff)
    return f", did you mean {name!r}?" if name else ""


def first_few(names: Sequence[object]) -> str:
    """
    The first of *names*, and the number of the others.

    >>> first_few(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    first = ", ".join(map(str, names[:3]))
    return f"{first} and {len(names) - 3} more" if len(names) > 3 else first


def printable(text: str) -> str:
    """
    *text* on one line, with control and invisible characters written as escapes.

    `##[` is broken up: GitHub obeys it anywhere in a line of a log.
    """
    line = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
    return line.replace("##[", "# #[")


def printable_lines(text: str) -> str:
    """*text* with each of its lines as `printable` writes it."""
    return "\n".join(map(printable, text.split("\n")))


def in_dns(value: str) -> str:
    """
    *value* of a record of others, as a message quotes it: without what may be a key, and not long.
    """
    text = hidden(value)
    return printable(text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}…")


def hidden(text: str, secrets: Iterable[str] = ()) -> str:
    """
    *text* of another service without *secrets*, however it writes them, and without what may be a
    key.

    >>> hidden("token abc%2Bd lacks a scope", ["abc+d\\n"])
    'token [secret] lacks a scope'
    """
    forms = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
    if forms:
        text = re.sub("|".join(map(re.escape, forms)), "[secret]", text, flags=re.IGNORECASE)
    return PASSWORD.sub("", KEY_MATERIAL.sub("[...]", EXTERNAL_ID.sub("[secret]", text)))


def _forms(secret: str) -> Iterator[str]:
    """How *secret* may be written: as given, without white space around it, escaped."""
    plain = secret.strip()
    if not plain:
        return
    yield from (secret, plain, repr(plain)[1:-1], " ".join(plain.split()))
    yield from (quote(plain, safe=""), quote_plus(plain))
