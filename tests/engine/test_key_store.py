"""
Keys in Secrets Manager: from creation to removal none is in the stack, whatever others do to them.
"""

import pytest

from byodkim_provider.dkim.keys import SigningKey
from tests.engine.search import CIPHERTEXT, keys_in_state, load
from tests.engine.stack import IDENTITY, KEY, RECORD, REGION, Stack, requests, steps
from tests.engine.state import urn
from tests.support.leaks import KeySearch

pytestmark = pytest.mark.engine


def name(domain, generation):
    """Of the secret."""
    return f"byodkim/ses-byodkim/dev/{domain}/{generation}"


def names(secrets_manager, domain):
    """Of all secrets of *domain*, also of those that are scheduled for deletion."""
    return sorted(one for one in secrets_manager.names() if f"/{domain}/" in one)


def key(secrets_manager, domain, generation) -> SigningKey:
    """The key in a secret, as it was written."""
    (version,) = secrets_manager.secret(name(domain, generation)).versions.values()
    return secrets_manager.signing_keys()[secrets_manager.written.index(version["secret_string"])]


def signs_with(sandbox, domain) -> bytes:
    return sandbox.ses.signing_key(domain, REGION)[1]


def decrypted(stack: Stack) -> str:
    """What `pulumi stack export --show-secrets` prints."""
    return CIPHERTEXT.sub(lambda found: stack.decrypted(found[1]), stack.export_text())


def open_domain(sandbox, open_stack, domain, **settings):
    """A stack with *domain*, and what declares other settings of it."""
    sandbox.add_zone(domain)
    stack = open_stack()

    def declare(**changes):
        stack.declare(
            {domain: {"generation": 1, "keyStore": "secretsManager", **settings, **changes}}
        )

    declare()
    return stack, declare


def test_life(sandbox, secrets_manager, open_stack):
    """
    Over a whole life the decrypted stack holds no private key, nor do the files of any run.

    New, unchanged, refreshed, rotated, back, forward and removed: each as with keys in the state.
    """
    domain = "store.example"
    store = {"provider": "secretsManager", "kmsKeyId": "alias/mail"}
    stack, declare = open_domain(sandbox, open_stack, domain, keyStore=store)

    def no_key_in_stack():
        search = KeySearch([load(one.pkcs1_der) for one in secrets_manager.signing_keys()])
        return search.found_in(decrypted(stack)) == set() and list(keys_in_state(stack)) == []

    made = stack.apply()
    assert sorted(step for step in steps(made) if step[2] == KEY) == [
        ("create", f"{domain}/{generation}", KEY) for generation in (1, 2)
    ]
    assert names(secrets_manager, domain) == [name(domain, 1), name(domain, 2)]
    secret = secrets_manager.secret(name(domain, 1))
    assert secret.kms_key_id == "alias/mail"
    first = key(secrets_manager, domain, 1)
    assert signs_with(sandbox, domain) == first.pkcs1_der
    assert secret.arn in decrypted(stack)
    assert no_key_in_stack()

    # Unchanged: nothing is asked of anybody.
    secrets_manager.calls.clear()
    with requests(sandbox) as asked:
        assert steps(stack.up()) == []
    assert (asked.ses, asked.dns, secrets_manager.calls) == ([], [], [])

    # Refreshed: each secret is described, and none is read.
    assert stack.refresh().ok
    assert secrets_manager.calls == ["DescribeSecret"] * 2
    assert steps(stack.preview()) == []

    # Rotated: one more key, and the one that signs from now on is read once.
    secrets_manager.calls.clear()
    declare(generation=2)
    preview = stack.preview()
    assert secrets_manager.calls == []
    rotated = stack.up()
    assert sorted(steps(preview)) == sorted(steps(rotated))
    assert ("create", f"{domain}/3", KEY) in steps(rotated)
    assert sorted(secrets_manager.calls) == ["CreateSecret", "GetSecretValue"]
    assert signs_with(sandbox, domain) == key(secrets_manager, domain, 2).pkcs1_der
    assert no_key_in_stack()

    # Back.
    declare(generation=1, published=[1, 2, 3])
    back = stack.apply()
    assert {step for step in steps(back) if step[2] in (KEY, RECORD)} == set()
    assert signs_with(sandbox, domain) == first.pkcs1_der

    # Forward. Removed: a generation first, then all.
    declare(generation=3, overlapDays=0)
    stack.apply()
    assert signs_with(sandbox, domain) == key(secrets_manager, domain, 3).pkcs1_der
    assert secrets_manager.days_to_restore(name(domain, 1)) == 30
    assert secrets_manager.days_to_restore(name(domain, 2)) is None
    assert no_key_in_stack()
    assert stack.destroy().ok
    assert [secrets_manager.days_to_restore(one) for one in names(secrets_manager, domain)] == [
        30
    ] * 4
    assert no_key_in_stack()
    assert len({one.fingerprint for one in secrets_manager.signing_keys()}) >= 4

    # Made again within the recovery window: other keys, under other names.
    declare()
    stack.apply()
    assert {f"{name(domain, 1)}-2", f"{name(domain, 2)}-2"} <= set(names(secrets_manager, domain))
    assert signs_with(sandbox, domain) not in (
        first.pkcs1_der,
        key(secrets_manager, domain, 2).pkcs1_der,
    )


def test_moving_into_the_store(sandbox, secrets_manager, open_stack):
    """
    The setting alone moves nothing; each rotation makes its key in the store.

    Once the last key from the state is gone, the decrypted stack holds none.
    """
    domain = "into-the-store.example"
    stack, declare = open_domain(sandbox, open_stack, domain, keyStore="state", overlapDays=0)
    stack.apply()
    in_state = {key.pkcs1_der for key in keys_in_state(stack)}
    assert len(in_state) == 2
    search = KeySearch([load(key) for key in in_state])

    declare(keyStore="secretsManager")
    with requests(sandbox) as asked:
        assert steps(stack.up()) == []
    assert (asked.ses, asked.dns) == ([], [])

    for generation in (2, 3):
        declare(keyStore="secretsManager", generation=generation)
        stack.apply()
    assert names(secrets_manager, domain) == [name(domain, 3), name(domain, 4)]
    assert signs_with(sandbox, domain) == key(secrets_manager, domain, 3).pkcs1_der
    assert search.found_in(decrypted(stack))  # generation 2, which signed before

    declare(keyStore="secretsManager", generation=3, published=[3, 4])
    stack.apply()
    assert search.found_in(decrypted(stack)) == set()


def test_what_others_do(sandbox, secrets_manager, open_stack):
    """
    Of a secret that is gone, or changed, a refresh warns; nothing that works changes, and its
    record stays.

    A switch to it fails before SES is told anything. One that is scheduled for deletion is named
    with the command that keeps it. Instead of a lost standby another key is made, before it is
    needed.
    """
    domains = [f"{one}.others.example" for one in ("gone", "changed", "scheduled", "standby")]
    gone, changed, scheduled, standby = domains
    sandbox.add_zone("others.example")
    stack = open_stack()

    def declare(generation, **more):
        common = {"generation": generation, "keyStore": "secretsManager", "overlapDays": 0}
        stack.declare(
            {domain: common | more.get(domain.partition(".")[0], {}) for domain in domains}
        )

    declare(1)
    stack.apply()
    before = {domain: signs_with(sandbox, domain) for domain in domains}
    arn, lost = secrets_manager.secret(name(gone, 2)).arn, key(secrets_manager, standby, 2)
    other = secrets_manager.written[
        secrets_manager.signing_keys().index(key(secrets_manager, changed, 1))
    ]
    for domain in (gone, standby):
        secrets_manager.remove(name(domain, 2))
    secrets_manager.overwrite(name(changed, 2), other)
    refreshed = stack.refresh()
    assert refreshed.ok
    assert f"{gone}: {arn} is gone and its key with it" in refreshed.stdout
    assert f"{changed}: " in refreshed.stdout
    assert ", the secret holds another key (" in refreshed.stdout
    assert [name for _, name, _ in steps(stack.preview()) if gone in name] == []
    due = secrets_manager.secret(name(scheduled, 2))
    secrets_manager.schedule(due.name)

    # The identity is updated in the state alone, which has the selectors of all records.
    with requests(sandbox) as asked:
        stack.apply(replace=[urn(KEY, f"{standby}/2")])
    assert asked.ses == []

    declare(2)
    with requests(sandbox) as asked:
        failed = stack.up(continue_on_error=True)
    assert failed.failed
    assert (
        f"SecretRefused: GetSecretValue for '{arn}' in {REGION}: ResourceNotFoundException"
        in failed.stdout
    )
    assert "sign with another generation, and leave this one out" in failed.stdout
    assert "SecretChanged: " in failed.stdout
    assert f"`aws secretsmanager restore-secret --secret-id {due.arn}` keeps it" in failed.stdout
    for domain in (gone, changed, scheduled):
        assert [call.operation for call in asked.ses if call.domain == domain] == [
            "GetEmailIdentity"
        ]
        assert signs_with(sandbox, domain) == before[domain]
    assert (
        signs_with(sandbox, standby) == key(secrets_manager, standby, 2).pkcs1_der != lost.pkcs1_der
    )

    due.restore()
    declare(2, gone={"generation": 3, "published": [1, 3, 4]}, changed={"generation": 1})
    stack.apply()
    assert signs_with(sandbox, gone) == key(secrets_manager, gone, 3).pkcs1_der
    assert signs_with(sandbox, scheduled) == key(secrets_manager, scheduled, 2).pkcs1_der


def test_replace(sandbox, secrets_manager, open_stack):
    """`--replace` finds the key again: nothing that depends on it changes, and its secret stays."""
    domain = "replaced.example"
    stack, _ = open_domain(sandbox, open_stack, domain, published=[1])
    stack.apply()
    before = signs_with(sandbox, domain)

    replaced = stack.apply(replace=[urn(KEY, f"{domain}/1")])
    assert ("replace", f"{domain}/1", KEY) in steps(replaced)
    assert {kind for _, _, kind in steps(replaced)} & {IDENTITY, RECORD} == set()
    assert f"is in Secrets Manager already ({name(domain, 1)})" in replaced.stdout
    assert names(secrets_manager, domain) == [name(domain, 1)]
    assert secrets_manager.days_to_restore(name(domain, 1)) is None
    assert signs_with(sandbox, domain) == before
    assert steps(stack.preview()) == []
