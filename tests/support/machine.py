"""The environment in which `pulumi` finds its settings for AWS."""

import json
import os

from byodkim_provider.aws.connections import Connections
from byodkim_provider.aws.settings import read_settings

REGION = "eu-west-1"


NOBODY = "http://127.0.0.1:1"
"""An endpoint where nothing answers: port 1 is never given out."""


def settings(**given):
    """What is read from a configuration, objects as the JSON text that Pulumi hands over."""
    texts = {name: one if isinstance(one, str) else json.dumps(one) for name, one in given.items()}
    return read_settings({f"aws:{name}": text for name, text in texts.items()}.get)


class Machine:
    """The environment that `pulumi` runs in: AWS configuration files and variables of one's own."""

    def __init__(self, directory, monkeypatch, aws):
        self._monkeypatch = monkeypatch
        self._files = directory / "config", directory / "credentials"
        self.aws = aws
        for name in os.environ:
            if name.startswith("AWS_"):
                monkeypatch.delenv(name)
        self.write()
        config, credentials = map(str, self._files)
        self.set(AWS_CONFIG_FILE=config, AWS_SHARED_CREDENTIALS_FILE=credentials)
        self.set(AWS_EC2_METADATA_DISABLED="true", NO_PROXY="127.0.0.1")

    def set(self, **variables):
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def write(self, *, config="", credentials=""):
        for file, text in zip(self._files, (config, credentials), strict=True):
            file.write_text(text)

    def sign_in(self):
        """The default credentials are those of the services' first account."""
        self.set(AWS_ACCESS_KEY_ID=self.aws.access_key, AWS_SECRET_ACCESS_KEY=self.aws.secret_key)

    def settings(self, **given):
        """These settings; STS is the emulated one if they name no other."""
        return settings(endpoints=[{"sts": self.aws.url} | given.pop("endpoints", {})], **given)

    def connect(self, service="sesv2", *, region=REGION, **given):
        """A client and its account, with these settings."""
        made = Connections(self.settings(**given))
        return made._client(service, region), made.account_id(region)
