"""The dynamic resource of `price`: stores what a resource of ours stored, and does nothing else."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

SECRET = "4dabf18193072939515e22adb298388d"
"""How the engine marks a secret in an export."""


def name_of(recorded: dict[str, Any]) -> str:
    """What distinguishes a resource from the others in its stack."""
    return f"{recorded['type'].rpartition(':')[2]} {recorded['urn'].rpartition('::')[2]}"


def plain(value: Any) -> Any:
    """*value* of an export, with secrets as what they are."""
    match value:
        case {"plaintext": text} if SECRET in value:
            return json.loads(text)
        case dict():
            return {name: plain(one) for name, one in value.items()}
        case list():
            return [plain(one) for one in value]
    return value


@functools.cache
def _recorded() -> dict[str, dict[str, Any]]:
    resources = json.loads(Path(os.environ["BENCH_RECORDED"]).read_text())
    return {name_of(one): plain(one.get("outputs", {})) for one in resources}


def _outputs(props: dict[str, Any]) -> dict[str, Any]:
    outputs = _recorded()[props["replays"]]
    return {
        **{name: value for name, value in outputs.items() if not name.startswith("__")},
        "replays": props["replays"],
        "digest": _digest(props),
    }


def _digest(props: dict[str, Any]) -> str:
    """Of the inputs, because some resources of ours don't store them a second time."""
    inputs = {name: value for name, value in props.items() if not name.startswith("__")}
    return hashlib.sha256(json.dumps(inputs, default=str, sort_keys=True).encode()).hexdigest()[:8]


class ReplayedProvider(ResourceProvider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(props["replays"].rpartition(" ")[2], _outputs(props))

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=_olds["digest"] != _digest(_news))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(_outputs(_news))


class Replayed(Resource, module="bench", name="Replayed"):
    def __init__(
        self, replays: str, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions
    ) -> None:
        super().__init__(ReplayedProvider(), name, {"replays": replays, **inputs}, opts)
