"""
Stands in for `pulumi-language-python`, with which plain `pulumi up` runs a project's program.

A CLI that was built from source comes without it, and programs of tests are functions. They run in
this process, one after the other, and end as in a process of their own.
"""

import asyncio
import contextvars
import logging
import os
import re
import runpy
import subprocess
import sys
import sysconfig
import tempfile
import threading
import traceback
import venv
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import grpc
import pulumi
from google.protobuf.empty_pb2 import Empty
from pulumi.automation._server import LanguageServer
from pulumi.runtime import reset_options, run_in_stack, set_all_config
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

TIMES_CANCELLED: Final = 10
"""
The SDK's tasks catch a cancellation, to wait for other tasks: each is cancelled more than once.
"""

ENDING_SECONDS: Final = 30
"""How long a program may take to end after its engine has."""

# Else channels share connections by address, and an engine that gets the port of one that has ended
# is not called as long as the process waits before it tries that port again.
_GRPC_CHANNEL_OPTIONS.append(("grpc.use_local_subchannel_pool", 1))


ERROR_SHOWN: Final = 32
"""Exit code of a program that has shown its error itself, in all SDKs."""


class LanguageHost(LanguageServer):
    """
    Runs *program*, or the `__main__.py` of the project that the engine names; *forget* are
    variables.
    """

    _turn = threading.Lock()
    """One program runs at a time. The CLI may end before its program does."""

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        forget: Collection[str] = (),
        program: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(lambda: None)
        self._environment = environment or {}
        self._forget = forget
        self._program = program
        self._engines: dict[str, str] = {}

    @classmethod
    def wait(cls) -> None:
        """
        Until no program runs: what one still says would go to the engine of the next run, which
        fails.
        """
        if cls._turn.acquire(timeout=ENDING_SECONDS):
            cls._turn.release()

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._engines[context.peer()] = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        with self._turn, environment_of(self._environment, forget=self._forget):
            engine = self._engines[context.peer()]
            return answered(contextvars.copy_context().run(self._exit_code, request, engine))

    def _exit_code(self, request: Any, engine_address: str) -> int:
        """How the program ends: what `pulumi-language-python-exec` does, in this process."""
        folder = request.info.program_directory
        engine = {"engine_address": engine_address, "monitor_address": request.monitor_address}
        stack = {
            name: getattr(request, name)
            for name in ("project", "stack", "organization", "parallel")
        }
        reset_options(**engine, **stack, preview=request.dryRun, root_directory=folder)
        set_all_config(request.config, request.configSecretKeys)
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        loop = asyncio.new_event_loop()
        loop.set_default_executor(ThreadPoolExecutor(max(request.parallel, 1) * 4))
        loop.set_exception_handler(self._exception_handler)
        program: Any = self._program or partial(run_main, folder)
        try:
            loop.run_until_complete(run_in_stack(program))
        except SystemExit as error:
            return error.code if isinstance(error.code, int) else int(bool(error.code))
        except pulumi.RunError as error:
            pulumi.log.error(str(error))
            return 1
        except Exception as error:  # noqa: BLE001 # as the real one does
            if isinstance(error, grpc.RpcError) and error.code() == grpc.StatusCode.UNAVAILABLE:
                return 0  # the engine has ended
            pulumi.log.error(
                f"Program failed with an unhandled exception:\n{traceback.format_exc()}"
            )
            return ERROR_SHOWN
        finally:
            close_loop(loop)
        return 0

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        return Empty()

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.RuntimeOptionsResponse()

    def Template(self, request: Any, context: Any) -> Any:  # noqa: N802
        """`pulumi new` has copied the files of a template, and no more is to be done."""
        return language_pb2.TemplateResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        self._install(Path(request.info.program_directory))
        yield language_pb2.InstallDependenciesResponse(stdout=b"installed\n")

    def _install(self, folder: Path) -> None:
        """
        Make a virtual environment that borrows all packages, but for this one, which is on no
        index.
        """
        made = folder / "venv"
        venv.create(made)  # without a pip of its own: to install it takes 5 s
        pip = made / "bin" / "pip"
        pip.write_text(f'#!/bin/sh\nexec "{made}/bin/python" -m pip "$@"\n')
        pip.chmod(0o755)
        (packages,) = made.glob("lib/python*/site-packages")
        # First, for a new environment may have a setuptools of its own, too old for pyproject.toml.
        borrowed = f"import sys; sys.path.insert(0, {sysconfig.get_path('purelib')!r})\n"
        (packages / "borrowed.pth").write_text(borrowed)
        file = folder / "requirements.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        if ours := [line for line in lines if re.match(r"[./]|byodkim", line)]:
            install = [
                sys.executable,
                "-m",
                "pip",
                "--python",
                f"{made}/bin/python",
                "install",
                *ours,
            ]
            install += [
                "--quiet",
                "--no-index",
                "--no-build-isolation",
                "--no-deps",
                "--ignore-installed",
            ]
            done = subprocess.run(install, cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(done.stderr)

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Run a plugin that is a program in Python, in the environment that was made for it."""
        folder = Path(request.info.program_directory)
        with (
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(
                [folder / "venv" / "bin" / "python", "-u", folder, *request.args],
                cwd=request.pwd,
                env=dict(one.split("=", 1) for one in request.env),
                stdout=subprocess.PIPE,
                stderr=errors,
            ) as plugin,
        ):
            end_with(context, plugin)
            for line in plugin.stdout or ():
                yield language_pb2.RunPluginResponse(stdout=line)
            errors.seek(0)
            yield language_pb2.RunPluginResponse(stderr=errors.read())
        yield language_pb2.RunPluginResponse(exitcode=plugin.returncode)


def end_with(context: Any, process: subprocess.Popen[Any]) -> None:
    """Kill *process* at the end of a call: it would wait for an engine that is gone."""
    if not context.add_callback(process.kill):  # the call is over already
        process.kill()


def answered(exit_code: int) -> Any:
    """The answer of the language host after *exit_code*."""
    if exit_code in (0, ERROR_SHOWN):
        return language_pb2.RunResponse(bail=exit_code == ERROR_SHOWN)
    return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {exit_code}")


def run_main(folder: Path | str) -> None:
    """The program of the project in *folder*: it imports the modules beside its `__main__.py`."""
    runpy.run_path(str(folder), run_name="__main__")


@contextmanager
def environment_of(variables: Mapping[str, str], *, forget: Collection[str] = ()) -> Iterator[None]:
    """
    What runs in this process has *variables* in its environment for the while, and none to
    *forget*.
    """
    before = {name: os.environ.pop(name, None) for name in {*forget, *variables}}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def served(language: str, host: LanguageHost) -> Iterator[str]:
    """
    What PULUMI_DEBUG_LANGUAGES has to be for `pulumi` to find *host*; commas separate several of
    these.
    """
    server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", -1)])
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"{language}:{port}"
    finally:
        server.stop(grace=None).wait()


def close_loop(loop: asyncio.AbstractEventLoop) -> None:
    """
    Close *loop* after its tasks have ended.

    The garbage collector would end the SDK's in the middle of something else: an error that nobody
    can catch.
    """
    if loop.is_closed():
        return
    for _ in range(TIMES_CANCELLED):
        tasks = asyncio.all_tasks(loop)
        if not tasks:
            break
        for task in tasks:
            task.cancel()
        with suppress(
            BaseException
        ):  # the SDK's own tasks end in SystemExit when the engine is gone
            loop.run_until_complete(asyncio.wait(tasks, timeout=1))
    loop.close()
