"""A dynamic resource whose creation takes as long as one says, and which has a secret."""

import threading

from pulumi import Output, ResourceOptions
from pulumi.dynamic import CreateResult, Resource, ResourceProvider


def load():
    return SlowProvider()


class SlowProvider(ResourceProvider):
    serialize_as_secret_always = False

    def __reduce__(self):
        return load, ()

    def create(self, props):
        threading.Event().wait(props["seconds"])
        return CreateResult("slow", dict(props))


class Slow(Resource, module="test", name="Slow"):
    def __init__(self, name, *, seconds, secret="", opts: ResourceOptions | None = None):
        super().__init__(load(), name, {"seconds": seconds, "secret": Output.secret(secret)}, opts)
