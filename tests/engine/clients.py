"""Clients of the sandbox's AWS, for what tests do there themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3

from sandbox.world import Sandbox

REGION = "eu-west-1"


def client_of(sandbox: Sandbox, service: str, *, role: str = "") -> Any:
    """A client of *service*: in the sandbox's account, or in that of *role*, by its ARN."""
    keys = {"AccessKeyId": sandbox.aws.access_key, "SecretAccessKey": sandbox.aws.secret_key}
    if role:
        sts = client_of(sandbox, "sts")
        keys = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=sandbox.aws.url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys.get("SessionToken"),
    )


@contextmanager
def kms(sandbox: Sandbox) -> Iterator[Any]:
    """A client of KMS."""
    opened = client_of(sandbox, "kms")
    yield opened
    opened.close()
