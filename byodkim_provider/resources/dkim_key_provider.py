"""
A generated key as a Pulumi resource: created once, in the plugin process, and never changed.

Translates between the engine's plain dicts and the packages below. By default the key is kept in
the stack's state, as a secret, and no network is used. With a key store it never enters the
state; `key_store.secret_lifecycle` decides what happens then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult

from byodkim_provider import property_types
from byodkim_provider.aws.connections import connections
from byodkim_provider.aws.secrets_manager import SecretStore
from byodkim_provider.aws.settings import AwsSettings, read_settings
from byodkim_provider.dkim import key_secret, keys, records
from byodkim_provider.dkim.key_secret import MAX_RECOVERY_DAYS, MIN_RECOVERY_DAYS, KeySecret, SecretArn
from byodkim_provider.key_store import secret_lifecycle
from byodkim_provider.property_types import timestamp
from byodkim_provider.quoting import named, shown
from byodkim_provider.resources._provider import DynamicProvider, check_result
from byodkim_provider.resources.sdk import is_unknown, secret
from byodkim_provider.resources.unknowns import split

_STORED: Final[property_types.Kinds] = {
    **dict.fromkeys(
        (
            *("domain", "private_key", "selector", "fingerprint", "record_name", "record_value"),
            *("created_at", "secret_name", "owner", "secret_arn", "secret_version_id", "instance"),
        ),
        property_types.STRING,
    ),
    "bits": property_types.WHOLE,
    "key_store": property_types.MAP,
}
"""Types of the outputs in the state."""

_KEY_STORE: Final[property_types.Kinds] = {
    "region": property_types.STRING,
    "account_id": property_types.STRING,
    "kms_key_id": property_types.STRING,
    "tags": property_types.map_of(property_types.STRING),
    "resource_policy": property_types.STRING,
    "recovery_window_days": property_types.WHOLE,
}
"""Properties of the input `key_store`."""


class DkimKeyProvider(DynamicProvider):
    """Creates the key."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        normal = dict(news)
        problems = []
        domain, bits = news.get("domain", ""), news.get("bits", keys.MAX_BITS)
        if not is_unknown(domain):
            try:
                normal["domain"] = records.normalise_domain(str(domain))
            except ValueError as error:
                problems.append(f"domain: {error}")
        if not is_unknown(bits) and (problem := _bits_problem(bits)):
            problems.append(f"bits: {problem}")
        if news.get("key_store") is not None:
            problems += _key_store_problems(news["key_store"])
            if problem := key_secret.name_problem(str(news.get("secret_name", ""))):
                problems.append(f"secret_name: {problem}")
        return check_result(normal, problems)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        # No other input is a change, because everything that depends on the key would preview as changed.
        # So `bits` and `key_store` apply only to new keys.
        _refuse_other_state(olds)
        replaces = ["domain"] if olds["domain"] != news.get("domain") else []
        return DiffResult(changes=bool(replaces), replaces=replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        if props.get("key_store") is not None:
            return self._create_in_store(props, props["key_store"])
        key = keys.generate(_bits(props))
        now = self._run.clock.now()
        selector = keys.selector_for(key.fingerprint, now.date())
        made = KeySecret(props["domain"], selector, timestamp(now), key)
        return CreateResult(selector, {**_public(made), "private_key": secret(key.pkcs1_base64())})

    def update(self, _id: str, olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        _refuse_other_state(olds)
        return UpdateResult(_outputs(olds))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        _refuse_other_state(props)
        if "secret_arn" in props:
            # A lost secret stays in the state: without this resource its record would be deleted,
            # and mail that was signed with the key would fail.
            arn, version = props["secret_arn"], props["secret_version_id"]
            if problem := secret_lifecycle.problem(arn, self._store_of(arn), version_id=version):
                self._run.progress().warn(f"{props['domain']}: {problem}")
        return ReadResult(id_, _outputs(props))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        _refuse_other_state(props)
        if "secret_arn" in props:
            secret_lifecycle.delete(
                props["secret_arn"],
                self._store_of(props["secret_arn"]),
                instance=props["instance"],
                recovery_window_days=_recovery_days(props["key_store"]),
                progress=self._run.progress(),
                instances=self._run.secrets,
            )

    def _create_in_store(self, props: Mapping[str, Any], store: Mapping[str, Any]) -> CreateResult:
        settings = self._settings()
        made = secret_lifecycle.create(
            secret_lifecycle.KeyRequest(
                domain=props["domain"],
                bits=_bits(props),
                name=props["secret_name"],
                owner=props["owner"],
                kms_key_id=store.get("kms_key_id"),
                resource_policy=store.get("resource_policy"),
                tags={**settings.default_tags, **(store.get("tags") or {})},
            ),
            connections(settings).secrets(store["region"], store.get("account_id")),
            now=self._run.clock.now(),
            progress=self._run.progress(),
            instances=self._run.secrets,
        )
        outputs = {
            **_public(made.held),
            "key_store": store,
            "secret_name": props["secret_name"],
            "owner": props["owner"],
            "secret_arn": made.arn,
            "secret_version_id": made.version_id,
            "instance": made.instance,
        }
        return CreateResult(made.held.selector, outputs)

    def _store_of(self, arn: str) -> SecretStore:
        """Secrets Manager in the Region and account of a secret."""
        parsed = SecretArn.parse(arn)
        return connections(self._settings()).secrets(parsed.region, parsed.account_id)

    def _settings(self) -> AwsSettings:
        # Not in `configure`: keys in the state need no AWS settings.
        return read_settings(self._config)


def _bits_problem(bits: Any) -> str | None:
    bits = _whole(bits)
    if isinstance(bits, int) and keys.MIN_BITS <= bits <= keys.MAX_BITS:
        return None
    return f"must be {keys.MIN_BITS} to {keys.MAX_BITS}, not {shown(bits)}"


def _key_store_problems(store: Any) -> list[str]:
    """Problems of the input `key_store`; a preview may not know all of it."""
    if is_unknown(store):
        return []
    if not isinstance(store, Mapping):
        return ["key_store: must be a map with region"]
    known, _ = split(store)
    problems = [f"key_store: unknown property {named(name)!r}" for name in store if name not in _KEY_STORE]
    problems += [f"key_store.{problem}" for problem in property_types.problems(known, _KEY_STORE)]
    if not store.get("region"):
        problems.append("key_store.region: required, the AWS Region of the secret, for example 'eu-west-1'")
    days = _whole(known.get("recovery_window_days", MAX_RECOVERY_DAYS))
    if isinstance(days, int) and not MIN_RECOVERY_DAYS <= days <= MAX_RECOVERY_DAYS:
        limits = f"{MIN_RECOVERY_DAYS} to {MAX_RECOVERY_DAYS}"
        problems.append(f"key_store.recovery_window_days: must be {limits}, not {days}")
    return problems


def _whole(number: Any) -> Any:
    """*number* as the program gave it: Pulumi sends every number as a float."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _bits(props: Mapping[str, Any]) -> int:
    return int(props.get("bits", keys.MAX_BITS))


def _recovery_days(store: Mapping[str, Any]) -> int:
    return int(store.get("recovery_window_days", MAX_RECOVERY_DAYS))


def _refuse_other_state(outputs: Mapping[str, Any]) -> None:
    """Raise `InvalidSettings` for a state that this provider can't have written."""
    in_store = outputs.get("secret_arn") is not None
    where = ("secret_arn", "secret_version_id", "instance", "key_store") if in_store else ("private_key",)
    property_types.refuse_state(outputs, _STORED, required=("domain", "selector", *where))


def _public(made: KeySecret) -> dict[str, Any]:
    """The public outputs of a key."""
    return {
        "domain": made.domain,
        "bits": made.key.bits,
        "selector": made.selector,
        "fingerprint": made.key.fingerprint,
        "record_name": records.record_name(made.selector, made.domain),
        "record_value": records.record_value(made.key.public_key_der),
        "created_at": made.created_at,
    }


def _outputs(stored: Mapping[str, Any]) -> dict[str, Any]:
    if "secret_arn" in stored:
        return dict(stored)
    return {**stored, "private_key": secret(stored["private_key"])}
