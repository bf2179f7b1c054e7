"""
What SES refuses before it does anything, and in which words.

Lengths, patterns, enumerations, paths and HTTP statuses are read from the service model that
botocore ships; only what AWS's documents say beside it is written here. Error texts of
actions were compared with real SES by floci (https://github.com/floci-io/floci) and others;
those marked *assumed* have AWS's usual form.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import botocore.session
from botocore.model import ListShape, ServiceModel, Shape, StructureShape

MAX_PAGE_SIZE: Final = 1000
"""Of ListEmailIdentities (API reference, `PageSize`: 0 to 1,000)."""

BLANKS: Final = "\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""Unicode's separators (`\\p{Z}`); lengths are in code points."""

TAG_KEY: Final = re.compile(rf"[\w{BLANKS}.:/=+\-@]{{1,128}}")
TAG_VALUE: Final = re.compile(rf"[\w{BLANKS}.:/=+\-@]{{0,256}}")

NOT_IN_MODEL: Final = {
    "AccessDeniedException": 403,
    "UnknownOperationException": 404,
}
"""HTTP statuses of errors that stand before every AWS service."""


@functools.cache
def service_model() -> ServiceModel:
    model: ServiceModel = botocore.session.get_session().get_service_model("sesv2")
    return model


class SesError(Exception):
    """SES's answer is an error: the name of its shape, with final `Exception`, and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    @property
    def status_code(self) -> int:
        if self.code in NOT_IN_MODEL:
            return NOT_IN_MODEL[self.code]
        return int(service_model().shape_for(self.code).metadata["error"]["httpStatusCode"])


def check_parameters(operation: str, parameters: Mapping[str, Any]) -> None:
    """Refuse what the service model or a documented limit forbids, all problems in one error."""
    shape = service_model().operation_model(operation).input_shape
    problems = list(_problems(shape, parameters))
    if problems:
        raise SesError("BadRequestException", "; ".join(problems))


def check_tags(tag_list: Sequence[Mapping[str, str]], before: Mapping[str, str]) -> dict[str, str]:
    """
    The tags of a resource that had those *before*; refuse what it may not have. Texts *assumed*.
    """
    given = {tag["Key"]: tag["Value"] for tag in tag_list}
    tags = {**before, **given}
    for key, value in given.items():
        if not TAG_KEY.fullmatch(key) or key.lower().startswith("aws:"):
            raise SesError("BadRequestException", f"The tag key {key!r} is invalid.")
        if not TAG_VALUE.fullmatch(value):
            raise SesError("BadRequestException", f"The value of tag {key!r} is invalid.")
    return tags


def _problem(path: str, constraint: str) -> str:
    return f"Value at '{path}' failed to satisfy constraint: {constraint}"


def _problems(shape: Shape | None, value: Any, path: str = "") -> Iterator[str]:
    """What the service model forbids in *value*, which stands at *path*."""
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if value.get(name) is None:
                yield _problem(f"{path}.{name}", "Member must not be null")
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _problems(member, value[name], f"{path}.{name}")
    elif isinstance(shape, ListShape):
        for number, item in enumerate(value, start=1):
            yield from _problems(shape.member, item, f"{path}.{number}")
    elif shape and shape.type_name == "string":
        yield from _string_problems(shape, value, path)


def _string_problems(shape: Shape, value: str, path: str) -> Iterator[str]:
    limits = shape.metadata
    if len(value) < limits.get("min", 0):
        yield _problem(path, f"Member must have length greater than or equal to {limits['min']}")
    if len(value) > limits.get("max", len(value)):
        yield _problem(path, f"Member must have length less than or equal to {limits['max']}")
    # The whole value: `$` alone would let a final newline pass.
    if "pattern" in limits and not re.fullmatch(limits["pattern"], value):
        yield _problem(path, f"Member must satisfy regular expression pattern: {limits['pattern']}")
    if "enum" in limits and value not in limits["enum"]:
        yield _problem(path, f"Member must satisfy enum value set: [{', '.join(limits['enum'])}]")
