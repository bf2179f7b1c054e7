"""A DNS host in memory."""

NAME = "s1._domainkey.example.com"


class Host:
    """Does what it is told, unless *before* a request something else happens."""

    label = "memory:example.com"

    def __init__(self):
        self.there = []
        self.requests = []
        self.before = {}

    def _request(self, kind):
        self.requests.append(kind)
        for happens in self.before.pop((kind, self.requests.count(kind)), ()):
            happens()

    def values(self, name):
        self._request("values")
        return tuple(self.there)

    def add(self, name, value):
        self._request("add")
        self.there.append(value)

    def remove(self, name, value):
        self._request("remove")
        self.there = [one for one in self.there if one != value]
