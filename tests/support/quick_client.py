"""
What the engine starts in place of `python`: has the server in `quick_runs` run a process, and ends
with it.

One for each run, without site-packages: it imports next to nothing.
"""

import marshal
import os
import signal
import socket
import sys


def request(connection, arguments, environment, output):
    """Ask the server for a process, with the standard streams of this one but for *output*."""
    socket.send_fds(connection, [b"."], [0, output, 2])
    # pathlib takes longer to import than all of it.
    connection.sendall(marshal.dumps((arguments, environment, os.getcwd())))  # noqa: PTH109


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the engine's way to end a plugin; no traceback
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(sys.argv[1])
        request(connection, sys.argv[2:], dict(os.environ), 1)
        exit_code = connection.recv(1)  # if this process is killed, the other one ends too
    sys.exit(exit_code[0] if exit_code else 1)
