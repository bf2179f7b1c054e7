"""An API over HTTP at a URL."""

from byodkim_provider.hosts.http_host import HttpHost
from byodkim_provider.hosts.interface import Credentials, HostSettings
from byodkim_provider.hosts.registry import SPECS
from tests.hosts.name_servers import ZONE


class Api(HttpHost):
    """An API at a URL."""

    spec = SPECS["godaddy"]
    key = "token"
    key_refused = ""

    def __init__(self, url, credentials=Credentials("x", {}, {"token": "TOKEN"}, {})):  # noqa: B008
        super().__init__(HostSettings(provider="godaddy", zone=ZONE), credentials)
        self.timeout_seconds = 5
        self._url = url

    def _address(self):
        return self._url

    def _headers(self):
        return {}
