"""The AWS account that the settings of pulumi-aws lead to: sign-in and roles."""

import functools
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from botocore.loaders import create_loader

Properties = dict[str, Any]

PATIENT: Final = Config(retries={"mode": "standard", "max_attempts": 25})
"""As the AWS SDK for Go with the real provider's `maxRetries`."""

SETTINGS: Final = re.compile(
    "region|profile|accessKey|secretKey|token|assumeRoles|endpoints|allowedAccountIds|"
    "defaultTags|version|"
    "skip(CredentialsValidation|MetadataApiCheck|RegionValidation|RequestingAccountId)"
)
"""Settings of the provider that are honoured, or make no difference here."""

NO_CREDENTIALS: Final = (
    "No valid credential sources found.\nPlease see https://www.pulumi.com/registry/packages/aws/"
    "installation-configuration/ for more information about providing credentials."
)

NO_ACCOUNT: Final = (
    "Retrieving AWS account details: AWS account ID not previously found and failed "
    "retrieving via all "
    "available methods.\n\n"
    "See https://www.terraform.io/docs/providers/aws/index.html#skip_requesting_account_id "
    "for workaround "
    "and implications.\nErrors: 1 error occurred:\n\t* retrieving caller identity from STS: {}\n\n"
)
"""The real one has two more errors: it asks IAM, too."""

MODELS: Final = create_loader()
"""Reads botocore's models of the services once, and not once a session."""


def said(error: Exception) -> str:
    """*error* in the words of the AWS SDK for Go, which the plugin uses."""
    if isinstance(error, NoCredentialsError):
        return (
            "operation error STS: GetCallerIdentity, get identity: get credentials: failed to "
            "refresh "
            "cached credentials, no EC2 IMDS role found"
        )
    if not isinstance(error, ClientError):
        return str(error)
    operation, metadata = error.operation_name, error.response["ResponseMetadata"]
    problem, status = error.response["Error"], metadata["HTTPStatusCode"]
    service = "STS" if operation in ("GetCallerIdentity", "AssumeRole") else "Route 53"
    if any(word in operation for word in ("EmailIdentity", "Tenant")):
        service = "SESv2"
    return (
        f"operation error {service}: {operation}, https response error StatusCode: {status}, "
        f"RequestID: {metadata.get('RequestId')}, api error {problem['Code']}: {problem['Message']}"
    )


class Account:
    def __init__(self, settings: Mapping[str, str]) -> None:
        refused = sorted(name for name in settings if not SETTINGS.fullmatch(name))
        if refused:
            raise ValueError(
                f"the sandbox's stand-in for pulumi-aws does not know these settings: {refused}"
            )
        if not settings.get("region"):
            raise ValueError("invalid AWS Region: Missing region configuration")
        self._endpoints: dict[str, str] = {}
        for endpoints in json.loads(settings.get("endpoints", "[]")):
            self._endpoints.update(endpoints)
        self._session = self._signed_in(settings)
        self.region = settings["region"]
        self._settings = settings

    def confirm(self) -> None:
        """
        Ask STS for the account, unless the settings say not to; raises ValueError as the plugin
        does.
        """
        allowed = json.loads(self._settings.get("allowedAccountIds", "[]"))
        if self._settings.get("skipRequestingAccountId") == "true" and not allowed:
            return
        try:
            number = self.number
        except NoCredentialsError:
            raise ValueError(NO_CREDENTIALS) from None
        except (BotoCoreError, ClientError) as error:
            raise ValueError(NO_ACCOUNT.format(said(error))) from None
        if allowed and number not in allowed:
            raise ValueError(f"AWS account ID not allowed: {number}")

    @functools.cached_property
    def number(self) -> str:
        return str(self.caller_identity()["accountId"])

    @functools.cached_property
    def route53(self) -> Any:
        return self._session.client("route53", endpoint_url=self._endpoints.get("route53"))

    @functools.cache  # noqa: B019 # as long as the plugin's process
    def sesv2(self, region: str) -> Any:
        endpoint = self._endpoints.get("sesv2")
        return self._session.client("sesv2", region, endpoint_url=endpoint, config=PATIENT)

    def caller_identity(self) -> Properties:
        sts = self._session.client("sts", endpoint_url=self._endpoints.get("sts"))
        identity = sts.get_caller_identity()
        account = identity["Account"]
        return {
            "accountId": account,
            "arn": identity["Arn"],
            "id": account,
            "userId": identity["UserId"],
        }

    def _signed_in(self, settings: Mapping[str, str]) -> boto3.Session:
        keys = [settings.get(name) for name in ("accessKey", "secretKey", "token")]
        session = _session(settings, keys, settings.get("profile"))
        for role in json.loads(settings.get("assumeRoles", "[]")):
            sts = session.client("sts", endpoint_url=self._endpoints.get("sts"))
            name = role.get("sessionName") or "pulumi-aws"
            more = {"ExternalId": role["externalId"]} if role.get("externalId") else {}
            got = sts.assume_role(RoleArn=role["roleArn"], RoleSessionName=name, **more)[
                "Credentials"
            ]
            session = _session(
                settings, [got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"]]
            )
        return session


def _session(
    settings: Mapping[str, str], keys: Iterable[str | None], profile: str | None = None
) -> boto3.Session:
    core = botocore.session.get_session()
    core.register_component("data_loader", MODELS)
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    given: Any = dict(zip(names, keys, strict=True))
    return boto3.Session(
        botocore_session=core, profile_name=profile, region_name=settings["region"], **given
    )


def sign_in_problem(settings: Mapping[str, str]) -> str:
    """The plugin's error about credentials that don't work; "" if they work."""
    if settings.get("skipCredentialsValidation") == "true":
        return ""
    try:
        Account(settings).caller_identity()
    except NoCredentialsError:
        return NO_CREDENTIALS
    except (BotoCoreError, ClientError) as error:
        asked = "validating provider credentials: retrieving caller identity from STS"
        return f"unable to validate AWS credentials.\nDetails: {asked}: {said(error)}\n"
    return ""
