"""Keys in Secrets Manager, as one plugin process makes and reads them."""

from types import SimpleNamespace

from byodkim_provider import key_store
from byodkim_provider.dkim import keys
from byodkim_provider.dkim.key_secret import KeySecret
from byodkim_provider.times import timestamp
from tests.support.fakes import START, FakeProgress

OWNER = "0123456789abcdef/example.com/3"


NAME = "byodkim/ses-byodkim/dev/example.com/3"


REQUEST = {
    "name": NAME,
    "owner": OWNER,
    "kms_key_id": None,
    "tags": {"team": "mail"},
}


class Run:
    """The calls of one plugin process."""

    def __init__(self, secrets_manager):
        self.store = secrets_manager.store()
        self.progress = FakeProgress()
        self.instances = {}

    def create(self, bits=keys.MIN_BITS, slot=None, **changes):
        new = keys.generate(bits)
        selector = slot or keys.selector_for(new.fingerprint, START.date())
        held, secret = key_store.create(
            KeySecret("example.com", selector, timestamp(START), new),
            self.store,
            **{**REQUEST, **changes},
            progress=self.progress,
            instances=self.instances,
        )
        instance = secret.tags["byodkim:instance"]
        return SimpleNamespace(
            held=held, arn=secret.arn, version_id=secret.version_id, instance=instance
        )

    def read(self, made):
        return key_store.read_key(made.arn, self.store, fingerprint=made.held.key.fingerprint)

    def problem(self, made):
        fingerprint = made.held.key.fingerprint
        return key_store.problem(
            made.arn, self.store, version_id=made.version_id, fingerprint=fingerprint
        )

    def delete(self, made):
        key_store.delete(
            made.arn,
            self.store,
            instance=made.instance,
            progress=self.progress,
            instances=self.instances,
        )
