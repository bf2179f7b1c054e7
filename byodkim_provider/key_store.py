"""
The order of calls in the life of a key in Secrets Manager.

The key is sent only to Secrets Manager and SES. If a secret's name is taken, the secret is either
ours, from a run that did not finish, and its key is used; or it is someone else's and stays
unchanged.
"""

import secrets
from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from typing import Final

from byodkim_provider.aws.secrets_manager import Secret, SecretStore
from byodkim_provider.aws.ses import INSTANCE_TAG, OWNER_TAG
from byodkim_provider.dkim.key_secret import KeySecret
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.errors import AwsRefused, ByodkimError, Stopped
from byodkim_provider.messages import Message
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.progress import Progress

MAX_NAMES: Final = 100
"""
How many names are tried: with `-2`, `-3` … at the end.

A deleted secret keeps its name for up to 30 days, and another stack may have the same names.
"""

_LOST: Final = {
    "InvalidRequestException": AwsMessages.DELETED,
    "ResourceNotFoundException": AwsMessages.GONE,
}
"""
The message for a secret that is scheduled for deletion, or deleted, by Secrets Manager's code.
"""


def create(
    made: KeySecret,
    store: SecretStore,
    *,
    name: str,
    owner: str,
    kms_key_id: str | None,
    tags: Mapping[str, str],
    progress: Progress,
    instances: MutableMapping[str, str],
) -> tuple[KeySecret, Secret]:
    """
    Make a secret of a key that was *made*, or take the secret that an earlier run made for this
    resource.

    *name* is `byodkim/<project>/<stack>/<resource>`, *owner* `<id of the stack>/<resource>`. The
    instance tag has a random value: only the resource that knows it deletes the secret. *instances*
    has by ARN what this run wrote there, because reads may be stale.
    """
    held, instance = made, secrets.token_hex(16)
    tags = {**tags, OWNER_TAG: owner, INSTANCE_TAG: instance}
    for number in range(1, MAX_NAMES + 1):
        tried = name if number == 1 else f"{name}-{number}"
        try:
            value = store.create_secret(
                tried, text=made.to_text(), kms_key_id=kms_key_id, tags=tags
            )
        except AwsRefused as refused:
            if refused.code not in ("ResourceExistsException", "InvalidRequestException"):
                raise
            last = refused
            earlier = _own(tried, owner, made, store, refused)
            if earlier is None:
                continue
            held, value = earlier
            progress.warn(
                AwsMessages.MADE_ALREADY(domain=made.domain, selector=held.selector, name=tried)
            )
        if held is not made:
            # The tags come last: until then the deletion of the replaced resource still finds its
            # own instance.
            store.tag_resource(value.arn, tags)
        instances[value.arn] = instance
        return held, replace(value, tags=tags)
    raise last


def read_key(arn: str, store: SecretStore, *, fingerprint: str) -> SigningKey:
    """The key in the secret *arn*; "SecretChanged" if it is not the one with *fingerprint*."""
    try:
        held = KeySecret.from_text(store.get_secret_value(arn).text)
    except AwsRefused as refused:
        if refused.code not in _LOST:
            raise
        steps = [AwsMessages.UNCHANGED(service="SES"), _LOST[refused.code](arn=arn)]
        raise refused.with_fields(subject=arn, steps=steps) from None
    if held is None or held.key.fingerprint != fingerprint:
        found = f"another key ({held.key.fingerprint})" if held else "something else"
        changed = AwsMessages.OTHER_KEY(arn=arn, expected=fingerprint, found=found)
        raise ByodkimError(changed, kind="SecretChanged")
    return held.key


def problem(arn: str, store: SecretStore, *, version_id: str, fingerprint: str) -> Message | None:
    """
    Why the key in the secret *arn* can't be read, or has changed; None if there is no problem.
    """
    secret = store.describe_secret(arn)
    if secret is None:
        return AwsMessages.GONE(arn=arn)
    if secret.deleted:
        return AwsMessages.DELETED(arn=arn)
    if secret.version_id != version_id:  # as after a restored backup, which may have the same key
        try:
            read_key(arn, store, fingerprint=fingerprint)
        except Stopped:
            raise
        except ByodkimError as error:  # it can't be read, or holds another key
            return error.message
    return None


def delete(
    arn: str,
    store: SecretStore,
    *,
    instance: str,
    progress: Progress,
    instances: Mapping[str, str],
) -> None:
    """Schedule the secret for deletion if it still belongs to this resource."""
    secret = store.describe_secret(arn)
    if secret is None or secret.deleted:
        return
    if instances.get(arn, secret.tags.get(INSTANCE_TAG)) != instance:
        progress.info(AwsMessages.LEFT(arn=arn))
        return
    store.delete_secret(arn)


def _own(
    name: str, owner: str, made: KeySecret, store: SecretStore, refused: AwsRefused
) -> tuple[KeySecret, Secret] | None:
    """
    The key in the secret *name* and its version, if a run for the same resource made it; else None.
    """
    secret = store.describe_secret(name)
    if secret is None:
        raise refused
    # A secret that is scheduled for deletion is not restored: its key may have leaked.
    if secret.deleted or secret.tags.get(OWNER_TAG) != owner:
        return None
    value = store.get_secret_value(secret.arn)
    held = KeySecret.from_text(value.text)
    return (held, value) if held and _fits(held, made) else None


def _fits(held: KeySecret, made: KeySecret) -> bool:
    """
    Whether `create` can have written *held* in the place of what was *made* now.

    Not a key for another slot, or for none, nor one that is shorter.
    """
    if made.is_of_a_slot and held.selector != made.selector:
        return False
    is_as_long = held.key.bits >= made.key.bits
    return held.domain == made.domain and is_as_long and held.is_of_a_slot == made.is_of_a_slot
