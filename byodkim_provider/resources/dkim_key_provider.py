"""
A generated key as a Pulumi resource: created once, in the plugin process, and never changed.

Translates between the engine's plain dicts and the packages below. By default the key is kept in
the stack's state, as a secret, and no network is used. With a key store it never enters the
state; `key_store` decides what happens then.
"""

from collections.abc import Mapping
from typing import Any, Final

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult

from byodkim_provider import key_store, property_types
from byodkim_provider.aws.ses import INSTANCE_TAG
from byodkim_provider.aws.settings import tag_lines
from byodkim_provider.dkim import keys, records
from byodkim_provider.dkim.key_secret import KeySecret, parsed_arn
from byodkim_provider.messages.dkim import DkimMessages
from byodkim_provider.resources._provider import DynamicProvider, check_result
from byodkim_provider.resources.sdk import secret
from byodkim_provider.times import timestamp

_STATE: Final = property_types.model_of({}, required=("domain", "selector", "fingerprint"))
"""Types of the outputs that are in each state."""


class DkimKeyProvider(DynamicProvider):
    """Creates the key."""

    _needs_aws = False

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        # All else was checked with the domain's settings.
        problems: list[str] = []
        if "key_store" in news and not olds:
            problems += tag_lines(self._settings.default_tags)
        if olds.get("domain") == news["domain"] and olds.get("selector") != news.get("selector"):
            before, after = (one.get("selector", "one of its own") for one in (olds, news))
            problem = DkimMessages.OTHER_SELECTOR(domain=news["domain"], before=before, after=after)
            problems.append(problem.with_hint())
        return check_result(news, problems)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        # No other input is a change, because everything that depends on the key would preview as
        # changed. So `bits` and `key_store` apply only to new keys.
        property_types.read(_STATE, olds)
        replaces = ["domain"] if olds["domain"] != news["domain"] else []
        return DiffResult(changes=bool(replaces), replaces=replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        key = keys.generate(int(props["bits"]))
        now = self._run.clock.now()
        selector = props.get("selector") or keys.selector_for(key.fingerprint, now.date())
        made = KeySecret(props["domain"], selector, timestamp(now), key)
        store = props.get("key_store")
        if store is None:
            private_key = secret(key.pkcs1_base64())
            return CreateResult(selector, {**_public(made), "private_key": private_key})
        held, written = key_store.create(
            made,
            self._connections.secrets(store["region"], store.get("account_id")),
            name=props["secret_name"],
            owner=props["owner"],
            kms_key_id=store.get("kms_key_id"),
            tags=self._settings.default_tags,
            progress=self._run.progress(),
            instances=self._run.instances,
        )
        outputs = {
            **_public(held),
            "key_store": store,
            "secret_name": props["secret_name"],
            "owner": props["owner"],
            "secret_arn": written.arn,
            "secret_version_id": written.version_id,
            "instance": written.tags[INSTANCE_TAG],
        }
        return CreateResult(held.selector, outputs)

    def update(self, _id: str, olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        property_types.read(_STATE, olds)
        return UpdateResult(_outputs(olds))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        property_types.read(_STATE, props)
        arn = props.get("secret_arn")
        if arn is not None:
            # A lost secret stays in the state: without this resource its record would be deleted,
            # and mail that was signed with the key would fail.
            problem = key_store.problem(
                arn,
                self._connections.secrets(*parsed_arn(arn)),
                version_id=props.get("secret_version_id", ""),
                fingerprint=props["fingerprint"],
            )
            if problem:
                self._run.progress().warn(f"{props['domain']}: {problem.with_hint()}")
        return ReadResult(id_, _outputs(props))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        property_types.read(_STATE, props)
        arn = props.get("secret_arn")
        if arn is not None:
            key_store.delete(
                arn,
                self._connections.secrets(*parsed_arn(arn)),
                instance=props.get("instance", ""),
                progress=self._run.progress(),
                instances=self._run.instances,
            )


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
    if "private_key" not in stored:
        return dict(stored)
    return {**stored, "private_key": secret(stored["private_key"])}
