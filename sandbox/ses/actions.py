"""
SES's API actions on the identities of one account and Region: what each one checks, changes and answers.

One method an action, named as botocore names it. No HTTP, no rate limit, no faults; time, and where mail
goes, are handed in.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sandbox.ses.identity import HeldKey, Identity, easy_dkim_keys
from sandbox.ses.region import Region
from sandbox.ses.rules import MAX_PAGE_SIZE, SesError, check_tags, must_not_be_null, validation_error
from sandbox.ses.sending import Deliver, addresses, message, recipients, signed, stamp
from sandbox.ses.switches import Switches

__all__ = ["Actions"]

EASY_DKIM: Final = "AWS_SES"
BYODKIM: Final = "EXTERNAL"


@dataclass(frozen=True, slots=True)
class Actions:
    """The actions, for one call."""

    region: Region
    account_id: str
    switches: Switches
    now: datetime
    deliver: Deliver

    def create_email_identity(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """A new identity: BYODKIM with the key that was sent, else Easy DKIM."""
        name = sent["EmailIdentity"].lower()
        if self.region.get(name):
            raise SesError("AlreadyExistsException", f"Email identity {name} already exist.")
        if len(self.region.identities()) >= self.switches.identity_limit:
            raise SesError("LimitExceededException", "Too many identities.")  # text assumed
        configuration_set = sent.get("ConfigurationSetName")
        self._check_configuration_set(configuration_set)
        tags = _tags(sent.get("Tags") or ())
        check_tags(tags)
        attributes = sent.get("DkimSigningAttributes") or {}
        origin = BYODKIM if _is_byodkim(attributes) else EASY_DKIM
        identity = Identity(name, origin, None, self.now, configuration_set=configuration_set, tags=tags)
        if identity.identity_type == "DOMAIN":
            key = self._held_key(origin, attributes, "dkimSigningAttributes")
            first_check = self.now + timedelta(seconds=self.switches.first_check_seconds)
            identity = replace(identity, key=key, next_check=first_check)
        elif attributes:
            raise NOT_A_DOMAIN
        else:
            identity = replace(identity, status="NOT_STARTED", signing_enabled=False)
        self._store(identity)
        return {
            "IdentityType": identity.identity_type,
            "VerifiedForSendingStatus": False,
            "DkimAttributes": self._dkim_attributes(identity),
        }

    def put_email_identity_dkim_signing_attributes(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Another key, or another origin, from now on; SES begins to check DNS for it."""
        identity = self._existing(sent)
        if identity.identity_type != "DOMAIN":
            raise NOT_A_DOMAIN
        origin = sent["SigningAttributesOrigin"]
        if origin not in (BYODKIM, EASY_DKIM):
            raise _bad_request(f"The origin {origin} is not possible here.")  # text assumed
        key = self._held_key(origin, sent.get("SigningAttributes") or {}, "signingAttributes")
        changed = identity.with_key(key, origin=origin, at=self.now, switches=self.switches)
        self._store(changed)
        statuses = {"as Get": changed.status, "NOT_STARTED": "NOT_STARTED", "before": identity.status}
        return {"DkimStatus": statuses[self.switches.put_answer], "DkimTokens": self._tokens(changed)}

    def put_email_identity_dkim_attributes(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Signing is enabled, or disabled: the console's check box."""
        identity = self.region.get(sent["EmailIdentity"].lower())
        if not identity:  # 400 where every other action answers 404
            raise _bad_request(f"Domain {sent['EmailIdentity'].lower()} is not verified for DKIM signing.")
        self._store(replace(identity, signing_enabled=sent.get("SigningEnabled", False)))
        return {}

    def put_email_identity_configuration_set_attributes(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Mail of this identity uses that configuration set, or none."""
        identity = self._existing(sent)
        configuration_set = sent.get("ConfigurationSetName")
        self._check_configuration_set(configuration_set)
        self._store(replace(identity, configuration_set=configuration_set))
        return {}

    def get_email_identity(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """One identity, as it was `read_lag_seconds` ago."""
        identity = self._existing(sent, at=self._read_at)
        answer = {
            "IdentityType": identity.identity_type,
            "FeedbackForwardingStatus": True,
            "VerifiedForSendingStatus": identity.verification_status == "SUCCESS",
            "VerificationStatus": identity.verification_status,
            "VerificationInfo": identity.verification_info(self.switches),
            "DkimAttributes": self._dkim_attributes(identity),
            "Policies": {},
            "Tags": _tag_list(identity.tags),
        }
        if identity.configuration_set:
            answer["ConfigurationSetName"] = identity.configuration_set
        return answer

    def list_email_identities(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """A page of identities, as they were `read_lag_seconds` ago. Nothing about DKIM."""
        wanted = sent.get("Filter") or {}
        rows = [
            row
            for row in map(_row, self.region.identities(self._read_at).values())
            if wanted.get("IDENTITY_NAME_CONTAINS", "").lower() in row["IdentityName"]
            and wanted.get("IDENTITY_TYPE", row["IdentityType"]) == row["IdentityType"]
            and wanted.get("VERIFICATION_STATUS", row["VerificationStatus"]) == row["VerificationStatus"]
        ]
        token = sent.get("NextToken") or "0"
        if not token.isdecimal() or int(token) > len(rows):
            raise _bad_request("The value of NextToken is invalid.")  # text assumed
        begin = int(token)
        end = begin + (sent.get("PageSize") or MAX_PAGE_SIZE)
        page: dict[str, Any] = {"EmailIdentities": rows[begin:end]}
        return page | {"NextToken": str(end)} if end < len(rows) else page

    def delete_email_identity(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """The identity is gone, and SES forgets its key."""
        self.region.store(self._existing(sent).name, None, self.now)
        return {}

    def tag_resource(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """These tags are added, or have these values."""
        identity = self._tagged(sent)
        tags = {**identity.tags, **_tags(sent["Tags"])}
        check_tags(tags)
        self._store(replace(identity, tags=tags))
        return {}

    def untag_resource(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """These tags are gone; one that was not there is no error."""
        identity = self._tagged(sent)
        self._store(
            replace(identity, tags={k: v for k, v in identity.tags.items() if k not in sent["TagKeys"]})
        )
        return {}

    def list_tags_for_resource(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """The tags as they are now."""
        return {"Tags": _tag_list(self._tagged(sent).tags)}

    def send_email(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Mail leaves, signed with the key of this moment if there is one."""
        self._check_configuration_set(sent.get("ConfigurationSetName"))
        made = message(sent)
        senders = addresses(*made.get_all("From", ()), sent.get("FromEmailAddress") or "")
        to = recipients(sent, made)
        if not senders or not to:
            raise _bad_request("A message needs a sender and a recipient.")  # text assumed
        self._check_may_send(senders)
        message_id = f"{uuid.uuid4()}-000000"
        content = stamp(made, message_id=message_id, at=self.now, region=self.region.name)
        # By the address in `From`, which is what DMARC goes by.
        identity = self.region.nearest(senders[0].rpartition("@")[2])
        key = identity.signs_with(at=self.now, switches=self.switches) if identity else None
        if identity and key:
            content = signed(content, key, domain=identity.name)
        self.deliver(f"{message_id}@{self.region.name}.amazonses.com", to, content)
        return {"MessageId": message_id}

    @property
    def _read_at(self) -> datetime:
        return self.now - timedelta(seconds=self.switches.read_lag_seconds)

    def _existing(self, sent: Mapping[str, Any], *, at: datetime | None = None) -> Identity:
        name = sent["EmailIdentity"].lower()
        identity = self.region.get(name, at)
        if not identity:
            raise SesError("NotFoundException", f"Email identity {name} does not exist.")
        return identity

    def _tagged(self, sent: Mapping[str, Any]) -> Identity:
        arn = sent["ResourceArn"]
        prefix, _, name = arn.partition(":identity/")
        if prefix != f"arn:aws:ses:{self.region.name}:{self.account_id}" or not name:
            raise _bad_request(f"The ARN {arn} is not valid here.")  # text assumed
        identity = self.region.get(name)
        if not identity:
            raise SesError("NotFoundException", f"No EmailIdentity present with name: {name}")
        return identity

    def _store(self, identity: Identity) -> None:
        self.region.store(identity.name, identity, self.now)

    def _check_may_send(self, senders: Iterable[str]) -> None:
        """Each of them, or the domain it goes by, has to be verified; that once it was is enough."""
        failed = []
        for address in dict.fromkeys(senders):
            identities = self.region.get(address.lower()), self.region.nearest(address.rpartition("@")[2])
            if not any(identity and identity.verification_status == "SUCCESS" for identity in identities):
                failed.append(address)
        if failed:
            text = "Email address is not verified. The following identities failed the check in region"
            raise SesError("MessageRejected", f"{text} {self.region.name.upper()}: {', '.join(failed)}")

    def _check_configuration_set(self, name: str | None) -> None:
        if name and name not in self.region.configuration_sets:
            raise SesError("NotFoundException", f"Configuration set {name} does not exist.")

    def _dkim_attributes(self, identity: Identity) -> dict[str, Any]:
        attributes = {
            "SigningEnabled": identity.signing_enabled,
            "Status": identity.status,
            "SigningAttributesOrigin": identity.origin,
            "Tokens": self._tokens(identity),
        }
        if identity.origin == EASY_DKIM:
            attributes["NextSigningKeyLength"] = attributes["CurrentSigningKeyLength"] = "RSA_2048_BIT"
        return attributes

    def _held_key(self, origin: str, attributes: Mapping[str, str], path: str) -> HeldKey:
        if "DomainSigningAttributesOrigin" in attributes:  # for replicas of an identity in another Region
            raise _bad_request(f"{path}.domainSigningAttributesOrigin is not possible here.")  # text assumed
        if origin == EASY_DKIM:
            if _is_byodkim(attributes):
                raise _bad_request(f"{path} has a key, which {origin} makes itself.")  # text assumed
            return easy_dkim_keys()[0]
        for name in ("DomainSigningSelector", "DomainSigningPrivateKey"):
            if name not in attributes:
                raise validation_error([must_not_be_null(f"{path}.{name[0].lower()}{name[1:]}")])
        key = HeldKey.of(attributes["DomainSigningSelector"], attributes["DomainSigningPrivateKey"])
        if self.switches.refuses_bad_keys and not key.public_der:
            raise _bad_request("The DomainSigningPrivateKey is not a valid RSA private key.")  # text assumed
        return key

    def _tokens(self, identity: Identity) -> list[str]:
        if not identity.key:
            return []
        if identity.origin == EASY_DKIM:
            return [key.selector for key in easy_dkim_keys()]
        return [identity.selector] if self.switches.tokens == "selector" else []


NOT_A_DOMAIN: Final = SesError("BadRequestException", "The EmailIdentity value must be a valid domain.")


def _bad_request(message: str) -> SesError:
    return SesError("BadRequestException", message)


def _is_byodkim(attributes: Mapping[str, str]) -> bool:
    return "DomainSigningSelector" in attributes or "DomainSigningPrivateKey" in attributes


def _tags(tag_list: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tag_list}


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _row(identity: Identity) -> dict[str, Any]:
    return {
        "IdentityType": identity.identity_type,
        "IdentityName": identity.name,
        "SendingEnabled": identity.verification_status == "SUCCESS",
        "VerificationStatus": identity.verification_status,
    }
