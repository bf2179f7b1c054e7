"""
Client of SES: one method for each action of the SES v2 API, with the action's name.

Turns responses into values. All calls have one pace and one way of retrying; `identity.plan` and
`identity.verification` decide which call comes when.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from byodkim_provider.aws import errors
from byodkim_provider.aws.errors import T, is_passing, is_throttled
from byodkim_provider.aws.settings import tag_list
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.errors import AwsRefused
from byodkim_provider.messages.aws import SES_ERRORS, AwsMessages
from byodkim_provider.progress import Clock

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client


OWNER_TAG: Final = "byodkim:owner"
"""Tag with `<id of the stack>/<resource>`: did this resource create it?"""

STACK_TAG: Final = "byodkim:stack"
"""
Tag with `<project>/<stack>`, for people. Two stacks may share these names: nothing is decided by
them.
"""

INSTANCE_TAG: Final = "byodkim:instance"
"""
Tag of a secret, with a random value: only the resource that knows it deletes the secret. Identities
of earlier commits have it too.
"""

TAGS: Final = (OWNER_TAG, STACK_TAG, INSTANCE_TAG)


SECONDS_PER_CALL: Final = 1.05
"""
Seconds between two calls.

The SES API reference says of every identity action: "You can execute this operation no more than
once per second". Whether it holds an account to that is not documented: calls are spaced from the
first 429 on, and the refused ones are repeated.
"""

ONLY_IF_THROTTLED: Final = ("PutEmailIdentityDkimSigningAttributes",)
"""
Retried only on 429, when SES certainly did nothing.

A repeated Put of a key may restart the search for the record, and with it a time without
signatures.
"""

MANAGED: Final = "MANAGED_DOMAIN"
"""
`IdentityType` of a domain that another AWS service has made, and looks after (SES v2 API
reference).
"""

REJECTS: Final = "REJECT_MESSAGE"
"""`BehaviorOnMxFailure` (SES v2 API reference)."""


@dataclass(frozen=True)
class SesIdentity:
    """
    An identity, as far as the action that returns it says: a field that it does not return is
    empty, or False. *at* is SES's own clock (its `Date` header).
    """

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
    """
    `ErrorType` of the last failed check. SES may keep it although the status is SUCCESS: see
    `failure`.
    """
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
        """
        The `ErrorType` to show; empty if the status is SUCCESS, because SES may keep an old one.
        """
        return "" if self.dkim_status == "SUCCESS" else self.error_type

    @property
    def refuses_mail(self) -> bool:
        """
        Whether SES refuses to send, as `BehaviorOnMxFailure` says, until it finds the MX record.
        """
        return bool(self.mail_from) and self.rejects and self.mail_from_status != "SUCCESS"

    @property
    def rejects(self) -> bool:
        """Whether `BehaviorOnMxFailure` is to refuse mail while SES finds no MX record."""
        return self.on_mx_failure == REJECTS


def with_error(shown: str, error_type: str) -> str:
    """*shown*, followed by SES's `ErrorType` and what it means in brackets, if there is one."""
    known = f": {SES_ERRORS[error_type]}" if error_type in SES_ERRORS else ""
    return f"{shown} ({error_type}{known})" if error_type else shown


@dataclass(frozen=True)
class Listed:
    """
    One entry of ListEmailIdentities. The status is the identity's; the list has no DKIM status.
    """

    name: str
    verification_status: str
    identity_type: str = ""


class SesClient:
    """
    SES in one Region. A class so that all threads of a process share one pace.

    Every method retries errors that may pass, raises `AwsRefused` if SES still returns an error,
    and raises `Stopped` instead of calling or waiting once the run is interrupted.
    """

    def __init__(self, client: SESV2Client, *, account_id: str, clock: Clock) -> None:
        """*client* must not retry by itself (`total_max_attempts=1`)."""
        client.meta.events.register("before-parse.sesv2", errors.refuse_foreign_answer)
        self._client = client
        self._region = client.meta.region_name
        self._service = errors.Service(
            name="SES",
            region=self._region,
            kind="SesRefused",
            clock=clock,
            lost=AwsMessages.SES_UNCONFIRMED(),
        )
        self._account_id = account_id
        self._clock = clock
        self._lock = threading.Lock()
        self._is_spaced = False
        self._next_call = 0.0

    def create_email_identity(
        self,
        domain: str,
        *,
        selector: str,
        key: SigningKey,
        configuration_set: str | None,
        tags: Mapping[str, str],
    ) -> SesIdentity:
        """CreateEmailIdentity: a new identity that signs with *key*."""
        named = {"ConfigurationSetName": configuration_set} if configuration_set else {}
        answer = self._make(
            self._client.create_email_identity,
            domain,
            EmailIdentity=domain,
            DkimSigningAttributes=_signing_attributes(selector, key),
            Tags=tag_list(tags),
            **named,
        )
        return self._shown(answer)

    def put_email_identity_dkim_signing_attributes(
        self, domain: str, *, selector: str, key: SigningKey
    ) -> SesIdentity:
        """
        PutEmailIdentityDkimSigningAttributes: SES signs with *key* once it has found its record.
        """
        answer = self._make(
            self._client.put_email_identity_dkim_signing_attributes,
            domain,
            EmailIdentity=domain,
            SigningAttributesOrigin="EXTERNAL",
            SigningAttributes=_signing_attributes(selector, key),
        )
        # The response does not say whether signing is enabled, which a Put does not change.
        dkim = {"SigningAttributesOrigin": "EXTERNAL", "Status": answer.get("DkimStatus", "")}
        return self._shown({**answer, "DkimAttributes": dkim})

    def put_email_identity_dkim_attributes(self, domain: str) -> None:
        """PutEmailIdentityDkimAttributes: checks the console's *DKIM signatures: Enabled* box."""
        put = self._client.put_email_identity_dkim_attributes
        self._make(put, domain, EmailIdentity=domain, SigningEnabled=True)

    def put_email_identity_configuration_set_attributes(self, domain: str, name: str) -> None:
        """PutEmailIdentityConfigurationSetAttributes: the default configuration set of *domain*."""
        put = self._client.put_email_identity_configuration_set_attributes
        self._make(put, domain, EmailIdentity=domain, ConfigurationSetName=name)

    def put_email_identity_mail_from_attributes(
        self, domain: str, mail_from: str | None, *, rejects: bool
    ) -> None:
        """
        PutEmailIdentityMailFromAttributes: the custom MAIL FROM domain; None: that of SES.

        With *rejects*, SES sends no mail while it does not find the MX record.
        """
        named = {"MailFromDomain": mail_from} if mail_from else {}
        self._make(
            self._client.put_email_identity_mail_from_attributes,
            domain,
            EmailIdentity=domain,
            BehaviorOnMxFailure=REJECTS if rejects else "USE_DEFAULT_VALUE",
            **named,
        )

    def get_email_identity(self, domain: str) -> SesIdentity | None:
        """GetEmailIdentity; None if SES has no such identity."""
        try:
            answer = self._make(self._client.get_email_identity, domain, EmailIdentity=domain)
        except AwsRefused as refused:
            if refused.code == "NotFoundException":
                return None
            raise
        return self._shown(answer)

    def _shown(self, answer: Mapping[str, Any]) -> SesIdentity:
        dkim = answer.get("DkimAttributes", {})
        info = answer.get("VerificationInfo", {})
        mail_from = answer.get("MailFromAttributes", {})
        date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
        try:
            at = parsedate_to_datetime(date).astimezone(UTC)
        except ValueError:
            at = self._clock.now()
        return SesIdentity(
            identity_type=answer.get("IdentityType", ""),
            dkim_status=dkim.get("Status", ""),
            signing_enabled=bool(dkim.get("SigningEnabled", False)),
            origin=dkim.get("SigningAttributesOrigin", ""),
            tokens=tuple(dkim.get("Tokens", ())),
            at=at,
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

    def list_email_identities(self) -> Iterator[Listed]:
        """ListEmailIdentities, in pages; each page is one call, made when it is needed."""
        more: dict[str, Any] = {}
        while True:
            # 1,000 is the largest page (SES v2 API reference).
            answer = self._make(
                self._client.list_email_identities, "the account", PageSize=1000, **more
            )
            for listed in answer.get("EmailIdentities", ()):
                yield Listed(
                    name=listed.get("IdentityName", ""),
                    verification_status=listed.get("VerificationStatus", ""),
                    identity_type=listed.get("IdentityType", ""),
                )
            token = answer.get("NextToken")
            if not token:
                return
            more = {"NextToken": token}

    def delete_email_identity(self, domain: str) -> None:
        """
        DeleteEmailIdentity. No error if the identity does not exist.

        SES refuses with BadRequestException while a tenant or a certificate holds the identity.
        """
        try:
            self._make(self._client.delete_email_identity, domain, EmailIdentity=domain)
        except AwsRefused as refused:
            if refused.code != "NotFoundException":
                raise

    def tag_resource(self, domain: str, tags: Mapping[str, str]) -> None:
        """TagResource: sets *tags*, leaves all others."""
        self._make(
            self._client.tag_resource, domain, ResourceArn=self.arn(domain), Tags=tag_list(tags)
        )

    def untag_resource(self, domain: str, names: tuple[str, ...]) -> None:
        """UntagResource: removes the tags with these names."""
        self._make(
            self._client.untag_resource, domain, ResourceArn=self.arn(domain), TagKeys=list(names)
        )

    def arn(self, domain: str) -> str:
        """The ARN of the identity, whether SES has it or not."""
        partition = self._client.meta.partition
        return f"arn:{partition}:ses:{self._region}:{self._account_id}:identity/{domain}"

    def _make(self, method: Callable[..., T], domain: str, **given: Any) -> T:
        """What *method* of the client returns for the arguments *given*."""
        operation = self._client.meta.method_to_api_mapping[method.__name__]
        retry = is_throttled if operation in ONLY_IF_THROTTLED else is_passing
        send = partial(self._send_in_turn, partial(method, **given))
        return errors.call(send, self._service, operation, domain, retry=retry)

    def _send_in_turn(self, send: Callable[[], T]) -> T:
        # An interrupt ends the wait of the thread that holds the lock, then that of the next.
        with self._lock:
            self._service.wait(self._next_call - self._clock.monotonic())
            if self._is_spaced:
                self._next_call = self._clock.monotonic() + SECONDS_PER_CALL
        try:
            return send()
        except ClientError as error:
            if is_throttled(error) and not self._is_spaced:
                self._next_call = self._clock.monotonic() + SECONDS_PER_CALL
                self._is_spaced = True
            raise


def _signing_attributes(selector: str, key: SigningKey) -> Any:
    return {"DomainSigningSelector": selector, "DomainSigningPrivateKey": key.pkcs1_base64()}
