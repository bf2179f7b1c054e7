"""Route 53, STS, IAM, KMS and Secrets Manager, played by moto's server in a thread."""

import functools
import itertools
import logging
import threading
from typing import Any, Final

import boto3
import moto.backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.route53.exceptions import Route53ClientError
from moto.route53.models import FakeZone, Route53Backend, route53_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.server import ThreadedMotoServer
from moto.sts.models import sts_backends

from sandbox.aws.route53_rules import Change, problems
from sandbox.dns.hosting import CHILD_NAME_SERVERS, NAME_SERVERS, HostedZone
from sandbox.dns.zone import RecordSet

_BACKENDS: Final = (
    iam_backends,
    kms_backends,
    route53_backends,
    secretsmanager_backends,
    sts_backends,
)

# It lists its folder for each request.
vars(moto.backends)["list_of_moto_modules"] = functools.partial(
    iter, [*moto.backends.list_of_moto_modules()]
)

_account_numbers = itertools.count(123456789012)
_lock: Final = threading.Lock()


class _Route53(Route53Backend):
    """moto's Route 53, as strict as AWS's, with name servers of the sandbox."""

    __module__ = Route53Backend.__module__  # moto finds its URLs in the module of the class

    def create_hosted_zone(self, name: str, *arguments: Any, **options: Any) -> FakeZone:
        others = [_absolute(zone.name) for zone in self.zones.values()]
        below_another = any(_absolute(name).endswith("." + other) for other in others)
        zone = super().create_hosted_zone(name, *arguments, **options)
        del self.zones[zone.resource_id]
        zone.resource_id = f"Z{zone.resource_id[1:]}"  # moto's ids begin with anything
        self.zones[zone.resource_id] = zone
        servers = list(CHILD_NAME_SERVERS if below_another else NAME_SERVERS)
        if zone.delegation_set:
            zone.delegation_set.name_servers = servers
        soa = f"{servers[0]}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
        for record_set in zone.rrsets:
            record_set.name = _absolute(record_set.name)
            record_set.records = servers if record_set.type == "NS" else [soa]
        return zone

    def change_resource_record_sets(self, zoneid: str, change_list: list[dict[str, Any]]) -> None:
        """Apply all changes, or none. moto's own lets a record be created twice."""
        zone = self.get_hosted_zone(zoneid)
        changes = [_change(change) for change in change_list]
        with _lock:
            refused = problems(_absolute(zone.name), _record_sets(zone), changes)
            if refused:
                raise Route53ClientError("InvalidChangeBatch", f"[{', '.join(refused)}]")
            for change in changes:
                name, kind, ttl, values = change.record_set
                zone.delete_rrset({"Name": name, "Type": kind})
                if change.action != "DELETE":
                    zone.add_rrset(
                        {"Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": list(values)}
                    )


class AwsServices:
    """moto's server, with an AWS account of its own and more on request."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self._accounts: list[str] = []
        self.account = self.add_account()
        """The account that the credentials belong to."""
        key = iam_backends[self.account]["aws"].create_temp_access_key()
        self.access_key: str = key.access_key_id
        self.secret_key: str = key.secret_access_key

    def start(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else a line for each request
        self._server.start()

    def stop(self) -> None:
        self._server.stop()
        for account in self._accounts:
            for backends in _BACKENDS:
                backends.pop(account, None)

    @property
    def url(self) -> str:
        host, port = self._server.get_host_and_port()
        return f"http://{host}:{port}"

    def add_account(self) -> str:
        """
        Number of a new, empty account. Any role of it can be assumed:
        `arn:aws:iam::NUMBER:role/ANY`.
        """
        with _lock:
            account = str(next(_account_numbers))
        route53_backends[account].backend = _Route53
        self._accounts.append(account)
        return account

    def route53(self) -> Any:
        session = boto3.Session(self.access_key, self.secret_key, region_name="us-east-1")
        return session.client("route53", endpoint_url=self.url)

    def zones(self) -> list[HostedZone]:
        """The public zones of all accounts, oldest first."""
        return [
            HostedZone(
                zone.name, tuple(zone.delegation_set.name_servers), tuple(_record_sets(zone))
            )
            for account in list(self._accounts)
            for zone in list(route53_backends[account]["aws"].zones.values())
            if zone.delegation_set and not zone.private_zone
        ]


def _absolute(name: str) -> str:
    """*name* as Route 53 lists it: lower case, with a final dot."""
    return name.lower().rstrip(".") + "."


def _change(change: dict[str, Any]) -> Change:
    wanted = change["ResourceRecordSet"]
    values = tuple(record["Value"] for record in wanted.get("ResourceRecords", []))
    record_set = RecordSet(
        _absolute(wanted["Name"]), wanted["Type"], int(wanted.get("TTL", 0)), values
    )
    return Change(change["Action"], record_set)


def _record_sets(zone: FakeZone) -> list[RecordSet]:
    # An alias to another AWS resource has no values; nothing here makes or reads one.
    return [
        RecordSet(
            record_set.name,
            str(record_set.type),
            int(record_set.ttl or 0),
            tuple(record_set.records),
        )
        for record_set in list(zone.rrsets)
        if record_set.records
    ]
