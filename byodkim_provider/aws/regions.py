"""The Regions and partitions of AWS that the installed botocore knows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from byodkim_provider.messages import Message
from byodkim_provider.messages.aws import AwsProblem
from byodkim_provider.quoting import did_you_mean


@cache
def _partitions() -> Sequence[Any]:
    # Imported here: some commands read a stack file without calling AWS.
    from botocore.loaders import create_loader

    found: Sequence[Any] = create_loader().load_data("partitions")["partitions"]
    return found


@cache
def _known() -> dict[str, str]:
    """Partitions, by Region."""
    return {
        region: partition["id"]
        for partition in _partitions()
        for region in partition["regions"]
        if not region.endswith("-global")  # not Regions for resources
    }


@cache
def dns_suffixes() -> frozenset[str]:
    """Domains that hold the endpoints of AWS's services, over IPv4 and IPv6, and others' hosts too."""
    return frozenset(
        one["outputs"][name] for one in _partitions() for name in ("dnsSuffix", "dualStackDnsSuffix")
    )


def partition_of(region: str) -> str:
    """The second part of ARNs in *region*."""
    return _known().get(region, "aws")


def region_problem(region: str) -> Message | None:
    """What is wrong with *region*; None if it exists."""
    if region in _known():
        return None
    meant = did_you_mean(region, _known())
    return AwsProblem.NO_REGION(region=region, version=_version(), did_you_mean=meant)


def _version() -> str:
    from botocore import __version__

    return __version__


def regions_with(service: str, partition: str) -> tuple[str, ...]:
    """The Regions of *partition* that have *service*, named as in boto3, sorted; not each is enabled."""
    from botocore.session import get_session

    return tuple(sorted(get_session().get_available_regions(service, partition_name=partition)))
