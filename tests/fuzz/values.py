"""
Strategies for values that are nearly right: what is right with a few pieces replaced, lost or
moved.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pulumi.output import UNKNOWN


def words(text: str) -> tuple[str, ...]:
    """What stands between blanks in *text*."""
    return tuple(text.split())


WORDS: Final = (
    *("", " ", "\n", "\x00", "\x1b[2J", "\u202e", "s" * 64, "a" * 300, "1" * 5000),
    *words("""
        0 -1 1.0 1e999 true null ~ {} [] é https://[ http://127.0.0.1 2026-11-25T13:05:00Z \
9999-99-99
        s1 -s1 example.com EXAMPLE.com. mail.example.com _domainkey.example.com xn--a xn-- ß.example
        eu-west-1 1.1.1.1:53 [::1]:53 127.0.0.1:99999 arn:aws:iam::123456789012:role/x 123456789012
        route53 manual off authoritative byodkim:owner domain generation
    """),
)

NUMBERS: Final = (0.0, 1.0, -1.0, 2.0, 3.0, 1.5, 2048.0, 1e300, 2.0**63, -0.0)

texts: SearchStrategy[str] = st.one_of(st.sampled_from(WORDS), st.text(max_size=20))

_SHAPES: Final = (
    [],
    {},
    [[]],
    [{}],
    {"": {}},
    ["a", 1.0],
    {"a": [1.0]},
    [[["a"]]],
    {"secure": "v1:x"},
)

plain: SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        (*WORDS, *NUMBERS, *_SHAPES, None, True, False, 3, -1, 10**30, float("nan"), float("inf"))
    ),
    st.recursive(
        st.one_of(st.none(), st.integers(), st.text(max_size=8)),
        lambda one: st.one_of(
            st.lists(one, max_size=3), st.dictionaries(st.text(max_size=5), one, max_size=3)
        ),
        max_leaves=4,
    ),
)
"""What YAML or JSON can hold."""

wire: SearchStrategy[Any] = st.one_of(
    st.sampled_from((*WORDS, *NUMBERS, *_SHAPES, True, False, UNKNOWN, [UNKNOWN], {"a": UNKNOWN})),
    st.text(max_size=8),
    st.floats(allow_nan=False, allow_infinity=False),
)
"""What the SDK makes of a gRPC value: no None, every number a float, and unknowns."""


@st.composite
def mutated(draw: st.DrawFn, right: Sequence[Any], wrong: SearchStrategy[Any] = plain) -> Any:
    """
    One of the *right* values with up to four pieces of it replaced, lost, moved, or something
    added.
    """
    value = [_copied(draw(st.sampled_from(right)))]
    for _ in range(draw(st.integers(0, 4))):
        places = list(_places(value))
        container, key = draw(st.sampled_from(places))
        match draw(st.integers(0, 5)):
            case 0 if container is not value:
                del container[key]
            case 1:
                other, other_key = draw(st.sampled_from(places))
                container[key] = _copied(other[other_key])
            case 2 if isinstance(container[key], dict):
                container[key][draw(texts)] = _copied(draw(wrong))
            case 3 if isinstance(container[key], list):
                container[key].append(_copied(draw(wrong)))
            case _:
                container[key] = _copied(draw(wrong))
    return value[0]


@st.composite
def mutated_text(draw: st.DrawFn, right: Sequence[str], pieces: SearchStrategy[str] = texts) -> str:
    """One of the *right* texts with a piece of it cut out, doubled or replaced."""
    text = draw(st.sampled_from(right))
    start = draw(st.integers(0, len(text)))
    end = min(len(text), start + draw(st.integers(0, 80)))
    middle = draw(st.one_of(pieces, st.sampled_from(["", text[start:end] * 2])))
    return text[:start] + middle + text[end:]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each place in lists and maps: the container and the key or position."""
    for key, child in list(value.items()) if isinstance(value, dict) else list(enumerate(value)):
        yield value, key
        if isinstance(child, dict | list):
            yield from _places(child)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(child) for key, child in value.items()}
    return [_copied(child) for child in value] if isinstance(value, list) else value
