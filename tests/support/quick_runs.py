"""
Runs of the engine whose plugins need not start: imports and models of AWS are most of a small run's time.

The stand-in for pulumi-aws is one process, which all runs share. For each plugin of dynamic providers
a server, which has imported what such a process imports and run none of it, forks a process of its own
with the arguments, variables, directory and output that the engine gave to `client`. Everything else is
the real thing: Pulumi's own plugin, one new process a run.
"""

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def quick_runs(sandbox):
    """Let all runs in *sandbox* find plugins that have started already."""
    from sandbox.pulumi.plugins import write_script  # the client has to do without site-packages

    address = sandbox.directory / "plugins"
    with (
        _process("-m", "sandbox.pulumi.resource_aws", environment=sandbox.environment) as aws,
        _process(__file__, "serve", str(address), environment=dict(os.environ)) as plugins,
    ):
        port = int(aws.stdout.readline())
        assert plugins.stdout.readline() == b"ready\n"
        client = f'exec "{sys.executable}" -I -S "{__file__}" client "{address}" "$@"\n'
        script = write_script(sandbox.directory / "plugin-python", client)
        more = {"PULUMI_DEBUG_PROVIDERS": f"aws:{port}", "PULUMI_PYTHON_CMD": str(script)}
        sandbox.more_environment |= more
        try:
            yield
        finally:
            for name in more:
                del sandbox.more_environment[name]


@contextmanager
def _process(*arguments, environment):
    environment = environment | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def client(address, arguments):
    """Have a plugin process run, and end with it; if this process is killed, it ends too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the engine's way to end a plugin; no traceback
    request = {"arguments": arguments, "environment": dict(os.environ), "directory": str(Path.cwd())}
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        socket.send_fds(connection, [b"."], [0, 1, 2])
        connection.sendall(json.dumps(request).encode() + b"\n")
        ended = connection.recv(1)
    sys.exit(0 if ended else 1)


def serve(address):
    """Fork a plugin process for each client, until this process is killed."""
    import pulumi.dynamic  # noqa: F401 # and what its __main__ imports

    import byodkim_provider.resources.dkim_identity_provider
    import byodkim_provider.resources.dkim_key_provider
    import byodkim_provider.resources.dkim_verification_provider  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(16)
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _run(connection)
            connection.close()


def _run(connection):
    _, received, *_ = socket.recv_fds(connection, 1, 3)
    request = json.loads(connection.makefile().readline())
    for number, descriptor in enumerate(received):
        os.dup2(descriptor, number)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["directory"])
    threading.Thread(target=_end_with, args=[connection], daemon=True).start()
    unbuffered, module_option, module, *arguments = request["arguments"]
    assert (unbuffered, module_option) == ("-u", "-m")
    sys.stdout.reconfigure(write_through=True)
    sys.path[0] = request["directory"]
    sys.argv[1:] = arguments
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        connection.send(b".")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _end_with(connection):
    connection.recv(1)
    os._exit(0)


if __name__ == "__main__":
    {"client": lambda: client(sys.argv[2], sys.argv[3:]), "serve": lambda: serve(sys.argv[2])}[sys.argv[1]]()
