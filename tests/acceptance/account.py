"""`make acceptance` in an account that is an emulator, as tests run it and cut it off."""

import re

from tests.acceptance import __main__ as acceptance
from tests.acceptance.direct import ZONE
from tests.acceptance.errors import Stop
from tests.support.fakes import REGION


class PowerCut(BaseException):
    """The machine has no power any more."""


class Account:
    """`make acceptance` in an account, in this process. Attributes are what a test changes."""

    def __init__(self, where, monkeypatch, capsys):
        self.where = where
        self.product = lambda _: ["rotate failed:\nwith details"]
        self.is_cut = False
        self.times = 0
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.setattr(acceptance, "aws", lambda *_, **__: where)
        monkeypatch.setattr(acceptance, "main_job", self._main_job)
        self._say_cleaned = acceptance.say_cleaned
        monkeypatch.setattr(acceptance, "say_cleaned", self._cleaned_unless_cut)

    def run(self, **settings):
        """Status, and what was printed."""
        with self._monkeypatch.context() as patch:
            for name, value in ({"ZONE": f"{ZONE}.", "REGION": REGION, "RECEIVE": "no"} | settings).items():
                patch.setenv(name, value)
            try:
                status = acceptance.main()
            except PowerCut:
                status = None
        return status, self.printed()

    def printed(self):
        return self._capsys.readouterr().out

    def cut(self, *, after):
        """No power after that many waits."""
        wait, left = self.where.wait, iter(range(after))

        def waits(seconds):
            if next(left, None) is None:
                self.is_cut, self.where.wait = True, wait
                raise PowerCut
            wait(seconds)

        self.where.wait = waits

    def _main_job(self, lab, *_, **__):
        self.times += 1
        return self.product(lab)

    def _cleaned_unless_cut(self, *arguments):
        if not self.is_cut:
            self._say_cleaned(*arguments)
        self.is_cut = False


def code_in(printed):
    return re.search(r"RESUME=([0-9a-f]{32})", printed)[1]


def literal_in(printed):
    return re.search(r"Switches\(.*?\n\)", printed, re.DOTALL)[0]


class Refusing:
    """Mailboxes that can't be deleted."""

    def listed(self):
        return {}

    def remove(self, run):
        raise Stop("bucket: AccessDenied")


def left(outside):
    return sorted(outside.ses.model.identities(REGION)) + sorted(outside.records.values)
