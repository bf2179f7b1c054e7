"""
The calls that change an identity in SES: its tags, its settings, its key.

Each makes no call that SES does not need.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.aws.tags import INSTANCE_TAG, OWNER_TAG
from byodkim_provider.identity._outcomes import as_seen, with_key
from byodkim_provider.identity.ownership import own_tags
from byodkim_provider.identity.services import Key, Services
from byodkim_provider.identity.state import PUT, Declared, Stored

__all__ = ["apply_configuration_set", "apply_settings", "make_ours", "sign_with"]


def make_ours(stored: Stored, seen: SesIdentity, services: Services, *, look_at_key: bool) -> Stored:
    """
    Tag the identity if it is somebody else's, which is adopted, or what a lost replacement made.

    With a new instance: if the run fails after this, the one in state arms nobody's deletion.
    """
    domain, region = stored.declared.domain, stored.declared.region
    is_ours = seen.tags.get(OWNER_TAG) == stored.declared.owner
    if is_ours and (seen.tags.get(INSTANCE_TAG) == stored.instance or not look_at_key):
        return stored
    ours = replace(stored, instance=secrets.token_hex(16), adopted=stored.adopted or stored.declared.adopt)
    services.ses.tag_resource(domain, own_tags(ours))
    services.instances[region, domain] = ours.instance
    return ours


def sign_with(after: Stored, key: Key, seen: SesIdentity, services: Services, *, must_put: bool) -> Stored:
    """Have SES sign, with the declared key; the Put is the last call."""
    declared = after.declared
    after = as_seen(after, seen)
    if not seen.signing_enabled:
        services.ses.put_email_identity_dkim_attributes(declared.domain, signing_enabled=True)
        after = replace(after, signing_enabled=True)
    if not must_put:
        return after
    answer = services.ses.put_email_identity_dkim_signing_attributes(
        declared.domain, selector=declared.selector, key=key()
    )
    return with_key(after, answer, by=PUT)


def apply_settings(
    declared: Declared, services: Services, *, configuration_set: str | None, tags: Mapping[str, str]
) -> None:
    """Configuration set and tags, each by its own call and only if it changed; what is not given stays."""
    apply_configuration_set(declared, services, before=configuration_set)
    if declared.tags is None:
        return
    new = {name: value for name, value in declared.tags.items() if tags.get(name) != value}
    if new:
        services.ses.tag_resource(declared.domain, new)
    gone = tuple(sorted(set(tags) - set(declared.tags)))
    if gone:
        services.ses.untag_resource(declared.domain, gone)


def apply_configuration_set(declared: Declared, services: Services, *, before: str | None) -> None:
    if declared.configuration_set not in (None, before):
        services.ses.put_email_identity_configuration_set_attributes(
            declared.domain, declared.configuration_set
        )
