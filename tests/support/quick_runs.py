"""
Runs of the engine whose plugins need not start: imports and models of AWS are most of a small run's
time.

One server for all tests of this process has imported what its forks import, and read the models. It
forks a process for each plugin of dynamic providers, with the arguments, variables, directory and
output that the engine gave to `quick_client`, and for each sandbox the stand-in for pulumi-aws,
which all its runs share. Commands can be run like that too. Everything else is the real thing:
Pulumi's own plugin, one new process a run.
"""

import atexit
import functools
import gc
import importlib
import io
import marshal
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pulumi.log
import pulumi.runtime.resource
from pulumi.runtime.proto.source_pb2 import StackTrace

from tests.support.quick_client import request

ROOT = Path(__file__).parents[2]
CLIENT = Path(__file__).with_name("quick_client.py")

SERVICES = ("route53", "secretsmanager", "sesv2", "sts")
"""Of AWS, that the forked processes call."""

NO_GARBAGE = {"GOGC": "off", "GOMEMLIMIT": "300MiB"}
"""What the engine allocates in a small run, it may keep."""


@contextmanager
def quick_runs(sandbox):
    """Let all runs in *sandbox* find plugins that have started already."""
    with quick_plugins(sandbox.directory, sandbox.environment) as more:
        sandbox.more_environment |= more
        try:
            # What the SDK says to its own developers is a call of the engine each, which shows none
            # of it; nor does it show where in the code a resource was declared.
            with (
                patch.dict(vars(pulumi.log), debug=lambda *_, **__: None),
                patch.dict(vars(pulumi.runtime.resource), _get_stack_trace=StackTrace),
            ):
                yield
        finally:
            for name in more:
                del sandbox.more_environment[name]


@contextmanager
def quick_plugins(directory, environment):
    """
    Variables with which `pulumi` finds plugins that have started already; *environment* is that of
    a sandbox.
    """
    from sandbox.pulumi.plugins import write_script  # which no fork needs

    script = write_script(directory / "plugin-python", f'exec {quick_python()} "$@"\n')
    with _forked("sandbox.pulumi.resource_aws", environment) as output:
        port = int(output.readline())
        yield {
            "PULUMI_DEBUG_PROVIDERS": f"aws:{port}",
            "PULUMI_PYTHON_CMD": str(script),
            **NO_GARBAGE,
        }


def quick_python():
    """What a shell runs in place of `python` in `python -u -m MODULE …`."""
    return f'"{sys.executable}" -I -S "{CLIENT}" "{_server()}"'


@functools.cache
def _server():
    """The address of a server that ends with this process."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    server = subprocess.Popen(
        [sys.executable, __file__],
        env=environment | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.communicate)
    return server.stdout.readline().strip()


@contextmanager
def _forked(module, environment):
    """The output of a process that runs *module* until the end of the block."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as output, socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(_server())
            request(connection, ["-u", "-m", module], environment, writing)
        finally:
            os.close(writing)
        yield output


def serve():
    """Fork a process for each client, until the standard input ends."""
    _prepare()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with (
        tempfile.TemporaryDirectory(prefix="byodkim-quick-") as directory,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        address = f"{directory}/socket"
        listener.bind(address)
        listener.listen(16)
        print(address, flush=True)
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _run(connection)
            connection.close()


def _prepare():
    """Import what the processes import, and read the models that they read; none of it is run."""
    import boto3
    import pulumi.dynamic  # noqa: F401 # and what its __main__ imports

    import byodkim_provider.cli
    import byodkim_provider.plugin.servicer  # noqa: F401 # and so every resource
    import sandbox.pulumi.aws_account
    import sandbox.pulumi.aws_resources  # noqa: F401
    from byodkim_provider import property_types
    from byodkim_provider.identity.state import Declared, KeyInSes, Stored
    from byodkim_provider.identity.verdicts import Entry, Verdict
    from tests.support.quick_botocore import share_between_sessions

    share_between_sessions()
    for file in (ROOT / "byodkim_provider" / "resources").glob("*_provider.py"):
        importlib.import_module(f"byodkim_provider.resources.{file.stem}")
    for kind in (Declared, KeyInSes, Stored, Entry, Verdict):
        property_types.adapter(kind)
    session = boto3.Session("nobody", "nothing", region_name="us-east-1")
    for service in SERVICES:
        session.client(service)
    gc.freeze()  # no process has to look through all this


def _run(connection):
    _, received, *_ = socket.recv_fds(connection, 1, 3)
    with connection.makefile("rb") as stream:
        arguments, environment, directory = marshal.load(stream)
    for number, (descriptor, name) in enumerate(
        zip(received, ("stdin", "stdout", "stderr"), strict=True)
    ):
        os.dup2(descriptor, number)
        os.close(descriptor)
        # What is there knows of the descriptor of before, for example that it can seek. As with
        # `-u`.
        raw = os.fdopen(
            number, "wb" if number else "rb", buffering=0 if number else -1, closefd=False
        )
        errors = getattr(sys, name).errors
        setattr(sys, name, io.TextIOWrapper(raw, "utf-8", errors, write_through=True))
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    threading.Thread(target=_end_with, args=[connection], daemon=True).start()
    unbuffered, module_option, module, *arguments = arguments
    assert (unbuffered, module_option) == ("-u", "-m")
    sys.path[0] = directory
    sys.argv[1:] = arguments
    exit_code = 1
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        exit_code = 0
    except SystemExit as ended:
        exit_code = ended.code or 0
    except BaseException:  # noqa: BLE001 # as Python does at the end
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.send(bytes([exit_code]))
        os._exit(0)


def _end_with(connection):
    connection.recv(1)
    os._exit(0)


if __name__ == "__main__":
    serve()
