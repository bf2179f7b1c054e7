"""The Regions of AWS that the installed botocore knows."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache

__all__ = ["region_problem"]


@cache
def _known() -> frozenset[str]:
    # Imported here: some commands read a stack file without calling AWS.
    from botocore.loaders import create_loader

    partitions = create_loader().load_data("partitions")["partitions"]
    regions = frozenset(region for partition in partitions for region in partition["regions"])
    return regions - {region for region in regions if region.endswith("-global")}  # not Regions for resources


def region_problem(region: str) -> str:
    """
    What is wrong with *region*; "" if it exists.

    >>> region_problem("eu-west-1")
    ''
    """
    if region in _known():
        return ""
    near = get_close_matches(region, _known(), n=1)
    meant = f", did you mean {near[0]!r}?" if near else ""
    return f"{region!r} is not a Region that botocore {_version()} knows{meant}"


def _version() -> str:
    from botocore import __version__

    return __version__
