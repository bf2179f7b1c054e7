"""A person with the panel of a DNS provider: records made, seen and removed by hand."""

from sandbox.world import Sandbox
from tests.support.records import change


class Panel:
    """One zone, which no stack knows of."""

    def __init__(self, sandbox: Sandbox, zone: str) -> None:
        self.zone_id = sandbox.add_zone(zone)
        self._sandbox = sandbox

    def paste(self, name: str, *values: str, kind: str = "TXT") -> None:
        """Type one record in; TXT values without quotes."""
        self._change("UPSERT", name, values, kind)

    def remove(self, name: str, *values: str, kind: str = "TXT") -> None:
        self._change("DELETE", name, values, kind)

    def names(self) -> list[str]:
        """Names of its TXT records, sorted."""
        listed = self._sandbox.route53.list_resource_record_sets(HostedZoneId=self.zone_id)[
            "ResourceRecordSets"
        ]
        return sorted(one["Name"].rstrip(".") for one in listed if one["Type"] == "TXT")

    def _change(self, action: str, name: str, values: tuple[str, ...], kind: str) -> None:
        if kind == "TXT":
            values = tuple(
                " ".join(f'"{value[start : start + 255]}"' for start in range(0, len(value), 255))
                for value in values
            )
        change(self._sandbox, self.zone_id, action, name, *values, kind=kind)
