"""
One domain in a stack: what the stack file declares, and runs of the engine's model on it.

Keys, identity and verification are the product's own providers; the record is the sandbox's
stand-in for pulumi-aws. A `Stack` can be saved and loaded, so that many tests begin at one point.
"""

from __future__ import annotations

import copyreg
import functools
import io
import json
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from pulumi.dynamic import (
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from byodkim_provider.aws.route53 import Route53Client
from byodkim_provider.errors import ByodkimError
from byodkim_provider.messages.hosts import HostMessages
from byodkim_provider.progress import stopping
from sandbox.pulumi.aws_resources import Record
from tests.continuity.model import Engine, Killed, Outcome, Providers, Stored
from tests.faults.host import Host
from tests.faults.outside import Outside
from tests.faults.trouble import Calls, Trouble
from tests.support import simulation
from tests.support.fakes import REGION
from tests.support.simulation import DOMAIN, Declaration, Properties

Written = Mapping[str, Any]
"""What stands under the domain in the stack file."""

IDENTITY: Final = f"{DOMAIN}/{REGION}"

PLAIN: Final = {"provider": "route53", "zoneId": "Z0EXAMPLE"}

RECORDS: Final = ("Record", "DnsRecord")
"""Kinds of resources."""

REPLACED: Final = " (replaced)"
"""At the end of the name under which the old half of a replacement waits for its deletion."""


class Stack:
    """The stack, with its *state*, and its surroundings. No trouble unless a run is given some."""

    def __init__(self, outside: Outside, state: dict[str, Stored] | None = None) -> None:
        self.outside = outside
        self._has_program = False
        self.engine = _Engine(self._process)
        self.engine.state = state or {}

    def save(self) -> bytes:
        """All there is, for `load`."""
        saved = io.BytesIO()
        _Pickler(saved).dump((self.outside, self.engine.state))
        return saved.getvalue()

    def beside(self) -> Stack:
        """Another stack of the same name in the same surroundings, with a state of its own."""
        return type(self)(self.outside)

    @classmethod
    def load(cls, saved: bytes) -> Stack:
        """What `save` saved."""
        return cls(*pickle.loads(saved))

    # Runs

    def up(self, written: Written | None, trouble: Trouble | None = None) -> Outcome:
        """`pulumi up` of that stack file; None: the domain is not in it."""
        return self._run(lambda: self._up(written), trouble)

    def up_without_identities(
        self, written: Written | None, trouble: Trouble | None = None
    ) -> Outcome:
        """`pulumi up` with `--target` for all but the identities."""
        self.engine.skips = ("ByodkimIdentity", "DkimVerification")
        try:
            return self.up(written, trouble)
        finally:
            self.engine.skips = ()

    def up_refresh(self, written: Written | None, trouble: Trouble | None = None) -> Outcome:
        """`pulumi up --refresh`."""

        def run() -> Outcome:
            outcome = self.engine.refresh()
            return self._up(written) if outcome == "done" else outcome

        return self._run(run, trouble)

    def destroy(self, written: Written | None, trouble: Trouble | None = None) -> Outcome:
        """What `pulumi destroy` does to the domain: the program is not run."""
        assert written is None
        return self._run(lambda: self.engine.up(simulation.program(None)), trouble)

    def destroy_run_program(
        self, written: Written | None, trouble: Trouble | None = None
    ) -> Outcome:
        """The same with `--run-program`."""
        self._has_program = True
        return self.destroy(written, trouble)

    def up_replace(
        self, written: Written | None, trouble: Trouble | None = None, *, name: str = IDENTITY
    ) -> Outcome:
        """`pulumi up --replace` of the resource *name*."""

        def run() -> Outcome:
            self.engine.replacing = name
            return self._up(written)

        return self._run(run, trouble)

    def up_twice(self, first: Written, written: Written | None, trouble: Trouble | None) -> Outcome:
        """`pulumi up` of the stack file *first*, whatever comes of it, and then of *written*."""

        def run() -> Outcome:
            with suppress(ByodkimError):
                self._up(first)
            self.engine.errors = []
            return self._up(written)

        return self._run(run, trouble)

    def refresh(self) -> Outcome:
        """`pulumi refresh`."""
        return self._run(self.engine.refresh, None)

    def records(self) -> set[str]:
        """Names of the records that the state has, with a final dot."""
        stored = (one.outputs for one in self.engine.state.values() if one.kind in RECORDS)
        return {f"{one.get('fqdn') or one['name']}." for one in stored}

    def planned(self, written: Written | None) -> list[str]:
        """What a preview would change."""
        planned: list[str] = []

        def preview() -> Outcome:
            changes = self.engine.preview(self._program(written))
            planned.extend(
                [str(error) for error in self.engine.errors] if changes is None else changes
            )
            return "done"

        self._run(preview, None)
        return planned

    def _run(self, run: Callable[[], Outcome], trouble: Trouble | None) -> Outcome:
        self.outside.calls = Calls(trouble)
        self.engine.errors, self.engine.replacing = [], ""
        with _replaced(self.outside):
            try:
                return run()
            except Killed:
                return "killed"
            except ByodkimError as error:  # of the program, before any resource
                self.engine.errors.append(error)
                return "failed"
            finally:
                stopping.clear()
                self._has_program = False

    def _up(self, written: Written | None) -> Outcome:
        program = self._program(written)
        self._has_program = True
        if self.engine.preview(program) is None:
            return "refused"
        self.outside.secrets.last_up = self.outside.secrets.stack_file
        return self.engine.up(program)

    def _program(self, written: Written | None) -> Mapping[str, Declaration]:
        """What the program declares, after the questions that it asks pulumi-aws itself."""
        if written is None:
            return simulation.program(None)
        outside = self.outside
        declared = {"regions": [REGION], "dns": PLAIN, **written}

        def ask() -> None:
            if '"route53"' in json.dumps(declared["dns"]):
                outside.aws("Route 53 ListHostedZones", lambda: None)
            outside.aws("STS GetCallerIdentity, of pulumi-aws", lambda: None)

        _aws(lambda: outside.calls.step(ask))
        return simulation.program(declared)

    def _process(self) -> Providers:
        """Those of a new process of the plugin."""
        outside = self.outside
        client = functools.cache(outside.client)

        @functools.cache
        def names(region: str) -> frozenset[str]:
            return frozenset(one.name for one in client(region).list_email_identities())

        secrets = outside.secrets
        secret = secrets.stack_file if self._has_program else secrets.last_up
        run = simulation.new_run(outside.clock, outside)
        records: Any = _Watched(_Records(outside), outside.calls)
        made = simulation.process(
            records,
            lambda host, credentials: Host(outside, credentials, host.label),
            secret,
            ses=client,
            names=names,
            run=run,
        )
        watched = {name: _Watched(each, outside.calls) for name, each in made.items()}
        return watched | {"Record": records}


class _Engine(Engine):
    """
    The engine, which can replace one resource: the new one is made before the old one is deleted.
    """

    replacing = ""

    def _step(self, name: str, declaration: Declaration, providers: Providers) -> None:
        if name != self.replacing:
            super()._step(name, declaration, providers)
            return
        old = self.state.pop(name)
        try:
            super()._step(name, declaration, providers)
        finally:
            self.state[name + REPLACED if name in self.state else name] = old


class _Watched:
    """
    A provider, whose every answer is stored as a whole or, if the run ends before, not at all.
    """

    def __init__(self, provider: ResourceProvider, calls: Calls) -> None:
        self._provider, self._calls = provider, calls

    def __getattr__(self, method: str) -> Callable[..., Any]:
        call = getattr(self._provider, method)
        return lambda *arguments, **named: self._calls.step(lambda: call(*arguments, **named))


class _AwsFailedError(ByodkimError):
    """pulumi-aws had no luck with AWS."""


def _aws(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise _AwsFailedError(HostMessages.NO_ANSWER(reason=error)) from None


class _Records(ResourceProvider):
    """
    `aws.route53.Record`.
    """

    def __init__(self, outside: Outside) -> None:
        super().__init__()
        self._record = Record(SimpleNamespace(route53=outside))  # type: ignore[arg-type]
        self.standing = Route53Client(outside).standing  # type: ignore[arg-type]

    def check(self, _olds: Properties, news: Properties) -> CheckResult:
        return CheckResult(news, [])

    def diff(self, _id: str, olds: Properties, news: Properties) -> DiffResult:
        changed = [name for name in news if olds.get(name) != news[name]]
        return DiffResult(changes=bool(changed))

    def create(self, props: Properties) -> CreateResult:
        id_, outputs = _aws(lambda: self._record.create(props))
        return CreateResult(id_, outputs)

    def update(self, id_: str, olds: Properties, news: Properties) -> UpdateResult:
        if all(olds.get(name) == news[name] for name in ("records", "ttl")):
            return UpdateResult({**olds, **news})
        return UpdateResult(_aws(lambda: self._record.update(id_, olds, news)))

    def read(self, id_: str, props: Properties) -> ReadResult:
        outputs = _aws(lambda: self._record.read(id_, props))
        return ReadResult(id_, outputs) if outputs else ReadResult(None, {})

    def delete(self, id_: str, props: Properties) -> None:
        _aws(lambda: self._record.delete(id_, props))


@contextmanager
def _replaced(outside: Outside) -> Iterator[None]:
    with ExitStack() as until_the_end:
        for place, name, ours in outside.replaced():
            until_the_end.enter_context(patch.object(place, name, ours))
        yield


class _Pickler(pickle.Pickler):
    """Knows locks: nobody holds one between two runs, so a new one is as good."""

    dispatch_table = {  # noqa: RUF012 # where pickle looks for it
        **copyreg.dispatch_table,
        type(threading.Lock()): lambda _: (threading.Lock, ()),
        type(threading.RLock()): lambda _: (threading.RLock, ()),
    }
