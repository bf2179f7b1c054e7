"""
Stands in for `pulumi-language-python`, with which plain `pulumi up` runs a project's program.

A CLI that was built from source comes without it. Programs run in this process, one after the
other, by the server that the Automation API has for programs of its own.
"""

from __future__ import annotations

import asyncio
import queue
import re
import runpy
import subprocess
import sys
import sysconfig
import threading
import venv
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc
from pulumi.runtime.settings import SETTINGS

from sandbox.pulumi import exit_codes
from sandbox.pulumi.environment import environment_of
from sandbox.pulumi.project import close_loop


class LanguageHost(LanguageServer):
    """Runs the `__main__.py` of the project that the engine names."""

    def __init__(self, environment: Mapping[str, str], forget: Collection[str]) -> None:
        super().__init__(self._run_main)
        self._environment = environment
        self._forget = forget

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._directory = request.info.program_directory
        request.args[:] = [self._engine]  # where the Automation API has the engine's address
        try:
            return exit_codes.run(self._run_main, request, context)
        finally:
            # It leaves its event loop open when a program fails while it registers resources.
            close_loop(self._loop)

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        return Empty()

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.RuntimeOptionsResponse()

    def Template(self, request: Any, context: Any) -> Any:  # noqa: N802
        """`pulumi new` has copied the files of a template, and no more is to be done."""
        return language_pb2.TemplateResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """
        Make the virtual environment that `Pulumi.yaml` names; it borrows pip and all packages.

        This package is installed as `requirements.txt` says, without an index: it is on none.
        """
        made = Path(request.info.program_directory) / "venv"
        venv.create(made)  # without a pip of its own: to install it takes 5 s
        pip = made / "bin" / "pip"
        pip.write_text(f'#!/bin/sh\nexec "{made}/bin/python" -m pip "$@"\n')
        pip.chmod(0o755)
        (packages,) = made.glob("lib/python*/site-packages")
        # First, for a new environment may have a setuptools of its own, too old for pyproject.toml.
        borrowed = f"import sys; sys.path.insert(0, {sysconfig.get_path('purelib')!r})\n"
        (packages / "borrowed.pth").write_text(borrowed)
        file = Path(request.info.program_directory, "requirements.txt")
        lines = file.read_text().splitlines() if file.exists() else []
        if ours := [line for line in lines if re.match(r"[./]|byodkim", line)]:
            install = [sys.executable, "-m", "pip", "--python", str(made / "bin" / "python"), "install"]
            options = ["--quiet", "--no-index", "--no-build-isolation", "--no-deps", "--ignore-installed"]
            done = subprocess.run(
                [*install, *options, *ours], cwd=file.parent, capture_output=True, text=True, check=False
            )
            if done.returncode:
                context.abort(grpc.StatusCode.UNKNOWN, done.stderr)
        yield language_pb2.InstallDependenciesResponse(stdout=b"installed\n")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Run a plugin that is a program in Python, in the environment that was made for it."""
        folder = Path(request.info.program_directory)
        plugin = subprocess.Popen(
            [folder / "venv" / "bin" / "python", "-u", folder, *request.args],
            cwd=request.pwd,
            env=dict(one.split("=", 1) for one in request.env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        context.add_callback(plugin.kill)
        said: queue.Queue[Any] = queue.Queue()

        def read(name: str, stream: IO[bytes]) -> None:
            for line in stream:
                said.put(language_pb2.RunPluginResponse(**{name: line}))  # type: ignore[arg-type]
            said.put(None)

        with plugin:
            streams = {"stdout": plugin.stdout, "stderr": plugin.stderr}
            for name, stream in streams.items():
                threading.Thread(target=read, args=(name, stream), daemon=True).start()
            for _ in streams:
                yield from iter(said.get, None)
        yield language_pb2.RunPluginResponse(exitcode=plugin.returncode)

    def _run_main(self) -> None:
        self._loop = asyncio.get_running_loop()
        # The real one tells a program where the project is.
        SETTINGS.root_directory = self._directory
        with environment_of(self._environment, forget=self._forget):
            # The folder, and not its `__main__.py`: a program imports the modules beside it.
            runpy.run_path(self._directory, run_name="__main__")


def serving(environment: Mapping[str, str], *, forget: Collection[str] = ()) -> AbstractContextManager[str]:
    """
    What the variable PULUMI_DEBUG_LANGUAGES has to be for `pulumi` to come here.

    *environment* is what programs find in theirs, beside this process's but for *forget*.
    """
    return served("python", LanguageHost(environment, forget))


@contextmanager
def served(language: str, host: LanguageHost) -> Iterator[str]:
    """The same for the *host* of any language; several are separated by commas."""
    server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", -1)])
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"{language}:{port}"
    finally:
        server.stop(grace=None).wait()
