"""
The emulator without HTTP and the zone without Route 53, for probers that run by the hundred.

What the prober asks and how it waits is the same; `test_acceptance` runs it over the wire.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from typing import Any

from botocore.exceptions import ClientError, ConnectionClosedError

from sandbox.ses.model import NoAnswerError, SesModel
from sandbox.ses.rules import SesError
from sandbox.ses.switches import Switches
from tests.acceptance.lab import Outside, Record
from tests.support.fakes import REGION, FakeClock

ZONE = "lab.example"


class DirectClient:
    """Shaped like a boto3 client of `sesv2`."""

    def __init__(self, model: SesModel, region: str = REGION) -> None:
        self.model = model
        self._region = region

    def __getattr__(self, action: str) -> Any:
        operation = "".join(word.title() for word in action.split("_"))

        def call(**parameters: Any) -> dict[str, Any]:
            date = format_datetime(self.model.clock.now(), usegmt=True)
            metadata: dict[str, Any] = {"HTTPHeaders": {"date": date}, "HTTPStatusCode": 200}
            try:
                return {**self.model.call(operation, self._region, parameters), "ResponseMetadata": metadata}
            except SesError as error:
                metadata["HTTPStatusCode"] = error.status_code
                told = {"Code": error.code, "Message": error.message}
                raise ClientError({"Error": told, "ResponseMetadata": metadata}, operation) from None
            except NoAnswerError:
                raise ConnectionClosedError(endpoint_url="https://email.example") from None

        return call


class ZoneAsDict:
    """TXT values by name."""

    def __init__(self) -> None:
        self.values: dict[str, tuple[str, ...]] = {}
        self.others: list[tuple[str, ...]] = [(ZONE, "NS"), (ZONE, "SOA")]

    def publish(self, name: str, strings: list[list[str]], *, waits: bool = True) -> None:
        self.values[name] = tuple("".join(one) for one in strings)

    def publish_mx(self, name: str, value: str) -> None:
        self.others.append((name, "MX"))

    def remove(self, name: str, kind: str = "TXT", *, waits: bool = True) -> None:
        self.values.pop(name, None)

    def listed(self) -> list[Record]:
        ours = [Record(name, "TXT", texts=values) for name, values in self.values.items()]
        return [*(Record(*one) for one in self.others), *ours]


@contextmanager
def world(switches: Switches) -> Iterator[Outside]:
    """An emulator set to *switches*, whose time moves only when the prober waits."""
    clock, zone, arrived = FakeClock(), ZoneAsDict(), []
    model = SesModel(
        look_up_txt=lambda name: zone.values.get(name, ()),
        clock=clock,
        switches=switches,
        deliver=lambda *mail: arrived.append(mail[-1]),
    )

    def send(domain: str) -> bytes:
        parameters = {
            "FromEmailAddress": f"a@{domain}",
            "Destination": {"ToAddresses": [f"b@{ZONE}"]},
            "Content": {"Simple": {"Subject": {"Data": ""}, "Body": {"Text": {"Data": ""}}}},
        }
        model.call("SendEmail", REGION, parameters)
        return arrived.pop()

    yield Outside(
        ses=DirectClient(model),
        records=zone,
        zone=ZONE,
        region=REGION,
        account=model.account_id,
        now=clock.monotonic,
        wait=clock.advance,
        send=send,
    )
