"""
AWS's Regions and partitions, as botocore's data have them. No call, and no session: that reads the
profile, which may be missing.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from byodkim_provider.messages import Message
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.quoting import did_you_mean, shown


@cache
def _partitions() -> Sequence[Any]:
    # Imported here: some commands read a stack file without calling AWS.
    from botocore.loaders import create_loader

    partitions: Sequence[Any] = create_loader().load_data("partitions")["partitions"]
    return partitions


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
    """
    Domains that hold the endpoints of AWS's services, over IPv4 and IPv6, and others' hosts too.
    """
    outputs = [partition["outputs"] for partition in _partitions()]
    return frozenset(
        suffix
        for output in outputs
        for suffix in (output["dnsSuffix"], output["dualStackDnsSuffix"])
    )


def partition_of(region: str) -> str:
    """The second part of ARNs in *region*."""
    return _known().get(region, "aws")


def region_problem(region: str) -> Message | None:
    """What is wrong with *region*; None if it exists."""
    from botocore import __version__

    if region in _known():
        return None
    meant = did_you_mean(region, _known()) or ", expected one like 'eu-west-1'"
    return AwsMessages.NO_REGION(region=shown(region), version=__version__, meant=meant)


def regions_with_ses(partition: str) -> tuple[str, ...]:
    """The Regions of *partition* that have SES, sorted; not each is enabled."""
    from botocore.loaders import create_loader
    from botocore.regions import EndpointResolver

    resolver = EndpointResolver(create_loader().load_data("endpoints"))
    return tuple(sorted(resolver.get_available_endpoints("email", partition)))
