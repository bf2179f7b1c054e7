"""
Client of SES: one method for each action of the SES v2 API, with the action's name.

Turns responses into values. Retries and pace are in `ses_calls`; `identity.plan` and
`identity.verification` decide which call comes when.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from byodkim_provider.aws.ses_calls import Calls
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.errors import SesRefused, Stopped
from byodkim_provider.messages import Message
from byodkim_provider.messages.aws import AwsStep, SesError
from byodkim_provider.progress import Clock

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

MANAGED: Final = "MANAGED_DOMAIN"
"""`IdentityType` of a domain that another AWS service has made, and looks after (SES v2 API reference)."""

_TENANTS, _CERTIFICATES = "tenant associations", "certificates associated"
"""In SES's words about what holds an identity that is to be deleted."""

MOST_TENANTS: Final = 10
"""How many tenants a message names."""

LIST_PAGE_SIZE: Final = 1000
"""Largest page of ListEmailIdentities (SES v2 API reference)."""


@dataclass(frozen=True, slots=True)
class DkimResponse:
    """SES's response to a change of DKIM settings. *at* is SES's own clock (its `Date` header)."""

    dkim_status: str
    at: datetime
    origin: str = ""
    signing_enabled: bool = True
    """From CreateEmailIdentity only: a Put does not change it, and its response does not have it."""


@dataclass(frozen=True, slots=True)
class SesIdentity:
    """Result of GetEmailIdentity, in SES's terms. *at* is SES's own clock (its `Date` header)."""

    identity_type: str
    dkim_status: str
    signing_enabled: bool
    origin: str
    tokens: tuple[str, ...]
    at: datetime
    tags: Mapping[str, str] = field(default_factory=dict)
    configuration_set: str | None = None
    last_checked: datetime | None = None
    last_success: datetime | None = None
    error_type: str = ""
    """`ErrorType` of the last failed check. SES may keep it although the status is SUCCESS: see `failure`."""
    soa_seen: str = ""
    mail_from: str = ""
    """The custom MAIL FROM domain; empty if there is none."""
    mail_from_status: str = ""
    on_mx_failure: str = ""

    @property
    def selector(self) -> str | None:
        """The selector SES signs with; None if SES does not return it, or signs with Easy DKIM."""
        return self.tokens[0] if self.origin == "EXTERNAL" and self.tokens else None

    @property
    def failure(self) -> str:
        """The `ErrorType` to show; empty if the status is SUCCESS, because SES may keep an old one."""
        return "" if self.dkim_status == "SUCCESS" else self.error_type

    @property
    def verified(self) -> bool:
        """The test of the BYODKIM guide: origin EXTERNAL, signing enabled, status SUCCESS."""
        return self.origin == "EXTERNAL" and self.signing_enabled and self.dkim_status == "SUCCESS"


def with_error(shown: str, error_type: str) -> str:
    """*shown*, followed by SES's `ErrorType` and what it means in brackets, if there is one."""
    known = SesError.__members__.get(error_type)
    return f"{shown} ({known() if known else error_type})" if error_type else shown


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of ListEmailIdentities. The status is the identity's; the list has no DKIM status."""

    name: str
    verification_status: str
    identity_type: str = ""


class SesClient:
    """
    SES in one Region. A class so that all threads of a process share one pace.

    Every method retries errors that may pass, raises `SesRefused` if SES still returns an error,
    and raises `Stopped` instead of calling or waiting once the run is interrupted.
    """

    def __init__(
        self,
        client: SESV2Client,
        *,
        region: str,
        account_id: str,
        clock: Clock,
        is_patient: bool = True,
    ) -> None:
        """*client* must not retry by itself (`total_max_attempts=1`), unless *is_patient* is False."""
        self._client = client
        self._region = region
        self._account_id = account_id
        self._clock = clock
        calls = Calls(client, region=region, clock=clock, is_patient=is_patient)
        self._make, self._pages = calls.make, calls.pages

    def create_email_identity(
        self,
        domain: str,
        *,
        selector: str,
        key: SigningKey,
        configuration_set: str | None,
        tags: Mapping[str, str],
    ) -> DkimResponse:
        """CreateEmailIdentity: a new identity that signs with *key*."""
        optional: dict[str, Any] = {"ConfigurationSetName": configuration_set} if configuration_set else {}
        answer = self._make(
            self._client.create_email_identity,
            domain,
            EmailIdentity=domain,
            DkimSigningAttributes=_signing_attributes(selector, key),
            Tags=_list(tags),
            **optional,
        )
        dkim = answer.get("DkimAttributes", {})
        return DkimResponse(
            dkim_status=dkim.get("Status", ""),
            at=_date(answer, self._clock),
            origin=dkim.get("SigningAttributesOrigin", ""),
            signing_enabled=bool(dkim.get("SigningEnabled", False)),
        )

    def put_email_identity_dkim_signing_attributes(
        self, domain: str, *, selector: str, key: SigningKey
    ) -> DkimResponse:
        """PutEmailIdentityDkimSigningAttributes: SES signs with *key* once it has found its record."""
        answer = self._make(
            self._client.put_email_identity_dkim_signing_attributes,
            domain,
            EmailIdentity=domain,
            SigningAttributesOrigin="EXTERNAL",
            SigningAttributes=_signing_attributes(selector, key),
        )
        return DkimResponse(
            dkim_status=answer.get("DkimStatus", ""), at=_date(answer, self._clock), origin="EXTERNAL"
        )

    def put_email_identity_dkim_attributes(self, domain: str, *, signing_enabled: bool) -> None:
        """PutEmailIdentityDkimAttributes: the console's *DKIM signatures: Enabled* box."""
        put = self._client.put_email_identity_dkim_attributes
        self._make(put, domain, EmailIdentity=domain, SigningEnabled=signing_enabled)

    def put_email_identity_configuration_set_attributes(self, domain: str, name: str) -> None:
        """PutEmailIdentityConfigurationSetAttributes: the default configuration set of *domain*."""
        put = self._client.put_email_identity_configuration_set_attributes
        self._make(put, domain, EmailIdentity=domain, ConfigurationSetName=name)

    def get_email_identity(self, domain: str) -> SesIdentity | None:
        """GetEmailIdentity; None if SES has no such identity."""
        try:
            answer = self._make(self._client.get_email_identity, domain, EmailIdentity=domain)
        except SesRefused as refused:
            if refused.code == "NotFoundException":
                return None
            raise
        dkim = answer.get("DkimAttributes", {})
        info = answer.get("VerificationInfo", {})
        mail_from = answer.get("MailFromAttributes", {})
        return SesIdentity(
            identity_type=answer.get("IdentityType", ""),
            dkim_status=dkim.get("Status", ""),
            signing_enabled=bool(dkim.get("SigningEnabled", False)),
            origin=dkim.get("SigningAttributesOrigin", ""),
            tokens=tuple(dkim.get("Tokens", ())),
            at=_date(answer, self._clock),
            tags={tag["Key"]: tag["Value"] for tag in answer.get("Tags", ())},
            configuration_set=answer.get("ConfigurationSetName"),
            last_checked=info.get("LastCheckedTimestamp"),
            last_success=info.get("LastSuccessTimestamp"),
            error_type=info.get("ErrorType", ""),
            mail_from=mail_from.get("MailFromDomain", ""),
            mail_from_status=mail_from.get("MailFromDomainStatus", ""),
            on_mx_failure=mail_from.get("BehaviorOnMxFailure", ""),
            soa_seen=info.get("SOARecord", {}).get("PrimaryNameServer", ""),
        )

    def list_email_identities(self) -> Iterator[tuple[Listed, ...]]:
        """ListEmailIdentities, page after page; each page is one call."""
        for answer in self._pages(self._client.list_email_identities, "*", PageSize=LIST_PAGE_SIZE):
            yield tuple(
                Listed(
                    name=one.get("IdentityName", ""),
                    verification_status=one.get("VerificationStatus", ""),
                    identity_type=one.get("IdentityType", ""),
                )
                for one in answer.get("EmailIdentities", ())
            )

    def delete_email_identity(self, domain: str) -> None:
        """
        DeleteEmailIdentity. No error if the identity does not exist.

        If a tenant or a certificate holds it, the hint of `SesRefused` has the commands that free it.
        """
        try:
            self._make(self._client.delete_email_identity, domain, EmailIdentity=domain)
        except SesRefused as refused:
            if refused.code == "NotFoundException":
                return
            raise refused.with_steps(self._ways_out(domain, refused.hint)) from None

    def list_resource_tenants(self, domain: str) -> list[str]:
        """ListResourceTenants: tenants that *domain* is associated with, one more than are named at most."""
        arn, size = self.arn(domain), MOST_TENANTS + 1  # one call: a platform may have thousands
        answer = self._make(self._client.list_resource_tenants, domain, ResourceArn=arn, PageSize=size)
        return [one.get("TenantName", "") for one in answer.get("ResourceTenants", ())]

    def _ways_out(self, domain: str, said: str) -> list[Message]:
        """How to free *domain* of what holds it, by what SES *said* when it refused the Delete."""
        where: dict[str, Any] = {"region": self._region, "arn": self.arn(domain), "domain": domain}
        steps: list[Message] = []
        if _TENANTS in said:
            try:
                tenants = self.list_resource_tenants(domain)
            except (SesRefused, Stopped):  # without that permission the user asks
                tenants = []
            steps += [AwsStep.HELD_BY_TENANT(tenant=one, **where) for one in tenants[:MOST_TENANTS]]
            steps += [] if 0 < len(tenants) <= MOST_TENANTS else [AwsStep.HELD_BY_TENANTS(**where)]
        if _CERTIFICATES in said:
            steps.append(AwsStep.HELD_BY_CERTIFICATES(**where))
        return [*steps, AwsStep.FREED()] if steps else []

    def tag_resource(self, domain: str, tags: Mapping[str, str]) -> None:
        """TagResource: sets *tags*, leaves all others."""
        self._make(self._client.tag_resource, domain, ResourceArn=self.arn(domain), Tags=_list(tags))

    def untag_resource(self, domain: str, names: tuple[str, ...]) -> None:
        """UntagResource: removes the tags with these names."""
        self._make(self._client.untag_resource, domain, ResourceArn=self.arn(domain), TagKeys=list(names))

    def arn(self, domain: str) -> str:
        """The ARN of the identity, whether SES has it or not."""
        partition = self._client.meta.partition
        return f"arn:{partition}:ses:{self._region}:{self._account_id}:identity/{domain}"


def _signing_attributes(selector: str, key: SigningKey) -> Any:
    return {"DomainSigningSelector": selector, "DomainSigningPrivateKey": key.pkcs1_base64()}


def _list(tags: Mapping[str, str]) -> Any:
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def _date(answer: Mapping[str, Any], clock: Clock) -> datetime:
    header = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        return parsedate_to_datetime(header).astimezone(UTC)
    except ValueError:
        return clock.now()
