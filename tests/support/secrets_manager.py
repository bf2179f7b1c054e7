"""
moto's Secrets Manager as tests see it: what was called, what goes wrong, whose keys it holds.

A test reads and changes secrets behind our back in moto's own objects, so that every call that
is seen was made by the product.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto.secretsmanager.models import FakeSecret, secretsmanager_backends
from moto.secretsmanager.responses import SecretsManagerResponse

from byodkim_provider.aws.connections import RETRYING_CLIENT
from byodkim_provider.aws.secrets_manager import SecretStore
from byodkim_provider.dkim import keys
from byodkim_provider.dkim.keys import SigningKey
from sandbox.aws.services import AwsServices
from tests.support.fakes import REGION

Answer = tuple[int, dict[str, Any], str]


@dataclass
class Trouble:
    """What happens to the calls of one operation, as long as *times* lasts."""

    operation: str
    code: str
    status: int = 400
    message: str = "this is said"
    after_the_work: bool = False
    times: int = 1
    foreign: bool = False
    """Somebody else answers: without an id of the request, and no JSON."""


@dataclass
class SecretsManager:
    """
    All of it in this process; a test that shares the process looks at its own account and calls
    only.
    """

    aws: AwsServices
    calls: list[str] = field(default_factory=list)
    """Actions that were asked for, oldest first."""
    troubles: list[Trouble] = field(default_factory=list)
    written: list[str] = field(default_factory=list, repr=False)
    """Texts that secrets were made with, also of those that are gone."""

    @classmethod
    @contextmanager
    def watched(cls, aws: AwsServices) -> Iterator[SecretsManager]:
        """Sees every call from now on, as does whoever watches already."""
        seen, before = cls(aws), SecretsManagerResponse.call_action

        def call_action(response: SecretsManagerResponse) -> Answer:
            return seen._answer(response, before)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SecretsManagerResponse, "call_action", call_action)
            yield seen

    def store(self, region: str = REGION) -> SecretStore:
        """The product's own client of it."""
        return SecretStore(
            boto3.client(
                "secretsmanager",
                region_name=region,
                endpoint_url=self.aws.url,
                aws_access_key_id=self.aws.access_key,
                aws_secret_access_key=self.aws.secret_key,
                config=RETRYING_CLIENT,
            )
        )

    def secret(self, name: str, region: str = REGION) -> FakeSecret:
        """By its name."""
        return self._secrets(region)[name]

    def names(self, region: str = REGION) -> list[str]:
        """Of all secrets, also those that are scheduled for deletion."""
        return [secret.name for secret in self._secrets(region).values()]

    def tags(self, name: str) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.secret(name).tags}

    def days_to_restore(self, name: str) -> int | None:
        """How many days from now the secret will be deleted for good; None if it will not."""
        secret = self.secret(name)
        if not secret.is_deleted():
            return None
        return round((secret.deleted_date - secret.last_changed_date) / 86400)

    def remove(self, name: str, region: str = REGION) -> None:
        """Somebody deletes the secret without a recovery window."""
        self._secrets(region).pop(name)

    def schedule(self, name: str) -> None:
        """Somebody deletes the secret, with a recovery window."""
        secret = self.secret(name)
        secret.delete(secret.last_changed_date + 30 * 86400)

    def overwrite(self, name: str, text: str) -> None:
        """Somebody writes another version."""
        version = {"version_id": "b" * 32, "createdate": 0, "version_stages": ["AWSCURRENT"]}
        self.secret(name).reset_default_version({**version, "secret_string": text}, "b" * 32)

    def signing_keys(self) -> list[SigningKey]:
        """Every key that was ever written."""
        return [_signing_key(text) for text in self.written]

    def clear(self) -> None:
        """All secrets are gone."""
        for backend in secretsmanager_backends[self.aws.account].values():
            backend.secrets.clear()

    def _secrets(self, region: str) -> Any:
        return secretsmanager_backends[self.aws.account][region].secrets

    def _answer(
        self, response: SecretsManagerResponse, answer_to: Callable[[SecretsManagerResponse], Any]
    ) -> Answer:
        operation = response._get_action()
        self.calls.append(operation)
        if operation == "CreateSecret":
            self.written.append(response._get_param("SecretString"))
        trouble = next(
            (one for one in self.troubles if one.operation == operation and one.times), None
        )
        if trouble is None or trouble.after_the_work:
            answer: Answer = answer_to(response)
        if trouble:
            trouble.times -= 1
            if trouble.foreign:
                return trouble.status, {"content-type": "text/html"}, "<html>please sign in</html>"
            text = json.dumps({"__type": trouble.code, "message": trouble.message})
            return trouble.status, {"x-amzn-requestid": "5f3c"}, text
        return answer


@functools.cache
def _signing_key(text: str) -> SigningKey:
    return keys.load(json.loads(text)["privateKey"], proved=True)
