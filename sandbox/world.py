"""
One sandbox: AWS, DNS, SES and mail, in threads, so that nothing is left when the process ends.
"""

import base64
import functools
import tempfile
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from sandbox.aws.services import AwsServices
from sandbox.clock import SandboxClock
from sandbox.dns.hosting import NAME_SERVERS, HostedZone
from sandbox.dns.server import DnsServer
from sandbox.dns.zone import RecordSet, apex, quoted, strings_of
from sandbox.mail.dns import ask
from sandbox.mail.sink import MailSink
from sandbox.ses.actions import SIGNING_HOSTED_ZONE
from sandbox.ses.emulator import SesEmulator
from sandbox.ses.identity import easy_dkim_keys
from sandbox.ses.switches import Switches

REGION: Final = "eu-west-1"
"""The Region of the tutorial, and of commands that name none."""

BY_MOTO: Final = ("IAM", "KMS", "ROUTE_53", "SECRETS_MANAGER", "STS")


class Sandbox:
    """A context manager; several can be open at once, in one process or in many."""

    def __init__(
        self, *, clock: SandboxClock | None = None, switches: Switches | None = None
    ) -> None:
        self.clock = clock or SandboxClock()
        self.aws = AwsServices()
        self.account = self.aws.account
        """
        Number of the AWS account that `environment` signs in to, another one for each sandbox.
        """
        self.dns = DnsServer(self._zones)
        self.mail = MailSink(look_up=lambda name: ask(name, self.dns.resolver), clock=self.clock)
        self.ses: SesEmulator = SesEmulator(
            look_up_txt=lambda name: self.dns.txt(
                name, follows_cname=self.ses.switches.follows_cname
            ),
            look_up_mx=self.dns.mx,
            primary_server=self.dns.primary_server,
            name_exists=self.dns.exists,
            clock=self.clock,
            switches=switches or Switches(),
            account_id=self.account,
            deliver=self.mail.receive,
        )
        self.elsewhere: list[Callable[[], Sequence[HostedZone]]] = []
        """Zones of other DNS providers, with their current records."""
        self.more_environment: dict[str, str] = {}
        """
        Further variables of `environment`, such as those with which a process reaches those
        providers.
        """
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            temporary = tempfile.TemporaryDirectory(prefix="byodkim-sandbox-")
            self.directory = Path(starting.enter_context(temporary))
            """Removed at the end; the sandbox writes nowhere else."""
            (self.directory / "no-aws-config").touch()
            for server in (self.aws, self.dns, self.ses):
                starting.callback(server.stop)
                server.start()
            self.route53 = self.aws.route53()
            starting.callback(self.route53.close)
            self._open = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def dns_resolver(self) -> str:
        """`127.0.0.1:PORT`, for the setting `dnsResolvers`."""
        return self.dns.resolver

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which a process reaches the sandbox instead of AWS."""
        nothing = str(self.directory / "no-aws-config")
        return {
            "AWS_ACCESS_KEY_ID": self.aws.access_key,
            "AWS_SECRET_ACCESS_KEY": self.aws.secret_key,
            "AWS_CONFIG_FILE": nothing,
            "AWS_SHARED_CREDENTIALS_FILE": nothing,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_SESV2": self.ses.url,
            **{f"AWS_ENDPOINT_URL_{service}": self.aws.url for service in BY_MOTO},
            "NO_PROXY": "127.0.0.1",
            "SANDBOX_DNS": self.dns_resolver,
            # Account numbers come again in the next sandbox, and what was read of this one must
            # not.
            "XDG_CACHE_HOME": str(self.directory / "cache"),
            "no_proxy": "127.0.0.1",
            **self.more_environment,
        }

    def add_zone(self, name: str) -> str:
        """Id of a new public zone in Route 53. One name can have several."""
        made = self.route53.create_hosted_zone(Name=name, CallerReference=str(uuid.uuid4()))
        return str(made["HostedZone"]["Id"]).removeprefix("/hostedzone/")

    def _zones(self) -> list[HostedZone]:
        """All public zones; of two with one name, the first is the one that the registrar names."""
        others = [zone for zones in tuple(self.elsewhere) for zone in zones()]
        return [*others, *self.aws.zones(), _zone_of_ses()]


AMAZONSES: Final = "amazonses.com"


@functools.cache
def _zone_of_ses() -> HostedZone:
    """
    Where SES publishes the keys of Easy DKIM, to which a domain's CNAME records lead, and its SPF.
    """
    spf = '"v=spf1 ip4:127.0.0.0/8 -all"'  # all its mail comes from this machine
    texts = dict.fromkeys((AMAZONSES, f"{REGION}.{AMAZONSES}"), spf)
    for key in easy_dkim_keys():
        value = f"p={base64.b64encode(key.public_der).decode()}"
        texts[f"{key.selector}.{SIGNING_HOSTED_ZONE}"] = quoted(strings_of(value))
    record_sets = [RecordSet(name, "TXT", 300, (value,)) for name, value in texts.items()]
    return HostedZone(AMAZONSES, NAME_SERVERS, (*apex(AMAZONSES, NAME_SERVERS, 900), *record_sets))
