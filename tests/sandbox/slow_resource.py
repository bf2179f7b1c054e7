"""A dynamic resource whose creation takes as long as one says."""

import threading

from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class SlowProvider(ResourceProvider):
    def create(self, props):
        threading.Event().wait(props["seconds"])
        return CreateResult("slow", dict(props))


class Slow(Resource, module="test", name="Slow"):
    def __init__(self, name, *, seconds):
        super().__init__(SlowProvider(), name, {"seconds": seconds})
