"""`keys` and `keyStore` of a domain: supplied keys, and where generated keys are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field, ValidationInfo, WithJsonSchema, field_validator
from pydantic.alias_generators import to_camel

from byodkim_provider.config._written import Tags, Written
from byodkim_provider.config.problems import Problem, line, secret_command
from byodkim_provider.config.values import json_object, text, whole
from byodkim_provider.dkim import records
from byodkim_provider.dkim.key_secret import MAX_RECOVERY_DAYS, MIN_RECOVERY_DAYS
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.dkim.keys import load as load_key
from byodkim_provider.errors import InvalidKey
from byodkim_provider.messages import Message
from byodkim_provider.messages.config import SettingProblem
from byodkim_provider.quoting import MAX_SHOWN, did_you_mean, shown

MAX_POLICY: Final = 20480
"""Characters of a secret's resource policy (Secrets Manager API, PutResourcePolicy)."""

MAX_SELECTOR: Final = 63
"""Characters of a selector (SES API, DkimSigningAttributes)."""

KEY_NAME: Final = text("[A-Za-z0-9_-]{1,63}", "a name in privateKeys like 'mail2026'")

Store = Literal["state", "secretsManager"]
_KmsKey = Annotated[
    str,
    text(
        "arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]{1,256}"
        "|alias/[A-Za-z0-9/_-]{1,250}|mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "a KMS key's ARN or id, or an alias like 'alias/mail'",
    ),
]


def as_object(written: object) -> object:
    """`keyStore` in its long form: a store's name is an object."""
    return {"provider": written} if isinstance(written, str) else written


def name_or_object(schema: dict[str, Any]) -> None:
    """The JSON Schema of `keyStore`, with its short form."""
    schema["anyOf"] = [{"type": "string", "enum": list(get_args(Store))}, {"$ref": schema.pop("$ref")}]


def is_key(written: object) -> bool:
    """Whether what is *written* as the name of a key may be the key itself: no name is as long."""
    return isinstance(written, str) and (len(written) >= MAX_SHOWN or "\n" in written)


def _key_itself() -> Message:
    return SettingProblem.KEY_ITSELF(command=secret_command(("privateKeys", "NAME")))


def pasted_keys(domains: Mapping[str, Any]) -> Iterator[str]:
    """A problem for each key that stands below *domains*, in plain, where its name belongs."""
    for domain, written in domains.items():
        keys = written.get("keys") if isinstance(written, Mapping) else None
        for generation, key in keys.items() if isinstance(keys, Mapping) else ():
            if isinstance(key, Mapping) and is_key(key.get("privateKey")):
                yield line(("domains", domain, "keys", str(generation), "privateKey"), _key_itself())


class SuppliedKey(Written):
    """A key of your own, and its selector."""

    selector: str
    """The selector, in lower case. A selector never gets a second key."""
    private_key: Annotated[str, WithJsonSchema(KEY_NAME.schema)] = Field(repr=False)
    """
    Name of the key in `privateKeys`. In a program the key itself, a secret: RSA, as `openssl genrsa` writes
    it, PEM or base64 DER.
    """

    @cached_property
    def signing_key(self) -> SigningKey:
        """The key, checked. Cached: OpenSSL takes about 35 ms for it."""
        return load_key(self.private_key)

    @field_validator("private_key", mode="before")
    @classmethod
    def _by_name(cls, written: object, info: ValidationInfo) -> object:
        """The key that a stack file names; a program, which has no *context*, passes the key itself."""
        if info.context is None:
            return written
        if is_key(written):
            raise ValueError(_key_itself())
        name = KEY_NAME.read(written)
        if name in info.context:
            return info.context[name]
        how = did_you_mean(name, info.context) or f", set it with {secret_command(('privateKeys', name))}"
        raise ValueError(SettingProblem.NO_SUCH_KEY(name=name, how=how))

    def _problems(self) -> Iterator[Problem]:
        if len(self.selector) > MAX_SELECTOR:  # perhaps the key in the wrong field
            kind = f"at most {MAX_SELECTOR} characters"
            yield ("selector",), SettingProblem.KIND(kind=kind, value=shown(self.selector))
        elif problem := records.selector_problem(self.selector):
            yield ("selector",), problem
        try:
            _ = self.signing_key
        except InvalidKey as error:
            yield ("privateKey",), error.message


class KeyStore(Written):
    """Where generated keys are kept, with the options of the store."""

    provider: Store
    """The stack's state, encrypted by its secrets provider, or AWS Secrets Manager."""
    kms_key_id: _KmsKey | None = None
    """KMS key that encrypts the secrets. Default: the account's `aws/secretsmanager`."""
    tags: Tags = Field(default={})
    """Tags of the secrets, at most 47."""
    resource_policy: Annotated[str, json_object(MAX_POLICY)] | None = None
    """Resource policy of the secrets: a map, or JSON."""
    recovery_window_days: Annotated[int, whole(MIN_RECOVERY_DAYS, MAX_RECOVERY_DAYS)] = MAX_RECOVERY_DAYS
    """How long a secret can be restored after its generation is removed, in days."""

    def _problems(self) -> Iterator[Problem]:
        if self.provider == "state":
            for option in sorted(self.model_fields_set - {"provider"}):
                problem = SettingProblem.OTHER_PROVIDER(others="secretsManager", provider="state")
                yield (to_camel(option),), problem
