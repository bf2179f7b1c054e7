"""
SES's API actions on the identities of one account and Region: what each one checks, changes and
answers.

One method an action, named as botocore names it. No HTTP, no rate limit, no faults. The name of an
identity comes in lower case.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any, Final

from sandbox.ses.identity import HeldKey, Identity, MailFrom, easy_dkim_keys
from sandbox.ses.region import Region
from sandbox.ses.rules import MAX_PAGE_SIZE, SesError, check_tags
from sandbox.ses.sending import Deliver, message, signed
from sandbox.ses.switches import Switches

EASY_DKIM: Final = "AWS_SES"
BYODKIM: Final = "EXTERNAL"


@dataclass(frozen=True, slots=True)
class Actions:
    region: Region
    account_id: str
    switches: Switches
    now: datetime
    deliver: Deliver
    finds_mx: bool = True
    """Whether SES checks MX records; if not, each counts as found."""

    def create_email_identity(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        name = sent["EmailIdentity"]
        if self.region.get(name):
            raise _exists(f"Email identity {name} already exist.")
        if self.region.identity_count >= self.switches.identity_limit:
            raise SesError("LimitExceededException", "Too many identities.")  # text assumed
        tags = check_tags(sent.get("Tags") or (), {})
        configuration_set = sent.get("ConfigurationSetName")
        self._check_configuration_set(configuration_set)
        attributes = sent.get("DkimSigningAttributes") or {}
        origin = BYODKIM if attributes else EASY_DKIM
        identity = Identity(
            name, origin, None, self.now, configuration_set=configuration_set, tags=tags
        )
        if identity.identity_type == "DOMAIN":
            key = self._held_key(origin, attributes)
            identity = replace(identity, key=key, next_check=self._first_check)
        else:
            identity = replace(identity, status="NOT_STARTED")
        self._store(identity)
        kind, may_send = identity.identity_type, self._may_send(name)
        answer: dict[str, Any] = {"IdentityType": kind, "VerifiedForSendingStatus": may_send}
        if identity.key:
            answer["DkimAttributes"] = self._dkim_attributes(identity)
            if origin == BYODKIM and self.switches.create_answer == "NOT_STARTED":
                answer["DkimAttributes"]["Status"] = "NOT_STARTED"
        return answer

    def put_email_identity_dkim_signing_attributes(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Another key, or another origin, from now on; SES begins to check DNS for it."""
        name = sent["EmailIdentity"]
        identity = self._existing(name)
        origin, attributes = sent["SigningAttributesOrigin"], sent.get("SigningAttributes") or {}
        key = self._held_key(origin, attributes)
        changed = identity.with_key(key, origin=origin, at=self.now, switches=self.switches)
        self._store(changed)
        statuses = {
            "as Get": changed.status,
            "NOT_STARTED": "NOT_STARTED",
            "before": identity.status,
        }
        return {
            "DkimStatus": statuses[self.switches.put_answer],
            "DkimTokens": self._tokens(changed),
        }

    def put_email_identity_dkim_attributes(self, sent: Mapping[str, Any]) -> None:
        """Signing is enabled, or disabled: the console's check box."""
        name = sent["EmailIdentity"]
        # 400 where every other action answers 404
        missing = _bad_request(f"Domain {name} is not verified for DKIM signing.")
        identity = self._existing(name, missing)
        self._store(replace(identity, signing_enabled=sent.get("SigningEnabled", False)))

    def put_email_identity_configuration_set_attributes(self, sent: Mapping[str, Any]) -> None:
        name = sent["EmailIdentity"]
        identity = self._existing(name, _not_found(f"Identity <{name}> does not exist."))
        configuration_set = sent.get("ConfigurationSetName")
        self._check_configuration_set(configuration_set)
        self._store(replace(identity, configuration_set=configuration_set))

    def put_email_identity_mail_from_attributes(self, sent: Mapping[str, Any]) -> None:
        """Bounces of this identity's mail go to that domain, or to SES's own."""
        name, domain = sent["EmailIdentity"], (sent.get("MailFromDomain") or "").lower()
        # 400 where other actions answer 404; text as of another action
        identity = self._existing(name, _bad_request(f"Identity <{name}> does not exist."))
        parent = name.rpartition("@")[2]
        if domain and not domain.endswith(f".{parent}"):
            text = (
                f"Provided MAIL-FROM domain <{domain}> is not subdomain of the domain of the "
                "identity"
            )
            raise _bad_request(f"{text} <{name}>.")
        on_failure = sent.get("BehaviorOnMxFailure") or "USE_DEFAULT_VALUE"
        if not domain:
            put = MailFrom()
        elif domain == identity.mail_from.domain and identity.mail_from.status != "FAILED":
            put = replace(identity.mail_from, on_mx_failure=on_failure)
        elif self.finds_mx:
            put = MailFrom(domain, on_failure, since=self.now, next_check=self._first_check)
        else:
            put = MailFrom(domain, on_failure, "SUCCESS")
        self._store(replace(identity, mail_from=put))

    def get_email_identity(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """One identity, as it was `read_lag_seconds` ago, or before a Put that is too new."""
        identity = self._existing(sent["EmailIdentity"], at=self._read_at)
        if identity.before and self.now < identity.changed + self._put_lag:
            identity = identity.before
        answer = {
            "IdentityType": identity.identity_type,
            "VerifiedForSendingStatus": self._may_send(identity.name, self._read_at),
            "VerificationStatus": identity.verification_status,
            "VerificationInfo": identity.verification_info(self.switches),
            "DkimAttributes": self._dkim_attributes(identity),
            "MailFromAttributes": identity.mail_from.answer(),
            "Tags": _tag_list(identity.tags),
        }
        named = (
            {"ConfigurationSetName": identity.configuration_set}
            if identity.configuration_set
            else {}
        )
        return answer | named

    def list_email_identities(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """A page of identities, as they were `read_lag_seconds` ago. Nothing about DKIM."""
        rows = [
            {
                "IdentityType": one.identity_type,
                "IdentityName": one.name,
                "SendingEnabled": one.verification_status == "SUCCESS",
                "VerificationStatus": one.verification_status,
            }
            for one in self.region.identities(self._read_at).values()
        ]
        return _page("EmailIdentities", rows, sent)

    def delete_email_identity(self, sent: Mapping[str, Any]) -> None:
        """
        The identity is gone, and SES forgets its key; not while a tenant or a certificate holds it.
        """
        name = self._existing(sent["EmailIdentity"]).name
        text = ""
        if any(name in held for held in self.region.tenants.values()):
            text = "tenant associations. Remove all tenant associations"
        elif name in self.region.certified:
            text = "certificates associated with it. Disassociate all certificates"
        if text:
            raise _bad_request(
                f"Cannot delete {self._arn(name)} because it has {text} and try again."
            )
        self.region.store(name, None, self.now)

    def associate_email_identity_certificate(self, sent: Mapping[str, Any]) -> None:
        """Mail from an address of the identity has an S/MIME signature, too."""
        self.region.certified.add(self._existing(sent["EmailIdentity"]).name)

    def disassociate_email_identity_certificate(self, sent: Mapping[str, Any]) -> None:
        """That is over; no error if there was none."""
        self.region.certified.discard(self._existing(sent["EmailIdentity"]).name)

    def create_tenant(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        name = sent["TenantName"]
        self.region.tenants[name] = set()
        return dict(self.get_tenant(sent)["Tenant"])

    def get_tenant(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        self._tenant(sent)
        name = sent["TenantName"]
        tenant = {
            "TenantName": name,
            "TenantId": "tn",
            "TenantArn": f"arn:aws:ses:{self.region.name}:{self.account_id}:tenant/{name}/tn",
        }
        return {"Tenant": tenant}

    def delete_tenant(self, sent: Mapping[str, Any]) -> None:
        self._tenant(sent)
        del self.region.tenants[sent["TenantName"]]

    def create_tenant_resource_association(self, sent: Mapping[str, Any]) -> None:
        identities, name = self._tenant(sent), _name_in(sent)
        self._existing(name, _not_found(f"Identity <{name}> does not exist."))
        if name in identities:
            raise _exists("The association already exists.")
        identities.add(name)

    def delete_tenant_resource_association(self, sent: Mapping[str, Any]) -> None:
        self._tenant(sent).discard(_name_in(sent))

    def list_resource_tenants(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        name, arn = _name_in(sent), sent["ResourceArn"]
        rows = [
            {"TenantName": tenant, "ResourceArn": arn, "AssociatedTimestamp": self.now}
            for tenant, held in sorted(self.region.tenants.items())
            if name in held
        ]
        return _page("ResourceTenants", rows, sent)

    def tag_resource(self, sent: Mapping[str, Any]) -> None:
        identity = self._tagged(sent, elsewhere="Failed to tag resource")
        self._store(replace(identity, tags=check_tags(sent["Tags"], identity.tags)))

    def untag_resource(self, sent: Mapping[str, Any]) -> None:
        """These tags are gone; one that was not there is no error."""
        identity = self._tagged(sent, elsewhere="Failed to untag resource")
        left = {key: value for key, value in identity.tags.items() if key not in sent["TagKeys"]}
        self._store(replace(identity, tags=left))

    def list_tags_for_resource(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """The tags as they are now."""
        return {"Tags": _tag_list(self._tagged(sent, elsewhere="").tags)}

    def send_email(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Mail leaves, signed with the key of this moment if there is one."""
        self._check_configuration_set(sent.get("ConfigurationSetName"))
        message_id = f"{uuid.uuid4()}-000000"
        content = message(sent, message_id=message_id, at=self.now, region=self.region.name)
        sender = parseaddr(sent["FromEmailAddress"])[1].lower()
        if not self._may_send(sender):
            text = (
                "Email address is not verified. The following identities failed the check in region"
            )
            raise SesError("MessageRejected", f"{text} {self.region.name.upper()}: {sender}")
        identity = self.region.nearest(sender.rpartition("@")[2])
        key = identity.signs_with(at=self.now, switches=self.switches) if identity else None
        if identity and key:
            content = signed(content, key, domain=identity.name)
        mail_from = identity.mail_from if identity else MailFrom()
        custom = mail_from.domain if mail_from.status == "SUCCESS" else ""
        if mail_from.on_mx_failure == "REJECT_MESSAGE" and not custom:
            text = f"MAIL FROM domain {mail_from.domain} is not verified."  # assumed
            raise SesError("MailFromDomainNotVerifiedException", text)
        host = custom or f"{self.region.name}.amazonses.com"
        self.deliver(f"{message_id}@{host}", content)
        return {"MessageId": message_id}

    @property
    def _first_check(self) -> datetime:
        return self.now + timedelta(seconds=self.switches.first_check_seconds)

    @property
    def _put_lag(self) -> timedelta:
        return timedelta(seconds=self.switches.put_lag_seconds)

    @property
    def _read_at(self) -> datetime:
        return self.now - timedelta(seconds=self.switches.read_lag_seconds)

    def _existing(
        self, name: str, missing: SesError | None = None, at: datetime | None = None
    ) -> Identity:
        if identity := self.region.get(name, at):
            return identity
        raise missing or _not_found(f"Email identity {name} does not exist.")

    def _arn(self, name: str) -> str:
        return f"arn:aws:ses:{self.region.name}:{self.account_id}:identity/{name}"

    def _tenant(self, sent: Mapping[str, Any]) -> set[str]:
        name = sent["TenantName"]
        if name not in self.region.tenants:
            raise _not_found(f"Tenant {name} does not exist.")  # text assumed
        return self.region.tenants[name]

    def _tagged(self, sent: Mapping[str, Any], *, elsewhere: str) -> Identity:
        name = _name_in(sent)
        if sent["ResourceArn"] != self._arn(name) or not name:
            raise _bad_request(elsewhere)  # seen for another Region; for the rest, assumed
        return self._existing(name, _not_found(f"No EmailIdentity present with name: {name}"))

    def _store(self, identity: Identity) -> None:
        self.region.store(identity.name, identity, self.now)

    def _may_send(self, name: str, at: datetime | None = None) -> bool:
        """
        Whether an address or domain, or one it is in, is verified; that once it was is enough.
        """
        while name:
            identity = self.region.get(name, at)
            if identity and identity.verification_status == "SUCCESS":
                return True
            name = name.rpartition("@")[2] if "@" in name else name.partition(".")[2]
        return False

    def _check_configuration_set(self, name: str | None) -> None:
        if name and name not in self.region.configuration_sets:
            raise _not_found(f"Configuration set <{name}> does not exist.")

    def _dkim_attributes(self, identity: Identity) -> dict[str, Any]:
        attributes: dict[str, Any] = {
            "SigningEnabled": identity.signing_enabled,
            "Status": identity.status,
            "SigningAttributesOrigin": identity.origin,
        }
        if identity.key:
            attributes["Tokens"] = self._tokens(identity)
        return attributes

    def _held_key(self, origin: str, attributes: Mapping[str, str]) -> HeldKey:
        if origin != BYODKIM:
            return easy_dkim_keys()[0]
        if not {"DomainSigningSelector", "DomainSigningPrivateKey"} <= set(attributes):
            text = (
                "Invalid identity configuration. please ensure to provide the required Attributes."
            )
            raise _bad_request(text)
        key = HeldKey.of(attributes["DomainSigningSelector"], attributes["DomainSigningPrivateKey"])
        if self.switches.refuses_bad_keys and not key.public_der:
            raise _bad_request(
                "The DomainSigningPrivateKey is not a valid RSA private key."
            )  # text assumed
        return key

    def _tokens(self, identity: Identity) -> list[str]:
        return (
            [key.selector for key in easy_dkim_keys()] if identity.is_easy else [identity.selector]
        )


SIGNING_HOSTED_ZONE: Final = "dkim.amazonses.com"
"""Where the keys of Easy DKIM are."""


def _bad_request(message: str) -> SesError:
    return SesError("BadRequestException", message)


def _exists(message: str) -> SesError:
    return SesError("AlreadyExistsException", message)


def _not_found(message: str) -> SesError:
    return SesError("NotFoundException", message)


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _name_in(sent: Mapping[str, Any]) -> str:
    return str(sent["ResourceArn"].partition(":identity/")[2])


def _page(what: str, rows: list[dict[str, Any]], sent: Mapping[str, Any]) -> dict[str, Any]:
    begin = int(sent.get("NextToken") or 0)
    end = begin + (sent.get("PageSize") or MAX_PAGE_SIZE)
    page: dict[str, Any] = {what: rows[begin:end]}
    return page | {"NextToken": str(end)} if end < len(rows) else page
