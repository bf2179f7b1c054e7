"""A DNS host in memory."""

from __future__ import annotations

import threading

NAME = "s1._domainkey.example.com"


class Host:
    """Does what it is told, unless *before* a request something else happens."""

    label = "memory:example.com"

    def __init__(self):
        self.there = []
        self.requests = []
        self.before = {}
        self.at_a_time = 0
        self._under_way = 0
        self._lock = threading.Lock()

    def _request(self, kind):
        with self._lock:
            self._under_way += 1
            self.at_a_time = max(self.at_a_time, self._under_way)
        try:
            self.requests.append(kind)
            threading.Event().wait(0.002)  # so that others would come in between, if they could
            for happens in self.before.pop((kind, self.requests.count(kind)), ()):
                happens()
        finally:
            with self._lock:
                self._under_way -= 1

    def values(self, name):
        self._request("values")
        return tuple(self.there)

    def add(self, name, value):
        self._request("add")
        self.there.append(value)

    def remove(self, name, value):
        self._request("remove")
        self.there = [one for one in self.there if one != value]
